//! Why a condition holds or not: which parts of it decided, and the values that they read. For people: nothing is decided here.

use cel::IdedExpr;
use cel::common::ast::{Expr, operators};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::lexical::{masked, unwrapped};
use super::reads::Read;
use super::{Condition, References, reads, shown};
use crate::steps;
use crate::suggest::shorten;

/// The most parts, and the most values, of an explanation.
const MOST: usize = 12;
/// The longest text of a part, in characters.
const LONGEST_PART: usize = 120;

/// Why a condition holds or not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The operands of `&&` and `||` that decided, 12 at most. Empty: the condition is one part.
    pub parts: Vec<Part>,
    /// What these parts read: each path as it is written, and its value as [`shown::value`] gives it. 12 at most.
    pub values: Vec<(String, String)>,
}

/// An operand of `&&` or `||`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its text, of 120 characters at most.
    pub text: String,
    /// Whether it is true.
    pub held: bool,
    /// Why it could not be evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A condition that was evaluated for an event, and why it holds or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionTrace {
    /// Its text.
    pub text: String,
    /// Whether it holds.
    pub held: bool,
    /// Why it could not be evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why it holds or not.
    #[serde(flatten)]
    pub explanation: Explanation,
}

impl Explanation {
    /// Returns the explanation in lines for a person: `branch == "main" is false`, then `branch is "next"`.
    pub fn lines(&self) -> Vec<String> {
        lines(&self.parts, &self.values)
    }
}

/// Formats the parts and the values of an explanation, each on a line.
pub fn lines(parts: &[Part], values: &[(String, String)]) -> Vec<String> {
    let part = |part: &Part| match &part.error {
        Some(why) => format!("{} cannot be evaluated: {why}", part.text),
        None => format!("{} is {}", part.text, part.held),
    };
    let value = |(path, value): &(String, String)| format!("{path} is {value}");
    parts.iter().map(part).chain(values.iter().map(value)).collect()
}

impl Condition {
    /// Evaluates the condition, and explains the result.
    pub fn trace(&self, names: &Value) -> ConditionTrace {
        let result = self.holds(names);
        ConditionTrace {
            text: self.text.clone(),
            held: matches!(result, Ok(true)),
            error: result.err().map(|error| error.to_string()),
            explanation: self.explain(names),
        }
    }

    /// Finds out which parts of the condition decide its result, and what they read. Takes the steps of one evaluation at the
    /// most; if they do not suffice, the explanation is empty. An expression that is not a condition is one part.
    pub fn explain(&self, names: &Value) -> Explanation {
        let walk = Walk {
            condition: self,
            masked: masked(&self.text),
            names,
        };
        let (explanation, out_of_steps) = steps::limited(steps::EXPRESSION, || walk.explanation());
        if out_of_steps {
            return Explanation::default();
        }
        explanation
    }
}

/// A part of the condition: its expression, and where its text is.
#[derive(Clone)]
struct Operand<'a> {
    expression: &'a IdedExpr,
    range: Range<usize>,
}

/// The result of a part.
type Outcome = Result<bool, String>;

struct Walk<'a> {
    condition: &'a Condition,
    masked: String,
    names: &'a Value,
}

impl<'a> Walk<'a> {
    fn explanation(&self) -> Explanation {
        let whole = Operand {
            expression: &self.condition.expression,
            range: 0..self.condition.text.len(),
        };
        let is_one_part = self.operands(&whole).is_none();
        let decided = if is_one_part {
            vec![(whole, Ok(true))]
        } else {
            self.decide(&whole).1
        };
        let mut values: Vec<(String, String)> = Vec::new();
        for (operand, _) in &decided {
            for path in leaves(operand.expression) {
                let written = shown::written(&path);
                if values.len() < MOST && !values.iter().any(|(known, _)| *known == written) {
                    values.push((written, shown::at(&path, self.names)));
                }
            }
        }
        let parts = decided.into_iter().take(MOST).map(|(operand, outcome)| Part {
            text: shorten(
                self.condition.text.get(operand.range).unwrap_or_default(),
                LONGEST_PART,
            ),
            held: outcome == Ok(true),
            error: outcome.err(),
        });
        Explanation {
            parts: if is_one_part { Vec::new() } else { parts.collect() },
            values,
        }
    }

