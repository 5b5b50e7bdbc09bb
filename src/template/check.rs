//! Checks a compiled template, and inserts its parts.

use std::collections::HashMap;
use std::sync::LazyLock;

use handlebars::Template;
use handlebars::template::{DecoratorTemplate, HelperTemplate, Parameter, TemplateElement};

use super::front_matter::Found;
use super::helpers::{PART, SIGNATURES, Signature, Use};
use super::{late, reads};
use crate::suggest::nearest;

/// Maximum nesting of parts.
const PARTS_DEEP: usize = 8;
/// Maximum number of parts in a template.
const PARTS: usize = 200;

/// Checks a template and inserts its parts. Returns the findings, and the names of the parts without `_` and `.hbs`.
pub(super) fn check(template: &mut Template, parts: &HashMap<String, Template>) -> (Vec<Found>, Vec<String>) {
    let mut walk = Walk {
        parts,
        found: Vec::new(),
        used: Vec::new(),
        depth: 0,
        scopes: 0,
    };
    walk.template(template);
    let own = reads::reads(template)
        .into_iter()
        .filter(|read| read.part.is_none());
    let wrong = own.filter_map(|read| Some((read.line, late::wrong_path(&read.path)?)));
    walk.found.extend(wrong);
    (walk.found, walk.used)
}

struct Walk<'p> {
    parts: &'p HashMap<String, Template>,
    found: Vec<Found>,
    /// The inserted parts.
    used: Vec<String>,
    /// The number of enclosing parts. Findings in a part are reported when the part itself is checked.
    depth: usize,
    /// The number of enclosing blocks that change what a name means.
    scopes: usize,
}

impl Walk<'_> {
    fn find(&mut self, line: Option<usize>, what: impl Into<String>) {
        if self.depth == 0 {
            self.found.push((line, what.into()));
        }
    }

    fn template(&mut self, template: &mut Template) {
        for (index, element) in template.elements.iter_mut().enumerate() {
            let line = template.mapping.get(index).map(|mapping| mapping.0);
            match element {
                TemplateElement::RawString(_) | TemplateElement::Comment(_) => {}
                TemplateElement::Expression(call) => self.expression(call, line),
                TemplateElement::HtmlExpression(_) => self.find(
                    line,
                    "`{{{x}}}` and `{{&x}}` would insert a value as syntax; write `{{x}}`, or use the helpers `link`, \
                     `code`, `quote` and `button`",
                ),
                TemplateElement::HelperBlock(block) => self.block(block, line),
                TemplateElement::DecoratorExpression(_) | TemplateElement::DecoratorBlock(_) => {
                    self.find(line, "`{{* …}}` is not supported; use a file `_name.hbs` and `{{> name}}`");
                }
                TemplateElement::PartialExpression(part) => {
                    if let Some(block) = self.part(part, line) {
                        *element = block;
                    }
                }
                _ => self.find(line, "`{{#> …}}` is not supported; write `{{> name}}`"),
            }
        }
    }

    fn expression(&mut self, call: &mut HelperTemplate, line: Option<usize>) {
        match late::rewrite(call, self.scopes > 0) {
            Ok(false) => {}
            Ok(true) => return,
            Err(what) => return self.find(line, what),
        }
        let name = call.name.as_name().unwrap_or_default();
        let known = signature(name);
        if call.params.is_empty() && call.hash.is_empty() {
            if let Some(known) = known {
                self.find(
                    line,
                    format!(
                        "`{name}` is a helper, written as `{}`; for a value of that name write `{{{{this.{name}}}}}`",
                        known.example
                    ),
                );
            }
            if let Parameter::Subexpression(inner) = &call.name {
                self.argument(&Parameter::Subexpression(inner.clone()), line);
            }
            return;
        }
        self.call(call, line);
        if known.is_some_and(|known| known.usage == Use::Block) {
            self.find(
                line,
                format!("`{name}` is a block: `{{{{#{name} …}}}} … {{{{/{name}}}}}`"),
            );
        }
    }

    fn block(&mut self, block: &mut HelperTemplate, line: Option<usize>) {
        self.call(block, line);
        let name = block.name.as_name().unwrap_or_default();
        if signature(name).is_some_and(|known| known.usage != Use::Block) {
            self.find(
                line,
                format!(
                    "`{name}` is not a block; blocks are if, unless, each and with: `{{{{#if ({name} …)}}}}`"
                ),
            );
        }
        if let Some(inner) = &mut block.template {
            let is_scope = ["each", "with"].contains(&name);
            self.scopes += usize::from(is_scope);
            self.template(inner);
            self.scopes -= usize::from(is_scope);
        }
        if let Some(inner) = &mut block.inverse {
            self.template(inner);
        }
        // The body of a loop becomes a part, so that every round calls a helper that takes steps.
        if name == "each"
            && let Some(content) = block.template.take()
        {
            block.template = Some(loop_body(content));
        }
    }

    fn call(&mut self, call: &HelperTemplate, line: Option<usize>) {
        let name = call.name.as_name().unwrap_or_default();
        match signature(name) {
            None => self.find(line, unknown(name)),
            Some(known) => {
                let (least, most) = known.arguments;
                if !(least..=most).contains(&call.params.len()) {
                    self.find(line, format!("`{name}` is written as `{}`", known.example));
                }
            }
        }
        for argument in call.params.iter().chain(call.hash.values()) {
            self.argument(argument, line);
        }
    }

    fn argument(&mut self, argument: &Parameter, line: Option<usize>) {
        let Parameter::Subexpression(inner) = argument else {
            return;
        };
        let TemplateElement::Expression(call) = inner.as_element() else {
            return;
        };
        self.call(call, line);
        let name = call.name.as_name().unwrap_or_default();
        match signature(name).map(|known| known.usage) {
            Some(Use::Formatting) => self.find(
                line,
                format!("`{name}` writes formatting and cannot be an argument; give it the value itself"),
            ),
            Some(Use::Block) => self.find(line, format!("`{name}` is a block and cannot be an argument")),
            Some(Use::Value) | None => {}
        }
    }

    /// Returns the block that replaces a part.
    fn part(&mut self, part: &DecoratorTemplate, line: Option<usize>) -> Option<TemplateElement> {
        let name = part.name.as_name().unwrap_or_default().to_owned();
        if !part.params.is_empty() || !part.hash.is_empty() {
            self.find(
                line,
                "a part takes no arguments; it reads the same names as the template around it",
            );
            return None;
        }
        let Some(content) = self.parts.get(&name) else {
            self.find(line, format!("there is no part `_{name}.hbs`"));
            return None;
        };
        if self.depth == PARTS_DEEP || self.used.len() == PARTS {
            self.found.push((
                line,
                format!("parts are nested without end, or too deep, at `{name}`"),
            ));
            return None;
        }
        let mut content = content.clone();
        self.used.push(name);
        self.depth += 1;
        self.template(&mut content);
        self.depth -= 1;
        block_around(content)
    }
}

