//! Loops over a list of the names that need no CEL values: found when an expression is compiled.
//!
//! CEL makes a value of its own for every element of a list, and a scope for every round. A group of alerts has a thousand
//! elements, and the expressions over it only count them, or take a few fields of each. Those expressions read the JSON.

use cel::common::ast::{ComprehensionExpr, Expr, LiteralValue, operators};
use serde_json::Value;

use super::paths::{Path, Step, descend, path_from, path_of, walk};
use crate::steps;

/// An expression that is one such loop. `x` is an element of the list.
#[derive(Clone, Debug)]
pub(super) enum Loop {
    /// `list.filter(x, x.path == "text").size()`
    Count { list: Path, path: Path, text: String },
    /// `list.map(x, x.path)`
    Pick { list: Path, path: Path },
    /// `list.map(x, [x.path, x.path])`
    PickEach { list: Path, paths: Vec<Path> },
}

impl Loop {
    pub(super) fn of(expression: &Expr) -> Option<Self> {
        if let Expr::Comprehension(loops) = expression {
            let list = path_of(&loops.iter_range.expr)?;
            let (None, item) = appended(loops)? else {
                return None;
            };
            return match item {
                Expr::List(items) if items.optional_indices.is_empty() && !items.elements.is_empty() => {
                    let items = items.elements.iter();
                    let paths = items.map(|item| path_from(&item.expr, &loops.iter_var));
                    let paths = paths.collect::<Option<_>>()?;
                    Some(Self::PickEach { list, paths })
                }
                item => {
                    let path = path_from(item, &loops.iter_var)?;
                    Some(Self::Pick { list, path })
                }
            };
        }
        let loops = sized(expression)?;
        let list = path_of(&loops.iter_range.expr)?;
        let (Some(Expr::Call(test)), Expr::Ident(item)) = appended(loops)? else {
            return None;
        };
        let [of_item, literal] = test.args.as_slice() else {
            return None;
        };
        let Expr::Literal(LiteralValue::String(compared)) = &literal.expr else {
            return None;
        };
        let is_count = test.func_name == operators::EQUALS && *item == loops.iter_var;
        is_count.then_some(Self::Count {
            list,
            path: path_from(&of_item.expr, &loops.iter_var)?,
            text: compared.inner().to_owned(),
        })
    }

    /// Runs the loop. `names` is the object of all names. `None` if CEL has to: a path is missing in an element, a value is
    /// not plain, or no steps are left.
    pub(super) fn run(&self, names: &Value) -> Option<Value> {
        let (found, out_of_steps) = steps::limited(steps::EXPRESSION, || match self {
            Self::Count { list, path, text } => {
                let mut count = 0;
                for item in items(list, names, 1)? {
                    count += usize::from(plain(path, item)?.as_str() == Some(text));
                }
                Some(count.into())
            }
            Self::Pick { list, path } => {
                let items = items(list, names, 1)?.iter();
                items.map(|item| plain(path, item).cloned()).collect()
            }
            Self::PickEach { list, paths } => {
                let items = items(list, names, paths.len())?.iter();
                let pick = |item| {
                    paths
                        .iter()
                        .map(|path| plain(path, item).cloned())
                        .collect::<Option<Value>>()
                };
                items.map(pick).collect()
            }
        });
        found.filter(|_| !out_of_steps)
    }
}

/// The elements of a list, after taking the steps of reading so many paths in each.
fn items<'a>(list: &[Step], names: &'a Value, paths: usize) -> Option<&'a [Value]> {
    let items = walk(list, names).ok()?.as_array()?;
    steps::take_many(items.len().saturating_mul(1 + paths)).ok()?;
    Some(items)
}

/// The value in an element. CEL sorts the members of an object, so only plain values are the same here.
fn plain<'a>(path: &[Step], item: &'a Value) -> Option<&'a Value> {
    let value = descend(path, item).ok()?;
    steps::take_text(value.as_str().map_or(0, str::len)).ok()?;
    (!value.is_array() && !value.is_object()).then_some(value)
}

