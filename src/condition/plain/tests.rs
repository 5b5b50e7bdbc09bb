use proptest::prelude::*;
use serde_json::{Value, json};

use super::Stop;
use crate::condition::Condition;
use crate::steps;

/// Panics if a plain evaluation finds anything else than CEL.
fn compare(text: &str, names: &Value) {
    let condition = Condition::compile(text).unwrap();
    condition.compare_plain(names);
}

#[test]
fn the_usual_part_of_the_language_is_evaluated_without_cel_values() {
    let plain = [
        r#"payload.list.filter(x, x.s == "a").size()"#,
        r#"size(payload.list.filter(x, x.o.s != "a"))"#,
        "payload.list.map(x, x.s)",
        "payload.list.map(payload, payload.o.s)",
        r#"payload.list.filter(x, .payload.s == "a").size()"#,
        "payload.list.map(x, [x.o.s, x.s, x.l[0], 1])",
        "payload.list.map(x, x)",
        r#"payload.list.map(x, x.s == "a", x.o)"#,
        r#"payload.list.exists(x, x.s == "b")"#,
        r#"payload.list.all(x, x.s == "a" || has(x.l))"#,
        "payload.list.map(x, payload.list.map(y, [x.s, y.s]))",
        "[payload].map(x, x.s)",
        "payload.map(key, key + \"!\")",
        "payload",
        "payload.s + \" \" + string(payload.n) + string(true)",
        r#"{"a": payload.list, "b": 1}[payload.s]"#,
        r#"{true: payload.s, false: "x"}[payload.n > 2]"#,
        r#"{"z": payload.n, "a": {"y": payload.s, "b": payload}}"#,
        r#"payload.s in ["a", 1, null, true] && payload.n in [1, 2, 3]"#,
        "payload.s in payload.texts ? payload.s : payload[payload.s]",
        "has(payload.list) && !has(payload.other)",
        "payload.n <= 3 && payload.n >= 3 && !(payload.n < 3)",
        r#""A,b,,é".lowerAscii().split(payload.sep)[1]"#,
        r#"payload.texts.join("-").replace("a", "bb").contains("bb-")"#,
        r#"payload.s.startsWith("a") || payload.missing"#,
        r#"payload.missing || payload.s.endsWith("a")"#,
        r#"payload.lines.firstLine().matches("^on+e$")"#,
        r#"firstField(payload, ["x", "S", "n"])"#,
        "size(payload.lines) + payload.texts.size() + size(payload)",
        "(payload.texts + [payload.s] + []).filter(x, x != \"\")",
    ];
    let others = [
        r#"payload.list.exists_one(x, x.s == "a")"#,
        "payload.?s.orValue(1)",
        "payload.n == 1.5",
        "type(payload.s) == string",
        r#"{"a": 1, "a": 2}[payload.s]"#,
        "{1: 2}[payload.n]",
        "-payload.n",
        "int",
        "payload.lines.matches(payload.s)",
    ];
    let item = |s: Value| json!({"s": s, "o": {"s": s, "b": 1, "a": 2}, "l": [s]});
    let lists = [
        json!([]),
        json!([item(json!("a")), item(json!("b")), item(json!("a"))]),
        json!([
            item(json!(null)),
            item(json!(true)),
            item(json!(1)),
            item(json!(u64::MAX)),
            item(json!(1.5))
        ]),
        json!([item(json!("a")), item(json!({"z": 1, "a": 2})), item(json!([1]))]),
        json!([item(json!("a")), {"s": "a"}, {"s": "b", "o": 1}]),
        json!(["a", 1]),
        json!({"a": {"s": "a"}}),
        json!("a"),
        json!(null),
    ];
    let all = plain.map(|text| (text, true)).into_iter();
    for (text, is_plain) in all.chain(others.map(|text| (text, false))) {
        let condition = Condition::compile(text).unwrap();
        assert_eq!(condition.plain.is_some(), is_plain, "{text}");
        for list in &lists {
            let payload = json!({
                "list": list, "s": "a", "n": 3, "z": {"b": 1, "a": [2]}, "texts": ["a", "b"], "sep": ",",
                "lines": "one\r\ntwo",
            });
            condition.compare_plain(&json!({"payload": payload}));
        }
    }
}

#[test]
fn a_plain_evaluation_stops_at_the_step_limit() {
    let names = json!({"payload": {"list": vec![json!({"s": "a".repeat(300)}); 100]}});
    for text in [
        "payload.list.map(x, [x.s])",
        "payload.list.map(x, payload.list.map(y, y)).size() == 1 || true",
        "payload.list.filter(x, x.s in payload.list.map(y, y.s)).size()",
        "payload",
    ] {
        let condition = Condition::compile(text).unwrap();
        let (found, exceeded) = steps::limited(90, || condition.value(&names));
        assert_eq!((found, exceeded), (None, true), "{text}");
        let (found, _) = steps::limited(90, || condition.evaluate(&names));
        assert!(found.unwrap_err().0.starts_with("too many steps"), "{text}");
        let plain = condition.plain.as_ref().unwrap();
        assert!(plain.evaluate(&names) != Err(Stop::OutOfSteps), "{text}");
    }
}

/// Parts of expressions. Every place in them is one of the parts again.
const SHAPES: &[&str] = &[
    "(_ == _)",
    "(_ != _)",
    "(_ < _)",
    "(_ >= _)",
    "(_ && _)",
    "(_ || _)",
    "!_",
    "(_ ? _ : _)",
    "(_ + _)",
    "(_ in _)",
    "_[_]",
    "_.a",
    "has(_.a)",
    "[_, _]",
    r#"{"a": _, "b": _}"#,
    r#"{"a": _, "b": _}[_]"#,
    "{true: _, false: _}[_]",
    "_.map(x, _)",
    "_.filter(x, _)",
    "_.exists(x, _)",
    "_.all(y, _)",
    "_.map(x, _, _)",
    "_.size()",
    "string(_)",
    "_.startsWith(_)",
    "_.contains(_)",
    "_.split(_)",
    "_.join(_)",
    "_.replace(_, _)",
    "_.lowerAscii()",
    "_.firstLine()",
    r#"_.matches("a+")"#,
    r#"firstField(_, ["a", "B"])"#,
];

const LEAVES: &[&str] = &[
    "payload",
    "payload.a",
    "payload.b",
    "payload.a.b",
    "payload.b[0]",
    "x",
    "y",
    "event",
    r#""a""#,
    r#""""#,
    r#""b,a""#,
    "0",
    "1",
    "true",
    "false",
    "null",
    "[]",
];

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(LEAVES).prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |part| {
        (prop::sample::select(SHAPES), prop::collection::vec(part, 3)).prop_map(|(shape, parts)| {
            let mut parts = parts.into_iter();
            let mut text = String::new();
            for (index, piece) in shape.split('_').enumerate() {
                if index > 0 {
                    text += &parts.next().unwrap_or_default();
                }
                text += piece;
            }
            text
        })
    })
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-1..3_i64).prop_map(Value::from),
        prop::sample::select(&[0.0, 1.0, 1.5][..]).prop_map(Value::from),
        Just(Value::from(u64::MAX)),
        "[abA,\n]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec(("[abA]", inner), 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The rule of this module.
    #[test]
    fn a_plain_evaluation_finds_what_cel_finds(
        texts in prop::collection::vec(expression(), 8),
        payloads in prop::collection::vec(json_value(), 4),
    ) {
        for text in texts {
            if Condition::compile(&text).is_err() {
                continue;
            }
            for payload in &payloads {
                compare(&text, &json!({"event": "a", "payload": payload}));
            }
        }
    }
}
