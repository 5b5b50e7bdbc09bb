//! Every fault of Twake and of the network: its reason, the time of the next attempt, what is counted, and that the
//! lane recovers by itself when the fault is over.

use super::raw::Bare;
use super::*;

/// The consequence of a fault.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Follows {
    /// Another attempt after at least and at most these seconds.
    Retry(f64, f64),
    /// A probe in one to two minutes.
    Halt,
    /// A dead letter.
    Reject,
}
use Follows::{Halt, Reject, Retry};

/// The first wait of an ordinary retry: up to a second, and never zero.
const SOON: Follows = Retry(0.05, 1.0);
/// The first wait after a response that may concern the message.
const UNSURE: Follows = Retry(10.0, 15.0);

const HUGE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n{\"object\":{\"id\":\"x\"},";

/// The fault, its consequence, the reason on the delivery, whether the message may be a duplicate.
#[rustfmt::skip]
const FAULTS: &[(Play, Follows, &str, bool)] = &[
    // Faults of Twake itself.
    (Play::Error("unknown_application_or_bad_private_key"), Halt, "wrong_key", false),
    (Play::Error("you_need_to_provide_a_valid_group_id_field_in_any_api_request"), Halt, "company_without_application", false),
    (Play::Error("you_do_not_have_this_set_of_required_capabilities"), Halt, "missing_capability", false),
    (Play::Error("you_do_not_have_this_set_of_required_privileges"), Halt, "missing_privilege", false),
    (Play::Error("unknown error or malformed query."), UNSURE, "ambiguous_error", true),
    (Play::Error("something new"), UNSURE, "unknown_error", false),
    (Play::Body(""), Halt, "empty_answer", true),
    (Play::Body("<br />\n<b>Warning</b>: something"), Halt, "not_json", true),
    (Play::Body("[]"), Halt, "not_json", true),
    (Play::Body(r#"{"object":{"id":null},"_cookies":[]}"#), SOON, "no_message_id", true),
    (Play::Body(r#"{"object":{"id":""}}"#), SOON, "no_message_id", true),
    (Play::Body(r#"{"object":"id"}"#), Halt, "not_json", true),
    (Play::Body(r#"{"error":"Not found"}"#), Halt, "misrouted", false),
    (Play::Body(r#"{"statusCode":503}"#), SOON, "unavailable", false),
    // Faults of proxies in front of Twake.
    (Play::Status(301, None), Halt, "redirected", false),
    (Play::Status(308, None), Halt, "redirected", false),
    (Play::Status(401, None), Halt, "forbidden", false),
    (Play::Status(403, None), Halt, "forbidden", false),
    (Play::Status(404, None), Halt, "misrouted", false),
    (Play::Status(400, None), Halt, "refused", false),
    (Play::Status(413, None), Reject, "too_large", false),
    (Play::Status(429, None), SOON, "rate_limited", false),
    (Play::Status(429, Some("90")), Retry(90.0, 91.0), "rate_limited", false),
    (Play::Status(429, Some("Sun, 01 Mar 2026 10:10:00 GMT")), Retry(600.0, 601.0), "rate_limited", false),
    (Play::Status(429, Some("Sat, 28 Feb 2026 10:10:00 GMT")), SOON, "rate_limited", false),
    (Play::Status(429, Some("0")), SOON, "rate_limited", false),
    (Play::Status(429, Some("-5")), SOON, "rate_limited", false),
    (Play::Status(429, Some("soon")), SOON, "rate_limited", false),
    // The wait ends at the horizon, when the last attempt is made.
    (Play::Status(429, Some("99999999999999999999999999")), Retry(3600.0, 3600.0), "rate_limited", false),
    (Play::Status(503, Some("Fri, 31 Dec 9999 23:59:59 GMT")), Retry(3600.0, 3600.0), "unavailable", false),
    (Play::Status(500, None), SOON, "server_error", true),
    (Play::Status(502, None), SOON, "server_error", true),
    (Play::Status(503, None), SOON, "unavailable", false),
    (Play::Status(504, None), SOON, "server_error", true),
    (Play::Status(204, None), Halt, "unexpected_status", true),
];

/// Responses of a filter in front of Twake, or of Twake itself, to one message while a probe passes; the reason, and
/// whether the message may be a duplicate. Only this lane waits, and other channels go on.
const REFUSED_TEXTS: &[(Play, &str, bool)] = &[
    (Play::Status(302, None), "redirected", false),
    (Play::Status(307, None), "redirected", false),
    (Play::Status(400, None), "refused", false),
    (Play::Status(401, None), "forbidden", false),
    (Play::Status(403, None), "forbidden", false),
    (Play::Status(404, None), "misrouted", false),
    (Play::Status(405, None), "misrouted", false),
    (Play::Status(406, None), "refused", false),
    (Play::Status(407, None), "forbidden", false),
    (Play::Status(410, None), "misrouted", false),
    (Play::Status(421, None), "misrouted", false),
    (Play::Status(451, None), "refused", false),
    (Play::Status(501, None), "refused", false),
    (Play::Status(202, None), "unexpected_status", true),
    (Play::Body("<html>Blocked</html>"), "not_json", true),
    (Play::Body(""), "empty_answer", true),
    (Play::Body(r#"{"statusCode":403}"#), "forbidden", false),
];

/// The same as [`FAULTS`] for servers without HTTP, and for networks.
#[rustfmt::skip]
const BARE: &[(Bare, Follows, &str, bool)] = &[
    (Bare::Sends(""), SOON, "connection_broken", true),
    (Bare::SendsAndResets(""), SOON, "connection_broken", true),
    (Bare::Sends("HTTP/1.1 200 OK\r\ncontent-le"), SOON, "connection_broken", true),
    (Bare::SendsAndResets("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"object\""), UNSURE, "answer_cut", true),
    (Bare::Sends("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"object\":{\"id\":\"x"), UNSURE, "answer_cut", true),
    (Bare::Sends("SSH-2.0-OpenSSH\r\n\r\n"), Halt, "not_http", true),
    (Bare::Endless(HUGE, "\"a\":1,"), UNSURE, "answer_cut", true),
    (Bare::Endless("HTTP/1.1 200 OK\r\n", "x-more: and more\r\n"), Halt, "not_http", true),
    (Bare::Endless("HTTP/1.1 500 Oh\r\ncontent-length: 99999999999\r\n\r\n", "x"), SOON, "server_error", true),
    (Bare::Sends("HTTP/1.1 101 Switching Protocols\r\n\r\n"), Halt, "unexpected_status", true),
];

/// Successful responses that awc alone cannot parse, so that a message would be posted again and again.
const ODD_ANSWERS: &[&str] = &[
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 24\r\n\r\n{\"object\":{\"id\":\"5fca\"}}",
    "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 24\r\n\r\n{\"object\":{\"id\":\"5fca\"}}",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{\"object\":{\"id\":\"5fca\"}}",
    "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"object\":{\"id\":\"5fca\"}}",
    "HTTP/1.1 200 OK\r\n\r\n{\"object\":{\"id\":\"5fca\"}}",
    "HTTP/1.0 200 OK\r\n\r\n{\"object\":{\"id\":\"5fca\"}}",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\n{\"object\":{\"id\":\"5fca\"}}",
    "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{\"object\":{\"id\":\"5fca\"}}",
    "HTTP/1.1 200 OK\r\ncontent-length: 27\r\n\r\n\u{feff}{\"object\":{\"id\":\"5fca\"}}",
    "HTTP/1.1 200 OK\r\n\r\n<br />\n<b>Notice</b>: x\n{\"object\":{\"id\":\"5fca\"}}",
    "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 24\r\n\r\n{\"object\":{\"id\":\"5fca\"}}",
];

/// A running bench whose channel `dev` is on this bare server.
async fn started_with(bare: Bare) -> Bench {
    let mut bench = Bench::new([]);
    let url = raw::start(bare, &bench.clock).await;
    bench
        .destinations
        .send_replace(destinations([destination(&url, "main", "dev")]));
    bench.start();
    bench
}

/// Lets a byte drip each second, until the first attempt ends.
async fn drip_until_attempted(bench: &Bench, event: Uuid) {
    let drip = async {
        while bench.queue.event(event).await.unwrap().unwrap().deliveries[0].attempts == 0 {
            bench.clock.advance(Duration::from_secs(1));
        }
    };
    in_time("the end of an attempt", drip).await;
}

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
    let metrics = bench.metrics.page(Format::Text);
    assert!(metrics.contains(&counted), "{reason}: {metrics}");
    let halted = format!(
        r#"twake_bridge_channel_halted{{channel="dev"}} {}"#,
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
async fn each_fault_has_its_reason_and_the_lane_recovers_when_it_ends() {
    for (play, follows, reason, may_be_duplicate) in FAULTS {
        let peer = Peer::start();
        peer.play_and_probe("dev", play.clone());
        let bench = Bench::started([destination(&peer.url, "main", "dev")]);
        let event = bench.enqueue("first", &["dev"]).await;
        checked(&bench, event, *follows, reason, *may_be_duplicate).await;
        peer.recover();
        let next = bench.enqueue("next", &["dev"]).await;
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
async fn each_fault_of_the_network_has_its_reason_and_the_lane_recovers_when_it_ends() {
    for (bare, follows, reason, may_be_duplicate) in BARE {
        let bench = started_with(*bare).await;
        let event = bench.enqueue("first", &["dev"]).await;
        checked(&bench, event, *follows, reason, *may_be_duplicate).await;
        let peer = Peer::start();
        bench
            .destinations
            .send_replace(destinations([destination(&peer.url, "main", "dev")]));
        if *follows != Halt {
            bench.advance_to_due("dev").await;
        }
        bench.until_delivered(event).await;
    }
}

#[actix_web::test]
async fn a_response_that_drips_ends_with_the_timeout() {
    for (begun, reason) in [
        ("HTTP/1.1 200 OK\r\nserver:", "timed_out"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{", "answer_cut"),
        ("HTTP/1.1 200 OK\r\n\r\n{", "answer_cut"),
    ] {
        let bench = started_with(Bare::Drips(begun)).await;
        let begun = bench.clock.monotonic();
        let event = bench.enqueue("first", &["dev"]).await;
        drip_until_attempted(&bench, event).await;
        let took = bench.clock.monotonic().saturating_sub(begun);
        let delivery = bench.until_attempts(event, 1).await;
        assert_eq!(delivery.reason.as_deref(), Some(reason));
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
        destination(&peer.url, "main", name)
    });
    let bench = Bench::started(hung.chain([destination(&peer.url, "main", "dev")]));
    for name in &names {
        bench.enqueue("hung", &[name]).await;
    }
    peer.until_requests(names.len()).await;
    // The clock is stopped, so no time passes.
    for number in 0..20 {
        let event = bench.enqueue(&format!("free {number}"), &["dev"]).await;
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
    peer.play_and_probe("first", refused);
    let of = names.iter().map(|name| destination(&peer.url, "main", name));
    let bench = Bench::started(of.chain([destination(&peer.url, "main", "first")]));
    let first = bench.enqueue("first", &["first"]).await;
    bench.until_attempts(first, 1).await;
    let lanes: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut last = Uuid::nil();
    for number in 0..EACH {
        last = bench.enqueue(&format!("{number}"), &lanes).await;
    }
    // Ten days: one lane probes every one to ten minutes.
    let mut before = peer.count();
    bench.until_ended(before).await;
    for _ in 0..24 {
        bench.clock.advance(Duration::from_secs(10 * 3600));
        peer.until_requests(before + 1).await;
        bench.until_ended(before + 1).await;
        let after = peer.count();
        assert_eq!(after, before + 1, "one lane probes for the account");
        before = after;
    }
    peer.recover();
    bench.clock.advance(Duration::from_secs(10 * 60));
    // The probe, and every message.
    peer.until_requests(before + 1 + LANES * EACH + 1).await;
    bench.until_delivered(last).await;
    assert_eq!(
        peer.count(),
        before + 1 + LANES * EACH + 1,
        "each message was posted once"
    );
    for name in &names {
        let texts = peer.texts(name);
        assert_eq!(texts.len(), EACH, "no message was posted as a probe");
        let posted = texts.iter().map(|text| text.lines().next().unwrap());
        assert!(posted.eq((0..EACH).map(|number| number.to_string())), "{name}");
    }
}

#[actix_web::test]
async fn a_refused_text_halts_no_channel_and_is_retried_five_times() {
    for (play, reason, may_be_duplicate) in REFUSED_TEXTS {
        let peer = Peer::start();
        peer.play("dev", play.clone());
        let bench = Bench::started([
            destination(&peer.url, "main", "dev"),
            destination(&peer.url, "main", "ops"),
        ]);
        let refused = bench.enqueue("refused", &["dev"]).await;
        for attempt in 1..=5 {
            let delivery = bench.until_attempts(refused, attempt).await;
            assert_eq!(
                (
                    delivery.state,
                    delivery.reason.as_deref(),
                    delivery.may_be_duplicate
                ),
                (State::Waiting, Some(*reason), *may_be_duplicate)
            );
            assert!(bench.halts.all().is_empty(), "{reason}");
            let other = bench.enqueue("other", &["ops"]).await;
            bench.until_delivered(other).await;
            bench.advance_to_due("dev").await;
        }
        let dead = bench.until_attempts(refused, 6).await;
        assert_eq!((dead.state, dead.reason.as_deref()), (State::Dead, Some(*reason)));
        let detail = dead.detail.unwrap();
        assert!(detail.contains("so it is this message"), "{detail}");
        assert_eq!(peer.texts("dev").len(), 6, "{reason}: no more posts");
        peer.recover();
        let next = bench.enqueue("next", &["dev"]).await;
        bench.until_delivered(next).await;
    }
}

#[actix_web::test]
async fn an_odd_successful_response_settles_the_delivery_as_delivered() {
    for answer in ODD_ANSWERS {
        let bench = started_with(Bare::Sends(answer)).await;
        for text in ["first", "second"] {
            let event = bench.enqueue(text, &["dev"]).await;
            let delivery = bench.until_attempts(event, 1).await;
            assert_eq!(
                (delivery.state, delivery.reason.as_deref()),
                (State::Delivered, Some("delivered")),
                "{answer}"
            );
        }
    }
}

/// A body without a length whose connection is never closed: the received bytes are enough.
#[actix_web::test]
async fn a_body_without_length_on_an_open_connection_counts_after_the_timeout() {
    let answer = "HTTP/1.1 200 OK\r\n\r\n{\"object\":{\"id\":\"5fca\"}}";
    let bench = started_with(Bare::Drips(answer)).await;
    let event = bench.enqueue("first", &["dev"]).await;
    drip_until_attempted(&bench, event).await;
    bench.until_delivered(event).await;
}

/// A message whose response cannot be read is not posted again while the account is halted.
#[actix_web::test]
async fn responses_that_cannot_be_read_halt_without_a_duplicate() {
    let peer = Peer::start();
    peer.play_and_probe("dev", Play::Body("<html>Welcome</html>"));
    let bench = Bench::started([destination(&peer.url, "main", "dev")]);
    let event = bench.enqueue("once", &["dev"]).await;
    bench.until_attempts(event, 1).await;
    let mut before = peer.count();
    for _ in 0..20 {
        bench.clock.advance(Duration::from_secs(10 * 60));
        peer.until_requests(before + 1).await;
        before += 1;
        bench.until_ended(before - 1).await;
    }
    assert_eq!(peer.texts("dev"), ["once"]);
    assert_eq!(bench.halts.all()[0].reason, "not_json");
}
