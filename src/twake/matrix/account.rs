//! Accounts and rooms, and what an account's session knows of them.

mod renewal;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use url::Url;

use super::tokens::Tokens;
use crate::message::Readers;
use crate::secret::Secret;
use crate::twake::{Extent, HaltScope, Outbound};
use crate::units::Rate;

/// How long the state of a room is believed. It is looked at again when the room is used after that.
const LOOK_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// `[twake.NAME]` with `api = "matrix"`: an account on a homeserver.
pub struct Account {
    /// Its name in `bridge.toml`.
    pub name: String,
    /// The address of the homeserver. No other address is ever asked: `.well-known` is not read.
    pub url: Url,
    /// How the bridge authenticates.
    pub credentials: Credentials,
    /// How the homeserver is reached.
    pub outbound: Arc<Outbound>,
    session: Mutex<Session>,
}

/// How the bridge authenticates, as it is configured.
pub enum Credentials {
    /// The access token of an ordinary account.
    AccessToken(Secret),
    /// The access token of an ordinary account, which expires, and what renews it.
    Renewable {
        /// The first access token.
        token: Secret,
        /// The first refresh token. Each one is used once.
        refresh: Secret,
        /// The file that keeps the tokens of the last renewal.
        file: PathBuf,
    },
    /// An application service, and the user that it posts as.
    ApplicationService {
        /// The token (`as_token`).
        token: Secret,
        /// The user, such as `@bridge:example.org`.
        user_id: String,
    },
}

impl Credentials {
    /// The configured token.
    pub(super) fn token(&self) -> &Secret {
        match self {
            Self::AccessToken(token)
            | Self::Renewable { token, .. }
            | Self::ApplicationService { token, .. } => token,
        }
    }
}

/// `[channels] NAME`: a room.
#[derive(Clone)]
pub struct Destination {
    /// The account.
    pub account: Arc<Account>,
    /// The channel's name.
    pub channel: String,
    /// The room.
    pub room: Room,
    /// Which messages make a sound.
    pub notify: Notify,
    /// Whether plain messages are sent into an encrypted room.
    pub allow_unencrypted: bool,
    /// At most this often; unset: as fast as the homeserver answers.
    pub rate: Option<Rate>,
    /// Who reads it.
    pub readers: Readers,
    /// Whether messages may reply to and update earlier ones.
    pub conversations: bool,
}

/// A room as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Room {
    /// Its id. Only the leading `!` is certain: since version 12 of rooms, ids have no server.
    Id(String),
    /// An alias, `#dev:example.org`. It follows the room when that is replaced.
    Alias(String),
}

/// Which messages are of type `m.text`, which clients announce as each person set the room. The others are of type
/// `m.notice`, which makes no sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notify {
    /// All of them.
    Always,
    /// Those of critical severity.
    Critical,
    /// None.
    Never,
}

impl Notify {
    /// Every value, with its word in `bridge.toml`.
    pub const ALL: [(&str, Self); 3] = [
        ("critical", Self::Critical),
        ("always", Self::Always),
        ("never", Self::Never),
    ];
}

/// What was learned of an account. It may be lost at any time.
#[derive(Default)]
pub(super) struct Session {
    identity: Option<Identity>,
    /// By the channel's name.
    rooms: BTreeMap<String, KnownRoom>,
    /// Of an account with a refresh token. Unset: the file was not looked at.
    pub(super) tokens: Option<Tokens>,
}

/// Who the account is.
#[derive(Clone)]
pub(super) struct Identity {
    /// Such as `@bridge:example.org`.
    pub(super) user_id: String,
    /// Whether its token belongs to a device, so that the server remembers transaction ids for a day.
    pub(super) has_device: bool,
}

/// A room that is neither replaced nor encrypted.
struct KnownRoom {
    id: String,
    /// When its state was looked at, on the monotonic clock.
    looked_at: Duration,
}

impl Account {
    /// An account whose session is empty.
    pub fn new(name: String, url: Url, credentials: Credentials, outbound: Arc<Outbound>) -> Self {
        Self {
            name,
            url,
            credentials,
            outbound,
            session: Mutex::default(),
        }
    }

    /// The user that an application service posts as.
    pub(in crate::twake) fn acts_as(&self) -> Option<&str> {
        match &self.credentials {
            Credentials::AccessToken(_) | Credentials::Renewable { .. } => None,
            Credentials::ApplicationService { user_id, .. } => Some(user_id),
        }
    }

    pub(super) fn identity(&self) -> Option<Identity> {
        self.session().identity.clone()
    }

