//! Which parts of the names an expression must have: found out once, when it is compiled.
//!
//! Most expressions of facts have no value for most events, because a field is missing. A walk along the field's path
//! finds that out for a small part of what an evaluation with its error costs. An expression that is one path is not
//! evaluated at all if a scalar stands there.

use cel::common::ast::{Expr, LiteralValue, operators};
use serde_json::Value;

use crate::steps;

/// The paths of one expression.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths {
    /// Without any of these the expression has no value. In the order of evaluation.
    required: Vec<Path>,
    /// The expression is the first of them and nothing else.
    alone: bool,
}

/// From a name (`payload`) down.
pub(super) type Path = Vec<Step>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Element(usize),
}

/// What a walk along the paths found.
pub(super) enum Found<'a> {
    /// The expression has no value. The key that is missing, if that is the reason.
    Missing(Option<&'a str>),
    /// The value of the expression.
    Scalar(&'a Value),
    /// All required paths are there. The expression must be evaluated.
    All,
}

impl Paths {
    pub(super) fn of(expression: &Expr) -> Self {
        let mut paths = Self {
            required: Vec::new(),
            alone: path_of(expression).is_some_and(|path| path.len() > 1),
        };
        paths.require(expression);
        paths
    }

    /// Walks along the paths. `names` is the object of all names.
    pub(super) fn walk<'a>(&'a self, names: &'a Value) -> Found<'a> {
        let mut last = None;
        for path in &self.required {
            match walk(path, names) {
                Ok(value) => last = Some(value),
                Err(key) => return Found::Missing(key),
            }
        }
        match last {
            Some(value) if self.alone && !value.is_array() && !value.is_object() => {
                match steps::take_text(value.as_str().map_or(0, str::len)) {
                    Ok(()) => Found::Scalar(value),
                    Err(_) => Found::All,
                }
            }
            _ => Found::All,
        }
    }

    /// Adds what `expression` cannot do without. What only one branch needs, or only a loop's round, is left out.
    fn require(&mut self, expression: &Expr) {
        if let Some(path) = path_of(expression) {
            if path.len() > 1 && !self.required.contains(&path) {
                self.required.push(path);
            }
            return;
        }
        match expression {
            Expr::Select(select) if !select.test => self.require(&select.operand.expr),
            Expr::Call(call) => match call.func_name.as_str() {
                // An error on one side may be hidden by the other. What is optional may be missing.
                operators::LOGICAL_AND
                | operators::LOGICAL_OR
                | operators::OPT_INDEX
                | operators::OPT_SELECT => {}
                operators::CONDITIONAL => {
                    if let Some(condition) = call.args.first() {
                        self.require(&condition.expr);
                    }
                }
                // An optional without a value ends here: its index is not evaluated.
                operators::INDEX => {
                    if let [within, index] = call.args.as_slice() {
                        self.require(&within.expr);
                        if never_optional(&within.expr) {
                            self.require(&index.expr);
                        }
                    }
                }
                name if name.starts_with('@') => {}
                _ => {
                    for part in call.target.iter().map(AsRef::as_ref).chain(&call.args) {
                        self.require(&part.expr);
                    }
                }
            },
            Expr::List(list) if list.optional_indices.is_empty() => {
                list.elements
                    .iter()
                    .for_each(|element| self.require(&element.expr));
            }
            Expr::Comprehension(loops) => self.require(&loops.iter_range.expr),
            _ => {}
        }
    }
}

/// Whether the value is known not to be an optional. The names are JSON, so a path in them never leads to one.
fn never_optional(expression: &Expr) -> bool {
    matches!(expression, Expr::Map(_) | Expr::List(_)) || path_of(expression).is_some()
}

/// The path that an expression is, from a name down.
pub(super) fn path_of(expression: &Expr) -> Option<Path> {
    path_with(expression, &|name| {
        let name = name.strip_prefix('.').unwrap_or(name);
        (!name.starts_with('@')).then(|| vec![Step::Key(name.to_owned())])
    })
}

/// The path that an expression is, from the variable of a loop down. The variable itself is no path.
pub(super) fn path_from(expression: &Expr, variable: &str) -> Option<Path> {
    let path = path_with(expression, &|name| (name == variable).then(Vec::new))?;
    (!path.is_empty()).then_some(path)
}

fn path_with(expression: &Expr, root: &impl Fn(&str) -> Option<Path>) -> Option<Path> {
    match expression {
        Expr::Ident(name) => root(name),
        Expr::Select(select) if !select.test => {
            let mut path = path_with(&select.operand.expr, root)?;
            path.push(Step::Key(select.field.clone()));
            Some(path)
        }
        Expr::Call(call) if call.func_name == operators::INDEX => {
            let [within, index] = call.args.as_slice() else {
                return None;
            };
            let mut path = path_with(&within.expr, root)?;
            path.push(match &index.expr {
                Expr::Literal(LiteralValue::String(key)) => Step::Key(key.inner().to_owned()),
                Expr::Literal(LiteralValue::Int(index)) => {
                    Step::Element(usize::try_from(*index.inner()).ok()?)
                }
                _ => return None,
            });
            Some(path)
        }
        _ => None,
    }
}

/// The value at a path in the object of all names, or the key that is missing.
pub(super) fn walk<'a, 'p>(path: &'p [Step], names: &'a Value) -> Result<&'a Value, Option<&'p str>> {
    let Some((Step::Key(name), path)) = path.split_first() else {
        return Err(None);
    };
    descend(path, names.get(name).ok_or(None)?)
}

/// The value at a path in `value`, or the key that is missing.
pub(super) fn descend<'a, 'p>(path: &'p [Step], mut value: &'a Value) -> Result<&'a Value, Option<&'p str>> {
    for step in path {
        value = match (step, value) {
            (Step::Key(key), Value::Object(members)) => members.get(key).ok_or(Some(key.as_str()))?,
            (Step::Element(index), Value::Array(items)) => items.get(*index).ok_or(None)?,
            _ => return Err(None),
        };
    }
    Ok(value)
}
