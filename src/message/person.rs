//! People whom an event concerns. The chat notifies those whose login the operator has mapped to a user.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A person whom an event concerns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// The source whose sender knows the person by the login.
    pub source: String,
    /// The login, as the sender writes it.
    pub login: String,
    /// The user whom the message notifies. Only [`super::Readers::view`] sets it, and it is never stored.
    #[serde(skip)]
    pub user: Option<ChatUser>,
}

/// A user of a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatUser {
    /// Of Twake, by id.
    Twake(Uuid),
    /// Of Matrix, such as `@alice:example.org`.
    Matrix(String),
}

/// The users of one account's chat by the login of a sender. A login of one source precedes the same login of all sources.
#[derive(Clone, Debug, Default)]
pub struct People(BTreeMap<(Option<String>, String), ChatUser>);

impl People {
    /// Maps a login of a source, or of all sources.
    pub fn insert(&mut self, source: Option<String>, login: String, user: ChatUser) {
        self.0.insert((source, login), user);
    }

    /// The user of a person.
    pub fn user(&self, person: &Person) -> Option<&ChatUser> {
        let of = |source: Option<String>| self.0.get(&(source, person.login.clone()));
        of(Some(person.source.clone())).or_else(|| of(None))
    }
}

impl Person {
    /// `name:id`, if the message notifies a user of Twake. Servers read only the id. The name has no blank and no colon.
    pub(super) fn in_twake(&self) -> Option<String> {
        let Some(ChatUser::Twake(id)) = &self.user else {
            return None;
        };
        let plain = |character: char| {
            if character.is_alphanumeric() || "-_.".contains(character) {
                character
            } else {
                '-'
            }
        };
        let name: String = self.login.chars().map(plain).collect();
        Some(format!("{name}:{id}"))
    }

    /// The id, if the message notifies a user of Matrix.
    pub(crate) fn in_matrix(&self) -> Option<&str> {
        match &self.user {
            Some(ChatUser::Matrix(id)) => Some(id),
            _ => None,
        }
    }
}
