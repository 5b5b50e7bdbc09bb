//! The paths that a template reads. Rendering a sample does not find all misspelled paths: in `{{#if}}`, `{{#unless}}`,
//! `(or …)` and `default` a missing value counts as false.

use handlebars::template::{BlockParam, HelperTemplate, Parameter, TemplateElement};
use handlebars::{Path, PathSeg, Template};
use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::conversation::NAME;
use super::helpers::PART;
use super::late;
use crate::condition::Condition;
use crate::message::ConversationField;

/// A path in a template.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadPath {
    /// The file name of the part (`_name.hbs`) that contains it. `None` for the template itself.
    pub part: Option<String>,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The path as written.
    pub written: String,
    /// The path from the names of an event. `[]` stands for any element of a list or member of an object.
    pub path: Vec<String>,
}

/// A step to any element of a list or member of an object.
pub(super) const ANY: &str = "[]";

/// `..` and `@root` in a path. Their type is private, but the parser of paths is public.
static UP: LazyLock<Option<PathSeg>> = LazyLock::new(|| first_segment("../x"));
static ROOT: LazyLock<Option<PathSeg>> = LazyLock::new(|| first_segment("@root/x"));

fn first_segment(path: &str) -> Option<PathSeg> {
    match Path::parse(path) {
        Ok(Path::Relative((segments, _))) => segments.into_iter().next(),
        _ => None,
    }
}

/// The names of an event that a template reads.
#[derive(Clone, Debug, Default)]
pub struct ReadNames {
    /// It reads the object of all names: `{{#each this}}`, `{{lookup @root x}}`.
    all: bool,
    names: BTreeSet<String>,
}

impl ReadNames {
    /// Returns the names that a template and the expressions of its front matter read.
    pub(super) fn of<'c>(template: &Template, expressions: impl IntoIterator<Item = &'c Condition>) -> Self {
        let walk = walk(template);
        let read = walk
            .reads
            .into_iter()
            .filter_map(|read| read.path.into_iter().next());
        let of_expressions = expressions
            .into_iter()
            .flat_map(|expression| &expression.references().names);
        Self {
            all: walk.all,
            names: read.chain(of_expressions.cloned()).collect(),
        }
    }

    /// Returns whether the template itself names this name.
    pub(super) fn names(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Returns whether the template reads this name.
    pub fn contains(&self, name: &str) -> bool {
        self.all || self.names.contains(name)
    }
}

/// Returns the paths that a template reads, in order. In a block over the result of a helper (`default`, `lookup`,
/// `except`) only paths from the root are known.
pub(super) fn reads(template: &Template) -> Vec<ReadPath> {
    walk(template).reads
}

/// Returns whether a template shows values that are known only when the message is posted.
pub(super) fn has_late_values(template: &Template) -> bool {
    walk(template).has_late_values
}

/// Returns the facts of the first event of a conversation that a template shows.
pub(super) fn first_facts(template: &Template) -> BTreeSet<String> {
    let of_first = format!("{NAME}.first.");
    let reads = walk(template).reads.into_iter();
    let shown = reads.filter(|read| read.written.starts_with(&of_first));
    shown.filter_map(|read| read.path.into_iter().next()).collect()
}

