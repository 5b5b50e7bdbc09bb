//! Helpers that write formatting.

use handlebars::{Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, RenderError};
use serde_json::Value;

use super::{Arguments, Run};
use crate::message::{Block, Button, Inline, Person, control, markdown, nodes_atom, target_is_allowed};

pub(super) const HELPERS: &[(&str, Run<String>)] = &[
    ("link", link),
    ("code", code),
    ("quote", quote),
    ("excerpt", excerpt),
    ("button", button),
];

/// `link label url`, or `link url`. If the URL is not http, https or mailto, only the label is written. If the label is
/// empty, the URL is shown.
fn link(arguments: &Arguments<'_, '_>) -> Result<String, RenderError> {
    let (label, url) = label_and_url(arguments)?;
    let text = Inline::Text(if label.is_empty() { url.clone() } else { label });
    Ok(nodes_atom(Ok(vec![if target_is_allowed(&url) {
        Inline::Link {
            url,
            label: vec![text],
        }
    } else {
        text
    }])))
}

/// `button label url`. Consecutive buttons form one row. Allows the same URLs as `link`.
fn button(arguments: &Arguments<'_, '_>) -> Result<String, RenderError> {
    let (label, url) = label_and_url(arguments)?;
    Ok(nodes_atom(if target_is_allowed(&url) {
        Err(vec![Block::Buttons(vec![Button { label, url }])])
    } else {
        Ok(vec![Inline::Text(label)])
    }))
}

/// `person login`: a person whom the event concerns, for a mention if the operator has mapped the login.
pub(super) struct PersonHelper;

impl HelperDef for PersonHelper {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let arguments = Arguments(helper);
        arguments.take_steps()?;
        let source = context.data().get("source").and_then(Value::as_str);
        let person = Person {
            source: source.unwrap_or_default().to_owned(),
            login: control::one_line(&arguments.text(0)?).into_owned(),
            user: None,
        };
        out.write(&nodes_atom(Ok(vec![Inline::Person(person)])))?;
        Ok(())
    }
}

fn label_and_url(arguments: &Arguments<'_, '_>) -> Result<(String, String), RenderError> {
    let label = arguments.text(0)?;
    let url = if arguments.count() > 1 {
        arguments.text(1)?
    } else {
        label.clone()
    };
    Ok((
        control::one_line(&label).into_owned(),
        control::target(&url).trim().to_owned(),
    ))
}

/// `code text`: inline code.
fn code(arguments: &Arguments<'_, '_>) -> Result<String, RenderError> {
    let code = arguments.text(0)?;
    Ok(nodes_atom(Ok(vec![Inline::Code(
        control::one_line(&code).into_owned(),
    )])))
}

/// `quote text`: a quote with the line breaks of the text. Empty for an empty text.
fn quote(arguments: &Arguments<'_, '_>) -> Result<String, RenderError> {
    let text = arguments.text(0)?;
    let text = control::lines(text.trim_end());
    let mut content = Vec::new();
    for line in text.trim_start_matches('\n').split('\n') {
        if !content.is_empty() {
            content.push(Inline::Break);
        }
        content.push(Inline::Text(control::one_line(line).into_owned()));
    }
    let blocks = if text.trim().is_empty() {
        Vec::new()
    } else {
        vec![Block::Quote(vec![Block::Paragraph(content)])]
    };
    Ok(nodes_atom(Err(blocks)))
}

/// `excerpt text 300`: the start of untrusted Markdown as a quote. Empty for a text without content.
fn excerpt(arguments: &Arguments<'_, '_>) -> Result<String, RenderError> {
    let blocks = markdown::excerpt(&arguments.text(0)?, arguments.number(1)?);
    let quote = (!blocks.is_empty()).then_some(Block::Quote(blocks));
    Ok(nodes_atom(Err(quote.into_iter().collect())))
}
