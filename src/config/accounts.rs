//! Resolves `[twake]` and `[channels]`: which account a channel is in, and what each API needs of both.

mod ids;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use url::Url;

use self::ids::Ids;
use super::env::Environment;
use super::file::{Named, RawAccount, RawChannel};
use super::keys::bridge_toml::{api_keys, unused_key};
use super::readers::Display;
use super::secrets::{Purpose, Reference};
use crate::message::Readers;
use crate::secret::Secret;
use crate::suggest::unknown;
use crate::toml_reader::{Findings, Located};
use crate::twake::matrix::{self, Credentials, Notify, Room};
use crate::twake::{Account, Api, Destination, messages_save, threads};

pub use self::ids::Id;

/// The accounts by name.
pub(super) type Accounts = BTreeMap<String, ResolvedAccount>;

/// An account, and what its channels need of it.
pub(super) struct ResolvedAccount {
    /// `None`: the word is wrong, and reported.
    api: Option<Api>,
    /// The company of channels that name none.
    group_id: Option<String>,
    /// The workspace of channels that name none.
    workspace_id: Option<String>,
    /// `None`: something in it is wrong, and reported.
    account: Option<Account>,
}

pub(super) fn accounts(
    raw: Vec<Named<RawAccount>>,
    base: &Path,
    environment: &Environment,
    findings: &Findings,
) -> Accounts {
    let account = |Named { name, value }: Named<RawAccount>| {
        let context = AccountContext {
            path: format!("twake.{}", name.value),
            name: name.value.clone(),
            base,
            environment,
            findings,
        };
        (name.value, context.account(value))
    };
    raw.into_iter().map(account).collect()
}

/// What resolving an account needs.
struct AccountContext<'a> {
    name: String,
    path: String,
    base: &'a Path,
    environment: &'a Environment,
    findings: &'a Findings,
}

impl AccountContext<'_> {
    fn account(&self, raw: RawAccount) -> ResolvedAccount {
        let url = raw.url.as_ref().and_then(|url| {
            address(&url.value, raw.api.unwrap_or(Api::MessagesSave))
                .map_err(|why| self.findings.error(url.at, &format!("{}.url", self.path), why))
                .ok()
        });
        let outbound = raw.outbound.resolve(
            &self.path,
            url.as_ref(),
            self.base,
            self.environment,
            self.findings,
        );
        let outbound = outbound.map(Arc::new);
        let ids = Ids {
            api: raw.api.unwrap_or(Api::MessagesSave),
            table: &self.path,
            findings: self.findings,
        };
        let public_id = raw.public_id.map(|id| ids.of(id, Id::Application));
        let key = self.secret(raw.private_api_key.as_ref(), Purpose::Given);
        let access_token = (raw.access_token.as_ref(), raw.refresh_token.as_ref());
        let credentials = self.credentials(access_token, raw.as_token.as_ref(), raw.user_id);
        let parts = url.zip(outbound);
        let account = match raw.api {
            Some(Api::MessagesSave) => parts.and_then(|(url, outbound)| {
                Some(Account::MessagesSave(Arc::new(messages_save::Account {
                    name: self.name.clone(),
                    url,
                    public_id: public_id?,
                    private_api_key: key?,
                    outbound,
                })))
            }),
            Some(Api::Threads) => parts.and_then(|(url, outbound)| {
                let name = self.name.clone();
                let account = threads::Account::new(name, url, public_id?, key?, outbound);
                Some(Account::Threads(Arc::new(account)))
            }),
            Some(Api::Matrix) => parts.zip(credentials).map(|((url, outbound), credentials)| {
                let account = matrix::Account::new(self.name.clone(), url, credentials, outbound);
                Account::Matrix(Arc::new(account))
            }),
            None => None,
        };
        ResolvedAccount {
            api: raw.api,
            group_id: raw.group_id.map(|id| ids.of(id, Id::Group)),
            workspace_id: raw.workspace_id.map(|id| ids.of(id, Id::Workspace)),
            account,
        }
    }

    /// The credentials of a Matrix account: one token of two kinds, and what renews an access token. The reader has reported if there is none.
    fn credentials(
        &self,
        access_token: (Option<&Reference>, Option<&Reference>),
        as_token: Option<&Reference>,
        user_id: Option<Located<String>>,
    ) -> Option<Credentials> {
        let user_id = user_id.filter(|user| {
            let wrong = |what| {
                let path = format!("{}.user_id", self.path);
                self.findings.error(user.at, &path, what);
            };
            matrix::parse_user_id(&user.value).map_err(wrong).is_ok()
        });
        match (access_token, as_token) {
            ((Some(token), None), _) => Some(Credentials::AccessToken(
                self.secret(Some(token), Purpose::Token)?,
            )),
            ((Some(token), refresh), _) => {
                let secret = |reference| self.secret(reference, Purpose::Token);
                let (token, refresh) = (secret(Some(token)), secret(refresh));
                let name = format!("matrix-{}.json", self.name);
                Some(Credentials::Renewable {
                    token: token?,
                    refresh: refresh?,
                    file: self.environment.state_folder().join(name),
                })
            }
            ((None, _), token) => Some(Credentials::ApplicationService {
                token: self.secret(token, Purpose::Token)?,
                user_id: user_id?.value,
            }),
        }
    }

    fn secret(&self, reference: Option<&Reference>, purpose: Purpose) -> Option<Secret> {
        reference?.read(purpose, self.base, self.environment, self.findings)
    }
}

