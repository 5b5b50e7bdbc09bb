//! Markdown → [`Document`]. Strikethrough is the only extension; a line break is a line break.

mod builder;
mod excerpt;

use pulldown_cmark::{Options, Parser, TextMergeStream};

use self::builder::Builder;
use super::Document;

pub(crate) use excerpt::excerpt;

/// Markdown that no document is made of.
#[derive(Debug, thiserror::Error)]
pub enum MarkdownError {
    /// `[label]: target` says nothing itself and turns text elsewhere into a link.
    #[error("a line of the form `[label]: target` defines a reference; put the link where it is shown")]
    ReferenceDefinition,
}

/// The options of every parser here, and of the check of a template's own text.
pub(crate) fn options() -> Options {
    Options::ENABLE_STRIKETHROUGH
}

/// Makes a document. Atoms become what they stand for; raw HTML is shown as it is written.
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
