//! Tokens that expire.

use super::*;
use crate::twake::Step;

const REFRESH: &str = "syr_YnJpZGdl_secret";
const NEXT: &str = "syt_YnJpZGdl_next-secret";
const SEND: &str = "PUT rooms/ROOM/send";

/// An account with a refresh token, whose file is not there.
fn renewable() -> Destination {
    let credentials = Credentials::Renewable {
        token: Secret::new(TOKEN),
        refresh: Secret::new(REFRESH),
        file: "matrix-chat.json".into(),
    };
    let account = account(credentials);
    account.adopt(None).unwrap();
    Destination {
        account,
        ..destination(ALIAS)
    }
}

/// The answer to a renewal. The tokens live for five minutes.
fn renewed() -> Answer {
    let tokens =
        json!({ "access_token": NEXT, "refresh_token": "syr_next-secret", "expires_in_ms": 300_000 });
    response(200, tokens)
}

fn post(destination: &Destination, seconds: u64, answers: &[Answer]) -> (Vec<String>, Vec<Value>, Verdict) {
    let (destination, message) = (destination.clone().into(), hello());
    let job = Job::post(Uuid::nil(), 1, &destination, &message);
    drive(Task::Deliver(job), Duration::from_secs(seconds), answers)
}

#[test]
fn an_expired_token_is_renewed_and_later_ones_are_renewed_before_their_end() {
    let destination = renewable();
    let [expired, sent] = ["d002", "a018"].map(recorded);
    let answers = [all(&FIRST), vec![expired, renewed(), sent.clone()]].concat();
    let (asked, bodies, verdict) = post(&destination, 0, &answers);
    assert!(matches!(verdict.kind, VerdictKind::Delivered(_)) && !verdict.may_be_duplicate);
    assert_asked(&asked[4..], &[SEND, "POST refresh", SEND]);
    assert_eq!(bodies[5], json!({ "refresh_token": REFRESH }));
    assert_eq!(bodies[4], bodies[6]);
    // A tenth of its life before its end.
    let (asked, ..) = post(&destination, 269, std::slice::from_ref(&sent));
    assert_asked(&asked, &[SEND]);
    let (asked, bodies, _) = post(&destination, 270, &[renewed(), sent]);
    assert_asked(&asked, &["POST refresh", SEND]);
    assert_eq!(bodies[0], json!({ "refresh_token": "syr_next-secret" }));
}

#[test]
fn a_token_that_another_lane_has_renewed_is_replaced_without_a_renewal() {
    let destination = renewable();
    let (of, message) = (destination.clone().into(), hello());
    let job = Job::post(Uuid::nil(), 1, &of, &message);
    let (mut attempt, step) = twake::Attempt::begin(Task::Deliver(job), Duration::ZERO);
    let token = |step: Step| match step {
        Step::Send(request) => request.authorization.expose().to_owned(),
        Step::Renew(_) | Step::Done(_) => panic!("no request"),
    };
    assert_eq!(token(step), format!("Bearer {TOKEN}"));
    let account = &destination.account;
    account.use_tokens(account.renewed(&renewed(), Duration::ZERO).unwrap());
    assert!(account.renewal(&Secret::new(TOKEN)).is_none());
    // The server may have ended it for good.
    assert_eq!(token(attempt.next(&recorded("a051"))), format!("Bearer {NEXT}"));
    assert!(matches!(attempt.next(&recorded("d002")), Step::Done(_)));
}

#[test]
fn a_token_is_not_renewed_twice_in_an_attempt_nor_if_it_was_logged_out_nor_without_a_refresh_token() {
    let again = [all(&["d002"]), vec![renewed()], all(&["d002"])].concat();
    for (destination, answers) in [
        (renewable(), again),
        (renewable(), all(&["a051"])),
        (destination(ALIAS), all(&["d002"])),
    ] {
        let (.., verdict) = post(&destination, 0, &answers);
        assert_eq!(
            (verdict.kind, verdict.reason),
            (halt(Extent::Account), Reason::WrongKey)
        );
    }
}

/// Each answer to a renewal. A message waits whatever it is.
#[test]
fn no_answer_to_a_renewal_rejects_the_message_or_shows_a_token() {
    let cut = Ok(Response {
        status: 200,
        body: format!("{{\"access_token\":\"{NEXT}").into(),
        cut: Some("the answer ended early".to_owned()),
        ..Response::default()
    });
    let code = |code: &str| json!({ "errcode": code, "error": format!("not {REFRESH}") });
    for (answer, halts, reason) in [
        (recorded("d005"), true, Reason::WrongKey),
        (recorded("d006"), true, Reason::WrongKey),
        (response(403, code("M_FORBIDDEN")), true, Reason::WrongKey),
        (response(400, code("M_BAD_JSON")), true, Reason::WrongKey),
        (response(413, ""), true, Reason::WrongKey),
        (recorded("a077"), true, Reason::Misrouted),
        (
            response(200, json!({ "access_token": "two words" })),
            true,
            Reason::NotJson,
        ),
        (
            response(200, json!({ "refresh_token": NEXT })),
            true,
            Reason::NotJson,
        ),
        (response(200, NEXT), true, Reason::NotJson),
        (response(200, ""), true, Reason::NotJson),
        (cut, false, Reason::Broken),
        (recorded("b002"), false, Reason::RateLimited),
        (response(500, NEXT), false, Reason::ServerError),
        (failed(TransportFault::TimedOut), false, Reason::TimedOut),
    ] {
        let (.., verdict) = post(&renewable(), 0, &[recorded("d002"), answer.clone()]);
        assert_eq!(verdict.reason, reason, "{answer:?}");
        assert!(!verdict.may_be_duplicate);
        match &verdict.kind {
            VerdictKind::Retry { times: None, .. } => assert!(!halts, "{answer:?}"),
            kind => assert_eq!((kind, halts), (&halt(Extent::Account), true), "{answer:?}"),
        }
        let shown = format!("{verdict:?}");
        if answer.is_ok_and(|response| response.status != 500) {
            assert!(!shown.contains("syt_") && !shown.contains("syr_"), "{shown}");
        }
    }
}

#[test]
fn a_file_of_tokens_is_used_unless_others_are_configured_now() {
    let first = renewable();
    let account = &first.account;
    let file = account.to_stored(&account.renewed(&renewed(), Duration::ZERO).unwrap());
    let used = |token: &str, file: Option<&str>| {
        let of = super::account(Credentials::Renewable {
            token: Secret::new(token),
            refresh: Secret::new(REFRESH),
            file: "matrix-chat.json".into(),
        });
        let adopted = of.adopt(file.map(str::as_bytes));
        let [access, refresh] = [TOKEN, NEXT].map(|token| of.renewal(&Secret::new(token)).is_some());
        (adopted.is_ok(), access, refresh)
    };
    // Whether the file is one, and whether the configured or the kept token is in use.
    assert_eq!(used(TOKEN, Some(file.expose())), (true, false, true));
    assert_eq!(used("syt_another", Some(file.expose())), (true, false, false));
    assert_eq!(used(TOKEN, None), (true, true, false));
    assert_eq!(used(TOKEN, Some("{}")), (false, true, false));
    assert!(!file.expose().contains(TOKEN) && !file.expose().contains(REFRESH));
}
