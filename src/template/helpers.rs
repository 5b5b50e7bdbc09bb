//! The helpers of templates, besides Handlebars' own `if unless each with lookup eq ne gt gte lt lte and or not`.
//!
//! Formatting helpers (`link code quote excerpt button person slack date since`) write an atom of nodes and cannot be arguments. The
//! others return a plain value, which can be an argument and is written as text.

mod formatting;
mod selecting;
mod slack;
mod time;
mod values;

use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, JsonRender, Output, RenderContext, RenderError,
    RenderErrorReason, Renderable, ScopedJson,
};
use serde_json::Value;

use super::late;
use crate::message::{Inline, nodes_atom, text_atom};
use crate::steps::{self, OutOfSteps};

/// The name of the helper that replaces `{{> name}}`. No template can write it.
pub(super) const PART: &str = "> ";

/// Where a template can use a helper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// `{{name …}}`, and `(name …)` as an argument.
    Value,
    /// `{{name …}}` alone.
    Formatting,
    /// `{{#name …}} … {{/name}}`.
    Block,
}

/// The signature of a helper, for `check`.
pub(super) struct Signature {
    pub(super) name: &'static str,
    pub(super) usage: Use,
    /// Minimum and maximum number of arguments.
    pub(super) arguments: (usize, usize),
    /// An example for findings.
    pub(super) example: &'static str,
}

/// All helpers, including those of Handlebars.
pub(super) const SIGNATURES: &[Signature] = &[
    signature("if", Use::Block, (1, 1), "{{#if x}} … {{else}} … {{/if}}"),
    signature("unless", Use::Block, (1, 1), "{{#unless x}} … {{/unless}}"),
    signature("each", Use::Block, (1, 1), "{{#each list}} … {{/each}}"),
    signature("with", Use::Block, (1, 1), "{{#with x}} … {{/with}}"),
    signature("lookup", Use::Value, (2, 2), "{{lookup map key}}"),
    signature("eq", Use::Value, (2, 2), "(eq a b)"),
    signature("ne", Use::Value, (2, 2), "(ne a b)"),
    signature("gt", Use::Value, (2, 2), "(gt a b)"),
    signature("gte", Use::Value, (2, 2), "(gte a b)"),
    signature("lt", Use::Value, (2, 2), "(lt a b)"),
    signature("lte", Use::Value, (2, 2), "(lte a b)"),
    signature("and", Use::Value, (1, 32), "(and a b)"),
    signature("or", Use::Value, (1, 32), "(or a b)"),
    signature("not", Use::Value, (1, 1), "(not a)"),
    signature("len", Use::Value, (1, 1), "(len list)"),
    signature("link", Use::Formatting, (1, 2), "{{link label url}}"),
    signature("code", Use::Formatting, (1, 1), "{{code text}}"),
    signature("quote", Use::Formatting, (1, 1), "{{quote text}}"),
    signature("excerpt", Use::Formatting, (2, 2), "{{excerpt text 300}}"),
    signature("button", Use::Formatting, (2, 2), "{{button label url}}"),
    signature("person", Use::Formatting, (1, 1), "{{person login}}"),
    signature("slack", Use::Formatting, (2, 3), "{{slack text 300}}"),
    signature("truncate", Use::Value, (2, 2), "{{truncate text 80}}"),
    signature("first_line", Use::Value, (1, 1), "{{first_line text}}"),
    signature("short_sha", Use::Value, (1, 1), "{{short_sha sha}}"),
    signature("rounded", Use::Value, (1, 1), "{{rounded number}}"),
    signature("past_tense", Use::Value, (1, 1), "{{past_tense name}}"),
    signature("after", Use::Value, (2, 2), "{{after text title}}"),
    signature(
        "plural",
        Use::Value,
        (2, 3),
        "{{plural count \"commit\" \"commits\"}}",
    ),
    signature(
        "duration",
        Use::Value,
        (1, 2),
        "{{duration start end}} or {{duration seconds}}",
    ),
    signature(
        "date",
        Use::Formatting,
        (1, 2),
        "{{date instant}} or {{date instant received}}",
    ),
    signature(
        "since",
        Use::Formatting,
        (2, 4),
        "{{since instant received}} or {{since instant received \", \"}}",
    ),
    signature("default", Use::Value, (2, 2), "{{default value fallback}}"),
    signature(
        "first",
        Use::Value,
        (2, 2),
        "{{#each (first list 10)}} … {{/each}}",
    ),
    signature("rest", Use::Value, (2, 2), "{{rest list 10}}"),
    signature(
        "where",
        Use::Value,
        (3, 4),
        "{{#each (where list \"status\" \"firing\")}} … {{/each}}",
    ),
    signature(
        "except",
        Use::Value,
        (2, 32),
        "{{#each (except object other \"name\")}} … {{/each}}",
    ),
];

const fn signature(
    name: &'static str,
    usage: Use,
    arguments: (usize, usize),
    example: &'static str,
) -> Signature {
    Signature {
        name,
        usage,
        arguments,
        example,
    }
}

