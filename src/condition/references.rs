//! The names that an expression uses, and the paths that it reads below them.

use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr, IdedEntryExpr, LiteralValue, operators};
use std::collections::BTreeSet;

/// Identifiers that are not variables: types, and namespaces of functions.
const NOT_NAMES: &[&str] = &[
    "bool",
    "bytes",
    "double",
    "google",
    "int",
    "list",
    "map",
    "null_type",
    "optional",
    "optional_type",
    "string",
    "strings",
    "type",
    "uint",
];

/// The names of an event that an expression uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// Top-level names (`payload`, `branch`), without the variables of macros.
    pub names: BTreeSet<String>,
    /// The paths below them, as lists of steps: `payload.alerts.map(a, a.status)` reads `["payload", "alerts", "[]",
    /// "status"]`. A path ends at a computed index (`x[y]`). Paths in `has()` or after `.?` are left out, because they
    /// may be missing.
    pub paths: BTreeSet<Vec<String>>,
    pub(super) functions: BTreeSet<String>,
}

/// A step to any element of a list.
pub(super) const ANY: &str = "[]";

/// The variables of the enclosing macros, the innermost last, each with the path of its elements if it is known.
type Scope = Vec<(String, Option<Vec<String>>)>;

impl References {
    pub(super) fn of(expression: &IdedExpr) -> Self {
        let mut references = Self::default();
        references.visit(&expression.expr, &mut Vec::new(), true);
        references
    }

    fn visit(&mut self, expression: &Expr, scope: &mut Scope, required: bool) {
        match expression {
            Expr::Unspecified | Expr::Literal(_) => {}
            Expr::Ident(_) | Expr::Select(_) => self.visit_path(expression, scope, required),
            Expr::Call(call) if call.func_name == operators::INDEX => {
                self.visit_path(expression, scope, required);
            }
            Expr::Call(call) => {
                let optional = matches!(
                    call.func_name.as_str(),
                    operators::OPT_INDEX | operators::OPT_SELECT
                );
                if call.func_name.starts_with(|c: char| c.is_ascii_alphabetic()) {
                    self.functions.insert(call.func_name.clone());
                }
                for part in call.target.iter().map(AsRef::as_ref).chain(&call.args) {
                    self.visit(&part.expr, scope, required && !optional);
                }
            }
            Expr::List(list) => {
                for element in &list.elements {
                    self.visit(&element.expr, scope, required);
                }
            }
            Expr::Map(map) => entries(&map.entries).for_each(|part| self.visit(&part.expr, scope, true)),
            Expr::Struct(structure) => {
                entries(&structure.entries).for_each(|part| self.visit(&part.expr, scope, true));
            }
            Expr::Comprehension(loops) => {
                self.visit(&loops.iter_range.expr, scope, required);
                self.visit(&loops.accu_init.expr, scope, required);
                let elements = path_of(&loops.iter_range.expr, scope).map(|mut path| {
                    path.push(ANY.to_owned());
                    path
                });
                let bound = scope.len();
                scope.push((loops.iter_var.clone(), elements));
                scope.extend(loops.iter_var2.iter().map(|name| (name.clone(), None)));
                scope.push((loops.accu_var.clone(), None));
                for part in [&loops.loop_cond, &loops.loop_step, &loops.result] {
                    self.visit(&part.expr, scope, required);
                }
                scope.truncate(bound);
            }
        }
    }

    /// Visits a name, a selection or an index, and records its path.
    fn visit_path(&mut self, expression: &Expr, scope: &mut Scope, required: bool) {
        let tested = matches!(expression, Expr::Select(select) if select.test);
        let path = path_of(expression, scope);
        match path {
            Some(path) if required && !tested && path.len() > 1 => {
                self.paths.insert(path);
                self.visit_inside(expression, scope, false);
            }
            _ => self.visit_inside(expression, scope, required && !tested),
        }
    }

    fn visit_inside(&mut self, expression: &Expr, scope: &mut Scope, required: bool) {
        match expression {
            Expr::Ident(name) => {
                let name = name.strip_prefix('.').unwrap_or(name);
                let bound = scope.iter().any(|(bound, _)| bound == name);
                if !bound && is_name(name) {
                    self.names.insert(name.to_owned());
                }
            }
            Expr::Select(select) => self.visit(&select.operand.expr, scope, required),
            Expr::Call(call) => {
                for part in &call.args {
                    self.visit(&part.expr, scope, required);
                }
            }
            _ => {}
        }
    }
}

/// Whether an identifier that no macro binds is a name of an event.
pub(super) fn is_name(identifier: &str) -> bool {
    !identifier.starts_with('@') && !NOT_NAMES.contains(&identifier)
}

fn path_of(expression: &Expr, scope: &Scope) -> Option<Vec<String>> {
    match expression {
        Expr::Ident(name) => match scope.iter().rev().find(|(bound, _)| bound == name) {
            Some((_, path)) => path.clone(),
            None => Some(vec![name.strip_prefix('.').unwrap_or(name).to_owned()]),
        },
        Expr::Select(select) => {
            let mut path = path_of(&select.operand.expr, scope)?;
            path.push(select.field.clone());
            Some(path)
        }
        Expr::Call(call) if call.func_name == operators::INDEX => {
            let [within, index] = call.args.as_slice() else {
                return None;
            };
            let mut path = path_of(&within.expr, scope)?;
            match &index.expr {
                Expr::Literal(LiteralValue::String(key)) => path.push(key.inner().to_owned()),
                Expr::Literal(LiteralValue::Int(_)) => path.push(ANY.to_owned()),
                _ => return None,
            }
            Some(path)
        }
        _ => None,
    }
}

pub(super) fn entries(entries: &[IdedEntryExpr]) -> impl Iterator<Item = &IdedExpr> {
    entries.iter().flat_map(|entry| match &entry.expr {
        EntryExpr::StructField(field) => vec![&field.value],
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
    })
}
