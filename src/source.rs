//! A configured sender and its kind.

use arc_swap::ArcSwap;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::admission::{Admission, TrustedProxies};
use crate::authentication::{Authenticator, Scheme};
use crate::condition::{Condition, Read};
use crate::confirmation::Confirmation;
use crate::facts::FactMap;
use crate::message::Appearance;
use crate::payload::{BodyForm, Selection};
use crate::route::Routes;
use crate::secret::{Secret, SourceSecret};
use crate::template::{Library, SourceConversations};
use crate::twake::Destination;

/// The compiled `source.toml` of a kind.
pub struct Kind {
    /// The folder's name.
    pub name: String,
    /// The display name of the sender.
    pub title: String,
    /// The authentication schemes, the default first.
    pub schemes: Vec<Scheme>,
    /// The accepted methods, at least one.
    pub methods: Vec<Method>,
    /// Where a body carries the payload.
    pub body: BodyForm,
    /// The expression of the event type.
    pub event_type: Condition,
    /// The expressions of the idempotency key. If empty, the body is the key.
    pub key: Vec<Condition>,
    /// How long a key is kept for deduplication.
    pub remember: Duration,
    /// How long a body is kept as the key.
    pub remember_body: Duration,
    /// Skipped event types, each with its reason.
    pub skipped_types: Vec<(String, String)>,
    /// The headers of a sample's request besides its authentication, derived from `event.type` and `event.key`.
    /// `{event}` stands for the event type, `{id}` for a request id.
    pub sample_headers: Vec<(String, String)>,
    /// The response to the sender of an event.
    pub response: EventResponse,
    /// Requests that are not events.
    pub challenges: Challenges,
    /// How the sender asks for the confirmation of a subscription, if it does.
    pub confirmation: Option<Arc<Confirmation>>,
    /// The templates of the event types.
    pub templates: Arc<Library>,
}

impl Kind {
    /// Returns the default scheme of a source for which somebody makes up a secret: the first that needs no key of the sender.
    pub fn scheme_with_secret(&self) -> Option<&Scheme> {
        self.schemes.iter().find(|scheme| !scheme.has_public_key())
    }
}

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
    /// `GET`. The payload is in the body, or in the query of a request without a body (`[body] query`).
    Get,
}

impl Method {
    /// The methods that a kind can accept. `HEAD`, `OPTIONS` and `DELETE` carry no event.
    pub const ALL: [Self; 4] = [Self::Post, Self::Put, Self::Patch, Self::Get];

    /// Returns the name in HTTP.
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
    /// The `Content-Type` of the response.
    pub content_type: String,
}

/// Which events are critical, if a source does not say it: an alert of critical severity that is not over.
pub const CRITICAL: &str = r#"severity == "critical" && outcome != "success""#;

/// A configured sender: `[sources.NAME]`.
pub struct Source {
    /// The name. The path is `/hooks/{name}`.
    pub name: Arc<str>,
    /// The kind.
    pub kind: Arc<Kind>,
    /// The schemes and secrets.
    pub authenticator: Authenticator,
    /// The facts of the kind, with those of the source in place of facts of the same name.
    pub facts: FactMap,
    /// The routes of its events.
    pub routes: Routes,
    /// The conversations of its events.
    pub conversations: SourceConversations,
    /// Which events are critical: posted whole, before a digest and through quiet hours. Unset: [`CRITICAL`].
    pub critical: Option<Condition>,
    /// The parts of a payload that a decision reads: [`selection`] of the fields above.
    pub selection: Selection,
    /// Whether its templates leave out what most channels do not want, such as stars and each passed run. They read it as
    /// `calm`.
    pub calm: bool,
    /// Whether the bridge opens the addresses of the kind's [`Kind::confirmation`]. The kind then has one.
    pub confirm: bool,
    /// Maximum length of a body, in bytes.
    pub body_limit: usize,
    /// Access control before authentication.
    pub admission: Admission,
    /// The name and picture that its messages are shown with; unset: the application's.
    pub appearance: Option<Appearance>,
}

/// Returns the parts of a payload that anything may read while an event is decided: the expressions of the kind, the facts, the
/// routes, the templates, the condition of what is critical. What an expression or a template reads must be added here, or it is missing from the payload.
pub fn selection(
    kind: &Kind,
    facts: &FactMap,
    routes: &Routes,
    conversations: &SourceConversations,
    critical: Option<&Condition>,
) -> Selection {
    let challenges = kind.challenges.signed.iter();
    let challenges = challenges.flat_map(|challenge| [Some(&challenge.when), challenge.response.as_ref()]);
    let facts = facts.facts.iter().flat_map(|(_, expressions)| expressions);
    let conditions = [&kind.event_type].into_iter();
    let conditions = conditions.chain(&kind.key).chain(challenges.flatten());
    let conditions = conditions.chain(facts).chain(routes.conditions());
    let confirmation = kind.confirmation.as_ref().map(|confirmation| &confirmation.url);
    let conditions = conditions.chain(confirmation);
    let conditions = conditions.chain(conversations.conditions()).chain(critical);
    let templates = kind.templates.entries().flat_map(|template| template.all_reads());
    let reads: Vec<Read> = conditions
        .flat_map(Condition::reads)
        .cloned()
        .chain(templates)
        .collect();
    Selection::of(reads.iter().filter_map(|read| match read.path.split_first() {
        // All names.
        None => Some((read.path.as_slice(), true)),
        Some((name, path)) => (name == "payload").then_some((path, read.whole)),
    }))
}

/// Who may use the operator's listener (`[operator]`).
#[derive(Clone, Default)]
pub struct OperatorAccess {
    /// The token of the API and of the console's login. Unset: clients on this machine need none.
    pub token: Option<Secret>,
    /// The origin that browsers show for the console, such as `https://bridge.example.org`. Unset: that of the `Host`.
    pub origin: Option<String>,
    /// The header in which a trusted proxy names the user, in lower case.
    pub user_header: Option<String>,
}

/// Everything that a reload replaces, in one step.
#[derive(Default)]
pub struct Snapshot {
    /// The sources by name.
    pub sources: BTreeMap<Arc<str>, Arc<Source>>,
    /// The channels by name, and where each points.
    pub channels: BTreeMap<Arc<str>, Destination>,
    /// Who may use the operator's listener.
    pub operator: OperatorAccess,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: TrustedProxies,
    /// The folder of own kinds, if there is one.
    pub templates: Option<PathBuf>,
    /// The secrets of each source, with which a test is signed. Authentication itself has the keys made from them.
    pub secrets: BTreeMap<Arc<str>, Vec<SourceSecret>>,
}

/// The current snapshot. A request loads it once and uses the same snapshot until its end.
pub type SharedSnapshot = Arc<ArcSwap<Snapshot>>;
