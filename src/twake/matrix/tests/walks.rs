//! The order of the questions, and the explanations of a refusal.

use super::*;

const FIRST_ASKED: [&str; 5] = [
    WHOAMI,
    "GET directory/room/ALIAS",
    "GET rooms/ROOM/TOMBSTONE",
    "GET rooms/ROOM/ENCRYPTION",
    "PUT rooms/ROOM/send",
];

#[test]
fn a_first_message_asks_for_account_and_room_and_later_ones_for_ten_minutes_do_not() {
    let destination = destination(ALIAS).into();
    let (message, second) = (hello(), Duration::from_secs);
    let post = |now, answers: &[&str]| {
        let job = Job::post(Uuid::nil(), 1, &destination, &message);
        let (asked, _, verdict) = drive(Task::Deliver(job), now, &all(answers));
        assert!(matches!(verdict.kind, VerdictKind::Delivered(_)), "{verdict:?}");
        asked
    };
    assert_asked(
        &post(second(0), &["a004", "a012", "a088", "a088", "a018"]),
        &FIRST_ASKED,
    );
    assert_asked(&post(second(599), &["a018"]), &["PUT rooms/ROOM/send"]);
    assert_asked(&post(second(600), &["a088", "a088", "a018"]), &FIRST_ASKED[2..]);
    assert_asked(&post(second(1199), &["a018"]), &["PUT rooms/ROOM/send"]);
    // Meanwhile the room was encrypted.
    let job = Job::post(Uuid::nil(), 1, &destination, &message);
    let (asked, _, verdict) = drive(Task::Deliver(job), second(1200), &all(&["a088", "a089"]));
    assert_asked(&asked, &FIRST_ASKED[2..4]);
    assert_eq!(
        (verdict.kind, verdict.reason),
        (halt(Extent::Channel), Reason::RoomEncrypted)
    );
}

/// Each request goes to the configured address: [`drive`] asserts it.
#[test]
fn an_answer_that_names_another_address_is_not_followed() {
    let elsewhere = json!({ "m.homeserver": { "base_url": "https://elsewhere.test" } });
    let named = |mut answer: Value| {
        answer["well_known"] = elsewhere.clone();
        answer["m.homeserver"] = elsewhere["m.homeserver"].clone();
        response(200, answer)
    };
    let answers = [
        named(json!({ "user_id": "@bridge66508:bridge.test", "device_id": "TWAKEBRIDGE" })),
        named(json!({ "room_id": ROOM, "servers": ["elsewhere.test"] })),
        recorded("a088"),
        recorded("a088"),
        named(json!({ "event_id": "$sent" })),
    ];
    let (asked, _, verdict) = attempt(&destination(ALIAS), Act::Post, &answers);
    assert_asked(&asked, &FIRST_ASKED);
    assert_eq!(verdict.kind, VerdictKind::Delivered(id("$sent", None)));
}

#[test]
fn a_room_id_is_not_looked_up_and_an_encrypted_room_may_be_allowed() {
    let destination = Destination {
        allow_unencrypted: true,
        ..destination(ROOM)
    };
    let (asked, _, verdict) = attempt(&destination, Act::Post, &all(&["a004", "a088", "a018"]));
    assert_asked(
        &asked,
        &[WHOAMI, "GET rooms/ROOM/TOMBSTONE", "PUT rooms/ROOM/send"],
    );
    let event = "$VsFjv4QSKCrUpsA6A50ALB62ZR_S7R93TdNWYT0i4-k";
    assert_eq!(verdict.kind, VerdictKind::Delivered(id(event, None)));
    assert!(!verdict.may_be_duplicate && verdict.notice.is_none());
}

#[test]
fn an_invited_account_joins_at_the_first_message() {
    let answers = all(&["a004", "a012", "a091", "a015", "a088", "a088", "a018"]);
    let (asked, _, verdict) = attempt(&destination(ALIAS), Act::Post, &answers);
    assert!(matches!(verdict.kind, VerdictKind::Delivered(_)));
    assert_asked(
        &asked,
        &[
            WHOAMI,
            "GET directory/room/ALIAS",
            "GET rooms/ROOM/TOMBSTONE",
            "POST join/ALIAS",
            "GET rooms/ROOM/TOMBSTONE",
            "GET rooms/ROOM/ENCRYPTION",
            "PUT rooms/ROOM/send",
        ],
    );
}

