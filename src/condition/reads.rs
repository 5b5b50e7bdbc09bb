//! What an expression may read of the names, so that a parser can leave out the rest.
//!
//! [`References`](super::References) has the paths that must be there. This is the other bound: no value outside these paths can
//! change the result, nor the error. A value that is passed on (by `?:`, a loop, a literal list) is followed to where it is used.

use cel::IdedExpr;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, LiteralValue, operators,
};
use std::collections::BTreeSet;

use super::bounded::{RANGE, USE};
use super::references::{ANY, is_name};

/// A path of which an expression or a template may read something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Read {
    /// From a name of an event down, in the steps of [`Selection`](crate::payload::Selection).
    pub path: Vec<String>,
    /// Whether all that is in the value is read. Otherwise only that it is there, its type, and its content if it is neither a
    /// list nor an object.
    pub whole: bool,
}

/// Functions that read the number of the items or members of a value, or the names of the members.
const OUTLINE: &[&str] = &["size", "firstKeys"];
/// Functions that return one of their arguments, or what is in an optional.
/// Besides CEL's: those that [`super::limits`] puts around a value.
const SAME: &[&str] = &["dyn", "of", "or", "orValue", "value", RANGE, USE];
/// Functions that read no more than the type, or whether there is a value.
const TYPE: &[&str] = &["type", "hasValue", "none"];

/// What the evaluation of an expression may read.
pub(super) fn of(expression: &IdedExpr) -> BTreeSet<Read> {
    let mut walk = Walk::default();
    let result = walk.visit(&expression.expr);
    walk.read_whole(&result);
    walk.reads
}

/// Where the value of an expression may come from.
#[derive(Clone, Debug, Default)]
struct Origin {
    /// It may be the value at one of these paths.
    paths: BTreeSet<Vec<String>>,
    /// It may be a list or object of the expression itself, with items from here.
    items: Option<Box<Self>>,
}

impl Origin {
    fn or(mut self, other: Self) -> Self {
        self.paths.extend(other.paths);
        self.items = match (self.items, other.items) {
            (Some(one), Some(other)) => Some(Box::new(one.or(*other))),
            (one, other) => one.or(other),
        };
        self
    }
}

#[derive(Default)]
struct Walk {
    reads: BTreeSet<Read>,
    /// The variables of the enclosing macros, the innermost last.
    scope: Vec<(String, Origin)>,
}

impl Walk {
    fn visit(&mut self, expression: &Expr) -> Origin {
        match expression {
            Expr::Unspecified | Expr::Literal(_) => Origin::default(),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => {
                let within = self.visit(&select.operand.expr);
                let value = self.step(&within, &select.field);
                if select.test { Origin::default() } else { value }
            }
            Expr::Call(call) => self.call(call),
            Expr::List(list) => self.items(list.elements.iter()),
            Expr::Map(map) => self.entries(&map.entries),
            Expr::Struct(structure) => self.entries(&structure.entries),
            Expr::Comprehension(loops) => self.run_loop(loops),
        }
    }

    fn name(&self, name: &str) -> Origin {
        if let Some((_, origin)) = self.scope.iter().rev().find(|(bound, _)| bound == name) {
            return origin.clone();
        }
        let name = name.strip_prefix('.').unwrap_or(name);
        let path = is_name(name).then(|| vec![name.to_owned()]);
        Origin {
            paths: path.into_iter().collect(),
            items: None,
        }
    }