/// Wraps the body of a loop in a part's block.
fn loop_body(content: Template) -> Template {
    let lines = content.mapping.first().cloned();
    let mut body = Template::default();
    if let Some(part) = block_around(content.clone()) {
        body.elements.push(part);
        body.mapping.extend(lines);
        return body;
    }
    content
}

/// Builds a part's block. Handlebars has no constructor for blocks, so this copies a parsed one.
fn block_around(content: Template) -> Option<TemplateElement> {
    static EMPTY: LazyLock<Option<TemplateElement>> = LazyLock::new(empty_block);
    let mut element = EMPTY.clone()?;
    if let TemplateElement::HelperBlock(block) = &mut element {
        block.template = Some(content);
    }
    Some(element)
}

/// A part's block without content, made of a parsed `{{#if x}}{{/if}}`.
fn empty_block() -> Option<TemplateElement> {
    let mut element = Template::compile("{{#if this}}{{/if}}").ok()?.elements.pop()?;
    if let TemplateElement::HelperBlock(block) = &mut element {
        block.name = Parameter::Name(PART.to_owned());
        block.params.clear();
    }
    Some(element)
}

fn signature(name: &str) -> Option<&'static Signature> {
    SIGNATURES.iter().find(|known| known.name == name)
}

fn unknown(name: &str) -> String {
    let names = || SIGNATURES.iter().map(|known| known.name);
    if let Some(known) = nearest(name, names()).and_then(signature) {
        return format!("there is no helper `{name}`; did you mean `{}`?", known.example);
    }
    let names: Vec<_> = names().collect();
    format!(
        "there is no helper `{name}`; the known ones are: {}",
        names.join(", ")
    )
}
