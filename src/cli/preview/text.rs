//! A decision as a person reads it.

use serde_json::Value;
use std::fmt::Write as _;
use std::sync::Arc;

use super::super::paint::Paint;
use super::super::shown::visible_lines;
use super::{Preview, Proof};
use crate::road::{DecidedMessage, Reply};
use crate::source::Source;
use crate::twake::Request;

/// Where what is said begins, in characters from the left.
const COLUMN: usize = 12;

/// Everything decided about an event, and what would be sent.
pub(super) fn preview(preview: &Preview<'_>, paint: Paint) -> String {
    let Preview { source, decision, .. } = preview;
    let mut out = Out {
        text: String::new(),
        paint,
    };
    out.head(source, preview.configured);
    if let Some(sample) = preview.sample {
        out.field("sample", sample);
    }
    out.proof(preview.proof);
    if let Some(why) = &decision.unreadable {
        let kept = paint.dim("it is stored, and posted as it is");
        let why = visible_lines(&format!("it is {why}"));
        out.field("unreadable", &format!("{}\n{kept}", paint.bad(&why)));
    }
    out.field("type", &paint.bold(&visible_lines(&decision.event_type)));
    if let Some(hint) = &preview.hint {
        out.field("", &paint.bad(&visible_lines(hint)));
    }
    let seconds = decision.remember.as_secs();
    let mut remembered = format!("remembered for {}", span(seconds));
    if let Some(invented) = &preview.invented {
        let _ = write!(
            remembered,
            "; made without the sender's own {}",
            visible_lines(invented)
        );
    }
    let key = format!("{} {}", hex::encode(decision.key.0), paint.dim(&remembered));
    out.field("key", &key);
    out.facts(preview);
    out.routes(preview);
    for (index, message) in decision.messages.iter().enumerate() {
        let channels = preview.channels_of(index);
        out.message(message, preview, &channels);
    }
    let unsaid = decision.messages.is_empty();
    if let Some(silence) = decision.silence().filter(|_| unsaid) {
        out.field("silent", &visible_lines(&silence));
    }
    for (delivery, request) in decision.deliveries.iter().zip(&preview.requests) {
        out.request(&delivery.channel, request.as_ref());
    }
    out.text
}

/// A request that is not authentic.
pub(super) fn refused(source: &Source, proof: &Proof, paint: Paint) -> String {
    let mut out = Out {
        text: String::new(),
        paint,
    };
    out.head(source, true);
    out.proof(proof);
    out.text
}

/// A request that is no event.
pub(super) fn handshake(
    source: &Source,
    configured: bool,
    proof: &Proof,
    reply: &Reply,
    paint: Paint,
) -> String {
    let mut out = Out {
        text: String::new(),
        paint,
    };
    out.head(source, configured);
    match proof {
        Proof::Unchecked(why) => out.field("authentic", &format!("not checked: {why}")),
        proof => out.proof(proof),
    }
    let no_event = paint.dim("it is no event, and is not kept");
    out.field(
        "handshake",
        &format!("{}\n{no_event}", visible_lines(&reply.when)),
    );
    let said = match reply.text.as_str() {
        "" => "without a body".to_owned(),
        text => format!("{}: {}", reply.content_type, shortened(&visible_lines(text))),
    };
    out.field(
        "answer",
        &format!("{}, {said}", paint.bold(&reply.status.to_string())),
    );
    out.text
}

impl Preview<'_> {
    /// The channels that are told a message of the decision.
    pub(super) fn channels_of(&self, message: usize) -> Vec<&str> {
        let told = self
            .decision
            .deliveries
            .iter()
            .filter(|delivery| delivery.message == message);
        told.map(|delivery| &*delivery.channel).collect()
    }
}

