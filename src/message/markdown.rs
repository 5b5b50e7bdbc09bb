//! Parses Markdown into a [`Document`]. Strikethrough is the only extension. A line break in the source stays one.

mod builder;
mod excerpt;

use pulldown_cmark::{Options, Parser, TextMergeStream};

use self::builder::Builder;
use super::Document;

pub(crate) use excerpt::excerpt;

/// Markdown that cannot become a document.
#[derive(Debug, thiserror::Error)]
pub enum MarkdownError {
    /// `[label]: target` shows nothing itself and turns text elsewhere into a link.
    #[error("a line of the form `[label]: target` defines a reference; put the link where it is shown")]
    ReferenceDefinition,
}

/// Returns the parser options, also for the check of a template's own text.
pub(crate) fn options() -> Options {
    Options::ENABLE_STRIKETHROUGH
}

/// Parses a document. Replaces atoms by their content, and shows raw HTML as text.
///
/// # Errors
/// The Markdown contains a reference definition.
pub fn parse(markdown: &str) -> Result<Document, MarkdownError> {
    let parser = Parser::new_ext(markdown, options());
    if parser.reference_definitions().iter().next().is_some() {
        return Err(MarkdownError::ReferenceDefinition);
    }
    let mut builder = Builder::new();
    for event in TextMergeStream::new(parser) {
        builder.event(event);
    }
    Ok(builder.finish())
}

#[cfg(test)]
mod tests;
