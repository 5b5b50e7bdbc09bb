//! A preview as text.

mod conversation;

use serde_json::Value;
use std::fmt::Write as _;

use super::super::paint::Paint;
use super::super::shown::{visible, visible_lines};
use crate::authentication::Refusal;
use crate::condition::{self, ConditionTrace};
use crate::decision::{ChallengeResponse, DecidedMessage};
use crate::message::{Readers, Urgency};
use crate::preview::{ChatRequest, Hint, Outcome, Preview, Proof, Target, Unchecked, why_this};
use crate::source::Kind;
use crate::template::Origin;

/// The column in which values begin, in characters.
const COLUMN: usize = 12;

/// Formats the outcome for a terminal.
pub(super) fn outcome(target: &Target, outcome: &Outcome, paint: Paint) -> String {
    let mut out = Out {
        text: String::new(),
        paint,
        readers: Readers::default(),
    };
    out.head(target);
    match outcome {
        Outcome::Refused { proof, why } => out.refused(proof, why),
        Outcome::Answered { proof, response } => out.challenge(proof, response),
        Outcome::Previewed(preview) => out.preview(target, preview),
    }
    out.text
}

/// Why the authentication of a request was not checked.
pub(super) fn why_unchecked(why: Unchecked) -> &'static str {
    match why {
        Unchecked::AnsweredBefore => "an unsigned challenge is answered before authentication",
        Unchecked::Encoding => "the bridge refuses such a request before authentication",
        Unchecked::NoCredential => "no signature or token was given (--header)",
        Unchecked::KindAlone => "a kind alone has no secrets",
    }
}

/// A hint about the event type.
fn hint_text(hint: &Hint, kind: &Kind) -> String {
    match hint {
        Hint::TypeUnused { expression } => format!(
            "--event changes nothing: {} names its events in the payload ({expression})",
            kind.title
        ),
        Hint::TypeMissing { header } => format!(
            "{} names its events in the header {header}: give --event TYPE",
            kind.title
        ),
    }
}

struct Out {
    text: String,
    paint: Paint,
    /// Who reads the message that is shown.
    readers: Readers,
}

impl Out {
    /// Writes a value with its name on the left; further lines of the value are written below the first.
    fn field(&mut self, name: &str, value: &str) {
        for (index, line) in value.lines().enumerate() {
            let name = if index == 0 { name } else { "" };
            let gap = " ".repeat(COLUMN.saturating_sub(name.len()));
            let _ = writeln!(self.text, "{}{gap}{line}", self.paint.dim(name));
        }
    }

    fn head(&mut self, target: &Target) {
        let source = &target.source;
        let name = self.paint.bold(&source.name);
        let what = if target.configured { "source" } else { "kind" };
        self.field(what, &format!("{name} ({})", visible_lines(&source.kind.title)));
    }

    fn proof(&mut self, proof: &Proof) {
        let paint = self.paint;
        let shown = match proof {
            Proof::Authentic { scheme, .. } if scheme.is_empty() => paint.good("yes"),
            Proof::Authentic { scheme, secret } if secret.is_empty() => {
                format!("{} (scheme {scheme} requires no secret)", paint.good("yes"))
            }
            Proof::Authentic { scheme, secret } => format!("{} ({scheme}, {secret})", paint.good("yes")),
            Proof::Unchecked(why @ (Unchecked::NoCredential | Unchecked::KindAlone)) => {
                format!(
                    "not checked: {}; the preview continues as if it were",
                    why_unchecked(*why)
                )
            }
            Proof::Unchecked(why) => format!("not checked: {}", why_unchecked(*why)),
            Proof::Refused(refusal) => {
                let mut shown = paint.bad(&format!("no: {refusal}"));
                if *refusal == Refusal::Mismatch {
                    shown.push_str(
                        "\na signature is valid only for the exact bytes that were sent, and for the secret at that time;\n\
                         without that header, the preview continues as if it were authentic",
                    );
                }
                shown
            }
        };
        self.field("authentic", &shown);
    }