/// Why this template speaks, where that is not plain from its name.
pub(super) fn why_this(message: &DecidedMessage, event_type: &str) -> Option<String> {
    let name = message.template.as_deref()?;
    let plain = format!("{event_type}.hbs");
    let variant = message
        .variant
        .as_ref()
        .map(|variant| format!("{event_type}.{variant}.hbs"));
    let failed = |name: &str| message.failed.iter().any(|(failed, _)| failed == name);
    if variant.as_deref() == Some(name) {
        return message
            .variant
            .as_ref()
            .map(|variant| format!("the route asks for the variant {variant}"));
    }
    let instead: Vec<&str> = variant
        .iter()
        .map(String::as_str)
        .chain((name != plain).then_some(plain.as_str()))
        .filter(|missing| !failed(missing))
        .collect();
    (!instead.is_empty()).then(|| format!("there is no {}", instead.join(" and no ")))
}

/// Whether the template of a message is the operator's own; built-in ones are `kind/name`.
pub(super) fn is_own(message: &DecidedMessage, kind: &str) -> bool {
    match (&message.file, &message.template) {
        (Some(file), Some(template)) => *file != format!("{kind}/{template}"),
        _ => false,
    }
}

struct Out {
    text: String,
    paint: Paint,
}

impl Out {
    /// A line with its name on the left; further lines stand below the first.
    fn field(&mut self, name: &str, said: &str) {
        for (index, line) in said.lines().enumerate() {
            let name = if index == 0 { name } else { "" };
            let gap = " ".repeat(COLUMN.saturating_sub(name.len()));
            let _ = writeln!(self.text, "{}{gap}{line}", self.paint.dim(name));
        }
    }

    fn head(&mut self, source: &Source, configured: bool) {
        let name = self.paint.bold(&source.name);
        let what = if configured { "source" } else { "kind" };
        self.field(what, &format!("{name} ({})", visible_lines(&source.kind.title)));
    }

    fn proof(&mut self, proof: &Proof) {
        let paint = self.paint;
        let said = match proof {
            Proof::Authentic { scheme, .. } if scheme.is_empty() => paint.good("yes"),
            Proof::Authentic { scheme, secret } if secret.is_empty() => {
                format!("{} (scheme {scheme} asks for no secret)", paint.good("yes"))
            }
            Proof::Authentic { scheme, secret } => format!("{} ({scheme}, {secret})", paint.good("yes")),
            Proof::Unchecked(why) => format!("not checked: {why}; it goes on as if it were"),
            Proof::Refused(refusal) => {
                let mut said = paint.bad(&format!("no: {refusal}"));
                if *refusal == crate::authentication::Refusal::Mismatch {
                    said.push_str(
                        "\na signature goes with the very bytes that were sent, and with the secret of that time;\n\
                         without that header, the rest can be seen as if it were authentic",
                    );
                }
                said
            }
        };
        self.field("authentic", &said);
    }

    fn facts(&mut self, preview: &Preview<'_>) {
        let is_known = |value: &Value| match value {
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Bool(is) => *is,
            _ => true,
        };
        let (known, unknown): (Vec<_>, Vec<_>) = preview
            .decision
            .facts
            .iter()
            .partition(|(_, value)| is_known(value));
        let mut said: Vec<String> = known
            .iter()
            .map(|(name, value)| format!("{name} = {}", shortened(&visible_lines(&value.to_string()))))
            .collect();
        if !unknown.is_empty() {
            let names: Vec<&str> = unknown.iter().map(|(name, _)| name.as_str()).collect();
            said.push(self.paint.dim(&format!("empty or false: {}", names.join(" "))));
        }
        self.field("facts", &said.join("\n"));
    }

    fn routes(&mut self, preview: &Preview<'_>) {
        let paint = self.paint;
        let route = |route: &crate::route::RouteTrace| {
            let why = visible_lines(&route.why);
            let held = match (route.held, route.failed) {
                (true, _) => paint.good("yes"),
                (false, true) => paint.bad("no "),
                (false, false) => "no ".to_owned(),
            };
            let to = if route.channels.is_empty() {
                String::new()
            } else {
                format!(" → {}", paint.bold(&route.channels.join(", ")))
            };
            format!("{} {held} {why}{to}", route.route)
        };
        let routes = &preview.decision.routes;
        let said: Vec<String> = routes.iter().map(route).collect();
        if said.is_empty() {
            self.field("routes", "there is none");
        } else if preview.configured {
            self.field("routes", &said.join("\n"));
        }
    }