    pub(super) fn identified(&self, identity: &Identity) {
        self.session().identity = Some(identity.clone());
    }

    /// The id of a channel's room, and whether its state need not be looked at now.
    pub(super) fn room(&self, channel: &str, now: Duration) -> Option<(String, bool)> {
        let session = self.session();
        let room = session.rooms.get(channel)?;
        let is_fresh = now.saturating_sub(room.looked_at) < LOOK_INTERVAL;
        Some((room.id.clone(), is_fresh))
    }

    /// Notes that a channel's room was looked at, and takes messages.
    pub(super) fn looked_at(&self, channel: &str, id: &str, now: Duration) {
        let room = KnownRoom {
            id: id.to_owned(),
            looked_at: now,
        };
        self.session().rooms.insert(channel.to_owned(), room);
    }

    pub(super) fn session(&self) -> MutexGuard<'_, Session> {
        // Nothing in here panics half way through a change.
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Destination {
    /// Whether both are the same room for the same account, with the same rules.
    pub(in crate::twake) fn same_channel(&self, other: &Self) -> bool {
        let (one, two) = (&self.account, &other.account);
        self.room == other.room
            && self.allow_unencrypted == other.allow_unencrypted
            && one.acts_as() == two.acts_as()
            && one.credentials.token().matches(two.credentials.token().expose())
    }

    /// Every scope that covers it.
    pub(in crate::twake) fn scopes(&self) -> [HaltScope; 2] {
        [Extent::Account, Extent::Channel].map(|extent| self.scope(extent))
    }

    pub(super) fn scope(&self, extent: Extent) -> HaltScope {
        let account = &self.account.name;
        match extent {
            // A homeserver has no companies.
            Extent::Account | Extent::Company => HaltScope::account(account),
            Extent::Channel => HaltScope::part(account, format!("channel {}", self.channel)),
        }
    }
}

impl Room {
    /// Parses a room.
    ///
    /// # Errors
    /// The text is no room. The error ends with the nearest form, if there is one.
    pub fn parse(text: &str) -> Result<Self, String> {
        match Self::of(text) {
            Some(room) => Ok(room),
            None if text.starts_with('@') => {
                Err("is a person; a room is written #name:server or !id".to_owned())
            }
            None => {
                let near =
                    nearest(text).map_or_else(String::new, |near| format!(", did you mean \"{near}\"?"));
                Err(format!(
                    "is no room of Matrix: an alias is written #name:server, an id begins with !{near}"
                ))
            }
        }
    }

    fn of(text: &str) -> Option<Self> {
        let is_word = !text.contains(|c: char| c.is_whitespace() || c.is_control());
        if text.len() > 1 && text.starts_with('!') && is_word {
            return Some(Self::Id(text.to_owned()));
        }
        let (name, server) = text.strip_prefix('#')?.split_once(':')?;
        let is_alias = is_word && !name.is_empty() && !server.is_empty() && !server.contains('/');
        is_alias.then(|| Self::Alias(text.to_owned()))
    }

    /// As it is configured.
    pub fn text(&self) -> &str {
        match self {
            Self::Id(text) | Self::Alias(text) => text,
        }
    }
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// The room that a text was probably meant to be: the one of a link to it, or an alias without `#`.
fn nearest(text: &str) -> Option<String> {
    let text = text.trim();
    if let Some((_, rest)) = text.split_once("/#/") {
        let room = rest.split(['?', '/']).next()?;
        let room = percent_encoding::percent_decode_str(room).decode_utf8().ok()?;
        return Room::of(&room).map(|room| room.text().to_owned());
    }
    let alias = format!("#{text}");
    (!text.contains("//") && Room::of(&alias).is_some()).then_some(alias)
}

/// Parses the id of a user, `@name:server`.
///
/// # Errors
/// The text is no such id. The error ends with the nearest form, if there is one.
pub fn parse_user_id(text: &str) -> Result<String, String> {
    if is_user_id(text) {
        return Ok(text.to_owned());
    }
    let near = format!("@{}", text.trim_start_matches('@'));
    let near = if is_user_id(&near) {
        format!(", did you mean \"{near}\"?")
    } else {
        String::new()
    };
    Err(format!(
        "is no user of Matrix, which is written @name:server{near}"
    ))
}

fn is_user_id(text: &str) -> bool {
    let parts = text.strip_prefix('@').and_then(|rest| rest.split_once(':'));
    let is_word = !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/');
    is_word && parts.is_some_and(|(name, server)| !name.is_empty() && !server.is_empty())
}
