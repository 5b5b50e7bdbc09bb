//! What a homeserver keeps beside messages: accounts, tokens, rooms, aliases, transaction ids. Only data, no responses.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::room::{MatrixRoom, Member};
use crate::sandbox::page::notified::Audience;
use crate::sandbox::settings::{PERSON, PERSON_TOKEN, RateLimit, SandboxSettings};
use crate::secret::Secret;

/// The name of the server, the part of every id behind the colon.
pub const SERVER_NAME: &str = "sandbox.test";

/// How long a transaction id is known: for a device in the database, for other tokens only in memory, 30 to 60 minutes.
const KNOWN_OF_DEVICE: Duration = Duration::from_secs(24 * 3600);
const KNOWN_IN_MEMORY: Duration = Duration::from_secs(30 * 60);

/// The user id of an account of this server.
pub(in crate::sandbox) fn user_id(name: &str) -> String {
    format!("@{name}:{SERVER_NAME}")
}

/// A random id: of an event, of a room, a token.
pub(super) fn random(length: usize) -> String {
    let letter = |_| fastrand::alphanumeric();
    (0..length).map(letter).collect()
}

/// An account.
pub(super) struct Account {
    /// The name that people see.
    pub(super) name: String,
    pub(super) password: Secret,
    /// May call the admin API.
    pub(super) admin: bool,
    pub(super) locked: bool,
    /// May not send events. Synapse refuses some other actions, too.
    pub(super) suspended: bool,
    /// The limit set by an admin for this account.
    pub(super) own_limit: Option<RateLimit>,
    /// Actions that still count against the limit, and when that was computed.
    pub(super) counted: (f64, Timestamp),
}

/// An access token.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) token: String,
    pub(super) user: String,
    /// Unset: minted by an admin, or of an application service.
    pub(super) device: Option<String>,
    pub(super) application_service: bool,
    pub(super) expires: Option<Timestamp>,
    /// The token that renews it; it stays known when it was used.
    pub(super) refresh: Option<String>,
    /// It was renewed, and the new token is in use.
    pub(super) replaced: bool,
    /// The refresh token that it was made with, until it is used.
    pub(super) made_with: Option<String>,
}

impl Session {
    /// A session that lasts until it is ended.
    pub(super) fn new(token: String, user: String, device: Option<String>) -> Self {
        Self {
            token,
            user,
            device,
            application_service: false,
            expires: None,
            refresh: None,
            replaced: false,
            made_with: None,
        }
    }

    /// Within this scope a transaction id names one event.
    pub(super) fn scope(&self) -> String {
        match &self.device {
            Some(device) => format!("{} {device}", self.user),
            None => self.token.clone(),
        }
    }
}

struct Transaction {
    /// Scope and path.
    key: (String, String),
    of_device: bool,
    event: String,
    at: Timestamp,
}

/// The state of a homeserver.
pub(in crate::sandbox) struct Homeserver {
    pub(super) accounts: BTreeMap<String, Account>,
    pub(super) rooms: BTreeMap<String, MatrixRoom>,
    pub(super) aliases: HashMap<String, String>,
    sessions: VecDeque<Session>,
    transactions: VecDeque<Transaction>,
    /// How many sessions and transaction ids are kept.
    kept: usize,
}

impl Homeserver {
    /// The accounts and rooms of the settings. Each application is invited to each room, and has not joined.
    pub(in crate::sandbox) fn new(settings: &SandboxSettings) -> Self {
        let mut new = Self {
            accounts: BTreeMap::new(),
            rooms: BTreeMap::new(),
            aliases: HashMap::new(),
            sessions: VecDeque::new(),
            transactions: VecDeque::new(),
            kept: settings.limits.attempts,
        };
        new.add_account(PERSON, PERSON, &Secret::new(PERSON_TOKEN), Some("PHONE"), true);
        for application in &settings.applications {
            let (key, device) = (&application.private_api_key, application.device.as_deref());
            new.add_account(&application.public_id, &application.name, key, device, false);
        }
        for channel in &settings.channels {
            let mut room = MatrixRoom::new(12, &user_id(PERSON));
            room.set("m.room.name", "", json!({ "name": channel.name }));
            for application in &settings.applications {
                room.members
                    .insert(user_id(&application.public_id), Member::Invited);
            }
            new.aliases
                .insert(format!("#{}:{SERVER_NAME}", channel.name), channel.id.clone());
            new.rooms.insert(channel.id.clone(), room);
        }
        new
    }