/// Creates the engine: strict mode, all helpers, and every value encoded as an atom.
pub(super) fn engine() -> Handlebars<'static> {
    let mut engine = Handlebars::new();
    engine.set_strict_mode(true);
    engine.register_escape_fn(text_atom);
    let values = values::HELPERS.iter();
    for (name, run) in values.chain(time::VALUES).chain(selecting::HELPERS) {
        engine.register_helper(name, Box::new(ValueHelper { run: *run }));
    }
    for (name, run) in formatting::HELPERS
        .iter()
        .chain(slack::HELPERS)
        .chain(time::FORMATTING)
    {
        engine.register_helper(name, Box::new(FormattingHelper { run: *run }));
    }
    engine.register_helper("person", Box::new(formatting::PersonHelper));
    engine.register_helper("default", Box::new(values::Default));
    engine.register_helper(PART, Box::new(Part));
    engine.register_helper(late::HELPER, Box::new(Late));
    engine
}

/// The implementation of a helper.
type Run<T> = fn(&Arguments<'_, '_>) -> Result<T, RenderError>;

struct ValueHelper {
    run: Run<Value>,
}

impl HelperDef for ValueHelper {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let arguments = Arguments(helper);
        arguments.take_steps()?;
        let result = (self.run)(&arguments)?;
        take_copied(&result)?;
        Ok(ScopedJson::Derived(result))
    }
}

/// A helper that writes an atom of nodes.
struct FormattingHelper {
    run: Run<String>,
}

impl HelperDef for FormattingHelper {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let arguments = Arguments(helper);
        arguments.take_steps()?;
        out.write(&(self.run)(&arguments)?)?;
        Ok(())
    }
}

/// The helper for `{{> name}}` and for the body of `{{#each}}`; `check` turns both into blocks. A call takes steps for
/// each element of the body.
struct Part;

impl HelperDef for Part {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        engine: &'reg Handlebars<'reg>,
        context: &'rc Context,
        render: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let Some(template) = helper.template() else {
            return Ok(());
        };
        steps::take_many(4 * (1 + template.elements.len())).map_err(out_of_steps)?;
        template.render(engine, context, render, out)
    }
}

/// The helper that writes the node of a value of the conversation; `late` writes its calls.
struct Late;

impl HelperDef for Late {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let texts = helper.params().iter().map(|text| text.value().as_str());
        let texts: Vec<&str> = texts.map(Option::unwrap_or_default).collect();
        let field = texts
            .split_first()
            .and_then(|(name, arguments)| late::field_of(name, arguments));
        let nodes = field.map(Inline::Conversation).into_iter().collect();
        out.write(&nodes_atom(Ok(nodes)))?;
        Ok(())
    }
}

/// Converts the error for missing steps.
pub(super) fn out_of_steps(out: OutOfSteps) -> RenderError {
    RenderErrorReason::Other(out.to_string()).into()
}

/// Takes the steps of a copied value and everything in it.
fn take_copied(value: &Value) -> Result<(), RenderError> {
    match value {
        Value::String(text) => steps::take_text(text.len()).map_err(out_of_steps),
        Value::Array(items) => {
            steps::take_many(items.len()).map_err(out_of_steps)?;
            items.iter().try_for_each(take_copied)
        }
        Value::Object(fields) => {
            steps::take_many(fields.len()).map_err(out_of_steps)?;
            fields.values().try_for_each(take_copied)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// The arguments of a call.
struct Arguments<'h, 'rc>(&'h Helper<'rc>);

impl<'h> Arguments<'h, '_> {
    /// Returns an argument. If its path is missing, the error names the path.
    fn get(&self, index: usize) -> Result<&'h Value, RenderError> {
        match self.0.param(index) {
            Some(given) if given.is_value_missing() => Err(RenderError::strict_error(given.relative_path())),
            Some(given) => Ok(given.value()),
            None => Err(self.error("needs another argument")),
        }
    }

    /// Takes the steps of a call, by the size of its arguments.
    fn take_steps(&self) -> Result<(), RenderError> {
        steps::take(1).map_err(out_of_steps)?;
        for given in self.0.params() {
            let taken = match given.value() {
                Value::String(text) => steps::take_text(text.len()),
                Value::Array(items) => steps::take_many(items.len() / 8),
                Value::Object(fields) => steps::take_many(fields.len() / 8),
                Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
            };
            taken.map_err(out_of_steps)?;
        }
        Ok(())
    }

    fn count(&self) -> usize {
        self.0.params().len()
    }

    /// Returns an argument as the text that it would be written as.
    fn text(&self, index: usize) -> Result<String, RenderError> {
        Ok(self.get(index)?.render())
    }

    /// Returns an argument as a count.
    fn number(&self, index: usize) -> Result<usize, RenderError> {
        self.get(index)?
            .as_u64()
            .and_then(|number| usize::try_from(number).ok())
            .ok_or_else(|| self.error("needs a whole number"))
    }

    fn error(&self, what: &str) -> RenderError {
        RenderErrorReason::Other(format!("`{}` {what}", self.0.name())).into()
    }
}

#[cfg(test)]
mod tests;
