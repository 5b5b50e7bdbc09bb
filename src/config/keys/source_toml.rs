//! The keys of `source.toml`, which describes a kind.

use super::{EXPRESSIONS, FACTS};
use crate::authentication::SCHEMES;
use crate::source::Method;
use crate::toml_reader::{Key, Names, Shape, words};

pub(in crate::config) const METHODS: [(&str, Method); 4] = [
    ("POST", Method::Post),
    ("PUT", Method::Put),
    ("PATCH", Method::Patch),
    ("GET", Method::Get),
];
const METHOD_WORDS: &[&str] = &words(&METHODS);

pub(in crate::config) const ROOT: &[Key] = &[
    Key::new("title", Shape::Text, "the sender's name for people"),
    Key::new(
        "senders",
        Shape::Text,
        "which senders it is for, in the table of kinds; default: the title",
    ),
    Key::new(
        "like",
        Shape::Text,
        "another kind, whose settings apply where this one has none",
    ),
    Key::new(
        "authentication",
        SCHEMES,
        "how the sender authenticates (method = \"none\": not at all); the first scheme is the default",
    ),
    Key::new(
        "event",
        Shape::Table(EVENT),
        "the event's type and idempotency key: type = 'headers[\"x-event\"]'",
    ),
    Key::new(
        "facts",
        FACTS,
        "words that mean the same for every sender; of a list, the first that gives a value is used",
    ),
    Key::new("body", Shape::Table(BODY), "where the payload is in a request"),
    Key::new(
        "methods",
        Shape::NonEmptyList(&Shape::word("method", METHOD_WORDS)),
        "the HTTP methods that the sender uses; default: [\"POST\"]",
    ),
    Key::new(
        "response",
        Shape::Table(RESPONSE),
        "the response to an event, new or known",
    ),
    Key::new(
        "challenge",
        Shape::List(&Shape::Table(CHALLENGE)),
        "requests that are no events (a challenge, a ping); they are answered and not stored",
    ),
    Key::new(
        "confirm",
        Shape::Table(CONFIRM),
        "the address by which the sender asks to confirm a subscription; a source with confirm = true opens it",
    ),
];

const CONFIRM: &[Key] = &[
    Key::required(
        "url",
        Shape::Expression,
        "the address of such a request, such as 'payload.SubscribeURL'; null for others",
    ),
    Key::required(
        "addresses",
        Shape::NonEmptyList(&Shape::Text),
        "the addresses that may be opened, such as [\"https://sns.*.amazonaws.com/\"]: host, in which * is one label, and how the path begins",
    ),
];

const EVENT: &[Key] = &[
    Key::new(
        "type",
        Shape::Expression,
        "the sender's name of the event, such as 'headers[\"x-event\"]'",
    ),
    Key::new(
        "key",
        EXPRESSIONS,
        "the idempotency key; if a part has no value, the body is the key",
    ),
    Key::new(
        "remember",
        Shape::Duration,
        "how long a key is remembered; default: \"1d\"",
    ),
    Key::new(
        "remember_body",
        Shape::Duration,
        "how long a key is remembered if it is the body; default: as long as `remember`",
    ),
    Key::new(
        "skip",
        Shape::Either(&[
            Shape::List(&Shape::Table(SKIPPED_TYPE)),
            Shape::Map {
                names: Names::Any,
                values: &Shape::Text,
            },
        ]),
        "the event types to skip, with the reason; nothing is posted for them",
    ),
];

const SKIPPED_TYPE: &[Key] = &[
    Key::required("type", Shape::Text, "the event type to skip"),
    Key::required("why", Shape::Text, "the reason, in a few words"),
];

const BODY: &[Key] = &[
    Key::new(
        "form",
        FIELD,
        "the form field that holds the JSON; true: the payload is the object of all fields",
    ),
    Key::new(
        "multipart",
        Shape::Text,
        "the part of a multipart body that holds the JSON",
    ),
    Key::new(
        "text",
        Shape::Boolean,
        "whether a body that is neither JSON nor a form is the payload {\"text\": …}",
    ),
    Key::new(
        "query",
        FIELD,
        "the query parameter that holds the JSON of a GET without a body; true: the object of all parameters",
    ),
    Key::new(
        "json",
        Shape::List(&Shape::Text),
        "the fields of `form = true`, `query = true` or a JSON object whose text is JSON",
    ),
];

/// The name of a field, or whether all fields are the payload.
const FIELD: Shape = Shape::Either(&[Shape::Text, Shape::Boolean]);

const RESPONSE: &[Key] = &[
    Key::new(
        "status",
        SUCCESS,
        "the status of the response; default: 202, or 200 for a known event",
    ),
    Key::new(
        "body",
        Shape::Text,
        "the text of the response, at most 4 KiB; default: JSON with the event's channels",
    ),
];

/// A 2xx status. All other statuses are the bridge's own, so that no event is lost.
const SUCCESS: Shape = Shape::Integer {
    least: 200,
    most: 299,
};

const CHALLENGE: &[Key] = &[
    Key::required(
        "when",
        Shape::Expression,
        "the condition of such requests, such as 'payload.type == \"test\"'",
    ),
    Key::new(
        "response",
        Shape::Expression,
        "the text of the response, at most 4 KiB; default: empty",
    ),
    Key::new("status", SUCCESS, "the status of the response; default: 200"),
    Key::new(
        "content_type",
        Shape::Text,
        "the content type of the response; default: text/plain; charset=utf-8",
    ),
    Key::new(
        "unsigned",
        Shape::Boolean,
        "whether the request is answered before authentication; `response` is then a constant text",
    ),
];