    /// The result of a part, and the operands in it that decide: the one that is false in an `&&` that is false, all of them if
    /// it is true; for `||` the other way round.
    fn decide(&self, part: &Operand<'a>) -> (Outcome, Vec<(Operand<'a>, Outcome)>) {
        let Some((decisive, [left, right])) = self.operands(part) else {
            let outcome = self.evaluate(part.expression);
            return (outcome.clone(), vec![(part.clone(), outcome)]);
        };
        let (left, mut of_left) = self.decide(&left);
        if left == Ok(decisive) {
            return (left, of_left);
        }
        let (right, of_right) = self.decide(&right);
        if right == Ok(decisive) {
            return (right, of_right);
        }
        match (left, right) {
            (Err(why), _) => (Err(why), of_left),
            (_, Err(why)) => (Err(why), of_right),
            _ => {
                of_left.extend(of_right);
                (Ok(!decisive), of_left)
            }
        }
    }

    /// The operands of `&&` or `||`, and the result of one of them that decides. `None`: the part is neither.
    fn operands(&self, part: &Operand<'a>) -> Option<(bool, [Operand<'a>; 2])> {
        let Expr::Call(call) = &part.expression.expr else {
            return None;
        };
        let decisive = match call.func_name.as_str() {
            operators::LOGICAL_AND => false,
            operators::LOGICAL_OR => true,
            _ => return None,
        };
        let [left, right] = call.args.as_slice() else {
            return None;
        };
        let range = unwrapped(&self.masked, part.range.clone());
        let at = *self.condition.joints.get(&part.expression.id)?;
        range.contains(&at).then(|| {
            let operand = |expression, range| Operand {
                expression,
                range: unwrapped(&self.masked, range),
            };
            let sides = [operand(left, range.start..at), operand(right, at + 2..range.end)];
            (decisive, sides)
        })
    }

    fn evaluate(&self, expression: &IdedExpr) -> Outcome {
        let read = |value: &dyn cel::common::value::Val| super::boolean(value);
        let held = super::with_value_of(expression, self.names, read);
        held.map_err(|error| error.to_string())
    }
}

/// The paths of which an expression reads the values. A path that only leads to another one is left out.
fn leaves(expression: &IdedExpr) -> Vec<Vec<String>> {
    let mut paths: BTreeSet<Vec<String>> = reads::of(expression)
        .into_iter()
        .map(|Read { path, .. }| path)
        .collect();
    paths.extend(
        References::of(expression)
            .names
            .into_iter()
            .map(|name| vec![name]),
    );
    let leads = |path: &Vec<String>| {
        let mut others = paths.range(path.clone()..).skip(1);
        others.next().is_some_and(|next| next.starts_with(path))
    };
    paths.iter().filter(|path| !leads(path)).cloned().collect()
}

