//! Renders one template with one event.

use std::collections::BTreeSet;
use std::fmt;
use std::io;

use handlebars::{
    Context, Handlebars, Output, RenderContext, RenderError, RenderErrorReason, Renderable, Template,
};
use serde_json::{Value, json};

use super::conversation::{self, Rules};
use super::front_matter::FrontMatter;
use super::reads::{self, ReadNames};
use super::{Origin, Rendered};
use crate::conversation::text_alone;
use crate::message::{
    Block, Conversation, Document, FollowUp, Slot, StoredMessage, cutting, markdown, plain,
};
use crate::panics;
use crate::steps::{self, OutOfSteps};

/// Maximum length of the output, in bytes. A character of a value takes three bytes or more.
const OUTPUT: usize = 1024 * 1024;

/// Maximum length of the text of an item, in characters.
const ITEM: usize = 500;

/// A compiled template.
pub(super) struct Compiled {
    /// Where the file comes from.
    pub(super) origin: Origin,
    /// The file, as [`Origin::file`] names it.
    pub(super) file: String,
    pub(super) front: FrontMatter,
    pub(super) template: Template,
    /// The names that it and its front matter read.
    pub(super) names: ReadNames,
    /// Whether it shows values that are known only when the message is posted.
    has_late_values: bool,
}

/// The result of rendering.
pub struct RenderResult {
    /// The message, or why there is none.
    pub rendered: Rendered,
    /// Why the `when` could not be evaluated. It counts as true then.
    pub(super) when_failed: Option<String>,
    /// Why the message is by itself although there are rules for its conversation.
    pub conversation_failed: Option<String>,
}

impl Compiled {
    pub(super) fn new(origin: Origin, file: String, front: FrontMatter, template: Template) -> Self {
        let names = ReadNames::of(&template, front.expressions().map(|(_, condition)| condition));
        Self {
            origin,
            file,
            front,
            has_late_values: reads::has_late_values(&template),
            template,
            names,
        }
    }

    /// Renders an event, unless the `when` is false. `rules`: those of its conversation; unset, it has none. `first`: the facts
    /// of the first event that later messages show. The context is the same afterwards.
    pub(super) fn render(
        &self,
        engine: &Handlebars<'_>,
        rules: Option<&Rules>,
        first: &BTreeSet<String>,
        context: &mut Context,
    ) -> Result<RenderResult, Failure> {
        let when = self.front.when.as_ref().map(|when| when.holds(context.data()));
        let (holds, when_failed) = match when {
            None => (true, None),
            Some(Ok(holds)) => (holds, None),
            // A superfluous message is better than a lost one.
            Some(Err(error)) => (true, Some(error.to_string())),
        };
        let mut result = RenderResult {
            rendered: Rendered::Skipped("its `when` does not hold".to_owned()),
            when_failed,
            conversation_failed: None,
        };
        if !holds {
            return Ok(result);
        }
        let conversation = match rules.filter(|_| !self.front.ephemeral) {
            Some(rules) => conversation::evaluate(rules, context.data_mut(), first),
            None => Ok(None),
        };
        let conversation = conversation.unwrap_or_else(|why| {
            result.conversation_failed = Some(why);
            None
        });
        let message = self.message(engine, conversation, first, context)?;
        let nothing = || Rendered::Skipped("it renders to nothing".to_owned());
        result.rendered = message.map_or_else(nothing, Rendered::Message);
        Ok(result)
    }

    /// Renders the text of each act that the conversation allows. Returns `None` if all of them are empty.
    fn message(
        &self,
        engine: &Handlebars<'_>,
        conversation: Option<Conversation>,
        first: &BTreeSet<String>,
        context: &mut Context,
    ) -> Result<Option<StoredMessage>, Failure> {
        let post = self.text(engine, "post", context)?;
        let Some(mut conversation) = conversation else {
            return Ok(post.map(|document| self.stored(self.alone(document, first, context), None)));
        };
        let does = |act: fn(&FollowUp) -> bool| act(&conversation.unchanged) || act(&conversation.changed);
        // The first message with its key is a reply, whatever follows.
        let replies = does(|act| act.reply) || matches!(conversation.slot, Some(Slot::Key(_)));
        let updates = does(|act| act.update);
        let differs = self.names.names(conversation::NAME);
        let mut later = |act: &str, is_done: bool| {
            if differs && is_done {
                self.text(engine, act, context)
            } else {
                Ok(post.clone())
            }
        };
        let (reply, update) = (later("reply", replies)?, later("update", updates)?);
        let item = later("item", conversation.item.is_some())?;
        for follow_up in [&mut conversation.unchanged, &mut conversation.changed] {
            follow_up.reply &= reply.is_some();
            follow_up.update &= update.is_some();
        }
        if post.is_none() && reply.is_none() && update.is_none() {
            return Ok(None);
        }
        conversation.opens &= post.is_some();
        let document = post.clone().unwrap_or_default();
        let differing = |done: bool, text: Option<Document>| {
            let text = text.unwrap_or_default();
            (done && text != document).then_some(text)
        };
        if let Some(kept) = &mut conversation.item {
            kept.text = cutting::cut(item.unwrap_or_default(), ITEM);
        }
        conversation.reply = differing(replies, reply);
        conversation.update = differing(updates, update);
        Ok(Some(self.stored(document, Some(Box::new(conversation)))))
    }

