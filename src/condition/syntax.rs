//! Static checks of an expression (nesting, functions, patterns), the replacement of comparisons, and readable parse
//! errors.

use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators};
use cel::{IdedExpr, ParseErrors};

use super::bounded::{ADD, MATCHES_COMPUTED};
use super::equality::{EQUAL, MEMBER};
use super::references::entries;
use super::{References, mistakes};
use crate::suggest::{nearest, shorten};

/// Maximum nesting of operators, calls and brackets. Evaluation recurses for each level. Twice this depth fits the 2
/// MiB stack of a thread, even in an unoptimised build.
const DEEPEST: usize = 32;

/// The functions an expression may call: the standard library, the strings extension, optional values, and the bridge's
/// own. The parser has already expanded macros (`has`, `exists`, `map`, …). `templates/README.md` lists them.
pub const FUNCTIONS: &[&str] = &[
    "bool",
    "bytes",
    "charAt",
    "contains",
    "double",
    "duration",
    "dyn",
    "endsWith",
    "findFields",
    "firstField",
    "firstKeys",
    "firstLine",
    "format",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "hasValue",
    "indexOf",
    "int",
    "join",
    "lastIndexOf",
    "leaves",
    "lowerAscii",
    "matches",
    "none",
    "of",
    "ofNonZeroValue",
    "or",
    "orValue",
    "quote",
    "replace",
    "reverse",
    "size",
    "split",
    "startsWith",
    "string",
    "substring",
    "timestamp",
    "trim",
    "type",
    "uint",
    "upperAscii",
    "value",
];

/// Macros, for suggestions and for `templates/README.md`.
pub const MACROS: &[&str] = &[
    "all",
    "exists",
    "exists_one",
    "filter",
    "has",
    "map",
    "optMap",
    "optFlatMap",
];

/// Refuses names that no event can have. The caller knows the others.
pub(super) fn check_names(references: &References) -> Result<(), String> {
    let mut names = references.names.iter();
    let wrong = names.find_map(|name| Some((name, mistakes::of_name(name)?)));
    wrong.map_or(Ok(()), |(name, write)| {
        Err(format!("there is no name `{name}`; write `{write}`"))
    })
}

/// Refuses unknown functions. CEL itself reports them only during evaluation.
pub(super) fn check_functions(references: &References) -> Result<(), String> {
    for function in &references.functions {
        if MACROS.contains(&function.as_str()) {
            return Err(format!(
                "wrong arguments for {function}(): write `list.{function}(x, …)` or `has(a.b)`"
            ));
        }
        if !FUNCTIONS.contains(&function.as_str()) {
            let known = FUNCTIONS.iter().chain(MACROS).copied();
            let hint = match (mistakes::of_function(function), nearest(function, known)) {
                (Some(write), _) => format!("; write `{write}`"),
                (None, Some(name)) => format!(", did you mean `{name}`?"),
                (None, None) => String::new(),
            };
            return Err(format!("there is no function `{function}`{hint}"));
        }
    }
    Ok(())
}

/// Compiles the literal patterns of `matches`, and refuses parts that the parser could not represent.
pub(super) fn check_patterns(
    expression: &IdedExpr,
    evaluate: fn(&IdedExpr) -> Result<(), String>,
) -> Result<(), String> {
    let mut found = Ok(());
    visit_each(expression, &mut |part| match &part.expr {
        Expr::Unspecified if found.is_ok() => found = Err("the expression cannot be parsed".to_owned()),
        Expr::Call(call) if call.func_name == "matches" && found.is_ok() => {
            if let Some(pattern @ Expr::Literal(_)) = call.args.last().map(|pattern| &pattern.expr) {
                let alone = |expr: Expr| IdedExpr { id: 0, expr };
                let alone = alone(Expr::Call(CallExpr {
                    func_name: "matches".to_owned(),
                    target: None,
                    args: vec![
                        alone(Expr::Literal(LiteralValue::String("".into()))),
                        alone(pattern.clone()),
                    ],
                }));
                // The error of the regular expression has several lines; the last one holds the reason.
                found = evaluate(&alone).map_err(|why| {
                    let why = why.lines().next_back().unwrap_or_default();
                    format!(
                        "invalid pattern in matches(): {}",
                        why.strip_prefix("error: ").unwrap_or(why)
                    )
                });
            }
        }
        _ => {}
    });
    found
}

pub(super) fn visit_each(expression: &IdedExpr, visit: &mut impl FnMut(&IdedExpr)) {
    visit(expression);
    for part in parts(expression) {
        visit_each(part, visit);
    }
}

/// Returns the direct parts of an expression.
fn parts(expression: &IdedExpr) -> Vec<&IdedExpr> {
    match &expression.expr {
        Expr::Call(call) => call.target.iter().map(AsRef::as_ref).chain(&call.args).collect(),
        Expr::Comprehension(comprehension) => {
            let (range, accumulator) = (&comprehension.iter_range, &comprehension.accu_init);
            let (condition, step) = (&comprehension.loop_cond, &comprehension.loop_step);
            vec![range, accumulator, condition, step, &comprehension.result]
        }
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => entries(&map.entries).collect(),
        Expr::Struct(structure) => entries(&structure.entries).collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Vec::new(),
    }
}

