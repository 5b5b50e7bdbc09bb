//! Adds limits to a compiled expression: replaces or wraps every part that could run for long or return something large
//! with a function of [`super::bounded`].

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, operators};
use cel::common::types::CelInt;

use super::bounded::{ADD, MATCHES, MATCHES_COMPUTED, RANGE, REPLACED, USE};
use super::syntax::parts_mut;
use super::zones;

pub(super) fn apply(expression: &mut IdedExpr) {
    visit(expression, &mut Vec::new());
}

/// `bound` holds the variables of the enclosing loops, the innermost last.
fn visit(expression: &mut IdedExpr, bound: &mut Vec<String>) {
    if is_outer(expression, bound) {
        wrap(expression, USE, None);
        return;
    }
    if let Expr::Comprehension(comprehension) = &mut expression.expr {
        return visit_loop(comprehension, bound);
    }
    for part in parts_mut(expression) {
        visit(part, bound);
    }
    if let Expr::Call(call) = &mut expression.expr {
        replace_function(call);
        zones::apply(call);
    }
}

/// Replaces a function without a limit.
fn replace_function(call: &mut CallExpr) {
    let macro_accumulates = call.args.first().is_some_and(is_macro_accumulator);
    match call.func_name.as_str() {
        operators::ADD if !macro_accumulates => ADD.clone_into(&mut call.func_name),
        "matches" => {
            let literal = call
                .args
                .last()
                .is_some_and(|pattern| matches!(pattern.expr, Expr::Literal(_)));
            let own = if literal { MATCHES } else { MATCHES_COMPUTED };
            own.clone_into(&mut call.func_name);
        }
        name if call.target.is_some() => {
            if let Some((_, own)) = REPLACED.iter().find(|(replaced, _)| *replaced == name) {
                (*own).clone_into(&mut call.func_name);
            }
        }
        _ => {}
    }
}

fn visit_loop(comprehension: &mut ComprehensionExpr, bound: &mut Vec<String>) {
    let operations = count_operations(&comprehension.loop_step) + count_operations(&comprehension.loop_cond);
    visit(&mut comprehension.iter_range, bound);
    visit(&mut comprehension.accu_init, bound);
    bound.push(comprehension.iter_var.clone());
    for part in [
        &mut comprehension.loop_cond,
        &mut comprehension.loop_step,
        &mut comprehension.result,
    ] {
        visit(part, bound);
    }
    bound.pop();
    wrap(&mut comprehension.iter_range, RANGE, Some(operations));
}

/// Whether the expression is a path (`a.b`, `a[0]`) from the variable of a loop that is not the innermost one. The
/// inner loops use its value once in each round.
fn is_outer(expression: &IdedExpr, bound: &[String]) -> bool {
    let mut root = &expression.expr;
    loop {
        root = match root {
            Expr::Select(select) if !select.test => &select.operand.expr,
            Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
                [within, index] if matches!(index.expr, Expr::Literal(_)) => &within.expr,
                _ => return false,
            },
            Expr::Ident(name) => {
                let outer = bound
                    .split_last()
                    .is_some_and(|(inner, outer)| name != inner && outer.contains(name));
                return outer;
            }
            _ => return false,
        };
    }
}

/// Whether this is `@result` in `@result + [x]`, which macros generate. The steps of the loop's range include it.
fn is_macro_accumulator(expression: &IdedExpr) -> bool {
    matches!(&expression.expr, Expr::Ident(name) if name.starts_with('@'))
}

/// Replaces `x` by `function(x)` or `function(x, number)`.
fn wrap(expression: &mut IdedExpr, function: &str, number: Option<i64>) {
    let inner = std::mem::take(expression);
    let id = inner.id;
    let number = number.map(|number| IdedExpr {
        id,
        expr: Expr::Literal(LiteralValue::Int(CelInt::from(number))),
    });
    let call = CallExpr {
        func_name: function.to_owned(),
        target: None,
        args: [inner].into_iter().chain(number).collect(),
    };
    *expression = IdedExpr {
        id,
        expr: Expr::Call(call),
    };
}

/// Counts the operations of an expression. Each takes one step per evaluation.
fn count_operations(expression: &IdedExpr) -> i64 {
    let mut count = 0;
    super::syntax::visit_each(expression, &mut |_| count += 1);
    count
}