    fn call(&mut self, call: &CallExpr) -> Origin {
        let arguments: Vec<&Expr> = call.target.iter().map(|target| &target.expr).collect();
        let arguments: Vec<&Expr> = arguments
            .into_iter()
            .chain(call.args.iter().map(|part| &part.expr))
            .collect();
        match (call.func_name.as_str(), arguments.as_slice()) {
            (operators::INDEX | operators::OPT_INDEX | operators::OPT_SELECT, [within, index]) => {
                let within = self.visit(within);
                match index {
                    Expr::Literal(LiteralValue::String(key)) => self.step(&within, key.inner()),
                    Expr::Literal(LiteralValue::Int(index)) => self.step(&within, &index.inner().to_string()),
                    index => {
                        self.whole(index);
                        self.step(&within, ANY)
                    }
                }
            }
            (operators::CONDITIONAL, [condition, then, otherwise]) => {
                self.whole(condition);
                self.visit(then).or(self.visit(otherwise))
            }
            // A list or object is never equal to a plain value.
            (operators::EQUALS | operators::NOT_EQUALS, [one, other]) if is_plain(one) || is_plain(other) => {
                self.visit(one);
                self.visit(other);
                Origin::default()
            }
            (operators::IN, [item, container]) if is_plain(item) => {
                let container = self.visit(container);
                self.step(&container, ANY);
                Origin::default()
            }
            // The items of a sum of lists are those of both.
            (operators::ADD, parts) => self.any(parts),
            (function, parts) if SAME.contains(&function) => self.any(parts),
            (function, [value, rest @ ..]) if OUTLINE.contains(&function) => {
                let value = self.visit(value);
                self.step(&value, ANY);
                self.all_whole(rest);
                Origin::default()
            }
            (function, parts) if TYPE.contains(&function) => {
                self.any(parts);
                Origin::default()
            }
            (_, parts) => {
                self.all_whole(parts);
                Origin::default()
            }
        }
    }

    fn run_loop(&mut self, loops: &ComprehensionExpr) -> Origin {
        let range = self.visit(&loops.iter_range.expr);
        let item = self.step(&range, ANY);
        let initial = self.visit(&loops.accu_init.expr);
        let bound = self.scope.len();
        // In a loop over an object, the variable is a name.
        let variables = [Some(&loops.iter_var), loops.iter_var2.as_ref()];
        self.scope.extend(
            variables
                .into_iter()
                .flatten()
                .map(|name| (name.clone(), item.clone())),
        );
        self.scope.push((loops.accu_var.clone(), initial.clone()));
        self.whole(&loops.loop_cond.expr);
        // The macros only add to the result of the rounds before, so one round finds all that it can contain.
        let result = initial.or(self.visit(&loops.loop_step.expr));
        self.scope.pop();
        self.scope.push((loops.accu_var.clone(), result));
        let result = self.visit(&loops.result.expr);
        self.scope.truncate(bound);
        result
    }

    fn items<'e>(&mut self, items: impl Iterator<Item = &'e IdedExpr>) -> Origin {
        let items = items.fold(Origin::default(), |all, item| all.or(self.visit(&item.expr)));
        Origin {
            paths: BTreeSet::new(),
            items: Some(Box::new(items)),
        }
    }

    fn entries(&mut self, entries: &[IdedEntryExpr]) -> Origin {
        let values = entries.iter().map(|entry| match &entry.expr {
            EntryExpr::StructField(field) => &field.value,
            EntryExpr::MapEntry(entry) => {
                self.whole(&entry.key.expr);
                &entry.value
            }
        });
        let values: Vec<&IdedExpr> = values.collect();
        self.items(values.into_iter())
    }

    /// Where the value of one of these expressions comes from.
    fn any(&mut self, expressions: &[&Expr]) -> Origin {
        let parts = expressions.iter();
        parts.fold(Origin::default(), |all, part| all.or(self.visit(part)))
    }

    /// Goes one step down, and records that this is read.
    fn step(&mut self, within: &Origin, step: &str) -> Origin {
        let down = |path: &Vec<String>| path.iter().cloned().chain([step.to_owned()]).collect();
        let paths: BTreeSet<Vec<String>> = within.paths.iter().map(down).collect();
        self.reads.extend(paths.iter().map(|path| Read {
            path: path.clone(),
            whole: false,
        }));
        let items = within.items.as_deref().cloned().unwrap_or_default();
        Origin { paths, items: None }.or(items)
    }

    fn all_whole(&mut self, expressions: &[&Expr]) {
        for expression in expressions {
            self.whole(expression);
        }
    }

    fn whole(&mut self, expression: &Expr) {
        let value = self.visit(expression);
        self.read_whole(&value);
    }

    /// Records that all of a value is read.
    fn read_whole(&mut self, value: &Origin) {
        let whole = |path: &Vec<String>| Read {
            path: path.clone(),
            whole: true,
        };
        self.reads.extend(value.paths.iter().map(whole));
        if let Some(items) = &value.items {
            self.read_whole(items);
        }
    }
}

/// A literal text, number, boolean or null.
fn is_plain(expression: &Expr) -> bool {
    matches!(expression, Expr::Literal(_))
}

#[cfg(test)]
mod tests {
    use super::Read;
    use crate::condition::Condition;