    /// A request that is not authentic, or whose body cannot be decoded.
    fn refused(&mut self, proof: &Proof, why: &str) {
        self.proof(proof);
        if !matches!(proof, Proof::Refused(_)) {
            self.field("refused", &self.paint.bad(&visible_lines(why)));
        }
    }

    /// A challenge and its response.
    fn challenge(&mut self, proof: &Proof, response: &ChallengeResponse) {
        let paint = self.paint;
        match proof {
            Proof::Unchecked(why) => {
                self.field("authentic", &format!("not checked: {}", why_unchecked(*why)));
            }
            proof => self.proof(proof),
        }
        let no_event = paint.dim("not an event, so it is not stored");
        self.field(
            "challenge",
            &format!("{}\n{no_event}", visible_lines(&response.when)),
        );
        let shown = match response.text.as_str() {
            "" => "without a body".to_owned(),
            text => format!("{}: {}", response.content_type, shortened(&visible_lines(text))),
        };
        self.field(
            "response",
            &format!("{}, {shown}", paint.bold(&response.status.to_string())),
        );
    }

    /// The decision about an event, and the requests to Twake.
    fn preview(&mut self, target: &Target, preview: &Preview) {
        let decision = &preview.decision;
        let paint = self.paint;
        if let Some(sample) = &preview.sample {
            self.field("sample", sample);
        }
        self.proof(&preview.proof);
        if let Some(why) = &decision.unreadable {
            let kept = paint.dim("it is stored, and posted as text");
            let why = visible_lines(&format!("it is {why}"));
            self.field("unreadable", &format!("{}\n{kept}", paint.bad(&why)));
        }
        self.field("type", &paint.bold(&visible_lines(&decision.event_type)));
        if let Some(hint) = &preview.hint {
            let hint = hint_text(hint, &target.source.kind);
            self.field("", &paint.bad(&visible_lines(&hint)));
        }
        self.key(preview);
        self.facts(preview);
        self.routes(preview, target.configured);
        for (index, message) in decision.messages.iter().enumerate() {
            let channels = preview.channels_of(index);
            // The message is shown once, as the readers of its first channel see it.
            let first = channels.first().and_then(|channel| target.channels.get(*channel));
            self.readers = first.map(|channel| channel.readers().clone()).unwrap_or_default();
            self.message(message, preview, &channels, target);
        }
        if decision.messages.is_empty()
            && let Some(skip_reason) = decision.skip_reason()
        {
            self.field("skipped", &visible_lines(&skip_reason));
        }
        for (delivery, request) in decision.deliveries.iter().zip(&preview.requests) {
            if let Some(request) = request {
                self.request(&delivery.channel, request);
            }
        }
    }

    fn key(&mut self, preview: &Preview) {
        let seconds = preview.decision.remember.as_secs();
        let mut remembered = format!("remembered for {}", span(seconds));
        if let Some(invented) = &preview.invented {
            let _ = write!(
                remembered,
                "; computed without the sender's {}",
                visible_lines(invented)
            );
        }
        let key = hex::encode(preview.decision.key.0);
        self.field("key", &format!("{key} {}", self.paint.dim(&remembered)));
    }

    fn facts(&mut self, preview: &Preview) {
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
        let mut shown: Vec<String> = known
            .iter()
            .map(|(name, value)| format!("{name} = {}", shortened(&visible_lines(&value.to_string()))))
            .collect();
        if !unknown.is_empty() {
            let names: Vec<&str> = unknown.iter().map(|(name, _)| name.as_str()).collect();
            shown.push(self.paint.dim(&format!("empty or false: {}", names.join(" "))));
        }
        self.field("facts", &shown.join("\n"));
    }

