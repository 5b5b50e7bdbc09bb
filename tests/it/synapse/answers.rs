//! Each refusal of a homeserver: what it halts, what the bridge advises, and that everything passes when the cause is gone.

use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::Homeserver;
use super::bridge::Setup;
use super::people::{Person, Room, encoded};

/// An account that may post in two rooms.
struct Account<'a> {
    homeserver: &'a Homeserver,
    url: String,
    bot: Person,
    room: Room<'a>,
    other: Room<'a>,
}

impl<'a> Account<'a> {
    fn new(homeserver: &'a Homeserver) -> Self {
        let bot = homeserver.bot();
        let room = homeserver.admin.private_room("12");
        room.admit(&bot);
        Self {
            homeserver,
            url: homeserver.url.clone(),
            bot,
            room,
            other: homeserver.admin.public_room("12"),
        }
    }

    /// Sets `locked` or another property of the account.
    fn set(&self, property: &str, value: bool) {
        let path = format!("v2/users/{}", encoded(&self.bot.id));
        self.homeserver
            .administrate("PUT", &path, &json!({ property: value }));
    }

    fn suspend(&self, suspend: bool) {
        let path = format!("v1/suspend/{}", encoded(&self.bot.id));
        self.homeserver
            .administrate("PUT", &path, &json!({ "suspend": suspend }));
    }
}

/// Gets a new token for the same device.
fn log_in_again(account: &mut Account<'_>) {
    let name = account.bot.id.trim_start_matches('@').replace(":bridge.test", "");
    account.bot = Person::log_in(&account.homeserver.url, &name, false);
}