    fn message(&mut self, message: &DecidedMessage, preview: &Preview<'_>, channels: &[&str]) {
        let Preview { source, decision, .. } = preview;
        let (event_type, kind) = (&decision.event_type, &source.kind.name);
        let paint = self.paint;
        for (template, why) in &message.failed {
            self.field(
                "failed",
                &paint.bad(&format!("{template}: {}", visible_lines(why))),
            );
        }
        let speaks = match (&message.template, &message.file) {
            (Some(template), Some(file)) => {
                let whose = if is_own(message, kind) {
                    "your own"
                } else {
                    "built in"
                };
                let name = if is_own(message, kind) { file } else { template };
                format!("{}, {whose}", paint.bold(&visible_lines(name)))
            }
            _ if message.message.is_some() && decision.unreadable.is_some() => {
                "none: why it cannot be read, and how it begins".to_owned()
            }
            _ if message.message.is_some() => "none: a line made of the facts".to_owned(),
            _ => "none".to_owned(),
        };
        let why = why_this(message, event_type)
            .map_or_else(String::new, |why| format!(": {}", visible_lines(&why)));
        if message.message.is_some() || message.template.is_some() {
            self.field("template", &format!("{speaks}{why}"));
        }
        if let Some(why) = &message.when_failed {
            let why = format!(
                "its `when` cannot be evaluated, so it holds: {}",
                visible_lines(why)
            );
            self.field("", &paint.bad(&why));
        }
        if let Some(said) = &message.message {
            let to = channels.join(", ");
            let ephemeral = if said.ephemeral {
                ", shown and forgotten"
            } else {
                ""
            };
            let _ = writeln!(self.text, "\n── {}{ephemeral} ──", paint.bold(&to));
            let text = paint.document(&said.message);
            let _ = writeln!(self.text, "{text}\n");
        } else if let Some(silence) = &message.silence {
            self.field("silent", &visible_lines(silence));
        }
    }

    fn request(&mut self, channel: &Arc<str>, request: Option<&Request>) {
        let Some(request) = request else {
            return;
        };
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let line = format!("{channel}: {} {}", request.method, request.url);
        let _ = writeln!(
            self.text,
            "{}\n{}",
            self.paint.dim(&line),
            visible_lines(&layout(&body, 0))
        );
    }
}

/// JSON over as few lines as can be read: what fits on a line stands on one.
pub(super) fn layout(value: &Value, depth: usize) -> String {
    const WIDTH: usize = 100;
    let line = value.to_string();
    if line.chars().count() + 2 * depth <= WIDTH {
        return line;
    }
    let (open, parts, close): (_, Vec<String>, _) = match value {
        Value::Array(items) => (
            '[',
            items.iter().map(|item| layout(item, depth + 1)).collect(),
            ']',
        ),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                format!("{}: {}", Value::from(name.as_str()), layout(value, depth + 1))
            };
            ('{', members.iter().map(member).collect(), '}')
        }
        _ => return line,
    };
    let (inside, outside) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    let parts = parts.join(&format!(",\n{inside}"));
    format!("{open}\n{inside}{parts}\n{outside}{close}")
}

/// A value's text, cut where it says no more.
fn shortened(text: &str) -> String {
    crate::suggest::shorten(text, 200)
}

/// A time, in the largest unit that says it whole.
pub(super) fn span(seconds: u64) -> String {
    for (unit, length) in [("d", 86_400), ("h", 3_600), ("min", 60)] {
        if seconds >= length && seconds.is_multiple_of(length) {
            return format!("{} {unit}", seconds / length);
        }
    }
    format!("{seconds} s")
}