    fn routes(&mut self, preview: &Preview, configured: bool) {
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
            let mut line = format!("{} {held} {why}{to}", route.route);
            for because in condition::lines(&route.parts, &route.values) {
                let _ = write!(line, "\n      {}", paint.dim(&visible(&because)));
            }
            line
        };
        let routes = &preview.decision.routes;
        let shown: Vec<String> = routes.iter().map(route).collect();
        if shown.is_empty() {
            self.field("routes", "none");
        } else if configured {
            self.field("routes", &shown.join("\n"));
        }
    }

    fn message(&mut self, message: &DecidedMessage, preview: &Preview, channels: &[&str], target: &Target) {
        let decision = &preview.decision;
        let paint = self.paint;
        for (template, why) in &message.failed {
            self.field(
                "failed",
                &paint.bad(&format!("{template}: {}", visible_lines(why))),
            );
        }
        let template_text = match &message.template {
            Some(template) => {
                let (name, whose) = match &template.origin {
                    Origin::Own(path) => (path.display().to_string(), "your own"),
                    Origin::BuiltIn => (template.name.clone(), "built in"),
                };
                format!("{}, {whose}", paint.bold(&visible_lines(&name)))
            }
            _ if message.message.is_some() && decision.unreadable.is_some() => {
                "none: why it cannot be read, and how it begins".to_owned()
            }
            _ if message.message.is_some() => "none: a line made of the facts".to_owned(),
            _ => "none".to_owned(),
        };
        let why = why_this(message, &decision.event_type)
            .map_or_else(String::new, |why| format!(": {}", visible_lines(&why)));
        if message.message.is_some() || message.template.is_some() {
            self.field("template", &format!("{template_text}{why}"));
        }
        if let Some(when) = &message.when {
            self.when(when);
        }
        if let Some(why) = &message.when_failed {
            let why = format!(
                "its `when` cannot be evaluated, so it holds: {}",
                visible_lines(why)
            );
            self.field("", &paint.bad(&why));
        }
        if let Some(why) = &message.conversation_failed {
            let why = format!(
                "it has no conversation, so it is posted by itself: {}",
                visible_lines(why)
            );
            self.field("", &paint.bad(&why));
        }
        if let Some(stored) = &message.message {
            self.texts(stored, preview.received, &channels.join(", "));
            self.urgency(stored.urgency, target, channels);
        } else if let Some(skip_reason) = &message.skip_reason {
            self.field("skipped", &visible_lines(skip_reason));
        }
    }

    /// What the message passes, or waits for.
    fn urgency(&mut self, urgency: Urgency, target: &Target, channels: &[&str]) {
        if urgency == Urgency::Urgent {
            self.field("critical", "yes: it passes before digests and in quiet hours");
        }
        for name in channels {
            let quiet = target
                .channels
                .get(*name)
                .and_then(|channel| channel.readers().quiet.as_ref());
            if let Some(quiet) = quiet.filter(|quiet| urgency < quiet.below) {
                self.field("quiet", &format!("it waits for {name} from {quiet}"));
            }
        }
    }

    /// The condition of a template, and why it holds or not.
    fn when(&mut self, when: &ConditionTrace) {
        let holds = match (when.held, &when.error) {
            (true, _) => "holds",
            (false, None) => "does not hold",
            // The line about the error follows.
            (false, Some(_)) => "cannot be evaluated",
        };
        let mut shown = vec![shortened(&visible(&format!("{} {holds}", when.text)))];
        for because in when.explanation.lines() {
            shown.push(self.paint.dim(&format!("  {}", visible(&because))));
        }
        self.field("when", &shown.join("\n"));
    }

    fn request(&mut self, channel: &str, request: &ChatRequest) {
        let line = format!("{channel}: {} {}", request.method, request.url);
        let _ = writeln!(
            self.text,
            "{}\n{}",
            self.paint.dim(&line),
            visible_lines(&layout(&request.body, 0))
        );
    }
}

/// JSON over few lines: a value that fits on a line is written on one.
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

/// Shortens the text of a value.
fn shortened(text: &str) -> String {
    crate::suggest::shorten(text, 200)
}

/// A time, in the largest unit that expresses it exactly.
pub(super) fn span(seconds: u64) -> String {
    for (unit, length) in [("d", 86_400), ("h", 3_600), ("min", 60)] {
        if seconds >= length && seconds.is_multiple_of(length) {
            return format!("{} {unit}", seconds / length);
        }
    }
    format!("{seconds} s")
}