    fn add_account(&mut self, id: &str, name: &str, key: &Secret, device: Option<&str>, admin: bool) {
        let user = user_id(id);
        let account = Account {
            name: name.to_owned(),
            password: key.clone(),
            admin,
            locked: false,
            suspended: false,
            own_limit: None,
            counted: (0.0, Timestamp::UNIX_EPOCH),
        };
        self.accounts.insert(user.clone(), account);
        self.add_session(Session {
            application_service: device.is_none(),
            ..Session::new(key.expose().to_owned(), user, device.map(str::to_owned))
        });
    }

    pub(super) fn add_session(&mut self, session: Session) {
        self.sessions.push_back(session);
        while self.sessions.len() > self.kept {
            self.sessions.pop_front();
        }
    }

    pub(super) fn session(&self, token: &str) -> Option<&Session> {
        self.sessions.iter().find(|session| session.token == token)
    }

    /// Notes that a session, or its refresh token, is used: the one that it has renewed ends.
    pub(super) fn is_used(&mut self, token: &str, now: Timestamp) {
        let session = self.sessions.iter_mut().find(|session| session.token == token);
        let Some(before) = session.and_then(|session| session.made_with.take()) else {
            return;
        };
        if let Some(before) = self.session_to_refresh(&before) {
            before.replaced = true;
            before.expires = Some(now);
        }
    }

    pub(super) fn session_to_refresh(&mut self, refresh: &str) -> Option<&mut Session> {
        let holds = |session: &&mut Session| session.refresh.as_deref() == Some(refresh);
        self.sessions.iter_mut().find(holds)
    }

    /// Ends sessions: one by its token, or all of a user.
    pub(super) fn end_sessions(&mut self, ended: impl Fn(&Session) -> bool) {
        self.sessions.retain(|session| !ended(session));
    }

    /// The name that people see.
    pub(super) fn name(&self, user: &str) -> String {
        self.accounts
            .get(user)
            .map_or_else(|| user.to_owned(), |account| account.name.clone())
    }

    /// The event that this transaction id has made already.
    pub(super) fn known(&self, key: &(String, String), now: Timestamp) -> Option<&str> {
        let found = self.transactions.iter().rev().find(|known| known.key == *key)?;
        let life = if found.of_device {
            KNOWN_OF_DEVICE
        } else {
            KNOWN_IN_MEMORY
        };
        (now.duration_since(found.at) < life.try_into().unwrap_or_default()).then_some(&found.event)
    }

    pub(super) fn remember(&mut self, key: (String, String), of_device: bool, event: &str, at: Timestamp) {
        self.transactions.push_back(Transaction {
            key,
            of_device,
            event: event.to_owned(),
            at,
        });
        while self.transactions.len() > self.kept {
            self.transactions.pop_front();
        }
    }

    /// A restart: what is only in memory is gone.
    pub(in crate::sandbox) fn restart(&mut self) {
        self.transactions.retain(|known| known.of_device);
    }

    /// The rules of notifications: what a sender may, and who is in the room.
    pub(in crate::sandbox) fn audience(&self, room: &str, sender: &str) -> Audience {
        let Some(room) = self.rooms.get(room) else {
            return Audience::default();
        };
        let others = room.joined().filter(|user| *user != sender);
        Audience {
            may_notify_all: room.power(sender) >= 50,
            people: others.map(|user| (user.clone(), self.name(user))).collect(),
        }
    }

    /// The room behind an alias of this server.
    pub(super) fn resolve(&self, alias: &str) -> Option<&str> {
        self.aliases.get(alias).map(String::as_str)
    }

    /// The ids of the rooms that a user is in, sorted.
    pub(super) fn joined(&self, user: &str) -> Vec<Value> {
        let joined = self.rooms.iter().filter(|(_, room)| room.has_joined(user));
        joined.map(|(id, _)| json!(id)).collect()
    }
}