/// Parses the address of a chat. The error does not quote the address: it may hold a password.
fn address(text: &str, api: Api) -> Result<Url, String> {
    let (example, credentials) = match api {
        Api::MessagesSave => ("https://api.twake.app", "`public_id` and `private_api_key`"),
        Api::Threads => ("https://twake.example.org", "`public_id` and `private_api_key`"),
        Api::Matrix => ("https://matrix.example.org", "`access_token`"),
    };
    let url = Url::parse(text).map_err(|error| format!("is no address ({error}), such as \"{example}\""))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!(
            "begins with {}:, http: or https: was expected",
            url.scheme()
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("holds a name or password; credentials are {credentials}"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("goes on after ? or #, which no address of a Twake does".to_owned());
    }
    if api == Api::Matrix && url.path().contains("/_matrix") {
        return Err(format!(
            "holds the path of a call; write the homeserver's address alone, such as \"{example}\""
        ));
    }
    Ok(url)
}

/// Resolves a channel, in the account that it names or in the only one that it fits.
pub(super) fn destination(
    channel: Named<RawChannel>,
    accounts: &Accounts,
    display: &Display,
    findings: &Findings,
) -> Option<Destination> {
    let Named { name, value: mut raw } = channel;
    let context = ChannelContext {
        path: format!("channels.{}", name.value),
        name: &name,
        findings,
    };
    let of = context.account(&raw, accounts)?;
    let api = of.api?;
    let is_right = context.keys_fit(&raw, api);
    let account = of.account.as_ref().map_or("", Account::name);
    let quiet = raw.quiet.take();
    let readers = display.readers(account, raw.time_zone.as_ref(), quiet, &context.path, findings);
    let destination = match api {
        Api::MessagesSave => context.messages_save(raw, of, readers),
        Api::Threads => context.threads(raw, of, readers),
        Api::Matrix => context.matrix(raw, of, readers),
    };
    destination.filter(|_| is_right)
}

/// What resolving a channel needs.
struct ChannelContext<'a> {
    name: &'a Located<String>,
    path: String,
    findings: &'a Findings,
}