/// After a refusal everything is asked again.
const EXPLAINED: [&str; 6] = [
    "GET directory/room/ALIAS",
    "GET rooms/ROOM/TOMBSTONE",
    "POST join/ALIAS",
    "GET rooms/ROOM/ENCRYPTION",
    "GET rooms/ROOM/POWER",
    "PUT rooms/ROOM/send",
];

#[test]
fn a_refused_message_is_sent_again_after_joining() {
    let (asked, verdict) = first_post(&all(&["a080", "a012", "a088", "a015", "a088", "a050", "a018"]));
    assert!(matches!(verdict.kind, VerdictKind::Delivered(_)), "{verdict:?}");
    assert_asked(&asked, &[&FIRST_ASKED[..], &EXPLAINED].concat());
}

/// The answers after a refusal, and what halts the channel.
#[test]
fn a_refusal_is_explained_by_asking() {
    let levels = |levels: Value| response(200, levels);
    let no_power = json!({ "events_default": 50, "users": { "@ann:bridge.test": 100 } });
    let created = |version: &str| {
        let content = json!({ "room_version": version });
        response(
            200,
            json!({ "sender": "@bridge66508:bridge.test", "content": content }),
        )
    };
    let joined = all(&["a080", "a012", "a088", "a015", "a088"]);
    let then = |more: &[Answer]| [joined.clone(), more.to_vec()].concat();
    for (answers, reason) in [
        (all(&["a080", "a012", "a088", "a057"]), Reason::NotInRoom),
        (all(&["a080", "a012", "a091", "a057"]), Reason::NotInRoom),
        (all(&["a080", "a012", "a088", "a082"]), Reason::Banned),
        (all(&["d010", "a012", "a088", "d011"]), Reason::RoomBlocked),
        (all(&["a080", "a013"]), Reason::UnknownRoom),
        (all(&["a080", "a012", "a088", "a058"]), Reason::UnknownRoom),
        (
            all(&["a080", "a012", "a088", "a015", "a089"]),
            Reason::RoomEncrypted,
        ),
        (all(&["a093", "a012", "a094", "a097"]), Reason::RoomReplaced),
        // The alias has moved, and the account is not invited to the new room.
        (all(&["a093", "a095", "a091", "a097"]), Reason::NotInRoom),
        (
            then(&[levels(no_power.clone()), recorded("a091")]),
            Reason::MissingPower,
        ),
        (
            then(&[levels(no_power.clone()), created("11")]),
            Reason::MissingPower,
        ),
        (
            then(&[
                levels(json!({ "events": { "m.room.message": 1 } })),
                created("10"),
            ]),
            Reason::MissingPower,
        ),
    ] {
        let (_, verdict) = first_post(&answers);
        assert_eq!((&verdict.kind, verdict.reason), (&halt(Extent::Channel), reason));
        assert!(!verdict.may_be_duplicate);
        assert!(
            verdict
                .detail
                .starts_with("@bridge66508:bridge.test in #dev66508:bridge.test"),
            "{verdict:?}"
        );
    }
    // Of these the account may post.
    for levels in [
        json!({}),
        json!({ "events_default": 50, "users": { "@bridge66508:bridge.test": 50 } }),
        json!({ "events_default": 50, "users_default": "50" }),
        json!({ "events_default": 50, "events": { "m.room.message": 0 } }),
    ] {
        let (_, verdict) = first_post(&then(&[response(200, &levels), recorded("a018")]));
        assert!(matches!(verdict.kind, VerdictKind::Delivered(_)), "{levels}");
    }
    let (_, verdict) = first_post(&then(&[levels(no_power), created("12"), recorded("a018")]));
    assert!(
        matches!(verdict.kind, VerdictKind::Delivered(_)),
        "a creator has every power"
    );
}

#[test]
fn a_message_that_is_refused_where_the_account_may_post_is_refused_alone() {
    let (_, verdict) = first_post(&all(&["a080", "a012", "a088", "a015", "a088", "a050", "a080"]));
    assert_eq!((&verdict.kind, verdict.reason), (&FEW_TIMES, Reason::Forbidden));
    assert!(
        verdict.detail.ends_with("so it is this message"),
        "{}",
        verdict.detail
    );
}

