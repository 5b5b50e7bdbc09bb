//! Walks through a template and collects what it reads.

use handlebars::template::{BlockParam, HelperTemplate, Parameter, TemplateElement};
use handlebars::{Path, PathSeg, Template};
use std::sync::LazyLock;

use super::{ANY, ReadPath};
use crate::condition::Read;
use crate::message::ConversationField;
use crate::template::conversation::NAME;
use crate::template::helpers::PART;
use crate::template::late;

/// `..` and `@root` in a path. Their type is private, but the parser of paths is public.
static UP: LazyLock<Option<PathSeg>> = LazyLock::new(|| first_segment("../x"));
static ROOT: LazyLock<Option<PathSeg>> = LazyLock::new(|| first_segment("@root/x"));

fn first_segment(path: &str) -> Option<PathSeg> {
    match Path::parse(path) {
        Ok(Path::Relative((segments, _))) => segments.into_iter().next(),
        _ => None,
    }
}

/// Collects what a template reads.
pub(super) fn walk(template: &Template) -> Walk {
    let mut walk = Walk {
        reads: Vec::new(),
        all_reads: Vec::new(),
        all: false,
        has_late_values: false,
        part: None,
        line: None,
        scopes: vec![Scope {
            base: Some(Vec::new()),
            bound: Vec::new(),
        }],
    };
    walk.template(template);
    walk
}

pub(super) struct Walk {
    pub(super) reads: Vec<ReadPath>,
    pub(super) all_reads: Vec<Read>,
    /// An argument was the object of all names.
    pub(super) all: bool,
    /// It shows a value that is known only when the message is posted.
    pub(super) has_late_values: bool,
    part: Option<String>,
    line: Option<usize>,
    /// The enclosing blocks that change what a name means, the innermost last.
    scopes: Vec<Scope>,
}

/// How much of an argument is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Whole,
    /// How many items or members it has. Their content only where the template names it.
    Items,
    /// Its type, and whether it is empty.
    Outline,
}

/// How much a helper reads of one of its arguments. `result` is how much is read of what the helper returns.
fn extent_of(helper: &str, argument: usize, result: Extent) -> Extent {
    match (helper, argument) {
        ("if" | "unless" | "with" | "not", 0) | ("and" | "or", _) => Extent::Outline,
        ("each" | "len" | "rest" | "plural", 0) => Extent::Items,
        ("first" | "where", 0) if result == Extent::Items => Extent::Items,
        _ => Extent::Whole,
    }
}

struct Scope {
    /// Where names are looked up. `None` if unknown.
    base: Option<Vec<String>>,
    /// The names of `as |a b|`, each with its path if known.
    bound: Vec<(String, Option<Vec<String>>)>,
}

impl Walk {
    fn template(&mut self, template: &Template) {
        for (index, element) in template.elements.iter().enumerate() {
            let line = template.mapping.get(index).map(|mapping| mapping.0);
            // Handlebars has no line for `{{else if x}}`; its content starts on the same line.
            let after = match element {
                TemplateElement::HelperBlock(block) => block.template.as_ref(),
                _ => None,
            };
            let after = || Some(after?.mapping.first()?.0);
            self.line = line.or_else(after).or(self.line);
            match element {
                TemplateElement::Expression(call) => self.call(call, Extent::Whole),
                TemplateElement::HelperBlock(block) => self.block(block),
                _ => {}
            }
        }
    }

    /// Visits an expression: a value, or a helper with arguments. `extent` is what is read of its value.
    fn call(&mut self, call: &HelperTemplate, extent: Extent) {
        let late = late::field_of_call(call);
        self.has_late_values |= late.is_some();
        if let Some(ConversationField::First(fact)) = late {
            self.reads.push(ReadPath {
                part: self.part.clone(),
                line: self.line,
                written: format!("{NAME}.first.{fact}"),
                path: vec![fact],
            });
        }
        if call.params.is_empty() && call.hash.is_empty() {
            self.argument(&call.name, Extent::Whole);
        }
        let name = call.name.as_name().unwrap_or_default();
        for (index, argument) in call.params.iter().enumerate() {
            self.argument(argument, extent_of(name, index, extent));
        }
        for argument in call.hash.values() {
            self.argument(argument, Extent::Whole);
        }
        if let ("where", [list, field, ..]) = (name, call.params.as_slice()) {
            self.compared_field(list, field);
        }
    }

    /// `(where list "field" …)` reads this field of every item.
    fn compared_field(&mut self, list: &Parameter, field: &Parameter) {
        let Some(mut path) = self.path(list) else { return };
        path.push(ANY.to_owned());
        if let Parameter::Literal(serde_json::Value::String(field)) = field {
            path.push(field.clone());
        }
        self.all_reads.push(Read { path, whole: true });
    }

    fn argument(&mut self, argument: &Parameter, extent: Extent) {
        match argument {
            Parameter::Subexpression(inner) => {
                if let TemplateElement::Expression(call) = inner.as_element() {
                    self.call(call, extent);
                }
            }
            Parameter::Path(Path::Local((_, name, _))) if name == "root" => self.read_all(),
            Parameter::Name(_) | Parameter::Path(_) => {
                if let (Some(path), Some(written)) = (self.path(argument), argument.as_name()) {
                    if path.is_empty() {
                        self.read_all();
                        return;
                    }
                    let mut read = path.clone();
                    if extent == Extent::Items {
                        read.push(ANY.to_owned());
                    }
                    let whole = extent == Extent::Whole;
                    self.all_reads.push(Read { path: read, whole });
                    // The other steps of a `Selection`.
                    let plain = |step: String| {
                        if step.starts_with('[') {
                            ANY.to_owned()
                        } else {
                            step
                        }
                    };
                    self.reads.push(ReadPath {
                        part: self.part.clone(),
                        line: self.line,
                        written: written.to_owned(),
                        path: path.into_iter().map(plain).collect(),
                    });
                }
            }
            // A literal.
            _ => {}
        }
    }