/// Where the operators `&&` and `||` of an expression are: the number of each in the syntax tree → its byte in the text without
/// the white space around it.
pub(super) fn joints(
    text: &str,
    expression: &IdedExpr,
    place: impl Fn(u64) -> Option<(u32, u32)>,
) -> BTreeMap<u64, usize> {
    let lead = text.len() - text.trim_start().len();
    let mut joints = BTreeMap::new();
    super::syntax::visit_each(expression, &mut |part| {
        let Expr::Call(call) = &part.expr else { return };
        let sign = match call.func_name.as_str() {
            operators::LOGICAL_AND => "&&",
            operators::LOGICAL_OR => "||",
            _ => return,
        };
        let at = place(part.id).and_then(|(at, _)| usize::try_from(at).ok());
        // The operators in an expanded macro are not in the text.
        let is_there = |at: &usize| text.get(*at..).is_some_and(|rest| rest.starts_with(sign));
        if let Some(at) = at.filter(is_there) {
            joints.insert(part.id, at - lead);
        }
    });
    joints
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn explained(text: &str) -> (Vec<String>, bool) {
        let names = json!({
            "event": "pull_request", "action": "synchronize", "branch": "next", "bot": false, "labels": ["bug", "ui"],
            "headers": {"x-github-event": "push"},
            "payload": {
                "ref": null, "token": "ghs_0123456789", "list": (0..40).collect::<Vec<_>>(), "long": "x".repeat(500),
                "jobs": [{"name": "a", "state": "failed"}, {"name": "b"}], "odd name": 1, "ü": 2,
                "text": "a\u{202e}b\n\"c\"",
            }
        });
        let condition = Condition::compile(text).unwrap();
        let trace = condition.trace(&names);
        (trace.explanation.lines(), trace.held)
    }

    #[test]
    fn the_part_that_decides_is_shown_with_what_it_reads() {
        for (text, held, expected) in [
            (
                r#"action in ["opened", "closed"]"#,
                false,
                &[r#"action is "synchronize""#][..],
            ),
            (
                r#"event == "pull_request" && action == "opened" && !bot"#,
                false,
                &[r#"action == "opened" is false"#, r#"action is "synchronize""#],
            ),
            (
                r#"event == "push" || branch == "main""#,
                false,
                &[
                    r#"event == "push" is false"#,
                    r#"branch == "main" is false"#,
                    r#"event is "pull_request""#,
                    r#"branch is "next""#,
                ],
            ),
            (
                r#"branch == "ü && x" || ( action == "synchronize" && (branch == "next") )"#,
                true,
                &[
                    r#"action == "synchronize" is true"#,
                    r#"branch == "next" is true"#,
                    r#"action is "synchronize""#,
                    r#"branch is "next""#,
                ],
            ),
            (
                " payload[\"ü\"] == 3 && true",
                false,
                &["payload[\"ü\"] == 3 is false", "payload[\"ü\"] is 2"],
            ),
            ("!bot", true, &["bot is false"]),
            (
                "has(payload.pull_request) && payload.pull_request.draft",
                false,
                &[
                    "has(payload.pull_request) is false",
                    "payload.pull_request is missing",
                ],
            ),
            (
                "payload.x.y == 1 && bot == false",
                false,
                &[
                    "payload.x.y == 1 cannot be evaluated: there is no `x`",
                    "payload.x.y is missing",
                ],
            ),
            ("payload.ref == null", true, &["payload.ref is null"]),
            (
                r#"headers["x-github-event"] == "ping""#,
                false,
                &[r#"headers["x-github-event"] is "push""#],
            ),
            (
                r#"payload["odd name"] > 1"#,
                false,
                &[r#"payload["odd name"] is 1"#],
            ),
            (
                r#"labels.exists(l, l == "urgent")"#,
                false,
                &[r#"labels[] is ["bug","ui"]"#],
            ),
            (
                r#"payload.jobs.exists(j, j.name == "c" && true)"#,
                false,
                &[r#"payload.jobs[].name is ["a","b"]"#],
            ),
            (
                "payload.jobs.all(j, has(j.state))",
                false,
                &[r#"payload.jobs[].state is ["failed",missing]"#],
            ),
            (
                r#"payload.token == "x""#,
                false,
                &["payload.token is hidden (14 characters)"],
            ),
        ] {
            assert_eq!(
                explained(text),
                (expected.iter().map(|line| (*line).to_owned()).collect(), held),
                "{text}"
            );
        }
    }

    #[test]
    fn an_explanation_is_short_and_of_one_line_each() {
        let many: Vec<String> = (0..60).map(|n| format!("payload.x{n} == {n}")).collect();
        let many = many.join(" || ");
        for text in [
            "payload.long == 'y'",
            "payload.list.size() == 1",
            "payload == null",
            "payload.text == 'y'",
            many.as_str(),
        ] {
            let (lines, _) = explained(text);
            assert!(!lines.is_empty() && lines.len() <= 2 * MOST, "{text}: {lines:?}");
            for line in lines {
                assert!(line.chars().count() <= 250, "{line}");
                assert!(!line.contains(char::is_control), "{line:?}");
                assert!(!line.contains("ghs_"), "{line}");
            }
        }
    }

    #[test]
    fn an_explanation_takes_no_more_steps_than_an_evaluation() {
        let names = json!({"payload": {"many": (0..5_000).collect::<Vec<_>>()}});
        let text = "payload.many.exists(a, payload.many.exists(b, a == b + 100000)) || false";
        let condition = Condition::compile(text).unwrap();
        let (explanation, _) = steps::limited(u64::MAX, || condition.explain(&names));
        assert_eq!(explanation, Explanation::default());
    }
}
