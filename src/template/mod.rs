//! Handlebars templates, which render events to messages. Values never become Markdown syntax.

mod check;
pub(crate) mod conversation;
mod front_matter;
mod helpers;
mod late;
mod library;
mod mistakes;
mod origin;
mod own_text;
mod reads;
mod render;

use crate::message::StoredMessage;

pub use conversation::{Rules, RulesOfEvent, SourceConversations};
pub use library::{Library, LibraryTemplate};
pub use origin::Origin;
pub use reads::{ReadNames, ReadPath};
pub use render::{Failure, RenderResult};

/// A template file before compilation.
#[derive(Clone, Debug)]
pub struct TemplateFile {
    /// The file name in the kind's folder: `push.hbs`, `push.short.hbs`, `default.hbs`, or `_commit.hbs` for a part
    /// that other templates include as `{{> commit}}`. A part that every kind may include has
    /// its folder in the name: `_forge/push.hbs`, included as `{{> forge/push}}`.
    pub name: String,
    /// The text.
    pub text: String,
    /// Where the file comes from.
    pub origin: Origin,
}

/// A finding in a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateFinding {
    /// Where the template comes from.
    pub origin: Origin,
    /// The file, as [`Origin::file`] names it.
    pub file: String,
    /// The line, from 1, if known.
    pub line: Option<usize>,
    /// What is wrong, and what to do.
    pub what: String,
}

/// The result of rendering an event.
#[derive(Clone, Debug)]
pub struct Rendering {
    /// The template that was rendered, if any.
    pub template: Option<RenderedTemplate>,
    /// Templates that failed before it, each with its reason: the own one, then the built-in one.
    pub failed: Vec<(String, String)>,
    /// Why the `when` of the rendered template could not be evaluated. It counts as true then.
    pub when_failed: Option<String>,
    /// Why the message is by itself although the template has a conversation for it.
    pub conversation_failed: Option<String>,
    /// The message, or why there is none.
    pub rendered: Rendered,
}

/// A rendered template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedTemplate {
    /// The file name (`push.short.hbs`).
    pub name: String,
    /// Where the file comes from.
    pub origin: Origin,
}

/// The message of an event in one variant, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub enum Rendered {
    /// The message.
    Message(StoredMessage),
    /// Skipped: the template's `when` is false, or its output is empty. Holds the reason, on one short line.
    Skipped(String),
    /// There is no template for the event type, or all of them failed. The caller posts the minimal summary.
    NoTemplate,
}
