//! Which parts of the names an expression must have: found out once, when it is compiled.
//!
//! Most expressions of facts have no value for most events, because a field is missing. A walk along the field's path
//! finds that out for a small part of what an evaluation with its error costs.

use cel::common::ast::{Expr, LiteralValue, operators};
use serde_json::{Map, Value};

/// The paths of one expression. Without any of these it has no value. In the order of evaluation.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths(Vec<Path>);

/// From a name (`payload`) down.
type Path = Vec<Step>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Element(usize),
}

impl Paths {
    pub(super) fn of(expression: &Expr) -> Self {
        let mut paths = Self::default();
        paths.require(expression);
        paths
    }

    /// Walks along the paths. `names` is the object of all names.
    ///
    /// # Errors
    /// The expression has no value. The key that is missing, if that is the reason.
    pub(super) fn walk(&self, names: &Value) -> Result<(), Option<&str>> {
        self.0.iter().try_for_each(|path| walk(path, names))
    }

    /// Adds what `expression` cannot do without. What only one branch needs, or only a loop's round, is left out.
    fn require(&mut self, expression: &Expr) {
        if let Some(path) = path_of(expression) {
            if path.len() > 1 && !self.0.contains(&path) {
                self.0.push(path);
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
fn path_of(expression: &Expr) -> Option<Path> {
    match expression {
        Expr::Ident(name) => {
            let name = name.strip_prefix('.').unwrap_or(name);
            (!name.starts_with('@')).then(|| vec![Step::Key(name.to_owned())])
        }
        Expr::Select(select) if !select.test => {
            let mut path = path_of(&select.operand.expr)?;
            path.push(Step::Key(select.field.clone()));
            Some(path)
        }
        Expr::Call(call) if call.func_name == operators::INDEX => {
            let [within, index] = call.args.as_slice() else {
                return None;
            };
            let mut path = path_of(&within.expr)?;
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

/// Walks along a path in the object of all names. The error is the key that is missing.
fn walk<'p>(path: &'p [Step], names: &Value) -> Result<(), Option<&'p str>> {
    let Some((Step::Key(name), path)) = path.split_first() else {
        return Err(None);
    };
    let mut value = names
        .as_object()
        .and_then(|names| member(names, name))
        .ok_or(None)?;
    for step in path {
        value = match (step, value) {
            (Step::Key(key), Value::Object(members)) => member(members, key).ok_or(Some(key.as_str()))?,
            (Step::Element(index), Value::Array(items)) => items.get(*index).ok_or(None)?,
            _ => return Err(None),
        };
    }
    Ok(())
}

/// The member of an object. Most objects have so few of the selected members that looking at each takes less than a hash.
pub(super) fn member<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    const FEW: usize = 24;
    if members.len() > FEW {
        return members.get(name);
    }
    let found = members.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| value)
}