#[cfg(test)]
mod tests {
    use crate::condition::Condition;
    use crate::condition::bounded::{LONGEST_LIST, LONGEST_TEXT, MOST_KEYS};
    use crate::steps;
    use serde_json::{Map, Value, json};

    fn value(text: &str, payload: &Value) -> Result<Value, String> {
        let condition = Condition::compile(text).map_err(|error| error.to_string())?;
        let value = condition.evaluate(&json!({ "payload": payload }));
        value.map_err(|error| error.to_string())
    }

    #[test]
    fn bounded_functions_return_the_same_as_cel_below_the_limit() {
        let payload = json!({"text": "a,b,,c", "empty": "", "list": ["x", "y"], "none": []});
        let table = [
            (r#"payload.text.split(",")"#, json!(["a", "b", "", "c"])),
            (r#"payload.text.split(",", 2)"#, json!(["a", "b,,c"])),
            (r#"payload.text.split(",", 0)"#, json!([])),
            (r#"payload.text.split(",", -1).size()"#, json!(4)),
            (r#""äb".split("")"#, json!(["ä", "b"])),
            (r#""äbc".split("", 2)"#, json!(["ä", "bc"])),
            (r#"payload.empty.split("")"#, json!([])),
            (r#"payload.empty.split(",")"#, json!([""])),
            (r#"payload.text.replace(",", "; ")"#, json!("a; b; ; c")),
            (r#"payload.text.replace(",", "", 2)"#, json!("ab,c")),
            (r#""ab".replace("", "-")"#, json!("-a-b-")),
            (r#""abc".replace("", "-", 2)"#, json!("-a-bc")),
            ("payload.list.join()", json!("xy")),
            (r#"payload.list.join(", ")"#, json!("x, y")),
            (r#"payload.none.join(", ")"#, json!("")),
            (r#"payload.list + ["z"]"#, json!(["x", "y", "z"])),
            (r#"payload.text + "!""#, json!("a,b,,c!")),
            ("1 + 2", json!(3)),
            ("1.5 + 2.0", json!(3.5)),
        ];
        for (text, expected) in table {
            assert_eq!(value(text, &payload), Ok(expected), "{text}");
        }
    }

    #[test]
    fn first_line_first_field_and_first_keys_read_the_start() {
        let payload = json!({
            "text": "first\r\nsecond", "Title": null, "SUBJECT": "s", "name": "n", "user": {"id": 1},
            "username": "u", "labels": ["l"], "summary": " "
        });
        let table = [
            ("payload.text.firstLine()", Ok(json!("first"))),
            ("firstLine(payload.name)", Ok(json!("n"))),
            (r#"firstLine("\nx")"#, Ok(json!(""))),
            (
                r#"firstField(payload, ["title", "summary", "name", "subject"])"#,
                Ok(json!("n")),
            ),
            (r#"firstField(payload, ["subject", "name"])"#, Ok(json!("s"))),
            (r#"firstField(payload, ["user", "username"])"#, Ok(json!("u"))),
            (r#"firstField(payload, ["labels"])"#, Ok(json!(["l"]))),
            (
                r#"firstField(payload, ["title", "x"])"#,
                Err("there is no `title`, `x`"),
            ),
            ("firstKeys(payload, 2)", Ok(json!(["text", "Title"]))),
            ("payload.firstKeys(1000000).size()", Ok(json!(8))),
        ];
        for (text, expected) in table {
            assert_eq!(value(text, &payload), expected.map_err(str::to_owned), "{text}");
        }
        let mut many: Map<String, Value> = (0..MOST_KEYS).map(|n| (format!("k{n}"), json!(n))).collect();
        many.insert("title".to_owned(), json!("beyond"));
        let many = Value::Object(many);
        assert_eq!(
            value("firstKeys(payload, 5000).size()", &many),
            Ok(json!(MOST_KEYS))
        );
        assert_eq!(value(r#"firstField(payload, ["K7"])"#, &many), Ok(json!(7)));
        assert!(value(r#"firstField(payload, ["title"])"#, &many).is_err());
    }

    #[test]
    fn lists_and_texts_beyond_the_limit_are_errors() {
        let payload = json!({
            "lines": "\n".repeat(LONGEST_LIST), "fit": "\n".repeat(LONGEST_LIST - 1), "text": "x".repeat(1 << 20),
            "list": vec![1; LONGEST_LIST], "some": [1, 2, 3],
        });
        let list = Err("more than 10000 items");
        let text = Err("more than 4 MiB");
        let table = [
            (r#"payload.fit.split("\n").size()"#, Ok(json!(LONGEST_LIST))),
            (r#"payload.lines.split("\n").size()"#, list.clone()),
            (r#"payload.lines.split("\n", 20000).size()"#, list.clone()),
            (r#"payload.lines.split("").size()"#, Ok(json!(LONGEST_LIST))),
            (r#"payload.text.split("").size()"#, list.clone()),
            (r#"payload.text.split("", 20000).size()"#, list.clone()),
            ("(payload.list + payload.some).size()", list),
            ("(payload.some + payload.some).size()", Ok(json!(6))),
            ("payload.text.replace('', '12345').size()", text.clone()),
            ("payload.text.replace('x', 'xx').size()", Ok(json!(2 << 20))),
            (
                "payload.text.replace('x', 'xx', 10).size()",
                Ok(json!((1 << 20) + 10)),
            ),
            (
                "payload.some.map(n, payload.text).join().size()",
                Ok(json!(3 << 20)),
            ),
            (
                "(payload.some + payload.some).map(n, payload.text).join().size()",
                text.clone(),
            ),
            (
                "[payload.text].map(t, t + t).map(t, t + t).map(t, t + t).size()",
                text,
            ),
        ];
        assert!(payload["text"].as_str().unwrap().len() * 4 <= LONGEST_TEXT);
        for (text, expected) in table {
            match (value(text, &payload), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{text}: {found}"),
                (found, expected) => panic!("{text}: {found:?}, not {expected:?}"),
            }
        }
    }

    /// Without limits, each of these would run for minutes or take gigabytes.
    #[test]
    fn evaluation_stops_at_the_step_limit() {
        let many: Vec<usize> = (0..5_000).collect();
        let words: Vec<String> = many.iter().map(|n| format!("word{n}")).collect();
        let fields: Map<String, Value> = many.iter().map(|n| (format!("k{n}"), json!(n))).collect();
        let long = "x".repeat(2 << 20);
        let payload = json!({"many": many, "words": words, "fields": fields, "long": long, "sep": "zz"});
        let literal: Vec<String> = (0..300).map(|n| n.to_string()).collect();
        let literal = literal.join(",");
        let table = [
            "payload.many.map(a, payload.many.map(b, a + b))".to_owned(),
            "payload.many.exists(a, payload.many.exists(b, a == b + 100000))".to_owned(),
            "payload.many.filter(a, payload.words.all(b, b != 'x')).size()".to_owned(),
            "payload.fields.map(k, payload.fields.filter(l, l != k).size())".to_owned(),
            "payload.many.filter(a, payload.many.size() > 0 && a + 100000 in payload.many).size()".to_owned(),
            "payload.many.filter(a, payload.long.contains(payload.sep))".to_owned(),
            "[payload.long].map(t, payload.many.filter(a, t.contains('zz')))".to_owned(),
            "[payload.long].map(t, payload.many.map(a, t.lowerAscii()).size())".to_owned(),
            "payload.many.map(a, payload.words.join(',').size())".to_owned(),
            "payload.many.map(a, payload.words == payload.words)".to_owned(),
            "payload.words.filter(w, payload.words.exists(v, v.matches('^[a-z]+$')))".to_owned(),
            "payload.words.filter(w, 'x'.matches(w))".to_owned(),
            format!("[{literal}].map(a, [{literal}].map(b, [1,2,3,4,5,6,7,8,9].map(c, a + b + c)))"),
            "payload.many.map(a, payload.many.map(b, a + b)).size() == 1 || true".to_owned(),
        ];
        for text in table {
            let (found, exceeded) = steps::limited(50_000, || value(&text, &payload));
            assert!(exceeded, "{text}");
            let found = found.unwrap_err();
            assert!(found.starts_with("too many steps"), "{text}: {found}");
        }
        let pattern = "payload.words.filter(w, w.matches('^[a-z]+[0-9]{4}$')).size()";
        assert_eq!(value(pattern, &payload), Ok(json!(4_000)));
        assert_eq!(
            value("payload.words.filter(w, w.endsWith('7')).size()", &payload),
            Ok(json!(500))
        );
    }
}
