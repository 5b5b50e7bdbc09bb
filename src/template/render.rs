//! One template over one event.

use std::fmt;
use std::io;

use handlebars::{
    Context, Handlebars, Output, RenderContext, RenderError, RenderErrorReason, Renderable, Template,
};

use super::front_matter::FrontMatter;
use super::reads::ReadNames;
use super::{Origin, Said};
use crate::message::{Block, Document, StoredMessage, markdown, plain};
use crate::panics;
use crate::steps::{self, OutOfSteps};

/// The most a template may render to, in bytes; a character of a value counts as three and more.
const OUTPUT: usize = 1024 * 1024;

/// A template that compiled.
pub(super) struct Compiled {
    /// Where it comes from.
    pub(super) origin: Origin,
    /// The file, as [`Origin::file`] names it.
    pub(super) file: String,
    pub(super) front: FrontMatter,
    pub(super) template: Template,
    /// The names that it and its `when` read.
    pub(super) names: ReadNames,
}

/// What came of it.
pub(super) struct Spoken {
    pub(super) said: Said,
    /// Why its `when` could not be evaluated; it held then.
    pub(super) when_failed: Option<String>,
}

impl Compiled {
    pub(super) fn new(origin: Origin, file: String, front: FrontMatter, template: Template) -> Self {
        let names = ReadNames::of(&template, front.when.as_ref());
        Self {
            origin,
            file,
            front,
            template,
            names,
        }
    }

    /// Says what it says of an event, or why it cannot.
    pub(super) fn say(&self, engine: &Handlebars<'_>, context: &Context) -> Result<Spoken, Failure> {
        let when = self.front.when.as_ref().map(|when| when.holds(context.data()));
        let (holds, when_failed) = match when {
            None => (true, None),
            Some(Ok(holds)) => (holds, None),
            // Rather one message too many than one that nobody sees.
            Some(Err(error)) => (true, Some(error.to_string())),
        };
        let said = if holds {
            let (message, out_of_steps) = steps::limited(steps::TEMPLATE, || {
                panics::caught(|| self.message(&self.output(engine, context)?))
                    .unwrap_or_else(|panic| Err(self.failure(format!("rendering it broke off: {panic}"))))
            });
            if out_of_steps {
                // A message made of a part of what there is would look complete.
                return Err(message
                    .err()
                    .unwrap_or_else(|| self.failure(OutOfSteps.to_string())));
            }
            message?.map_or_else(
                || Said::Nothing("it renders to nothing".to_owned()),
                Said::Message,
            )
        } else {
            Said::Nothing("its `when` does not hold".to_owned())
        };
        Ok(Spoken { said, when_failed })
    }

    fn output(&self, engine: &Handlebars<'_>, context: &Context) -> Result<String, Failure> {
        let mut output = Bounded(String::new());
        self.template
            .render(engine, context, &mut RenderContext::new(None), &mut output)
            .map_err(|error| explain(&self.file, &error))?;
        Ok(output.0)
    }

    /// The message; unset when there is nothing in it.
    fn message(&self, output: &str) -> Result<Option<StoredMessage>, Failure> {
        if output.trim().is_empty() {
            return Ok(None);
        }
        let document = markdown::parse(output).map_err(|error| self.failure(error.to_string()))?;
        if is_blank(&document) {
            return Ok(None);
        }
        Ok(Some(StoredMessage {
            v: 1,
            message: document,
            ephemeral: self.front.ephemeral,
        }))
    }
}

impl Compiled {
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

/// Why a template could not say anything of an event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// The template's file, as [`Origin::file`] names it.
    pub file: String,
    /// The part (`_name.hbs`) in which it happened; unset: in the file itself.
    pub part: Option<String>,
    /// The line of that, from 1, where it is known.
    pub line: Option<usize>,
    /// What happened and what to do.
    pub what: String,
    /// The path that is not in the event, as the template writes it ([`Read::written`](super::Read::written)); unset: it
    /// failed for another reason.
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

/// Output up to its limit.
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

/// An error of the engine: where, and what is missing or wrong.
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
