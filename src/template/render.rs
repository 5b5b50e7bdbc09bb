//! Renders one template with one event.

use std::fmt;
use std::io;

use handlebars::{
    Context, Handlebars, Output, RenderContext, RenderError, RenderErrorReason, Renderable, Template,
};

use super::front_matter::FrontMatter;
use super::reads::ReadNames;
use super::{Origin, Rendered};
use crate::message::{Block, Document, StoredMessage, markdown, plain};
use crate::panics;
use crate::steps::{self, OutOfSteps};

/// Maximum length of the output, in bytes. A character of a value takes three bytes or more.
const OUTPUT: usize = 1024 * 1024;

/// A compiled template.
pub(super) struct Compiled {
    /// Where the file comes from.
    pub(super) origin: Origin,
    /// The file, as [`Origin::file`] names it.
    pub(super) file: String,
    pub(super) front: FrontMatter,
    pub(super) template: Template,
    /// The names that it and its `when` read.
    pub(super) names: ReadNames,
}

/// The result of rendering.
pub(super) struct RenderResult {
    pub(super) rendered: Rendered,
    /// Why the `when` could not be evaluated. It counts as true then.
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

    /// Renders an event, unless the `when` is false.
    pub(super) fn render(&self, engine: &Handlebars<'_>, context: &Context) -> Result<RenderResult, Failure> {
        let when = self.front.when.as_ref().map(|when| when.holds(context.data()));
        let (holds, when_failed) = match when {
            None => (true, None),
            Some(Ok(holds)) => (holds, None),
            // A superfluous message is better than a lost one.
            Some(Err(error)) => (true, Some(error.to_string())),
        };
        let rendered = if holds {
            let (message, out_of_steps) = steps::limited(steps::TEMPLATE, || {
                panics::caught(|| self.message(&self.output(engine, context)?))
                    .unwrap_or_else(|panic| Err(self.failure(format!("rendering panicked: {panic}"))))
            });
            if out_of_steps {
                // The output is incomplete, and it would not look so.
                return Err(message
                    .err()
                    .unwrap_or_else(|| self.failure(OutOfSteps.to_string())));
            }
            message?.map_or_else(
                || Rendered::Skipped("it renders to nothing".to_owned()),
                Rendered::Message,
            )
        } else {
            Rendered::Skipped("its `when` does not hold".to_owned())
        };
        Ok(RenderResult {
            rendered,
            when_failed,
        })
    }

    fn output(&self, engine: &Handlebars<'_>, context: &Context) -> Result<String, Failure> {
        let mut output = Bounded(String::new());
        self.template
            .render(engine, context, &mut RenderContext::new(None), &mut output)
            .map_err(|error| explain(&self.file, &error))?;
        Ok(output.0)
    }

    /// Parses the output. Returns `None` if it is empty.
    fn message(&self, output: &str) -> Result<Option<StoredMessage>, Failure> {
        if output.trim().is_empty() {
            return Ok(None);
        }
        let document = markdown::parse(output).map_err(|error| self.failure(error.to_string()))?;
        if is_blank(&document) {
            return Ok(None);
        }
        Ok(Some(StoredMessage {
            ephemeral: self.front.ephemeral,
            ..StoredMessage::new(document)
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
