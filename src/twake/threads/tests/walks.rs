//! The order of the requests: logins, questions, and the search after a doubtful attempt.

use super::*;

#[test]
fn a_first_message_logs_in_and_asks_for_the_channel_and_later_ones_do_not_while_the_token_lives() {
    let destination = destination().into();
    let message = hello();
    let post = |second, answers: &[&str]| {
        let job = Job::post(Uuid::nil(), 1, &destination, &message);
        let (asked, _, verdict) = drive(Task::Deliver(job), Duration::from_secs(second), &all(answers));
        assert_eq!(verdict.kind, VerdictKind::Delivered(id(OPENER, None)));
        asked
    };
    assert_eq!(post(0, &["01", "70", "04"]), [LOGIN, CHANNEL, POST]);
    assert_eq!(post(3539, &["04"]), [POST]);
    // The token of an hour is renewed a minute before its end.
    assert_eq!(post(3540, &["01", "04"]), [LOGIN, POST]);
    assert_eq!(post(3541, &["04"]), [POST]);
    // The server has ended it.
    assert_eq!(post(3542, &["55", "01", "04"]), [POST, LOGIN, POST]);
    assert_eq!(post(3543, &["04"]), [POST]);
}

#[test]
fn a_token_that_is_refused_is_renewed_once_in_an_attempt() {
    let (destination, message) = (destination().into(), hello());
    let attempt = |act, answers: &[&str]| {
        let job = Job {
            act,
            may_be_duplicate: true,
            ..Job::post(Uuid::nil(), 1, &destination, &message)
        };
        drive(Task::Deliver(job), Duration::ZERO, &all(answers))
    };
    let reply = || Act::Reply(id(OPENER, None));
    let (read, thread) = (
        "GET THREADS/OPENER/messages/OPENER",
        "GET THREADS/OPENER/messages?PAGE",
    );
    let send = "POST THREADS/OPENER/messages";
    for (answers, asked) in [
        (&["01", "51"][..], &[LOGIN, CHANNEL][..]),
        // A refused token is not used again, in any lane.
        (&["01", "70", "18", "51"], &[LOGIN, CHANNEL, read, thread]),
        (&["01", "18", "19", "05"], &[LOGIN, read, thread, send]),
        // A token of the session, refused at each question.
        (&["51", "01", "18", "51"], &[read, LOGIN, read, thread]),
        (&["01", "18", "19", "05"], &[LOGIN, read, thread, send]),
        (
            &["18", "51", "01", "19", "51"],
            &[read, thread, LOGIN, thread, send],
        ),
        (&["01", "18", "19", "05"], &[LOGIN, read, thread, send]),
        (
            &["18", "19", "51", "01", "51"],
            &[read, thread, send, LOGIN, send],
        ),
    ] {
        let (of, _, verdict) = attempt(reply(), answers);
        assert_eq!(of, asked);
        let expected = match answers.last() {
            Some(&"51") => halt(Extent::Account),
            _ => VerdictKind::Delivered(id(REPLY, Some(OPENER))),
        };
        assert_eq!(verdict.kind, expected, "{answers:?}");
    }
}

/// Each act in each situation: what is asked after login and channel, the answers, and the end.
#[test]
fn each_act_looks_at_its_message_first() {
    let (post, gone) = (Act::Post, VerdictKind::TargetGone);
    let reply = Act::Reply(id(OPENER, None));
    let reply_to_reply = Act::Reply(id(REPLY, Some(OPENER)));
    let (update, update_reply) = (
        Act::Update(id(OPENER, None)),
        Act::Update(id(REPLY, Some(OPENER))),
    );
    let delivered = |message, thread| VerdictKind::Delivered(id(message, thread));
    let (read, read_reply) = (
        "GET THREADS/OPENER/messages/OPENER",
        "GET THREADS/OPENER/messages/REPLY",
    );
    let (send, edit) = (
        "POST THREADS/OPENER/messages",
        "POST THREADS/OPENER/messages/OPENER",
    );
    let edit_reply = "POST THREADS/OPENER/messages/REPLY";
    let cases: &[(&Act, &[&str], &[&str], VerdictKind)] = &[
        (&post, &[POST], &["04"], delivered(OPENER, None)),
        (
            &reply,
            &[read, send],
            &["18", "05"],
            delivered(REPLY, Some(OPENER)),
        ),
        (
            &reply_to_reply,
            &[read, send],
            &["18", "05"],
            delivered(REPLY, Some(OPENER)),
        ),
        (&update, &[read, edit], &["18", "11"], delivered(OPENER, None)),
        (
            &update_reply,
            &[read_reply, edit_reply],
            &["18", "12"],
            delivered(REPLY, Some(OPENER)),
        ),
        // Not there, deleted with replies left, deleted, another's.
        (&reply, &[read], &["21"], gone.clone()),
        (&reply, &[read], &["58"], gone.clone()),
        (&update, &[read], &["58"], gone.clone()),
        (&update_reply, &[read_reply], &["21"], gone.clone()),
        (&reply, &[read, send], &["20", "09"], gone.clone()),
        (&update, &[read, edit], &["20", "17"], gone),
        // The server's fault, or the message was deleted meanwhile: the next attempt looks again.
        (&reply, &[read, send], &["18", "06"], FEW_TIMES),
        (&update, &[read, edit], &["18", "60"], FEW_TIMES),
        (&reply, &[read], &["06"], RETRY),
    ];
    for (act, asked, answers, kind) in cases {
        let answers = [&["01", "70"], *answers].concat();
        let (of, _, verdict) = attempt((*act).clone(), false, &all(&answers));
        assert_eq!(of[2..], **asked, "{act:?} {answers:?}");
        assert_eq!(verdict.kind, *kind, "{act:?} {answers:?}");
    }
    let deleted = response(200, json!({ "resource": { "id": OPENER, "subtype": "deleted" } }));
    let (.., verdict) = attempt(reply, false, &[all(&["01", "70"]), vec![deleted]].concat());
    assert_eq!(verdict.kind, VerdictKind::TargetGone);
}