    /// The text of an event without a conversation: nothing later puts values into it.
    fn alone(&self, document: Document, first: &BTreeSet<String>, context: &Context) -> Document {
        if !self.has_late_values {
            return document;
        }
        let names = context.data();
        let received = names.get("received").and_then(Value::as_str);
        let received = received
            .and_then(|received| received.parse().ok())
            .unwrap_or_default();
        text_alone(&document, &conversation::first_facts(first, names), received)
    }

    fn stored(&self, document: Document, conversation: Option<Box<Conversation>>) -> StoredMessage {
        StoredMessage {
            ephemeral: self.front.ephemeral,
            conversation,
            ..StoredMessage::new(document)
        }
    }

    /// Renders the text of an act. Returns `None` if it is empty.
    fn text(
        &self,
        engine: &Handlebars<'_>,
        act: &str,
        context: &mut Context,
    ) -> Result<Option<Document>, Failure> {
        let known = self.names.names(conversation::NAME);
        if let (true, Value::Object(names)) = (known, context.data_mut()) {
            let values = json!({ "act": act, "open": act != "post" });
            names.insert(conversation::NAME.to_owned(), values);
        }
        let (document, out_of_steps) = steps::limited(steps::TEMPLATE, || {
            panics::caught(|| self.document(&self.output(engine, context)?))
                .unwrap_or_else(|panic| Err(self.failure(format!("rendering panicked: {panic}"))))
        });
        if let (true, Value::Object(names)) = (known, context.data_mut()) {
            names.remove(conversation::NAME);
        }
        if out_of_steps {
            // The output is incomplete, and it would not look so.
            return Err(document
                .err()
                .unwrap_or_else(|| self.failure(OutOfSteps.to_string())));
        }
        document
    }

    fn output(&self, engine: &Handlebars<'_>, context: &Context) -> Result<String, Failure> {
        let mut output = Bounded(String::new());
        self.template
            .render(engine, context, &mut RenderContext::new(None), &mut output)
            .map_err(|error| explain(&self.file, &error))?;
        Ok(output.0)
    }

    /// Parses the output. Returns `None` if it is empty.
    fn document(&self, output: &str) -> Result<Option<Document>, Failure> {
        if output.trim().is_empty() {
            return Ok(None);
        }
        let document = markdown::parse(output).map_err(|error| self.failure(error.to_string()))?;
        Ok((!is_blank(&document)).then_some(document))
    }

    fn failure(&self, what: String) -> Failure {
        Failure {
            file: self.file.clone(),
            part: None,
            line: None,
            missing: None,
            what,
        }
    }
}

/// Why a template failed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// The template's file, as [`Origin::file`] names it.
    pub file: String,
    /// The part (`_name.hbs`) that failed. `None` if the file itself failed.
    pub part: Option<String>,
    /// The line in that part or file, from 1, if known.
    pub line: Option<usize>,
    /// What is wrong, and what to do.
    pub what: String,
    /// The missing path, as the template writes it ([`ReadPath::written`](super::ReadPath::written)). `None` if it failed for
    /// another reason.
    pub missing: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(part) = &self.part {
            write!(f, ", {part}")?;
        }
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {}", self.what)
    }
}

fn is_blank(document: &Document) -> bool {
    !document
        .blocks
        .iter()
        .any(|block| matches!(block, Block::Buttons(_)))
        && plain::text(document).trim().is_empty()
}

/// An output with a maximum length.
struct Bounded(String);

impl Output for Bounded {
    fn write(&mut self, piece: &str) -> io::Result<()> {
        if self.0.len() + piece.len() > OUTPUT {
            return Err(io::Error::other(format!(
                "the output is longer than {} KiB; use `truncate` and `first`",
                OUTPUT / 1024
            )));
        }
        steps::take(1).map_err(io::Error::other)?;
        self.0.push_str(piece);
        Ok(())
    }
}

/// Converts an error of the engine.
fn explain(file: &str, error: &RenderError) -> Failure {
    let mut missing = None;
    let what = match error.reason() {
        RenderErrorReason::MissingVariable(Some(path)) => {
            missing = Some(path.clone());
            format!("`{path}` is not in this event; guard it with `{{{{#if}}}}` or `default`")
        }
        RenderErrorReason::MissingVariable(None) => "a value is not in this event".to_owned(),
        RenderErrorReason::ParamNotFoundForIndex(helper, index) => {
            format!(
                "argument {} of `{helper}` is not in this event; guard it with `default`",
                index + 1
            )
        }
        RenderErrorReason::IOError(error) => error.to_string(),
        other => other.to_string(),
    };
    Failure {
        file: file.to_owned(),
        part: error.template_name.clone().filter(|name| name.starts_with('_')),
        line: error.line_no,
        missing,
        what,
    }
}
