use proptest::prelude::*;
use serde_json::json;

use super::*;

fn selection(paths: &[(&str, bool)]) -> Selection {
    let steps = |path: &str| {
        path.split('.')
            .filter(|step| !step.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let paths: Vec<(Vec<String>, bool)> = paths.iter().map(|(path, whole)| (steps(path), *whole)).collect();
    Selection::of(paths.iter().map(|(path, whole)| (path.as_slice(), *whole)))
}

#[test]
fn selected_parts_are_built_and_the_rest_is_left_out() {
    let payload = json!({
        "a": {"b": {"c": 1, "d": 2}, "e": [1, {"f": 2}]},
        "list": [{"x": {"y": 1}, "z": 2}, "text", [3]],
        "text": "t", "null": null, "": 1
    });
    for (paths, expected) in [
        (vec![("", true)], payload.clone()),
        (vec![("", false)], json!({"[]": null})),
        (vec![], json!({"[]": null})),
        (
            vec![("a", true)],
            json!({"a": {"b": {"c": 1, "d": 2}, "e": [1, {"f": 2}]}}),
        ),
        (
            vec![("a", false), ("list", false)],
            json!({"a": {"[]": null}, "list": [null]}),
        ),
        (
            vec![("a.b.c", true), ("a.e", false)],
            json!({"a": {"b": {"c": 1}, "e": [null]}}),
        ),
        (
            vec![("a.b", true), ("a.b.c", false)],
            json!({"a": {"b": {"c": 1, "d": 2}}}),
        ),
        (
            vec![("list.[]", false)],
            json!({"list": [{"[]": null}, "text", [null]]}),
        ),
        (
            vec![("list.0.x.y", true)],
            json!({"list": [{"x": {"y": 1}}, "text", [null]]}),
        ),
        // A path that ends at a plain value, or goes on where there is one.
        (
            vec![("text.more", true), ("null", false)],
            json!({"text": "t", "null": null}),
        ),
        (vec![("missing.a", true)], json!({"[]": null})),
        // Every member, and more of a named one.
        (
            vec![("[].b", false), ("a.b.d", true)],
            json!({"a": {"b": {"d": 2}}, "list": [null], "text": "t", "null": null, "": 1}),
        ),
        (
            vec![("[].[]", true)],
            json!({"a": {"b": {"c": 1, "d": 2}, "e": [1, {"f": 2}]}, "list": [{"x": {"y": 1}, "z": 2}, "text", [3]],
                "text": "t", "null": null, "": 1}),
        ),
    ] {
        check(&selection(&paths), &payload, &expected, &format!("{paths:?}"));
    }
    assert!(selection(&[("a", true), ("", true)]).is_all());
    assert_eq!(selection(&[("", true), ("a.b", true)]), Selection::all());
}

/// Checks a parse, and its definition: a complete parse, and then leaving out the rest.
fn check(selection: &Selection, payload: &Value, expected: &Value, what: &str) {
    let found = selection.parse(payload.to_string().as_bytes()).unwrap();
    assert_eq!(found.to_string(), expected.to_string(), "{what}");
    let mut selected = payload.clone();
    selection.0.select(&mut selected);
    assert_eq!(selected.to_string(), expected.to_string(), "{what}");
}

#[test]
fn more_is_selected_of_a_few_items() {
    let item = |s: &str, x: u64| json!({"s": s, "x": x, "y": {"z": x}});
    let payload = json!({"list": [item("b", 0), item("a", 1), 7, item("a", 2), item("b", 3), item("a", 4)]});
    let s = |s: &str| json!({"s": s});
    for (paths, expected) in [
        // By position.
        (
            vec![("list.1.x", true)],
            json!([{"x": 0}, {"x": 1}, 7, {"[]": null}, {"[]": null}, {"[]": null}]),
        ),
        (
            vec![("list.[1]", true), ("list.[].s", true)],
            json!([item("b", 0), s("a"), 7, s("a"), s("b"), s("a")]),
        ),
        // By a member.
        (
            vec![("list.[2 s=a]", true)],
            json!([s("b"), item("a", 1), 7, item("a", 2), s("b"), s("a")]),
        ),
        (
            vec![("list.[0 s=a]", true)],
            json!([s("b"), s("a"), 7, s("a"), s("b"), s("a")]),
        ),
        (
            vec![("list.[1 s=a].x", true), ("list.[1 s=b].y", true)],
            json!([item("b", 0), item("a", 1), 7, s("a"), s("b"), s("a")]),
        ),
        (
            vec![("list.[9 s=c].x", true), ("list.0.y.z", true)],
            json!([item("b", 0), s("a"), 7, s("a"), s("b"), s("a")]),
        ),
        (
            vec![("list.[1 s=a].x", true), ("list.[]", true)],
            payload["list"].clone(),
        ),
    ] {
        check(
            &selection(&paths),
            &payload,
            &json!({"list": expected}),
            &format!("{paths:?}"),
        );
    }
    // Every member of an object.
    let payload = json!({"list": {"a": item("a", 1), "0": item("b", 2)}});
    check(
        &selection(&[("list.[1 s=a]", true)]),
        &payload,
        &payload,
        "an object",
    );
}

#[test]
fn the_last_value_of_a_repeated_name_counts() {
    let selection = selection(&[("[1 s=a].x", true)]);
    for text in [
        r#"[{"s": "b", "x": 1, "s": "a"}, {"s": "a", "x": 2}]"#,
        r#"[{"s": "a", "x": 1, "s": "b"}, {"s": "a", "x": 2}]"#,
    ] {
        let whole: Value = serde_json::from_str(text).unwrap();
        let found = selection.parse(text.as_bytes()).unwrap();
        let few = |list: &Value| {
            let mut items = list.as_array().unwrap().iter();
            items.find(|item| item["s"] == "a").cloned()
        };
        assert_eq!(few(&found), few(&whole), "{text}");
    }
}

#[test]
fn a_member_stands_where_its_name_was_first() {
    let text = br#"{"a": {"x": 1, "y": 1}, "b": 1, "a": {"y": 2}}"#;
    let found = selection(&[("a.x", true), ("b", true)]).parse(text).unwrap();
    assert_eq!(found.to_string(), r#"{"a":{"[]":null},"b":1}"#);
    let whole: Value = serde_json::from_slice(text).unwrap();
    assert_eq!(whole.to_string(), r#"{"a":{"y":2},"b":1}"#);
}

#[test]
fn a_body_is_unreadable_for_the_same_reason_wherever_the_fault_is() {
    let deep = format!("{}1{}", "[".repeat(128), "]".repeat(128));
    let faults: [&[u8]; 22] = [
        b" :",
        b"tru",
        b"1e999",
        b"-1e999",
        b"01",
        b"1.",
        b"\"\\ud800\"",
        b"\"\\udc00\\ud800\"",
        b"\"\\u12\"",
        b"\"\\x\"",
        b"\"a\nb\"",
        b"\"\xff\"",
        b"\"open",
        b"\xff",
        b"[1,]",
        b"[1 2]",
        b"{\"a\":1,}",
        b"{\"a\" 1}",
        b"{1:2}",
        b"{\"\\ud800\":1}",
        b"{\"\xff\":1}",
        deep.as_bytes(),
    ];
    let around: [(&[u8], &[u8]); 6] = [
        (b"", b""),
        (b"", b" ]"),
        (b"{\"a\":", b"}"),
        (b"{\"a\":{\"b\":", b"},\"c\":1}"),
        (b"{\"left out\":{\"b\":[", b"]}}"),
        (b"[[\n", b"\n]]"),
    ];
    let selections = [
        vec![],
        vec![("a", false)],
        vec![("a.b", true)],
        vec![("[].[]", false)],
        vec![("", true)],
    ];
    for (before, after) in around {
        for fault in faults {
            let text = [before, fault, after].concat();
            let whole = serde_json::from_slice::<Value>(&text).unwrap_err().to_string();
            for paths in &selections {
                let found = selection(paths).parse(&text).map_err(|error| error.to_string());
                assert_eq!(
                    found,
                    Err(whole.clone()),
                    "{} with {paths:?}",
                    String::from_utf8_lossy(&text)
                );
            }
        }
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-cé\"\\\\\n]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-d0]{0,2}", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn path() -> impl Strategy<Value = (Vec<String>, bool)> {
    let step = prop_oneof![
        Just(ANY.to_owned()),
        "[a-d0]{1,2}",
        "\\[[0-3]\\]",
        "\\[[0-3] [ab]=[ab]?\\]"
    ];
    (prop::collection::vec(step, 0..4), any::<bool>())
}

proptest! {
    #[test]
    fn a_selective_parse_finds_what_a_complete_one_finds_without_the_rest(
        value in json_value(),
        paths in prop::collection::vec(path(), 0..6),
        fault in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let selection = Selection::of(paths.iter().map(|(path, whole)| (path.as_slice(), *whole)));
        let mut text = value.to_string().into_bytes();
        if let Some((at, byte)) = fault {
            let at = at.index(text.len());
            text[at] = byte;
        }
        let whole = serde_json::from_slice::<Value>(&text);
        match (selection.parse(&text), whole) {
            (Ok(mut found), Ok(mut whole)) => {
                // A repeated name may have all of the payload parsed.
                for value in [&mut found, &mut whole] {
                    selection.0.select(value);
                }
                prop_assert_eq!(found.to_string(), whole.to_string());
            }
            (found, whole) => prop_assert_eq!(
                found.map_err(|error| error.to_string()).unwrap_err(),
                whole.map_err(|error| error.to_string()).unwrap_err()
            ),
        }
    }
}
