//! Accounts and channels, and what an account's session knows of them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use url::Url;

use crate::message::Readers;
use crate::secret::Secret;
use crate::twake::{Extent, HaltScope, Outbound};
use crate::units::Rate;

/// A token is not used for so long before its end.
const MARGIN: Duration = Duration::from_secs(60);

/// `[twake.NAME]` with `api = "threads"`: an application of Twake.
pub struct Account {
    /// Its name in `bridge.toml`.
    pub name: String,
    /// The address of Twake. No other address is ever asked.
    pub url: Url,
    /// The application's public identifier.
    pub public_id: String,
    /// The application's private key.
    pub private_api_key: Secret,
    /// How Twake is reached.
    pub outbound: Arc<Outbound>,
    session: Mutex<Session>,
}

/// `[channels] NAME`: a channel of Twake.
#[derive(Clone)]
pub struct Destination {
    /// The account.
    pub account: Arc<Account>,
    /// The channel's name.
    pub channel: String,
    /// The company.
    pub group_id: String,
    /// The workspace in the company.
    pub workspace_id: String,
    /// The channel in the workspace.
    pub channel_id: String,
    /// At most this often; unset: as fast as Twake answers.
    pub rate: Option<Rate>,
    /// Who reads it.
    pub readers: Readers,
    /// Whether messages may reply to and update earlier ones.
    pub conversations: bool,
}

/// What was learned of an account. It may be lost at any time.
#[derive(Default)]
struct Session {
    token: Option<Token>,
    /// The channels that exist, by company, workspace and id.
    channels: BTreeSet<[String; 3]>,
}

struct Token {
    value: Secret,
    /// Its last use, on the monotonic clock.
    until: Duration,
}

impl Account {
    /// An account whose session is empty.
    pub fn new(
        name: String,
        url: Url,
        public_id: String,
        private_api_key: Secret,
        outbound: Arc<Outbound>,
    ) -> Self {
        Self {
            name,
            url,
            public_id,
            private_api_key,
            outbound,
            session: Mutex::default(),
        }
    }

    /// The token that all lanes of the account share, if it lives.
    pub(super) fn token(&self, now: Duration) -> Option<Secret> {
        let session = self.session();
        let token = session.token.as_ref().filter(|token| now < token.until);
        token.map(|token| token.value.clone())
    }

    /// Notes a token that lives for so long. Another lane may have got one meanwhile; both live.
    pub(super) fn logged_in(&self, value: &Secret, life: Duration, now: Duration) {
        self.session().token = Some(Token {
            value: value.clone(),
            until: now.saturating_add(life.saturating_sub(MARGIN)),
        });
    }

    /// Forgets a token that was refused.
    pub(super) fn forget(&self, refused: &Secret) {
        let mut session = self.session();
        session.token = session
            .token
            .take()
            .filter(|token| !token.value.matches(refused.expose()));
    }

    pub(super) fn knows(&self, destination: &Destination) -> bool {
        self.session().channels.contains(&destination.ids())
    }

    /// Notes that a channel exists.
    pub(super) fn found(&self, destination: &Destination) {
        self.session().channels.insert(destination.ids());
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        // Nothing in here panics half way through a change.
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Destination {
    /// Whether both are the same channel for the same application.
    pub(in crate::twake) fn same_channel(&self, other: &Self) -> bool {
        let (one, two) = (&self.account, &other.account);
        self.ids() == other.ids()
            && one.public_id == two.public_id
            && one.private_api_key.matches(two.private_api_key.expose())
    }

    /// Every scope that covers it.
    pub(in crate::twake) fn scopes(&self) -> [HaltScope; 3] {
        [Extent::Account, Extent::Company, Extent::Channel].map(|extent| self.scope(extent))
    }

    pub(super) fn scope(&self, extent: Extent) -> HaltScope {
        let account = &self.account.name;
        match extent {
            Extent::Account => HaltScope::account(account),
            Extent::Company => HaltScope::part(account, format!("company {}", self.group_id)),
            Extent::Channel => HaltScope::part(account, format!("channel {}", self.channel)),
        }
    }

    fn ids(&self) -> [String; 3] {
        [&self.group_id, &self.workspace_id, &self.channel_id].map(String::clone)
    }
}