/// What the macros `map` and `filter` append in each round, and their condition: `condition ? @result + [item] : @result`.
fn appended(loops: &ComprehensionExpr) -> Option<(Option<&Expr>, &Expr)> {
    let is_result = |expression: &Expr| matches!(expression, Expr::Ident(name) if *name == loops.accu_var);
    let (condition, step) = match &loops.loop_step.expr {
        Expr::Call(call) if call.func_name == operators::CONDITIONAL => match call.args.as_slice() {
            [condition, step, otherwise] if is_result(&otherwise.expr) => (Some(&condition.expr), &step.expr),
            _ => return None,
        },
        step => (None, step),
    };
    let Expr::Call(add) = step else { return None };
    let [before, added] = add.args.as_slice() else {
        return None;
    };
    let Expr::List(added) = &added.expr else {
        return None;
    };
    let [item] = added.elements.as_slice() else {
        return None;
    };
    let is_macro = add.func_name == operators::ADD
        && is_result(&before.expr)
        && is_result(&loops.result.expr)
        && added.optional_indices.is_empty()
        && loops.iter_var2.is_none();
    is_macro.then_some((condition, &item.expr))
}

/// The loop in `loop.size()` or `size(loop)`.
fn sized(expression: &Expr) -> Option<&ComprehensionExpr> {
    let Expr::Call(call) = expression else { return None };
    let ((None, [only]) | (Some(only), [])) = (call.target.as_deref(), call.args.as_slice()) else {
        return None;
    };
    match &only.expr {
        Expr::Comprehension(loops) if call.func_name == "size" => Some(loops),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::condition::Condition;
    use crate::steps;

    #[test]
    fn a_loop_without_cel_values_finds_what_an_evaluation_finds() {
        let loops = [
            r#"payload.list.filter(x, x.s == "a").size()"#,
            r#"size(payload.list.filter(x, x.o.s == "a"))"#,
            r#"payload.list.filter(x, x["s"] == "a").size()"#,
            "payload.list.map(x, x.s)",
            "payload.list.map(payload, payload.o.s)",
            "payload.list.map(x, [x.s])",
            "payload.list.map(x, [x.o.s, x.s, x.l[0]])",
        ];
        let others = [
            r#"payload.list.filter(x, x.s != "a").size()"#,
            r#"payload.list.filter(x, payload.s == "a").size()"#,
            r#"payload.list.filter(x, .x.s == "a").size()"#,
            "payload.list.filter(x, x.s == 1).size()",
            "payload.list.filter(x, has(x.s)).size()",
            "payload.list.map(x, x)",
            "payload.list.map(x, [])",
            "payload.list.map(x, [x.s, 1])",
            r#"payload.list.map(x, x.s == "a", x.o.s)"#,
            "payload.list.map(x, [x.?s.orValue(1)])",
            r#"payload.list.exists(x, x.s == "a")"#,
            "[payload].map(x, x.s)",
        ];
        let item = |s: Value| json!({"s": s, "o": {"s": s, "b": 1, "a": 2}, "l": [s]});
        let lists = [
            json!([]),
            json!([item(json!("a")), item(json!("b")), item(json!("a"))]),
            json!([
                item(json!("a")),
                item(json!(null)),
                item(json!(true)),
                item(json!(1)),
                item(json!(-2)),
                item(json!(u64::MAX)),
                item(json!(1.5))
            ]),
            json!([item(json!("a")), item(json!({"z": 1, "a": 2}))]),
            json!([item(json!("a")), item(json!([1]))]),
            json!([item(json!("a")), {"s": "a"}]),
            json!([{"s": "a", "o": 1}]),
            json!(["a", 1]),
            json!({}),
            json!({"s": 1}),
            json!("a"),
            json!(null),
        ];
        for (text, is_loop) in loops
            .map(|text| (text, true))
            .into_iter()
            .chain(others.map(|text| (text, false)))
        {
            let condition = Condition::compile(text).unwrap();
            assert_eq!(condition.list_loop.is_some(), is_loop, "{text}");
            for list in &lists {
                let names = json!({"payload": {"list": list, "s": "a"}});
                let whole = condition.evaluate_whole(&names);
                let found = condition.evaluate(&names);
                assert_eq!(
                    condition.value(&names).as_ref(),
                    whole.as_ref().ok(),
                    "{text}: {list}"
                );
                assert_eq!(format!("{found:?}"), format!("{whole:?}"), "{text}: {list}");
            }
        }
        let condition = Condition::compile("payload.list.map(x, [x.s])").unwrap();
        let names = json!({"payload": {"list": vec![json!({"s": "a"}); 100]}});
        let (found, exceeded) = steps::limited(150, || condition.value(&names));
        assert_eq!((found, exceeded), (None, true));
    }
}