#[test]
fn the_opener_is_looked_at_before_a_reply_or_an_update() {
    let opener = id("$root", None);
    let event = |sender: &str| response(200, json!({ "sender": sender, "content": { "body": "x" } }));
    let (own, other) = (event("@bridge66508:bridge.test"), event("@ann:bridge.test"));
    let sent = recorded("a018");
    let event_id = "$VsFjv4QSKCrUpsA6A50ALB62ZR_S7R93TdNWYT0i4-k";
    let gone = VerdictKind::TargetGone;
    let delivered = VerdictKind::Delivered;
    let (reply, update) = (Act::Reply(opener.clone()), Act::Update(opener.clone()));
    for (act, answers, expected) in [
        (
            &reply,
            vec![own.clone(), sent.clone()],
            delivered(id(event_id, Some("$root"))),
        ),
        (
            &reply,
            vec![other.clone(), sent.clone()],
            delivered(id(event_id, Some("$root"))),
        ),
        (&reply, all(&["a041"]), gone.clone()),
        (&reply, all(&["a084"]), gone.clone()),
        (&reply, [vec![own.clone()], all(&["a026"])].concat(), gone.clone()),
        (&reply, [vec![own.clone()], all(&["a027"])].concat(), gone.clone()),
        (&reply, [vec![own.clone()], all(&["c015"])].concat(), gone.clone()),
        (
            &update,
            vec![own.clone(), sent.clone()],
            delivered(opener.clone()),
        ),
        (&update, vec![other.clone()], gone.clone()),
        (&update, all(&["a041"]), gone.clone()),
        (&update, all(&["a087"]), gone.clone()),
        (&update, [vec![own], all(&["a031"])].concat(), gone),
    ] {
        let answers = [all(&FIRST), answers].concat();
        let (asked, _, verdict) = attempt(&destination(ALIAS), act.clone(), &answers);
        assert_eq!(verdict.kind, expected, "{act:?} {asked:?}");
        assert_eq!(asked[4], path("GET rooms/ROOM/event/%24root"));
        let reason = matches!(expected, VerdictKind::TargetGone).then_some(Reason::TargetMissing);
        assert_eq!(verdict.reason, reason.unwrap_or(Reason::Delivered));
    }
    // A reply to a reply looks at the root.
    let reply = Act::Reply(id("$last", Some("$root")));
    let (asked, _, _) = attempt(
        &destination(ALIAS),
        reply,
        &[all(&FIRST), all(&["a041"])].concat(),
    );
    assert_eq!(asked[4], path("GET rooms/ROOM/event/%24root"));
}

#[test]
fn an_application_service_acts_as_its_user_in_every_request() {
    let service = Credentials::ApplicationService {
        token: Secret::new(TOKEN),
        user_id: "@asbridge:bridge.test".to_owned(),
    };
    let destination = Destination {
        account: account(service),
        ..destination(ALIAS)
    }
    .into();
    let message = hello();
    let job = Job::post(Uuid::nil(), 1, &destination, &message);
    let (mut attempt, mut step) = twake::Attempt::begin(Task::Deliver(job), Duration::ZERO);
    for answer in all(&["b011", "a012", "a091", "b012", "a088", "a088", "b015"]) {
        let Step::Send(request) = step else {
            panic!("ended early")
        };
        assert_eq!(request.url.query(), Some("user_id=%40asbridge%3Abridge.test"));
        assert_eq!(request.authorization.expose(), format!("Bearer {TOKEN}"));
        step = attempt.next(&answer);
    }
    assert!(matches!(step, Step::Done(_)));
}

#[test]
fn a_stop_ends_the_questions_and_awaits_the_answer_to_a_message() {
    let (destination, message) = (destination(ALIAS).into(), hello());
    let job = Job::post(Uuid::nil(), 1, &destination, &message);
    let (mut attempt, _) = twake::Attempt::begin(Task::Deliver(job), Duration::ZERO);
    for answer in all(&FIRST) {
        let verdict = attempt.interrupted().unwrap();
        assert_eq!((verdict.kind, verdict.reason), (RETRY, Reason::Stopped));
        assert!(!verdict.may_be_duplicate);
        attempt.next(&answer);
    }
    assert!(attempt.interrupted().is_none());
    let (attempt, _) = twake::Attempt::begin(Task::Probe(&destination), Duration::ZERO);
    assert!(attempt.interrupted().is_none());
}