    fn read_all(&mut self) {
        self.all = true;
        let path = Vec::new();
        self.all_reads.push(Read { path, whole: true });
    }

    fn block(&mut self, block: &HelperTemplate) {
        let name = block.name.as_name().unwrap_or_default();
        if name == PART {
            self.part(block);
            return;
        }
        let line = self.line;
        self.call(block, Extent::Whole);
        let over = block.params.first();
        let scope = match name {
            "each" => over.map(|over| self.items(over)),
            "with" => over.map(|over| self.path(over)),
            _ => None,
        };
        if let Some(inner) = &block.template {
            let is_scope = scope.is_some();
            if let Some(base) = scope {
                let bound = bound(block.block_param.as_ref(), base.as_ref());
                self.scopes.push(Scope { base, bound });
            }
            self.template(inner);
            if is_scope {
                self.scopes.pop();
            }
        }
        // `{{else}}` is outside the block's scope.
        self.line = line;
        if let Some(inner) = &block.inverse {
            self.template(inner);
        }
    }

    fn part(&mut self, block: &HelperTemplate) {
        let Some(content) = &block.template else { return };
        let (part, line) = (self.part.take(), self.line);
        self.part.clone_from(&content.name);
        self.template(content);
        (self.part, self.line) = (part, line);
    }

    /// Returns the path of the items of an argument, if known.
    fn items(&self, argument: &Parameter) -> Option<Vec<String>> {
        let mut path = self.path(argument)?;
        path.push(few_of(argument).unwrap_or_else(|| ANY.to_owned()));
        Some(path)
    }

    /// Returns the path of an argument from the root, if known. `first` and `where` return elements of their list, so
    /// they keep its path.
    fn path(&self, argument: &Parameter) -> Option<Vec<String>> {
        match argument {
            Parameter::Name(name) => self.resolve(0, false, &[name.as_str()]),
            Parameter::Path(Path::Relative((segments, _))) => {
                let (mut up, mut root, mut steps) = (0, false, Vec::new());
                for segment in segments {
                    match segment {
                        PathSeg::Named(name) => steps.push(name.as_str()),
                        ruled if Some(ruled) == UP.as_ref() => up += 1,
                        ruled if Some(ruled) == ROOT.as_ref() => root = true,
                        _ => return None,
                    }
                }
                self.resolve(up, root, &steps)
            }
            Parameter::Subexpression(inner) => match inner.as_element() {
                TemplateElement::Expression(call)
                    if ["first", "where"].contains(&call.name.as_name().unwrap_or_default()) =>
                {
                    self.path(call.params.first()?)
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn resolve(&self, up: usize, root: bool, steps: &[&str]) -> Option<Vec<String>> {
        let own = |steps: &[&str]| steps.iter().map(|step| (*step).to_owned()).collect::<Vec<_>>();
        if root {
            return Some(own(steps));
        }
        if up == 0
            && let Some((first, rest)) = steps.split_first()
        {
            let bound = self.scopes.iter().rev().flat_map(|scope| &scope.bound);
            if let Some((_, path)) = bound.into_iter().find(|(name, _)| name == first) {
                let mut path = path.clone()?;
                path.extend(own(rest));
                return Some(path);
            }
        }
        let innermost = self.scopes.len().saturating_sub(1);
        // Handlebars resolves a path with too many `..` in the innermost block.
        let scope = innermost.checked_sub(up).unwrap_or(innermost);
        let mut path = self.scopes.get(scope)?.base.clone()?;
        path.extend(own(steps));
        Some(path)
    }
}

/// Returns the step to the items of `(first list 3)` or `(where list "name" "text" 3)`, if nothing but the list depends on the
/// event.
fn few_of(argument: &Parameter) -> Option<String> {
    let Parameter::Subexpression(inner) = argument else {
        return None;
    };
    let TemplateElement::Expression(call) = inner.as_element() else {
        return None;
    };
    match (call.name.as_name()?, call.params.as_slice()) {
        ("first", [list, Parameter::Literal(most)]) if list.as_name().is_some() => {
            Some(format!("[{}]", most.as_u64()?))
        }
        (
            "where",
            [
                list,
                Parameter::Literal(field),
                Parameter::Literal(text),
                Parameter::Literal(most),
            ],
        ) if list.as_name().is_some() && !field.as_str()?.contains('=') => Some(format!(
            "[{} {}={}]",
            most.as_u64()?,
            field.as_str()?,
            text.as_str()?
        )),
        _ => None,
    }
}

/// Returns the names that `as |value|` or `as |value key|` binds. A key is a text without a path.
fn bound(names: Option<&BlockParam>, base: Option<&Vec<String>>) -> Vec<(String, Option<Vec<String>>)> {
    let name = |parameter: &Parameter| parameter.as_name().unwrap_or_default().to_owned();
    match names {
        Some(BlockParam::Single(value)) => vec![(name(value), base.cloned())],
        Some(BlockParam::Pair((value, key))) => vec![(name(value), base.cloned()), (name(key), None)],
        _ => Vec::new(),
    }
}