fn walk(template: &Template) -> Walk {
    let mut walk = Walk {
        reads: Vec::new(),
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

struct Walk {
    reads: Vec<ReadPath>,
    /// An argument was the object of all names.
    all: bool,
    /// It shows a value that is known only when the message is posted.
    has_late_values: bool,
    part: Option<String>,
    line: Option<usize>,
    /// The enclosing blocks that change what a name means, the innermost last.
    scopes: Vec<Scope>,
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
                TemplateElement::Expression(call) => self.call(call),
                TemplateElement::HelperBlock(block) => self.block(block),
                _ => {}
            }
        }
    }

    /// Visits an expression: a value, or a helper with arguments.
    fn call(&mut self, call: &HelperTemplate) {
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
            self.argument(&call.name);
        }
        for argument in call.params.iter().chain(call.hash.values()) {
            self.argument(argument);
        }
    }

    fn argument(&mut self, argument: &Parameter) {
        match argument {
            Parameter::Subexpression(inner) => {
                if let TemplateElement::Expression(call) = inner.as_element() {
                    self.call(call);
                }
            }
            Parameter::Path(Path::Local((_, name, _))) if name == "root" => self.all = true,
            Parameter::Name(_) | Parameter::Path(_) => {
                if let (Some(path), Some(written)) = (self.path(argument), argument.as_name()) {
                    if path.is_empty() {
                        self.all = true;
                        return;
                    }
                    self.reads.push(ReadPath {
                        part: self.part.clone(),
                        line: self.line,
                        written: written.to_owned(),
                        path,
                    });
                }
            }
            // A literal.
            _ => {}
        }
    }

    fn block(&mut self, block: &HelperTemplate) {
        let name = block.name.as_name().unwrap_or_default();
        if name == PART {
            self.part(block);
            return;
        }
        let line = self.line;
        self.call(block);
        let over = block.params.first();
        let scope = match name {
            "each" => over.map(|over| {
                let mut base = self.path(over);
                if let Some(path) = &mut base {
                    path.push(ANY.to_owned());
                }
                base
            }),
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
        let scope = self.scopes.len().saturating_sub(1 + up);
        let mut path = self.scopes.get(scope)?.base.clone()?;
        path.extend(own(steps));
        Some(path)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        let template = Template::compile(text).unwrap();
        reads(&template)
            .iter()
            .map(|read| format!("{} {}", read.line.unwrap_or_default(), read.path.join(".")))
            .collect()
    }

    #[test]
    fn paths_are_found_in_every_place_of_a_value() {
        for (text, expected) in [
            (
                "{{branch}} {{payload.a.[0].b}}",
                vec!["1 branch", "1 payload.a.0.b"],
            ),
            (
                "x\n{{#if payload.a}}\n{{b}}{{else if c}}{{d}}{{else}}{{e}}{{/if}}",
                vec!["2 payload.a", "3 b", "3 c", "3 d", "3 e"],
            ),
            (
                "{{#unless (or a (not payload.b))}}{{/unless}}",
                vec!["1 a", "1 payload.b"],
            ),
            (
                "{{link (truncate title 80) payload.url}}",
                vec!["1 title", "1 payload.url"],
            ),
            (
                "{{default payload.x \"none\"}} {{! comment }} text",
                vec!["1 payload.x"],
            ),
            ("{{this.branch}} {{./tag}}", vec!["1 branch", "1 tag"]),
        ] {
            assert_eq!(paths(text), expected, "{text}");
        }
    }

    #[test]
    fn the_names_of_an_event_that_a_template_reads_are_known() {
        for (text, read) in [
            ("{{branch}} {{payload.a}}", "branch payload"),
            (
                "{{#each payload.c}}{{branch}} {{@root.tag}} {{../title}}{{/each}}",
                "payload tag title",
            ),
            ("{{#each this}}{{@key}}{{/each}}", "all"),
            ("{{lookup this payload.name}}", "all"),
            ("{{lookup @root payload.name}}", "all"),
            ("{{#with this}}{{branch}}{{/with}}", "all"),
        ] {
            let template = Template::compile(text).unwrap();
            let when = Condition::compile("actor == payload.x").unwrap();
            let names = ReadNames::of(&template, Some(&when));
            for name in ["actor", "branch", "payload", "tag", "title", "url"] {
                let expected = read == "all" || name == "actor" || name == "payload" || read.contains(name);
                assert_eq!(names.contains(name), expected, "{text}: {name}");
            }
        }
    }

    #[test]
    fn names_in_a_block_belong_to_its_argument() {
        for (text, expected) in [
            (
                "{{#each payload.c}}{{id}} {{this.id}} {{this}} {{@index}} {{@root.branch}} {{../title}}{{else}}{{tag}}{{/each}}",
                vec![
                    "1 payload.c",
                    "1 payload.c.[].id",
                    "1 payload.c.[].id",
                    "1 payload.c.[]",
                    "1 branch",
                    "1 title",
                    "1 tag",
                ],
            ),
            (
                "{{#with payload.a}}{{b}}{{#if c}}{{d}}{{/if}}{{#each e}}{{../f}}{{/each}}{{/with}}",
                vec![
                    "1 payload.a",
                    "1 payload.a.b",
                    "1 payload.a.c",
                    "1 payload.a.d",
                    "1 payload.a.e",
                    "1 payload.a.f",
                ],
            ),
            (
                "{{#each payload.a as |item key|}}{{item.b}}{{key}}{{/each}}{{#with payload.a as |all|}}{{#each all}}{{all.[0]}}{{x}}{{/each}}{{/with}}",
                vec![
                    "1 payload.a",
                    "1 payload.a.[].b",
                    "1 payload.a",
                    "1 payload.a",
                    "1 payload.a.0",
                    "1 payload.a.[].x",
                ],
            ),
            (
                "{{#each (first (where payload.a \"s\" \"t\") 3)}}{{b}}{{/each}}{{#each (except labels payload.l)}}{{this}}{{@root.x}}{{/each}}",
                vec![
                    "1 payload.a",
                    "1 payload.a.[].b",
                    "1 labels",
                    "1 payload.l",
                    "1 x",
                ],
            ),
        ] {
            assert_eq!(paths(text), expected, "{text}");
        }
    }
}