    /// The reads of the payload, with `!` after those of a whole value. Without those that another one includes.
    fn reads(text: &str) -> String {
        let condition = Condition::compile(text).unwrap();
        let reads: Vec<&Read> = condition
            .reads()
            .filter(|read| read.path[0] == "payload")
            .collect();
        let includes = |other: &Read, one: &Read| {
            other.whole && one.path.starts_with(&other.path)
                || !one.whole && other.path.starts_with(&one.path)
        };
        let is_included = |one: &Read| reads.iter().any(|other| *other != one && includes(other, one));
        let shown = reads.iter().filter(|read| !is_included(read));
        let shown = shown.map(|read| read.path.join(".") + if read.whole { "!" } else { "" });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn values_are_followed_to_where_they_are_used() {
        for (text, expected) in [
            ("payload", "payload!"),
            ("payload == null", ""),
            ("payload.size() > 0", "payload.[]"),
            ("payload.a.b", "payload.a.b!"),
            (r#"payload["a"].b[0].c"#, "payload.a.b.0.c!"),
            ("payload[event].state", "payload.[].state!"),
            ("payload.map[payload.key].x", "payload.key! payload.map.[].x!"),
            ("has(payload.a.b)", "payload.a.b"),
            ("has(payload.a) && payload.a != null", "payload.a"),
            ("payload.a == payload.b", "payload.a! payload.b!"),
            ("payload.a == [1]", "payload.a!"),
            (r#""x" in payload.a"#, "payload.a.[]"),
            ("payload.x in payload.a", "payload.a! payload.x!"),
            ("type(payload.a) == map", "payload.a"),
            ("payload.?a.?b.orValue(payload.c)", "payload.a.b! payload.c!"),
            ("payload.?a.b.hasValue()", "payload.a.b"),
            ("payload.?a[?0].optMap(x, x.b)", "payload.a.0.b!"),
            ("optional.of(payload.a).optFlatMap(x, x.?b.c)", "payload.a.b.c!"),
            (
                "(has(payload.a) ? payload.a : payload.b).c",
                "payload.a.c! payload.b.c!",
            ),
            (
                r#"{true: payload.a}[payload.b == "x"].c"#,
                "payload.a.c! payload.b",
            ),
            (r#"{"k": payload.a, "l": 1}.k.b"#, "payload.a.b!"),
            ("payload.a.map(x, x.b)", "payload.a.[].b!"),
            (
                "payload.a.map(x, {'b': x.b, 'c': x.c.d})[0].c",
                "payload.a.[].b! payload.a.[].c.d!",
            ),
            ("payload.a.map(k, payload.a[k])", "payload.a.[]!"),
            ("payload.a.map(payload, payload.b)", "payload.a.[].b!"),
            ("payload.a.map(x, .payload.b)", "payload.a.[] payload.b!"),
            (r#"payload.a.filter(x, x.s == "t").size()"#, "payload.a.[].s"),
            (r#"payload.a.filter(x, x.s == "t")"#, "payload.a.[]!"),
            (
                r#"payload.a.filter(x, x.s == "t")[0].b.c"#,
                "payload.a.[].b.c! payload.a.[].s",
            ),
            ("payload.a.exists(x, x.s > 1)", "payload.a.[].s!"),
            ("payload.a.all(x, has(x.s))", "payload.a.[].s"),
            ("payload.a.exists_one(x, x.s == 1)", "payload.a.[].s"),
            (
                "(payload.a + payload.b).map(x, x.c)",
                "payload.a.[].c! payload.b.[].c!",
            ),
            ("[payload.a, payload.b].map(x, x.c)", "payload.a.c! payload.b.c!"),
            (
                "[payload.a.filter(x, x.s)].map(all, all.size() > 1 ? all[1].b : '')",
                "payload.a.[].b! payload.a.[].s!",
            ),
            (
                "payload.a.map(x, x.b.map(y, [x.c, y.d]))",
                "payload.a.[].b.[].d! payload.a.[].c!",
            ),
            ("firstKeys(payload, 3).map(k, k)", "payload.[]"),
            ("leaves(payload)", "payload!"),
            (r#"firstField(payload.a, ["b"])"#, "payload.a!"),
            ("payload.a.lowerAscii().split('x')[0]", "payload.a!"),
            ("event + headers.x", ""),
        ] {
            assert_eq!(reads(text), expected, "{text}");
        }
    }
}