/// A list of messages with these deliveries in their context.
fn list(deliveries: &[&str]) -> Answer {
    let message =
        |delivery: &&str| json!({ "id": format!("of {delivery}"), "context": { "twake_bridge": delivery } });
    let resources: Vec<Value> = deliveries.iter().map(message).collect();
    response(200, json!({ "resources": resources }))
}

#[test]
fn a_doubtful_message_is_looked_for_before_it_is_sent_again() {
    let own = "00000000-0000-0000-0000-000000000000/1";
    let feed = "GET FEED?PAGE";
    let read = "GET THREADS/OPENER/messages/OPENER";
    let thread = "GET THREADS/OPENER/messages?PAGE";
    let found = format!("of {own}");
    let (post, reply) = (Act::Post, Act::Reply(id(OPENER, None)));
    let delivered = |message, thread| VerdictKind::Delivered(id(message, thread));
    let full = ["other/1"; 25];
    let mut last = full;
    last[24] = own;
    for (act, answers, asked, kind, looked_up) in [
        (
            &post,
            vec![list(&["a/1", own])],
            vec![feed],
            delivered(&found, None),
            true,
        ),
        (
            &post,
            vec![list(&last)],
            vec![feed],
            delivered(&found, None),
            true,
        ),
        (
            &post,
            vec![list(&["a/1"]), recorded("04")],
            vec![feed, POST],
            delivered(OPENER, None),
            true,
        ),
        (
            &post,
            vec![recorded("22"), recorded("04")],
            vec![feed, POST],
            delivered(OPENER, None),
            true,
        ),
        // It may be on the next page.
        (
            &post,
            vec![list(&full), recorded("04")],
            vec![feed, POST],
            delivered(OPENER, None),
            false,
        ),
        // The server shows no list.
        (
            &post,
            vec![recorded("73"), recorded("04")],
            vec![feed, POST],
            delivered(OPENER, None),
            false,
        ),
        (
            &post,
            vec![recorded("72"), recorded("04")],
            vec![feed, POST],
            delivered(OPENER, None),
            false,
        ),
        // It cannot be told now.
        (&post, vec![recorded("06")], vec![feed], RETRY, false),
        (&post, vec![response(502, "")], vec![feed], RETRY, false),
        (
            &reply,
            vec![recorded("18"), list(&[own])],
            vec![read, thread],
            delivered(&found, Some(OPENER)),
            true,
        ),
        (
            &reply,
            vec![recorded("18"), recorded("19"), recorded("05")],
            vec![read, thread, "POST THREADS/OPENER/messages"],
            delivered(REPLY, Some(OPENER)),
            true,
        ),
        // The same update twice is one.
        (
            &Act::Update(id(OPENER, None)),
            vec![recorded("18"), recorded("11")],
            vec![read, "POST THREADS/OPENER/messages/OPENER"],
            delivered(OPENER, None),
            false,
        ),
    ] {
        let answers = [all(&["01", "70"]), answers].concat();
        let (of, _, verdict) = attempt(act.clone(), true, &answers);
        assert_eq!(of[2..], asked, "{act:?}");
        assert_eq!(
            (&verdict.kind, verdict.looked_up),
            (&kind, looked_up),
            "{act:?} {asked:?}"
        );
        assert!(!verdict.may_be_duplicate, "{act:?} {asked:?}");
    }
}

/// The bridge may stop at any question, but never while the message is under way.
#[test]
fn only_the_message_may_not_be_interrupted() {
    let (destination, message) = (destination().into(), hello());
    let job = Job::post(Uuid::nil(), 1, &destination, &message);
    let (mut attempt, _) = twake::Attempt::begin(Task::Deliver(job), Duration::ZERO);
    for answer in ["01", "70"] {
        assert_eq!(attempt.interrupted().unwrap().reason, Reason::Stopped);
        attempt.next(&recorded(answer));
    }
    assert_eq!(attempt.interrupted(), None);
    assert!(matches!(attempt.next(&response(403, "")), Step::Send(_)));
    let verdict = attempt.interrupted().unwrap();
    assert_eq!(
        (verdict.kind, verdict.reason),
        (halt(Extent::Account), Reason::Forbidden)
    );
}
