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

pub use library::{Entry, Library};
pub use origin::Origin;
pub use reads::Read;
pub use render::Failure;

/// A template file, read but not compiled.
#[derive(Clone, Debug)]
pub struct TemplateFile {
    /// Its name in the kind's folder (`push.hbs`, `push.short.hbs`, `default.hbs`; `_commit.hbs` is a part of others, who
    /// write `{{> commit}}`). A part that every kind may include is named with its folder (`_forge/push.hbs`,
    /// `{{> forge/push}}`).
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
    /// Templates that failed on the way, with why: the own one, then the built-in one.
    pub failed: Vec<(String, String)>,
    /// Why the `when` of the template that spoke could not be evaluated, if so; it held then.
    pub when_failed: Option<String>,
    /// What is said.
    pub said: Said,
}

/// The template that rendered an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedTemplate {
    /// The name of its file (`push.short.hbs`).
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// What is said of an event in one variant.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// This.
    Message(StoredMessage),
    /// Nothing, on purpose: the template's `when` does not hold, or it rendered to nothing. One short line says which.
    Nothing(String),
    /// No template has this event type, or all that have it failed: the caller says the minimal summary.
    NoTemplate,
}
