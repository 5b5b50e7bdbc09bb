//! Accounts and the destinations in them, one struct a dialect; what delivery has to know of each.

use std::sync::Arc;
use url::{Position, Url};

use super::{Api, HaltScope, Outbound, matrix, messages_save, threads};
use crate::message::Readers;
use crate::units::Rate;

/// `[twake.NAME]`: a chat with credentials.
#[derive(Clone)]
pub enum Account {
    /// See [`messages_save`].
    MessagesSave(Arc<messages_save::Account>),
    /// See [`threads`].
    Threads(Arc<threads::Account>),
    /// See [`matrix`].
    Matrix(Arc<matrix::Account>),
}

/// `[channels] NAME`: a channel in an account that the bridge may post to.
#[derive(Clone)]
pub enum Destination {
    /// See [`messages_save`].
    MessagesSave(messages_save::Destination),
    /// See [`threads`].
    Threads(threads::Destination),
    /// See [`matrix`].
    Matrix(matrix::Destination),
}

impl From<messages_save::Destination> for Destination {
    fn from(destination: messages_save::Destination) -> Self {
        Self::MessagesSave(destination)
    }
}

impl From<threads::Destination> for Destination {
    fn from(destination: threads::Destination) -> Self {
        Self::Threads(destination)
    }
}

impl From<matrix::Destination> for Destination {
    fn from(destination: matrix::Destination) -> Self {
        Self::Matrix(destination)
    }
}

impl Account {
    /// The dialect that it speaks.
    pub fn api(&self) -> Api {
        match self {
            Self::MessagesSave(_) => Api::MessagesSave,
            Self::Threads(_) => Api::Threads,
            Self::Matrix(_) => Api::Matrix,
        }
    }

    /// Its name in `bridge.toml`.
    pub fn name(&self) -> &str {
        match self {
            Self::MessagesSave(account) => &account.name,
            Self::Threads(account) => &account.name,
            Self::Matrix(account) => &account.name,
        }
    }

    /// The address of the chat.
    pub fn url(&self) -> &Url {
        match self {
            Self::MessagesSave(account) => &account.url,
            Self::Threads(account) => &account.url,
            Self::Matrix(account) => &account.url,
        }
    }

    /// How it is reached.
    pub fn outbound(&self) -> &Arc<Outbound> {
        match self {
            Self::MessagesSave(account) => &account.outbound,
            Self::Threads(account) => &account.outbound,
            Self::Matrix(account) => &account.outbound,
        }
    }
}

impl Destination {
    /// The account it is in.
    pub fn account(&self) -> Account {
        match self {
            Self::MessagesSave(of) => Account::MessagesSave(Arc::clone(&of.account)),
            Self::Threads(of) => Account::Threads(Arc::clone(&of.account)),
            Self::Matrix(of) => Account::Matrix(Arc::clone(&of.account)),
        }
    }

    /// The channel's own name in the chat: its id, or the alias of a room.
    pub fn id(&self) -> String {
        match self {
            Self::MessagesSave(of) => of.channel_id.clone(),
            Self::Threads(of) => of.channel_id.clone(),
            Self::Matrix(of) => of.room.to_string(),
        }
    }

    /// At most this often; unset: as fast as the chat answers.
    pub fn rate(&self) -> Option<Rate> {
        match self {
            Self::MessagesSave(of) => of.rate,
            Self::Threads(of) => of.rate,
            Self::Matrix(of) => of.rate,
        }
    }

    /// Who reads it.
    pub fn readers(&self) -> &Readers {
        match self {
            Self::MessagesSave(of) => &of.readers,
            Self::Threads(of) => &of.readers,
            Self::Matrix(of) => &of.readers,
        }
    }

    /// Whether messages may reply to and update earlier ones; otherwise each is a message by itself.
    pub fn conversations(&self) -> bool {
        match self {
            Self::MessagesSave(of) => of.conversations,
            Self::Threads(of) => of.conversations,
            Self::Matrix(of) => of.conversations,
        }
    }

    /// A text that is the same as long as messages go to the same channel by the same account. It has no secret.
    pub fn fingerprint(&self) -> String {
        let account = self.account();
        let url = &account.url()[Position::BeforeHost..Position::AfterPath];
        match self {
            Self::MessagesSave(of) => {
                let (id, company) = (&of.account.public_id, &of.group_id);
                format!("messages-save {url} {id} {company} {}", of.channel_id)
            }
            Self::Threads(of) => {
                let (id, company, workspace) = (&of.account.public_id, &of.group_id, &of.workspace_id);
                format!("threads {url} {id} {company} {workspace} {}", of.channel_id)
            }
            Self::Matrix(of) => {
                let user = of.account.acts_as().unwrap_or_default();
                format!("matrix {url} {user} {}", of.room)
            }
        }
    }

    /// Every scope that covers it.
    pub fn scopes(&self) -> Vec<HaltScope> {
        match self {
            Self::MessagesSave(of) => of.scopes().into(),
            Self::Threads(of) => of.scopes().into(),
            Self::Matrix(of) => of.scopes().into(),
        }
    }

    /// Whether messages for both go to the same channel, on the same way out and with the same credentials.
    pub fn same_destination(&self, other: &Self) -> bool {
        let (one, two) = (self.account(), other.account());
        one.url() == two.url()
            && one.outbound().fingerprint() == two.outbound().fingerprint()
            && match (self, other) {
                (Self::MessagesSave(one), Self::MessagesSave(two)) => one.same_channel(two),
                (Self::Threads(one), Self::Threads(two)) => one.same_channel(two),
                (Self::Matrix(one), Self::Matrix(two)) => one.same_channel(two),
                _ => false,
            }
    }
}