/// A cause of refusals.
struct Case {
    name: &'static str,
    /// Makes the homeserver refuse.
    cause: fn(&mut Account<'_>),
    /// Whether every channel of the account halts, not only the room's.
    account: bool,
    reason: &'static str,
    /// A part of the hint.
    hint: &'static str,
    /// Ends the cause, if a person can.
    mend: Option<fn(&mut Account<'_>)>,
}

const CASES: &[Case] = &[
    Case {
        name: "wrong-token",
        cause: |account| "syt_wrong".clone_into(&mut account.bot.token),
        account: true,
        reason: "wrong_key",
        hint: "log in again with the same device_id",
        mend: Some(log_in_again),
    },
    Case {
        name: "logged-out",
        cause: |account| drop(account.bot.client("POST", "logout", &json!({}))),
        account: true,
        reason: "wrong_key",
        hint: "log in again with the same device_id",
        mend: Some(log_in_again),
    },
    Case {
        name: "deactivated",
        cause: |account| {
            let path = format!("v1/deactivate/{}", encoded(&account.bot.id));
            account.homeserver.administrate("POST", &path, &json!({}));
        },
        account: true,
        reason: "wrong_key",
        hint: "the token is wrong",
        mend: None,
    },
    Case {
        name: "locked",
        cause: |account| account.set("locked", true),
        account: true,
        reason: "account_barred",
        hint: "ask its administrator",
        mend: Some(|account| account.set("locked", false)),
    },
    Case {
        name: "suspended",
        cause: |account| account.suspend(true),
        account: true,
        reason: "account_barred",
        hint: "ask its administrator",
        mend: Some(|account| account.suspend(false)),
    },
    Case {
        name: "wrong-url",
        cause: |account| account.url.push_str("/elsewhere"),
        account: true,
        reason: "misrouted",
        hint: "url is not the address of a homeserver",
        mend: Some(|account| account.url.clone_from(&account.homeserver.url)),
    },
    Case {
        name: "kicked",
        cause: |account| account.room.member("kick", &account.bot),
        account: false,
        reason: "not_in_room",
        hint: "invite the account to the room",
        mend: Some(|account| account.room.member("invite", &account.bot)),
    },
    Case {
        name: "never-invited",
        cause: |account| account.room = account.homeserver.admin.private_room("11"),
        account: false,
        reason: "not_in_room",
        hint: "invite the account to the room",
        mend: Some(|account| account.room.member("invite", &account.bot)),
    },
    Case {
        name: "banned",
        cause: |account| account.room.member("ban", &account.bot),
        account: false,
        reason: "banned",
        hint: "end the ban",
        mend: Some(|account| {
            account.room.member("unban", &account.bot);
            account.room.member("invite", &account.bot);
        }),
    },
    Case {
        name: "no-power",
        cause: |account| account.room.require_power(50),
        account: false,
        reason: "missing_power",
        hint: "give the account the power to send messages",
        mend: Some(|account| account.room.require_power(0)),
    },
    Case {
        name: "unknown-room",
        cause: |account| "!unknown:bridge.test".clone_into(&mut account.room.id),
        account: false,
        reason: "unknown_room",
        hint: "there is no such room",
        mend: None,
    },
    Case {
        name: "unknown-alias",
        cause: |account| "#unknown:bridge.test".clone_into(&mut account.room.id),
        account: false,
        reason: "unknown_room",
        hint: "there is no such room",
        mend: None,
    },
    Case {
        name: "deleted",
        cause: |account| {
            let path = format!("v1/rooms/{}", encoded(&account.room.id));
            let blocked = json!({ "block": true, "purge": true });
            account.homeserver.administrate("DELETE", &path, &blocked);
        },
        account: false,
        reason: "room_blocked",
        hint: "choose another one",
        mend: None,
    },
    Case {
        name: "replaced",
        cause: |account| drop(account.room.upgrade("12")),
        account: false,
        reason: "room_replaced",
        hint: "invite the account to the new one",
        mend: Some(|account| {
            account.room = account.room.replacement();
            account.room.member("invite", &account.bot);
        }),
    },
    Case {
        name: "encrypted",
        cause: |account| account.room.encrypt(),
        account: false,
        reason: "room_encrypted",
        hint: "allow_unencrypted = true",
        mend: None,
    },
];

/// The name of the second channel of a case.
fn other(case: &Case) -> String {
    format!("{}-other", case.name)
}

#[actix_web::test]
async fn each_refusal_halts_its_channel_or_account_until_its_cause_is_gone() {
    let homeserver = Homeserver::shared();
    let mut setup = Setup::new();
    let mut accounts = Vec::new();
    for case in CASES {
        let mut account = Account::new(&homeserver);
        (case.cause)(&mut account);
        setup.account(case.name, &account.url, &account.bot);
        setup.channel(case.name, case.name, &account.room.id);
        setup.channel(&other(case), case.name, &account.other.id);
        accounts.push(account);
    }
    let mut bridge = setup.start();
    for case in CASES {
        bridge.post(case.name, "refused.").await;
    }
    bridge.wait(CASES.len(), |line| line.contains("halted, everything waits"));
    for case in CASES {
        bridge.post(&other(case), "beside it.").await;
    }
    for case in CASES.iter().filter(|case| !case.account) {
        bridge.delivered(&other(case), 1);
    }
    let channels = bridge.channels().await;
    for case in CASES {
        assert_halted(&channels, case);
    }
    // A probe, which sends no message, finds each cause, so no halt ends before its cause is gone.
    let checked = bridge.setup().check_live().await;
    for case in CASES {
        let table = if case.account { "twake" } else { "channels" };
        let place = format!("{table}.{}: ", case.name);
        let is_found = |line: &str| line.contains(&place) && line.contains(case.reason);
        assert!(checked.lines().any(is_found), "{}: {checked}", case.name);
    }

    for (case, account) in CASES.iter().zip(&mut accounts) {
        let Some(mend) = case.mend else { continue };
        let url = account.url.clone();
        mend(account);
        bridge.setup().write_token(case.name, &account.bot);
        if url != account.url {
            bridge.setup().replace(&url, &account.url);
        }
    }
    bridge.reload();
    for case in CASES.iter().filter(|case| case.mend.is_some()) {
        bridge.delivered(case.name, 1);
        bridge.delivered(&other(case), 1);
    }
    let channels = bridge.channels().await;
    for (case, account) in CASES.iter().zip(&accounts) {
        if case.mend.is_none() {
            assert_halted(&channels, case);
            continue;
        }
        assert_eq!(channels[case.name]["halted"], false, "{}", case.name);
        for (room, text) in [(&account.room, "refused."), (&account.other, "beside it.")] {
            let texts = room.texts();
            assert!(
                texts.len() == 1 && texts[0].contains(text),
                "{}: {texts:?}",
                case.name
            );
        }
    }
    bridge.finish();
}

/// Asserts that the channels of a case are halted with its reason and hint, and no others.
fn assert_halted(channels: &BTreeMap<String, Value>, case: &Case) {
    let (channel, other) = (&channels[case.name], &channels[&other(case)]);
    let hint = channel["hint"].as_str().unwrap_or_default();
    assert_eq!(channel["halted"], true, "{}: {channel}", case.name);
    assert_eq!(channel["reason"], case.reason, "{channel}");
    assert!(hint.contains(case.hint), "{channel}");
    assert_eq!(other["halted"], case.account, "{}: {other}", case.name);
}
