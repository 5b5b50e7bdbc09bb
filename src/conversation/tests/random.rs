//! Random sequences of events.

use super::*;

prop_compose! {
    fn any_conversation()(
        slot in prop_oneof![
            Just(None), Just(Some(Slot::Opener)), "[ab]".prop_map(|key| Some(Slot::Key(key))),
        ],
        unchanged in any::<(bool, bool)>(), changed in any::<(bool, bool)>(),
        opens in any::<bool>(), closes in any::<bool>(),
        version in prop::option::of((0..9_i32).prop_map(|n| Version::Number(n.into()))),
        state in prop::option::of("[xy]"),
    ) -> Conversation {
        let follow_up = |(reply, update)| FollowUp { reply, update };
        with(|it| {
            (it.slot, it.opens, it.closes, it.version, it.state) = (slot, opens, closes, version, state);
            (it.unchanged, it.changed) = (follow_up(unchanged), follow_up(changed));
        })
    }
}

proptest! {
    /// An event is skipped only for a reason that its front matter gave, and an older one changes nothing that is shown.
    #[test]
    fn no_event_is_lost_and_no_older_one_shown(events in prop::collection::vec((0..20_i64, any_conversation()), 1..30)) {
        let mut channel = Channel::default();
        for (second, event) in events {
            let before = channel.known.thread.clone();
            let asks_for_nothing = [event.unchanged, event.changed].contains(&NOTHING);
            let seen = channel.receive(second, event.clone());
            let order = Order { version: event.version.clone(), received: Timestamp::from_second(second).unwrap() };
            let (is_known, is_open) = (before.is_some(), before.as_ref().is_some_and(|thread| !thread.closed));
            match seen.as_str() {
                "not_open" => prop_assert!(!event.opens && !is_open),
                "unchanged" => prop_assert!(is_open && (asks_for_nothing || event.slot.is_none())),
                "older" => prop_assert!(is_known),
                _ => prop_assert!(seen.contains("post") || seen.contains("reply") || seen.contains("update")),
            }
            if let (true, Some(before)) = (is_open && !seen.contains("post"), before)
                && order.is_before(&before.newest)
            {
                let update = ["update ", &before.opener.message].concat();
                let is_shown = event.slot == Some(Slot::Opener) && order.is_before(&before.shown);
                prop_assert!(!is_shown || !seen.contains(&update));
                let now = channel.known.thread.clone().unwrap();
                prop_assert_eq!((now.state, now.closed, now.newest), (before.state, before.closed, before.newest));
            }
        }
    }
}
