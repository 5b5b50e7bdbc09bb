//! Rooms that were replaced by other ones.

use super::*;

const NEW_ROOM: &str = "!noiWZcyamFrDNBwgyw:bridge.test";

#[test]
fn a_replaced_room_is_followed_where_joining_works_and_that_is_reported() {
    let new_room = response(200, json!({ "room_id": NEW_ROOM }));
    let answers = [
        all(&["a004", "a094"]),
        vec![new_room],
        all(&["a088", "a088", "a018"]),
    ];
    let destination = destination(ROOM);
    let (asked, _, verdict) = attempt(&destination, Act::Post, &answers.concat());
    assert_asked(
        &asked,
        &[
            WHOAMI,
            "GET rooms/ROOM/TOMBSTONE",
            "POST join/NEW",
            "GET rooms/NEW/TOMBSTONE",
            "GET rooms/NEW/ENCRYPTION",
            "PUT rooms/NEW/send",
        ],
    );
    let notice = verdict.notice.unwrap();
    assert!(notice.contains(ROOM) && notice.contains(NEW_ROOM), "{notice}");
    let (asked, _, verdict) = attempt(&destination, Act::Post, &all(&["a018"]));
    assert_asked(&asked, &["PUT rooms/NEW/send"]);
    assert!(verdict.notice.is_none(), "reported once");
}

#[test]
fn a_replaced_room_is_reported_although_the_message_is_not_delivered_yet() {
    let new_room = response(200, json!({ "room_id": NEW_ROOM }));
    let limited = [
        all(&["a004", "a094"]),
        vec![new_room],
        all(&["a088", "a088", "b002"]),
    ];
    let destination = destination(ROOM);
    let (_, _, verdict) = attempt(&destination, Act::Post, &limited.concat());
    assert_eq!(verdict.reason, Reason::RateLimited);
    assert!(verdict.notice.unwrap().contains(NEW_ROOM));
    let (_, _, verdict) = attempt(&destination, Act::Post, &all(&["a018"]));
    assert!(verdict.notice.is_none(), "reported once");
}

/// The answers to joining the room that replaced another one.
#[test]
fn a_room_that_was_replaced_by_a_closed_one_halts_its_channel_and_a_refused_account_halts() {
    for (join, extent, reason) in [
        (recorded("a097"), Extent::Channel, Reason::RoomReplaced),
        (recorded("a082"), Extent::Channel, Reason::RoomReplaced),
        (recorded("d011"), Extent::Channel, Reason::RoomReplaced),
        (recorded("a058"), Extent::Channel, Reason::RoomReplaced),
        (recorded("d008"), Extent::Account, Reason::AccountBarred),
        (recorded("a078"), Extent::Account, Reason::Misrouted),
    ] {
        let answers = [all(&["a004", "a094"]), vec![join.clone()]].concat();
        let (_, _, verdict) = attempt(&destination(ROOM), Act::Post, &answers);
        assert_eq!((verdict.kind, verdict.reason), (halt(extent), reason), "{join:?}");
    }
}

#[test]
fn an_endless_row_of_replacements_halts_the_channel() {
    let joined = || response(200, json!({ "room_id": NEW_ROOM }));
    let round = || vec![recorded("a094"), joined()];
    let rounds = (0..4).flat_map(|_| round());
    let answers: Vec<Answer> = [recorded("a004")]
        .into_iter()
        .chain(rounds)
        .chain([recorded("a094")])
        .collect();
    let (_, _, verdict) = attempt(&destination(ROOM), Act::Post, &answers);
    assert_eq!(
        (verdict.kind, verdict.reason),
        (halt(Extent::Channel), Reason::RoomReplaced)
    );
}

#[test]
fn a_known_alias_is_looked_up_again_when_its_room_is_replaced() {
    let destination = destination(ALIAS);
    attempt(
        &destination,
        Act::Post,
        &all(&["a004", "a012", "a088", "a088", "a018"]),
    );
    let (destination, message) = (destination.into(), hello());
    let job = Job::post(Uuid::nil(), 1, &destination, &message);
    let answers = all(&["a094", "a095", "a088", "a088", "a018"]);
    let (asked, _, verdict) = drive(Task::Deliver(job), Duration::from_secs(600), &answers);
    assert!(matches!(verdict.kind, VerdictKind::Delivered(_)));
    assert_asked(
        &asked,
        &[
            "GET rooms/ROOM/TOMBSTONE",
            "GET directory/room/ALIAS",
            "GET rooms/NEW/TOMBSTONE",
            "GET rooms/NEW/ENCRYPTION",
            "PUT rooms/NEW/send",
        ],
    );
}
