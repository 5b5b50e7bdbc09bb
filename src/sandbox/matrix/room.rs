//! A room: its members, its state, its events. Only data, no responses.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

/// The membership of a user in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    Invited,
    Joined,
    /// Left, or kicked.
    Left,
    Banned,
}

impl Member {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Invited => "invite",
            Self::Joined => "join",
            Self::Left => "leave",
            Self::Banned => "ban",
        }
    }
}

/// An event of a room's timeline.
pub(super) struct Event {
    /// As sent to clients, without what depends on the reader. It keeps its first content until it is redacted.
    pub(super) json: Value,
    /// The scope and the transaction id of its sender, who alone sees the id.
    pub(super) sent_by: Option<(String, String)>,
    /// The redaction of it, as an event.
    pub(super) redaction: Option<Value>,
}

impl Event {
    pub(super) fn text(&self, key: &str) -> &str {
        self.json[key].as_str().unwrap_or("")
    }

    pub(super) fn id(&self) -> &str {
        self.text("event_id")
    }

    /// The kind of its relation and the event that it relates to.
    pub(super) fn relation(&self) -> Option<(&str, &str)> {
        relation(&self.json["content"])
    }

    pub(super) fn relates(&self, kind: &str, id: &str) -> bool {
        self.relation() == Some((kind, id))
    }
}

/// The relation in a content. A reply outside of threads has none.
pub(super) fn relation(content: &Value) -> Option<(&str, &str)> {
    let relation = &content["m.relates_to"];
    Some((relation["rel_type"].as_str()?, relation["event_id"].as_str()?))
}

/// A room.
pub(super) struct MatrixRoom {
    version: u8,
    creator: String,
    /// Anybody may join.
    pub(super) public: bool,
    /// An admin has deleted it, and nobody may join any more.
    pub(super) blocked: bool,
    pub(super) members: BTreeMap<String, Member>,
    /// The contents of the state events, by type and key. Members are in `members`.
    pub(super) state: BTreeMap<(String, String), Value>,
    pub(super) events: VecDeque<Event>,
}

impl MatrixRoom {
    /// A room with its creator in it, and the power levels of Synapse.
    pub(super) fn new(version: u8, creator: &str) -> Self {
        // From version 12 on the creator has more power than any level, and replacing the room needs more than 100.
        let (users, tombstone) = match version {
            12.. => (json!({}), 150),
            _ => (json!({ creator: 100 }), 100),
        };
        let mut new = Self {
            version,
            creator: creator.to_owned(),
            public: false,
            blocked: false,
            members: BTreeMap::from([(creator.to_owned(), Member::Joined)]),
            state: BTreeMap::new(),
            events: VecDeque::new(),
        };
        new.set(
            "m.room.create",
            "",
            json!({ "room_version": version.to_string() }),
        );
        let levels = json!({
            "ban": 50, "kick": 50, "redact": 50, "invite": 0, "state_default": 50, "events_default": 0,
            "users_default": 0, "users": users, "historical": 100,
            "events": {
                "m.room.avatar": 50, "m.room.canonical_alias": 50, "m.room.name": 50, "m.room.encryption": 100,
                "m.room.history_visibility": 100, "m.room.power_levels": 100, "m.room.server_acl": 100,
                "m.room.tombstone": tombstone,
            },
        });
        new.set("m.room.power_levels", "", levels);
        new
    }

    pub(super) fn version(&self) -> u8 {
        self.version
    }

    pub(super) fn creator(&self) -> &str {
        &self.creator
    }

    /// Sets a state event. A content that is no object counts as an empty one.
    pub(super) fn set(&mut self, kind: &str, key: &str, content: Value) {
        let content = if content.is_object() { content } else { json!({}) };
        self.state.insert((kind.to_owned(), key.to_owned()), content);
    }

    pub(super) fn get(&self, kind: &str) -> Option<&Value> {
        self.state.get(&(kind.to_owned(), String::new()))
    }

    pub(super) fn has_joined(&self, user: &str) -> bool {
        self.members.get(user) == Some(&Member::Joined)
    }

    /// The users in it.
    pub(super) fn joined(&self) -> impl Iterator<Item = &String> {
        self.members.keys().filter(|user| self.has_joined(user))
    }

    /// A level of `m.room.power_levels`.
    pub(super) fn level(&self, name: &str, default: i64) -> i64 {
        let levels = self.get("m.room.power_levels");
        levels.and_then(|levels| levels[name].as_i64()).unwrap_or(default)
    }

    /// The level that an event of this type needs.
    pub(super) fn needed(&self, kind: &str, is_state: bool) -> i64 {
        let own = self
            .get("m.room.power_levels")
            .and_then(|levels| levels["events"][kind].as_i64());
        own.unwrap_or_else(|| {
            if is_state {
                self.level("state_default", 50)
            } else {
                self.level("events_default", 0)
            }
        })
    }

    /// The level of a user.
    pub(super) fn power(&self, user: &str) -> i64 {
        if self.version >= 12 && user == self.creator {
            return i64::MAX;
        }
        let own = self
            .get("m.room.power_levels")
            .and_then(|levels| levels["users"][user].as_i64());
        own.unwrap_or_else(|| self.level("users_default", 0))
    }

    pub(super) fn event(&self, id: &str) -> Option<&Event> {
        self.events.iter().find(|event| event.id() == id)
    }

    /// The edit of an event that clients show: the newest one by the same sender. An edit of an edit is ignored.
    pub(super) fn edit_of(&self, event: &Event) -> Option<&Event> {
        if event.redaction.is_some() || event.relation().is_some_and(|(kind, _)| kind == "m.replace") {
            return None;
        }
        let applies = |edit: &&Event| {
            edit.relates("m.replace", event.id())
                && edit.text("sender") == event.text("sender")
                && edit.redaction.is_none()
        };
        self.events.iter().rev().find(applies)
    }

    /// The replies in the thread of an event, the oldest first.
    pub(super) fn thread<'a>(&'a self, root: &'a str) -> impl DoubleEndedIterator<Item = &'a Event> {
        self.events
            .iter()
            .filter(move |event| event.relates("m.thread", root) && event.redaction.is_none())
    }
}
