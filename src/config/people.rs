//! Resolves `[people]`: the users of each account's chat by their logins.

use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

use super::file::{Named, RawAccount, RawPerson, RawSource};
use crate::message::{ChatUser, People};
use crate::suggest::unknown;
use crate::toml_reader::Findings;
use crate::twake::{Api, matrix};

/// The people that the channels of each account know.
pub(super) type PeopleByAccount = BTreeMap<String, Arc<People>>;

pub(super) fn people(
    raw: &[RawPerson],
    accounts: &[Named<RawAccount>],
    sources: &[Named<RawSource>],
    findings: &Findings,
) -> PeopleByAccount {
    let mut people: BTreeMap<String, People> = BTreeMap::new();
    for person in raw {
        add(person, accounts, sources, &mut people, findings);
    }
    let shared = |(account, people)| (account, Arc::new(people));
    people.into_iter().map(shared).collect()
}

/// Adds a person to the people of each of their accounts.
fn add(
    person: &RawPerson,
    accounts: &[Named<RawAccount>],
    sources: &[Named<RawSource>],
    people: &mut BTreeMap<String, People>,
    findings: &Findings,
) {
    let RawPerson { login, users } = person;
    let path = format!("people.\"{}\"", login.value);
    let (source, name) = match login.value.split_once('/') {
        Some((source, name)) => (Some(source), name),
        None => (None, login.value.as_str()),
    };
    if let Some(source) = source {
        let names = || sources.iter().map(|source| source.name.value.as_str());
        if !names().any(|known| known == source) {
            findings.error(login.at, &path, unknown("source", source, names()));
        }
    }
    if name.trim().is_empty() {
        findings.error(
            login.at,
            &path,
            "has no login: write \"login\" or \"source/login\"",
        );
    }
    for (account, user) in users {
        let path = format!("{path}.{}", account.value);
        let Some(of) = accounts.iter().find(|of| of.name.value == account.value) else {
            let names = accounts.iter().map(|of| of.name.value.as_str());
            let what = unknown("account", &account.value, names);
            findings.error(account.at, &path, what);
            continue;
        };
        // A wrong API is reported with the account.
        match of.value.api.map(|api| chat_user(api, &user.value)) {
            Some(Ok(user)) => {
                let people = people.entry(account.value.clone()).or_default();
                people.insert(source.map(str::to_owned), name.to_owned(), user);
            }
            Some(Err(why)) => findings.error(user.at, &path, why),
            None => {}
        }
    }
}

fn chat_user(api: Api, text: &str) -> Result<ChatUser, String> {
    match api {
        Api::Matrix => matrix::parse_user_id(text).map(ChatUser::Matrix),
        Api::MessagesSave | Api::Threads => Uuid::parse_str(text).map(ChatUser::Twake).map_err(|_| {
            "is no user of Twake: write the user's id, such as \"6f0c2b1e-1111-11eb-8000-0242ac120002\""
                .to_owned()
        }),
    }
}
