//! Templates: Handlebars that says what an event says, without any value becoming syntax.

mod check;
mod front_matter;
mod helpers;
mod library;
mod origin;
mod own_text;
mod reads;
mod render;

use crate::message::StoredMessage;

pub use library::{Library, LibraryTemplate};
pub use origin::Origin;
pub use reads::Read;
pub use render::Failure;

/// A template file, read but not compiled.
#[derive(Clone, Debug)]
pub struct TemplateFile {
    /// Its name in the kind's folder (`push.hbs`, `push.short.hbs`, `default.hbs`; `_commit.hbs` is a part of others, who
    /// write `{{> commit}}`).
    pub name: String,
    /// Its text.
    pub text: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateFinding {
    /// Where the template comes from.
    pub origin: Origin,
    /// The file, as [`Origin::file`] names it.
    pub file: String,
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong and what to do.
    pub what: String,
}

/// What a template made of an event.
#[derive(Clone, Debug)]
pub struct Rendering {
    /// The template that was rendered, if one was.
    pub template: Option<RenderedTemplate>,
    /// Templates that failed, each with its error: the own one, then the built-in one.
    pub failed: Vec<(String, String)>,
    /// Why the template's `when` could not be evaluated. It then holds.
    pub when_failed: Option<String>,
    /// The result.
    pub rendered: Rendered,
}

/// The template that rendered an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedTemplate {
    /// The name of its file (`push.short.hbs`).
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// The result of rendering an event in one variant.
#[derive(Clone, Debug, PartialEq)]
pub enum Rendered {
    /// A message.
    Message(StoredMessage),
    /// No message: the template's `when` does not hold, or the output is empty. One short line says which.
    Skipped(String),
    /// No template has this event type, or all that have it failed: the caller posts the minimal summary.
    NoTemplate,
}
