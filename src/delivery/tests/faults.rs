//! Every fault of Twake's and of the network's: what the delivery says of it, when the next attempt is, what is
//! counted; and that the lane recovers by itself when the fault is over.

use super::raw::Bare;
use super::*;

/// What follows a fault.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Follows {
    /// Another attempt, not before and not after so many seconds.
    Retry(f64, f64),
    /// A probe in one to two minutes.
    Halt,
    /// A dead letter.
    Reject,
}
use Follows::{Halt, Reject, Retry};

/// The first wait of an ordinary retry: up to a second, and never nothing.
const SOON: Follows = Retry(0.05, 1.0);
/// The first wait after an answer that may be about the message.
const UNSURE: Follows = Retry(10.0, 15.0);

const HUGE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n{\"object\":{\"id\":\"x\"},";

/// Fault, what follows, the reason on the delivery, whether it may be there twice.
#[rustfmt::skip]
const FAULTS: &[(Play, Follows, &str, bool)] = &[
    // Twake's own.
    (Play::Error("unknown_application_or_bad_private_key"), Halt, "wrong_key", false),
    (Play::Error("you_need_to_provide_a_valid_group_id_field_in_any_api_request"), Halt, "company_without_application", false),
    (Play::Error("you_do_not_have_this_set_of_required_capabilities"), Halt, "missing_capability", false),
    (Play::Error("you_do_not_have_this_set_of_required_privileges"), Halt, "missing_privilege", false),
    (Play::Error("unknown error or malformed query."), UNSURE, "ambiguous_error", true),
    (Play::Error("something new"), UNSURE, "unknown_error", false),
    (Play::Body(""), SOON, "empty_answer", true),
    (Play::Body("<br />\n<b>Warning</b>: something"), SOON, "not_json", true),
    (Play::Body("[]"), SOON, "not_json", true),
    (Play::Body(r#"{"object":{"id":null},"_cookies":[]}"#), SOON, "no_message_id", true),
    (Play::Body(r#"{"object":{"id":""}}"#), SOON, "no_message_id", true),
    (Play::Body(r#"{"object":"id"}"#), SOON, "no_message_id", true),
    (Play::Body(r#"{"error":"Not found"}"#), Halt, "misrouted", false),
    (Play::Body(r#"{"statusCode":503}"#), SOON, "unavailable", false),
    // What stands in front of it.
    (Play::Status(301, None), Halt, "redirected", false),
    (Play::Status(308, None), Halt, "redirected", false),
    (Play::Status(401, None), Halt, "forbidden", false),
    (Play::Status(403, None), Halt, "forbidden", false),
    (Play::Status(404, None), Halt, "misrouted", false),
    (Play::Status(400, None), UNSURE, "refused", false),
    (Play::Status(413, None), Reject, "too_large", false),
    (Play::Status(429, None), SOON, "rate_limited", false),
    (Play::Status(429, Some("90")), Retry(90.0, 91.0), "rate_limited", false),
    (Play::Status(429, Some("Sun, 01 Mar 2026 10:10:00 GMT")), Retry(600.0, 601.0), "rate_limited", false),
    (Play::Status(429, Some("Sat, 28 Feb 2026 10:10:00 GMT")), SOON, "rate_limited", false),
    (Play::Status(429, Some("0")), SOON, "rate_limited", false),
    (Play::Status(429, Some("-5")), SOON, "rate_limited", false),
    (Play::Status(429, Some("soon")), SOON, "rate_limited", false),
    // No longer than the horizon, at which a last attempt is made.
    (Play::Status(429, Some("99999999999999999999999999")), Retry(3600.0, 3600.0), "rate_limited", false),
    (Play::Status(503, Some("Fri, 31 Dec 9999 23:59:59 GMT")), Retry(3600.0, 3600.0), "unavailable", false),
    (Play::Status(500, None), SOON, "server_error", true),
    (Play::Status(502, None), SOON, "server_error", true),
    (Play::Status(503, None), SOON, "unavailable", false),
    (Play::Status(504, None), SOON, "server_error", true),
    (Play::Status(204, None), SOON, "unexpected_status", true),
];

/// The same of servers that are none, and of networks.
#[rustfmt::skip]
const BARE: &[(Bare, &str, bool)] = &[
    (Bare::Says(""), "connection_broken", true),
    (Bare::SaysAndResets(""), "connection_broken", true),
    (Bare::Says("HTTP/1.1 200 OK\r\ncontent-le"), "connection_broken", true),
    (Bare::SaysAndResets("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"object\""), "connection_broken", true),
    (Bare::Says("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"object\":{\"id\":\"x"), "not_json", true),
    (Bare::Says("SSH-2.0-OpenSSH\r\n\r\n"), "not_http", true),
    (Bare::Endless(HUGE, "\"a\":1,"), "not_json", true),
    (Bare::Endless("HTTP/1.1 200 OK\r\n", "x-more: and more\r\n"), "not_http", true),
    (Bare::Endless("HTTP/1.1 500 Oh\r\ncontent-length: 99999999999\r\n\r\n", "x"), "server_error", true),
];

async fn checked(bench: &Bench, event: Uuid, follows: Follows, reason: &str, may_be_duplicate: bool) {
    let delivery = bench.until_attempts(event, 1).await;
    assert_eq!(delivery.reason.as_deref(), Some(reason));
    assert_eq!(delivery.may_be_duplicate, may_be_duplicate, "{reason}");
    let (state, label) = match follows {
        Retry(..) => (State::Waiting, "retry"),
        Halt => (State::Waiting, "halt"),
        Reject => (State::Dead, "reject"),
    };
    assert_eq!(delivery.state, state, "{reason}");
    let counted = format!(r#"twake_bridge_attempts_total{{channel="dev",verdict="{label}"}} 1"#);
    let metrics = bench.metrics.openmetrics();
    assert!(metrics.contains(&counted), "{reason}: {metrics}");
    let halted = format!(
        r#"twake_bridge_lane_halted{{channel="dev"}} {}"#,
        u8::from(follows == Halt)
    );
    assert!(metrics.contains(&halted), "{reason}: {metrics}");
    assert_eq!(bench.halts.all().len(), usize::from(follows == Halt), "{reason}");
    let Retry(least, most) = follows else { return };
    let head = bench.queue.head(&"dev".into()).await.unwrap().unwrap();
    let wait = head.due.unwrap().duration_since(bench.clock.now()).as_secs_f64();
    // Times are kept to the millisecond.
    assert!(wait >= least - 0.001 && wait <= most, "{reason}: {wait}");
}

#[actix_web::test]
async fn each_fault_is_told_from_the_others_and_recovered_from_when_it_ends() {
    for (play, follows, reason, may_be_duplicate) in FAULTS {
        let peer = Peer::start();
        peer.play("dev", play.clone());
        let bench = Bench::started([place(&peer.url, "main", "dev")]);
        let event = bench.tell("first", &["dev"]).await;
        checked(&bench, event, *follows, reason, *may_be_duplicate).await;
        peer.play("dev", Play::Fine);
        let next = bench.tell("next", &["dev"]).await;
        match follows {
            Retry(..) => {
                bench.advance_to_due("dev").await;
                bench.until_delivered(event).await;
            }
            Halt => {
                bench.clock.advance(Duration::from_secs(120));
                bench.until_delivered(event).await;
            }
            Reject => {}
        }
        bench.until_delivered(next).await;
        let texts = peer.texts("dev");
        assert!(texts.last().unwrap().starts_with("next"), "{reason}: {texts:?}");
    }
}

#[actix_web::test]
async fn each_fault_of_the_network_is_told_from_the_others_and_recovered_from_when_it_ends() {
    for (bare, reason, may_be_duplicate) in BARE {
        let mut bench = Bench::new([]);
        let url = raw::start(*bare, &bench.clock).await;
        bench.places.send_replace(places([place(&url, "main", "dev")]));
        bench.start();
        let event = bench.tell("first", &["dev"]).await;
        checked(&bench, event, SOON, reason, *may_be_duplicate).await;
        let peer = Peer::start();
        bench
            .places
            .send_replace(places([place(&peer.url, "main", "dev")]));
        bench.advance_to_due("dev").await;
        bench.until_delivered(event).await;
    }
}

#[actix_web::test]
async fn an_answer_that_drips_ends_with_the_attempts_time() {
    for begun in [
        "HTTP/1.1 200 OK\r\nserver:",
        "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{",
    ] {
        let mut bench = Bench::new([]);
        let url = raw::start(Bare::Drips(begun), &bench.clock).await;
        bench.places.send_replace(places([place(&url, "main", "dev")]));
        bench.start();
        let begun = bench.clock.monotonic();
        let event = bench.tell("first", &["dev"]).await;
        // A byte a second, as often as it takes.
        while bench.queue.event(event).await.unwrap().unwrap().deliveries[0].attempts == 0 {
            bench.clock.advance(Duration::from_secs(1));
        }
        let took = bench.clock.monotonic().saturating_sub(begun);
        let delivery = bench.until_attempts(event, 1).await;
        assert_eq!(delivery.reason.as_deref(), Some("timed_out"));
        assert!(delivery.may_be_duplicate);
        assert!(took >= SETTINGS.timeout, "{took:?}");
    }
}

#[actix_web::test]
async fn a_hung_channel_delays_no_other() {
    let peer = Peer::start();
    let names: Vec<String> = (0..40).map(|number| format!("hung-{number}")).collect();
    let hung = names.iter().map(|name| {
        peer.play(name, Play::Hang);
        place(&peer.url, "main", name)
    });
    let bench = Bench::started(hung.chain([place(&peer.url, "main", "dev")]));
    for name in &names {
        bench.tell("hung", &[name]).await;
    }
    peer.until_asked(names.len()).await;
    // The clock stands: not a moment passes.
    for number in 0..20 {
        let event = bench.tell(&format!("free {number}"), &["dev"]).await;
        bench.until_delivered(event).await;
    }
    for name in &names {
        assert_eq!(peer.texts(name).len(), 1);
    }
}

#[actix_web::test]
async fn thousands_wait_through_a_halt_and_all_arrive_in_order() {
    const LANES: usize = 10;
    const EACH: usize = 200;
    let peer = Peer::start();
    let names: Vec<String> = (0..LANES).map(|number| format!("lane-{number}")).collect();
    let refused = Play::Error("unknown_application_or_bad_private_key");
    for name in &names {
        peer.play(name, refused.clone());
    }
    peer.play("first", refused);
    let of = names.iter().map(|name| place(&peer.url, "main", name));
    let bench = Bench::started(of.chain([place(&peer.url, "main", "first")]));
    let first = bench.tell("first", &["first"]).await;
    bench.until_attempts(first, 1).await;
    let lanes: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut last = Uuid::nil();
    for number in 0..EACH {
        last = bench.tell(&format!("{number}"), &lanes).await;
    }
    // Ten days: one lane probes, every one to ten minutes.
    let mut before = peer.count();
    bench.until_ended(before).await;
    for _ in 0..24 {
        bench.clock.advance(Duration::from_secs(10 * 3600));
        peer.until_asked(before + 1).await;
        bench.until_ended(before + 1).await;
        let after = peer.count();
        assert_eq!(after, before + 1, "one lane probes for the account");
        before = after;
    }
    for name in lanes.iter().chain(&["first"]) {
        peer.play(name, Play::Fine);
    }
    bench.clock.advance(Duration::from_secs(10 * 60));
    peer.until_asked(before + LANES * EACH + 1).await;
    bench.until_delivered(last).await;
    assert_eq!(peer.count(), before + LANES * EACH + 1, "each once");
    for name in &names {
        let texts = peer.texts(name);
        let told = &texts[texts.len() - EACH..];
        let told = told.iter().map(|text| text.lines().next().unwrap());
        assert!(told.eq((0..EACH).map(|number| number.to_string())), "{name}");
    }
}
