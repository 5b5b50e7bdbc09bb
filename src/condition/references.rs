//! Which names an expression uses, and which paths it reads below them.

use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr, IdedEntryExpr, LiteralValue, operators};
use std::collections::BTreeSet;

/// Names that are no variables: types, and what stands before a function's dot.
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
    /// Top-level names (`payload`, `branch`), without those its own macros bind.
    pub names: BTreeSet<String>,
    /// What it reads below them, each step a part: `payload.alerts.map(a, a.status)` reads
    /// `["payload", "alerts", "[]", "status"]`. Only paths known from the text (`x[y]` ends one), and none that `has()`
    /// or `.?` asks for: those may be missing.
    pub paths: BTreeSet<Vec<String>>,
    pub(super) functions: BTreeSet<String>,
}

/// A step into any element of a list.
const ANY: &str = "[]";

/// The names a macro has bound, innermost last, each with the path of the elements it stands for where that is known.
type Scope = Vec<(String, Option<Vec<String>>)>;

impl References {
    pub(super) fn of(expression: &IdedExpr) -> Self {
        let mut references = Self::default();
        references.visit(&expression.expr, &mut Vec::new(), true);
        references
    }

    fn visit(&mut self, expression: &Expr, scope: &mut Scope, must_be_there: bool) {
        match expression {
            Expr::Unspecified | Expr::Literal(_) => {}
            Expr::Ident(_) | Expr::Select(_) => self.visit_path(expression, scope, must_be_there),
            Expr::Call(call) if call.func_name == operators::INDEX => {
                self.visit_path(expression, scope, must_be_there);
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
                    self.visit(&part.expr, scope, must_be_there && !optional);
                }
            }
            Expr::List(list) => {
                for element in &list.elements {
                    self.visit(&element.expr, scope, must_be_there);
                }
            }
            Expr::Map(map) => entries(&map.entries).for_each(|part| self.visit(&part.expr, scope, true)),
            Expr::Struct(structure) => {
                entries(&structure.entries).for_each(|part| self.visit(&part.expr, scope, true));
            }
            Expr::Comprehension(loops) => {
                self.visit(&loops.iter_range.expr, scope, must_be_there);
                self.visit(&loops.accu_init.expr, scope, must_be_there);
                let elements = path_of(&loops.iter_range.expr, scope).map(|mut path| {
                    path.push(ANY.to_owned());
                    path
                });
                let bound = scope.len();
                scope.push((loops.iter_var.clone(), elements));
                scope.extend(loops.iter_var2.iter().map(|name| (name.clone(), None)));
                scope.push((loops.accu_var.clone(), None));
                for part in [&loops.loop_cond, &loops.loop_step, &loops.result] {
                    self.visit(&part.expr, scope, must_be_there);
                }
                scope.truncate(bound);
            }
        }
    }

    /// A name, a selection or an index: as a path as far as it is one, and whatever is inside.
    fn visit_path(&mut self, expression: &Expr, scope: &mut Scope, must_be_there: bool) {
        let tested = matches!(expression, Expr::Select(select) if select.test);
        let path = path_of(expression, scope);
        match path {
            Some(path) if must_be_there && !tested && path.len() > 1 => {
                self.paths.insert(path);
                self.visit_inside(expression, scope, false);
            }
            _ => self.visit_inside(expression, scope, must_be_there && !tested),
        }
    }

    fn visit_inside(&mut self, expression: &Expr, scope: &mut Scope, must_be_there: bool) {
        match expression {
            Expr::Ident(name) => {
                let name = name.strip_prefix('.').unwrap_or(name);
                let bound = scope.iter().any(|(bound, _)| bound == name);
                if !bound && !name.starts_with('@') && !NOT_NAMES.contains(&name) {
                    self.names.insert(name.to_owned());
                }
            }
            Expr::Select(select) => self.visit(&select.operand.expr, scope, must_be_there),
            Expr::Call(call) => {
                for part in &call.args {
                    self.visit(&part.expr, scope, must_be_there);
                }
            }
            _ => {}
        }
    }
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
