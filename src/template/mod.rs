//! Templates: Handlebars that says what an event says, without any value becoming syntax.

use crate::message::StoredMessage;

/// The compiled templates of one kind.
pub struct Library {}

/// A template file, read but not compiled.
pub struct TemplateFile {
    /// Its name in the kind's folder (`push.hbs`, `push.short.hbs`, `default.hbs`).
    pub name: String,
    /// Its text.
    pub text: String,
    /// Where it is: unset for a built-in one, else the path, for findings.
    pub path: Option<String>,
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateFinding {
    /// The file (its path, or `kind/name` for a built-in one).
    pub file: String,
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong and what to do.
    pub what: String,
}

/// What a template made of an event.
pub struct Rendering {
    /// The file that spoke (`push.short.hbs`), when one did.
    pub template: Option<String>,
    /// Templates that failed on the way, with why: the own one, then the built-in one.
    pub failed: Vec<(String, String)>,
    /// What is said.
    pub said: Said,
}

/// What is said of an event in one variant.
pub enum Said {
    /// This.
    Message(StoredMessage),
    /// Nothing, on purpose: the template's `when` does not hold, or it rendered to nothing. One short line says which.
    Nothing(String),
    /// No template has this event type, or all that have it failed: the caller says the minimal summary.
    NoTemplate,
}

impl Library {
    /// Compiles a kind's files: the built-in ones and the own ones, which stand before built-in ones of the same name.
    /// A file that does not compile is left out and found.
    pub fn compile(_kind: &str, _files: Vec<TemplateFile>) -> (Self, Vec<TemplateFinding>) {
        unimplemented!()
    }
    /// The names of the files it has.
    pub fn names(&self) -> Vec<&str> {
        unimplemented!()
    }
    /// Renders what `event_type` says in `variant` (falls back to the plain template, then `default.hbs`). `context`
    /// holds all names: event, source, headers, payload, the facts.
    pub fn render(
        &self,
        _event_type: &str,
        _variant: Option<&str>,
        _context: &handlebars::Context,
    ) -> Rendering {
        unimplemented!()
    }
}