impl ChannelContext<'_> {
    fn account<'a>(&self, raw: &RawChannel, accounts: &'a Accounts) -> Option<&'a ResolvedAccount> {
        if let Some(account) = &raw.account {
            let found = accounts.get(&account.value);
            if found.is_none() {
                let what = unknown("account", &account.value, accounts.keys().map(String::as_str));
                self.findings
                    .error(account.at, &format!("{}.account", self.path), what);
            }
            return found;
        }
        let is_room = raw.room.is_some()
            || raw
                .short
                .as_ref()
                .is_some_and(|text| Room::parse(&text.value).is_ok());
        let fits = |of: &&ResolvedAccount| accounts.len() == 1 || (of.api == Some(Api::Matrix)) == is_room;
        let mut fitting = accounts.values().filter(fits);
        let what = match (fitting.next(), fitting.next()) {
            (Some(only), None) => return Some(only),
            _ if accounts.is_empty() => "there is no account; add one: [twake.main]".to_owned(),
            _ => {
                let key = if is_room { "room" } else { "channel_id" };
                let names = accounts.keys().cloned().collect::<Vec<_>>().join(", ");
                format!(
                    "`account` is missing, as there are several: {{ {key} = \"…\", account = \"…\" }} ({names})"
                )
            }
        };
        self.findings.error(self.name.at, &self.path, what);
        None
    }

    /// Reports the keys that the API does not use.
    fn keys_fit(&self, raw: &RawChannel, api: Api) -> bool {
        let known = api_keys(api).channel;
        let mut fits = true;
        for (key, at) in raw.api_keys.iter().filter(|(key, _)| !known.contains(key)) {
            let what = unused_key(api, known);
            self.findings.error(*at, &format!("{}.{key}", self.path), what);
            fits = false;
        }
        fits
    }

    fn messages_save(&self, raw: RawChannel, of: &ResolvedAccount, readers: Readers) -> Option<Destination> {
        let ids = self.ids(Api::MessagesSave);
        let channel_id = self.channel_id(raw.channel_id.or(raw.short), &ids)?;
        let group_id = self.id(raw.group_id, of.group_id.as_ref(), &ids, Id::Group);
        let Some(Account::MessagesSave(account)) = &of.account else {
            return None;
        };
        Some(Destination::MessagesSave(messages_save::Destination {
            account: Arc::clone(account),
            group_id: group_id?,
            channel_id,
            rate: raw.rate,
            readers,
            conversations: raw.conversations.unwrap_or(true),
        }))
    }

    fn threads(&self, raw: RawChannel, of: &ResolvedAccount, readers: Readers) -> Option<Destination> {
        let ids = self.ids(Api::Threads);
        let channel_id = self.channel_id(raw.channel_id.or(raw.short), &ids)?;
        let group_id = self.id(raw.group_id, of.group_id.as_ref(), &ids, Id::Group);
        let workspace_id = self.id(raw.workspace_id, of.workspace_id.as_ref(), &ids, Id::Workspace);
        let Some(Account::Threads(account)) = &of.account else {
            return None;
        };
        Some(Destination::Threads(threads::Destination {
            account: Arc::clone(account),
            channel: self.name.value.clone(),
            group_id: group_id?,
            workspace_id: workspace_id?,
            channel_id,
            rate: raw.rate,
            readers,
            conversations: raw.conversations.unwrap_or(true),
        }))
    }

    fn ids(&self, api: Api) -> Ids<'_> {
        Ids {
            api,
            table: &self.path,
            findings: self.findings,
        }
    }

    fn channel_id(&self, id: Option<Located<String>>, ids: &Ids<'_>) -> Option<String> {
        let id = self.required(id, "channel_id", "the channel's id in Twake")?;
        Some(ids.of(id, Id::Channel))
    }

    /// An id of the channel, or that of its account.
    fn id(
        &self,
        own: Option<Located<String>>,
        of_account: Option<&String>,
        ids: &Ids<'_>,
        id: Id,
    ) -> Option<String> {
        let found = own.map(|own| ids.of(own, id)).or_else(|| of_account.cloned());
        if found.is_none() {
            let (key, of, _) = id.words();
            let what = format!("`{key}` is missing: neither the channel nor its account names the {of}");
            self.findings.error(self.name.at, &self.path, what);
        }
        found
    }

    fn matrix(&self, raw: RawChannel, of: &ResolvedAccount, readers: Readers) -> Option<Destination> {
        let example = "the room's alias or id, such as \"#dev:example.org\"";
        let room = self.required(raw.room.or(raw.short), "room", example)?;
        let wrong = |why| self.findings.error(room.at, &format!("{}.room", self.path), why);
        let room = Room::parse(&room.value).map_err(wrong).ok()?;
        let Some(Account::Matrix(account)) = &of.account else {
            return None;
        };
        Some(Destination::Matrix(matrix::Destination {
            account: Arc::clone(account),
            channel: self.name.value.clone(),
            room,
            notify: raw.notify.unwrap_or(Notify::Critical),
            allow_unencrypted: raw.allow_unencrypted,
            rate: raw.rate,
            readers,
            conversations: raw.conversations.unwrap_or(true),
        }))
    }

    fn required(&self, text: Option<Located<String>>, key: &str, what: &str) -> Option<Located<String>> {
        if text.is_none() {
            self.findings
                .error(self.name.at, &self.path, format!("`{key}` is missing: {what}"));
        }
        text
    }
}
