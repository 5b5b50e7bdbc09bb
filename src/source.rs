//! A configured sender, and the kind it is of.

use arc_swap::ArcSwap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::admission::{Admission, TrustedProxies};
use crate::authentication::{Authenticator, Scheme};
use crate::condition::Condition;
use crate::facts::FactMap;
use crate::payload::BodyForm;
use crate::route::Routes;
use crate::secret::Secret;
use crate::template::Library;

/// What `source.toml` of a kind says, compiled.
pub struct Kind {
    /// The folder's name.
    pub name: String,
    /// How people call the sender.
    pub title: String,
    /// Ways of authenticating, the default first.
    pub schemes: Vec<Scheme>,
    /// The methods it takes, at least one.
    pub methods: Vec<Method>,
    /// Where the payload is in a body that is not JSON itself.
    pub body: BodyForm,
    /// The event's type.
    pub event_type: Condition,
    /// The idempotency key's parts; empty: the body.
    pub key: Vec<Condition>,
    /// How long a key is remembered.
    pub remember: Duration,
    /// How long the body is remembered where it is the key.
    pub remember_body: Duration,
    /// Event types that are skipped, each with the reason.
    pub skipped_types: Vec<(String, String)>,
    /// The headers that a sample's request needs besides its authentication, read off `event.type` and `event.key`:
    /// `{event}` stands for the event type, `{id}` for an id of the request.
    pub sample_headers: Vec<(String, String)>,
    /// What the sender of an event is answered.
    pub response: EventResponse,
    /// Requests that are no events.
    pub challenges: Challenges,
    /// What each event type says.
    pub templates: Arc<Library>,
}

/// A method of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
    /// `GET`: its body, if it has one, or its query (`[body] query`).
    Get,
}

impl Method {
    /// Those a kind may take; what only asks (`HEAD`, `OPTIONS`) or deletes tells nothing.
    pub const ALL: [Self; 4] = [Self::Post, Self::Put, Self::Patch, Self::Get];

    /// As HTTP writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Get => "GET",
        }
    }
}

/// The kind's own response to an event (`[response]`), new or seen before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventResponse {
    /// The status, 200 to 299. Unset: 202, or 200 for an event that was seen before.
    pub status: Option<u16>,
    /// The body, as plain text. Unset: JSON with the event's id and channels.
    pub body: Option<String>,
}

/// Requests that are not events (`[[challenge]]`), in the order of the file. They are answered, but not stored.
#[derive(Clone, Debug, Default)]
pub struct Challenges {
    /// Evaluated after authentication. The response may use the request; it is empty if unset.
    pub signed: Vec<Challenge<Option<Condition>>>,
    /// Evaluated before authentication, without the body (`unsigned = true`). The response is constant.
    pub unsigned: Vec<Challenge<String>>,
}

/// A request that is not an event, and its response.
#[derive(Clone, Debug)]
pub struct Challenge<R> {
    /// Which requests match. A request for which it cannot be evaluated does not match.
    pub when: Condition,
    /// The body of the response.
    pub response: R,
    /// 200 to 299.
    pub status: u16,
    /// What the answer is.
    pub content_type: String,
}

/// A configured sender: `[sources.NAME]`.
pub struct Source {
    /// Its name; its path is `/hooks/{name}`.
    pub name: Arc<str>,
    /// Its kind.
    pub kind: Arc<Kind>,
    /// Schemes and secrets.
    pub authenticator: Authenticator,
    /// The kind's facts with the source's own over them.
    pub facts: FactMap,
    /// Where its events go.
    pub routes: Routes,
    /// The largest body it takes, in bytes.
    pub body_limit: usize,
    /// Whom it lets in at all.
    pub admission: Admission,
}

/// What a bridge serves at a time: a reload swaps all of it at once.
#[derive(Default)]
pub struct Snapshot {
    /// The sources by name.
    pub sources: BTreeMap<Arc<str>, Arc<Source>>,
    /// The channels there are.
    pub channels: BTreeSet<Arc<str>>,
    /// What the operator's listener asks for; unset: nothing.
    pub operator_token: Option<Secret>,
    /// Whose word is taken for where a request comes from.
    pub trusted_proxies: TrustedProxies,
}

/// What is served now. Whoever works with it loads it once, so that a request ends with what it began with.
pub type SharedSnapshot = Arc<ArcSwap<Snapshot>>;