/// Returns the direct parts of an expression, except those of a struct: there are no struct types.
pub(super) fn parts_mut(expression: &mut IdedExpr) -> Vec<&mut IdedExpr> {
    match &mut expression.expr {
        Expr::Call(call) => {
            let target = call.target.iter_mut().map(AsMut::as_mut);
            target.chain(&mut call.args).collect()
        }
        Expr::Comprehension(comprehension) => {
            let (range, accumulator) = (&mut comprehension.iter_range, &mut comprehension.accu_init);
            let (condition, step) = (&mut comprehension.loop_cond, &mut comprehension.loop_step);
            vec![range, accumulator, condition, step, &mut comprehension.result]
        }
        Expr::List(list) => list.elements.iter_mut().collect(),
        Expr::Map(map) => {
            let entries = map.entries.iter_mut().filter_map(|entry| match &mut entry.expr {
                EntryExpr::MapEntry(entry) => Some([&mut entry.key, &mut entry.value]),
                EntryExpr::StructField(_) => None,
            });
            entries.flatten().collect()
        }
        Expr::Select(select) => vec![&mut select.operand],
        Expr::Struct(_) | Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Vec::new(),
    }
}

/// Replaces `==`, `!=` and `in` where both sides may be lists or maps: CEL's own lists and maps never equal those that
/// borrow JSON. Comparisons with a scalar literal, nearly all of them, keep the standard operators.
pub(super) fn use_own_comparisons(expression: &mut IdedExpr) {
    parts_mut(expression).into_iter().for_each(use_own_comparisons);
    let Expr::Call(call) = &mut expression.expr else {
        return;
    };
    let is_negated = call.func_name == operators::NOT_EQUALS;
    let own = match call.func_name.as_str() {
        operators::EQUALS | operators::NOT_EQUALS if !call.args.iter().any(is_scalar) => EQUAL,
        operators::IN
            if !call.args.first().is_some_and(is_scalar) && !call.args.last().is_some_and(is_flat) =>
        {
            MEMBER
        }
        _ => return,
    };
    own.clone_into(&mut call.func_name);
    if is_negated {
        let equal = std::mem::take(expression);
        expression.id = equal.id;
        expression.expr = Expr::Call(CallExpr {
            func_name: operators::LOGICAL_NOT.to_owned(),
            target: None,
            args: vec![equal],
        });
    }
}

fn is_scalar(expression: &IdedExpr) -> bool {
    matches!(expression.expr, Expr::Literal(_))
}

fn is_flat(expression: &IdedExpr) -> bool {
    matches!(&expression.expr, Expr::List(list) if list.elements.iter().all(is_scalar))
}

/// Refuses an expression that is too deep for the stack of a thread.
pub(super) fn check_nesting(expression: &IdedExpr) -> Result<(), String> {
    let depth = depth(expression);
    if depth > DEEPEST {
        return Err(format!(
            "the expression is nested too deeply: {depth} levels of operators, calls and brackets, the limit is {DEEPEST}"
        ));
    }
    Ok(())
}

fn depth(expression: &IdedExpr) -> usize {
    let deepest_part = || parts(expression).into_iter().map(depth).max().unwrap_or(0);
    match &expression.expr {
        // CEL resolves a chain of names in a loop.
        Expr::Select(select) if matches!(select.operand.expr, Expr::Ident(_) | Expr::Select(_)) => {
            depth(&select.operand).max(2)
        }
        // A loop needs more stack than a call.
        Expr::Comprehension(_) => 3 + deepest_part(),
        _ => 1 + deepest_part(),
    }
}

/// Formats the first parse error with its position, and how to write what was meant.
pub(super) fn format_parse_error(text: &str, errors: &ParseErrors) -> String {
    let what = parse_error(text, errors);
    match mistakes::of_syntax(text) {
        Some(hint) => format!("{what}; {hint}"),
        None => what,
    }
}

/// The first parse error, without the list of expected tokens.
fn parse_error(text: &str, errors: &ParseErrors) -> String {
    let Some(error) = errors.errors.first() else {
        return "the expression cannot be parsed".to_owned();
    };
    let what = error.msg.split(" expecting ").next().unwrap_or_default();
    let what = what.strip_prefix("Syntax error: ").unwrap_or(what);
    let what = if what.contains("'<EOF>'") {
        "the expression ends too early".to_owned()
    } else if what.contains("Recursion limit") {
        return "the expression is nested too deeply".to_owned();
    } else if let Some(token) = what.strip_prefix("token recognition error at: ") {
        format!("unexpected {token}")
    } else {
        what.replace("extraneous input", "unexpected")
            .replace("mismatched input", "unexpected")
            .replace("no viable alternative at input", "cannot parse")
    };
    let what = shorten(&what, 200);
    let (line, column) = error.pos;
    if line < 1 || column < 0 {
        what
    } else if text.lines().count() > 1 {
        format!("line {line}, column {column}: {what}")
    } else {
        format!("column {column}: {what}")
    }
}

/// Returns an operator as people write it, from its name in the parser (`_==_`).
pub(super) fn operator_sign(function: &str) -> &str {
    match function {
        ADD => "+",
        EQUAL => "==",
        MEMBER | operators::IN => "in",
        MATCHES_COMPUTED => "matches",
        operators::INDEX => "[]",
        "_._" => ".",
        other => other.trim_start_matches('@').trim_matches('_'),
    }
}
