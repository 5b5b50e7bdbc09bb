use super::*;
use serde_json::json;

fn names() -> Value {
    json!({
        "event": "pull_request", "action": "opened", "bot": false, "severity": "critical",
        "headers": {"x-github-event": "push"},
        "labels": ["bug", "ui"],
        "payload": {
            "ref": "refs/heads/main", "number": 42, "ratio": 0.5, "big": 18_446_744_073_709_551_615_u64,
            "none": null, "list": ["a", "b"], "mixed": [1, 2.0, "x", null, {"k": [1]}], "map": {"a": 1, "b": [1, 2]},
            "sender": {"type": "Bot"}, "repository": {"full_name": "o/r"},
            "at": "2024-05-01T10:00:00Z", "later": "2024-05-01T10:01:30Z",
            "alerts": [
                {"fingerprint": "f1", "startsAt": "s1", "status": "firing"},
                {"fingerprint": "f2", "startsAt": "s2", "status": "resolved"}
            ]
        }
    })
}

impl Condition {
    /// Panics if a plain evaluation finds anything else than CEL. Returns whether CEL must evaluate.
    pub(crate) fn compare_plain(&self, names: &Value) -> bool {
        let Some(plain) = &self.plain else { return true };
        let whole = self.evaluate_whole(names);
        let held = with_value_of(&self.expression, names, boolean).ok();
        match plain.evaluate(names) {
            Ok(value) => assert_eq!(
                whole.map(|whole| whole.to_string()),
                Ok(value.to_string()),
                "{} with {names}",
                self.text
            ),
            Err(Stop::Fails) => assert!(whole.is_err(), "{} with {names} is {whole:?}", self.text),
            Err(Stop::Unsure) => return true,
            Err(Stop::OutOfSteps) => panic!("{}: too many steps", self.text),
        }
        assert_eq!(plain.holds(names).ok(), held, "{} with {names}", self.text);
        false
    }
}

fn value(text: &str) -> Result<Value, String> {
    let condition = Condition::compile(text).map_err(|error| error.to_string())?;
    condition.evaluate(&names()).map_err(|error| error.to_string())
}

#[test]
fn typical_expressions_evaluate() {
    let table = [
        (r#"headers["x-github-event"]"#, json!("push")),
        (r#"payload.ref.split("refs/heads/")[1]"#, json!("main")),
        (r#"action in ["opened", "closed"]"#, json!(true)),
        (r#"payload.sender.type == "Bot""#, json!(true)),
        (
            "payload.alerts.map(a, a.fingerprint + a.startsAt + a.status)",
            json!(["f1s1firing", "f2s2resolved"]),
        ),
        (
            r##"payload.repository.full_name + "#" + string(payload.number)"##,
            json!("o/r#42"),
        ),
        ("has(payload.x)", json!(false)),
        ("has(payload.sender.type)", json!(true)),
        (r#"severity == "critical" && !bot"#, json!(true)),
        (
            r#"payload.ref.replace("refs/", "").lowerAscii()"#,
            json!("heads/main"),
        ),
        (r#"payload.?x.?y.orValue("none")"#, json!("none")),
    ];
    for (text, expected) in table {
        assert_eq!(value(text), Ok(expected), "{text}");
    }
}

#[test]
fn payload_lists_and_maps_behave_like_those_of_cel() {
    let table = [
        (r#""a" in payload.list"#, json!(true)),
        (r#""a" in payload.map"#, json!(true)),
        (
            "1 in payload.mixed && 2 in payload.mixed && !(3 in payload.mixed)",
            json!(true),
        ),
        (r#"{"k": [1]} in payload.mixed"#, json!(true)),
        (r#"payload.map.b in [[1, 2], "x"]"#, json!(true)),
        ("size(payload.list) + payload.map.size()", json!(4)),
        (r#"payload.list == ["a", "b"]"#, json!(true)),
        (r#"["a", "b"] == payload.list"#, json!(true)),
        (r#"["a"] != payload.list"#, json!(true)),
        (r#"{"a": 1, "b": [1, 2]} == payload.map"#, json!(true)),
        (r#"payload.map == {"a": 1.0, "b": [1, 2]}"#, json!(true)),
        ("payload.map == payload.list", json!(false)),
        ("payload == payload", json!(true)),
        (r#"payload.alerts.exists(a, a.status == "firing")"#, json!(true)),
        (r#"payload.alerts.all(a, a.status == "firing")"#, json!(false)),
        (
            r#"payload.alerts.filter(a, a.status == "firing").size()"#,
            json!(1),
        ),
        (r#"payload.map.exists(key, key == "b")"#, json!(true)),
        (
            "payload.list + [\"c\"] + payload.list",
            json!(["a", "b", "c", "a", "b"]),
        ),
        (r#"payload.list.map(x, x + "!").join(",")"#, json!("a!,b!")),
        ("payload.list[1]", json!("b")),
        ("payload.mixed[4].k[0]", json!(1)),
        (r#"payload["map"]["a"]"#, json!(1)),
        (
            "type(payload.list) == list && type(payload.map) == map",
            json!(true),
        ),
        (r#"labels.exists(l, l in ["ui"])"#, json!(true)),
    ];
    for (text, expected) in table {
        assert_eq!(value(text), Ok(expected), "{text}");
    }
}

#[test]
fn every_type_is_converted_to_json() {
    let table = [
        (
            "payload.number == 42.0 && payload.ratio == 0.5 && payload.number > 41.5",
            json!(true),
        ),
        ("payload.big", json!(18_446_744_073_709_551_615_u64)),
        ("payload.none == null", json!(true)),
        ("payload.none", json!(null)),
        ("payload.ratio * 3.0", json!(1.5)),
        ("timestamp(payload.at)", json!("2024-05-01T10:00:00Z")),
        ("timestamp(payload.later) - timestamp(payload.at)", json!("90s")),
        (
            r#"timestamp(payload.later) - timestamp(payload.at) > duration("1m")"#,
            json!(true),
        ),
        ("payload.map", json!({"a": 1, "b": [1, 2]})),
        (r#"{"z": payload.list, "a": 1}"#, json!({"a": 1, "z": ["a", "b"]})),
        ("payload.?x", json!(null)),
    ];
    for (text, expected) in table {
        assert_eq!(value(text), Ok(expected), "{text}");
    }
}

#[test]
fn evaluation_errors_are_one_short_line() {
    let table = [
        ("payload.x", "there is no `x`"),
        ("payload.x.y == 1", "there is no `x`"),
        ("has(payload.x.y)", "there is no `x`"),
        ("nothing", "there is no name `nothing`"),
        ("payload.list[2]", "there is no element 2"),
        ("payload.list[-1]", "there is no element -1"),
        ("payload.list.name", "`.` does not work on list and string"),
        ("payload.number.name", "`.` does not work on int and string"),
        ("payload.map[1]", "`[]` does not work on map and int"),
        ("payload.number + payload.ref", "cannot add values of these types"),
        ("payload.list + 1", "`+` does not work on list and int"),
        ("payload.list < 3", "`<` does not work on list and int"),
        ("string(payload.map)", "`string` does not work on map"),
        ("1 / (payload.number - 42)", "division by zero"),
        ("b'abc'", "got a bytes where a value that JSON can hold is needed"),
        (
            "0.0 / 0.0",
            "got a double where a value that JSON can hold is needed",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(value(text), Err(expected.to_owned()), "{text}");
    }
    let condition = Condition::compile("payload[payload.key]").unwrap();
    let error = condition
        .evaluate(&json!({"payload": {"key": "\u{1b}[31m\n".repeat(200)}}))
        .unwrap_err()
        .to_string();
    assert!(
        error.chars().count() <= 201 && !error.contains(char::is_control),
        "{error:?}"
    );
}

#[test]
fn compile_errors_have_a_position_and_a_reason() {
    let table = [
        ("", "the expression is empty"),
        ("  ", "the expression is empty"),
        ("1 +", "column 4: the expression ends too early"),
        ("foo bar", "column 5: unexpected 'bar'"),
        ("a &&\nfoo bar", "line 2, column 5: unexpected 'bar'"),
        ("'abc", "column 1: unexpected ''abc'"),
        ("has(payload)", "column 5: invalid argument to has() macro"),
        (
            "payload.x.matches('(')",
            "invalid pattern in matches(): unclosed group",
        ),
        (
            "labels.exists(l, l.matches('a{2,1}'))",
            "invalid pattern in matches(): invalid repetition count range, the start must be <= the end",
        ),
        (
            "payload.x.splitt(',')",
            "there is no function `splitt`, did you mean `split`?",
        ),
        (
            "payload.x.exists(k)",
            "wrong arguments for exists(): write `list.exists(x, …)` or `has(a.b)`",
        ),
        ("now() > 3", "there is no function `now`"),
    ];
    for (text, expected) in table {
        let error = Condition::compile(text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
    let long = format!("payload.x == '{}'", "x".repeat(LONGEST));
    assert!(
        Condition::compile(&long)
            .unwrap_err()
            .to_string()
            .contains("the limit is 4096")
    );
}

/// Each shape grows to the maximum length of an expression. It must either fail to compile or evaluate on the stack of
/// this thread.
#[test]
fn nesting_never_overflows_the_stack() {
    type Shape = fn(usize) -> String;
    let shapes: [(&str, Shape); 13] = [
        ("sum", |n| vec!["1"; n].join("+")),
        ("names", |n| vec!["payload"; n].join(".")),
        ("brackets", |n| format!("{}1{}", "(".repeat(n), ")".repeat(n))),
        ("nots", |n| format!("{}true", "!".repeat(n))),
        ("minuses", |n| format!("{}1", "-(".repeat(n)) + &")".repeat(n)),
        ("lists", |n| format!("{}1{}", "[".repeat(n), "]".repeat(n))),
        ("indices", |n| format!("payload{}", "[0]".repeat(n))),
        ("inner indices", |n| {
            format!("{}0{}", "payload[".repeat(n), "]".repeat(n))
        }),
        ("maps", |n| format!("{}1{}", "{'a':".repeat(n), "}".repeat(n))),
        ("choices", |n| format!("{}1", "true?1:".repeat(n))),
        ("ors", |n| vec!["payload.x"; n].join("||")),
        ("calls", |n| format!("'a'{}", ".trim()".repeat(n))),
        ("loops", |n| {
            format!("{}1{}", "[1].map(x,".repeat(n), ")".repeat(n))
        }),
    ];
    for (name, shape) in shapes {
        let mut depth = 1;
        let mut fine = 0;
        while shape(depth).len() <= LONGEST {
            if let Ok(condition) = Condition::compile(&shape(depth)) {
                let _ = condition.evaluate(&names());
                fine = depth;
            }
            depth += 1 + depth / 6;
        }
        assert!(fine >= 6, "{name}: only {fine} deep");
    }
}

#[test]
fn a_condition_holds_only_if_it_is_true() {
    let holds = |text: &str| {
        Condition::compile(text)
            .unwrap()
            .holds(&names())
            .map_err(|error| error.to_string())
    };
    assert_eq!(holds("!bot"), Ok(true));
    assert_eq!(holds("bot"), Ok(false));
    assert_eq!(
        holds("payload.ref"),
        Err("the result is a string, not true or false".to_owned())
    );
    assert_eq!(holds("payload.x"), Err("there is no `x`".to_owned()));
    let hours = "timestamp('2026-11-23T10:30:00Z').getHours('+02:00') == 12";
    assert_eq!(holds(hours), Ok(true));
}

#[test]
fn references_are_the_names_and_the_required_paths() {
    let condition = Condition::compile(
        r#"has(payload.maybe.x) && labels.exists(l, l == payload["sender"].type) && payload.alerts.map(a, a.status) == [string(event)] && payload.?other == type(1)"#,
    )
    .unwrap();
    let references = condition.references();
    let names: Vec<&str> = references.names.iter().map(String::as_str).collect();
    assert_eq!(names, ["event", "labels", "payload"]);
    let paths: Vec<String> = references.paths.iter().map(|path| path.join("/")).collect();
    assert_eq!(
        paths,
        [
            "labels/[]",
            "payload/alerts",
            "payload/alerts/[]/status",
            "payload/sender/type"
        ]
    );
}

/// The text that CEL receives must have the same address as the text in the payload.
#[test]
fn names_are_read_by_reference() {
    use cel::common::types::CelString;
    let names = names();
    let text = names["payload"]["alerts"][1]["status"].as_str().unwrap();
    for path in [
        "payload.alerts[1].status",
        "payload.alerts.filter(a, a.fingerprint == 'f2')[0].status",
    ] {
        let condition = Condition::compile(path).unwrap();
        let same = with_value_of(&condition.expression, &names, |value| {
            let found = value.downcast_ref::<CelString>().and_then(CelString::as_borrowed);
            Ok(found.is_some_and(|found| std::ptr::eq(found, text)))
        });
        assert!(same.unwrap(), "{path} copies");
    }
}

#[test]
fn a_thousand_alerts_are_mapped() {
    let alert = |n| json!({"fingerprint": format!("{n:016x}"), "startsAt": "2024-05-01T10:00:00Z", "status": "firing"});
    let names = json!({"payload": {"alerts": (0..1000).map(alert).collect::<Vec<_>>()}});
    let keys = Condition::compile("payload.alerts.map(a, a.fingerprint + a.startsAt + a.status)").unwrap();
    assert_eq!(keys.evaluate(&names).unwrap().as_array().unwrap().len(), 1000);
}

#[test]
fn a_panic_of_the_engine_is_an_error() {
    let condition = Condition::compile("true").unwrap();
    let broken = with_value_of::<()>(&condition.expression, &names(), |_| panic!("out of range"));
    assert_eq!(broken.unwrap_err().0, "evaluation panicked: out of range");
}

#[test]
fn a_walk_along_the_paths_finds_what_an_evaluation_finds() {
    let names = json!({
        "headers": {"x-event": "push"},
        "payload": {"a": {"b": "text", "n": null, "i": 3, "f": 1.5, "u": u64::MAX, "l": [1, {"c": true}], "o": {}}},
    });
    for text in [
        "payload.a.b",
        "payload.a.n",
        "payload.a.i",
        "payload.a.f",
        "payload.a.u",
        "payload.a.l",
        "payload.a.l[1].c",
        "payload.a.l[2].c",
        "payload.a.l[0].c",
        "payload.a.o",
        "payload.a.o.missing",
        "payload.a.n.missing",
        "payload.a.b.missing",
        "payload.missing.b",
        r#"headers["x-event"]"#,
        r#"headers["x-other"]"#,
        r#"headers["x-other"] == "" ? 1 : 2"#,
        "payload.a.i > 2 ? payload.a.b : payload.missing",
        "payload.a.i > 4 ? payload.a.b : payload.missing",
        "payload.a.missing == 1 || payload.a.i == 3",
        "payload.a.i == 3 || payload.a.missing == 1",
        "payload.a.i == 4 && payload.a.missing == 1",
        "has(payload.a.missing)",
        "has(payload.a.missing) ? payload.a.missing : payload.a.b",
        "payload.a.?missing.orValue(payload.a.b)",
        "payload.a.?missing.orValue(payload.a.missing)",
        "payload.a.?missing[payload.a.missing].orValue(payload.a.b)",
        "payload.a.?l[payload.a.missing].orValue(payload.a.b)",
        "payload.a.l.map(x, x.missing)",
        "[].map(x, payload.missing)",
        "payload.missing.map(x, x)",
        r#"{"push": payload.a.b}[headers["x-event"]]"#,
        r#"{"push": payload.missing}[headers["x-event"]]"#,
        "[payload.a.b, payload.missing]",
        r#"payload.a.b.split("x")[1]"#,
        r#"payload.missing.split("x")[1]"#,
        "payload.a[payload.missing]",
        "payload.a.l[payload.a.i]",
        "nothing.a",
    ] {
        let condition = Condition::compile(text).unwrap();
        let whole = condition.evaluate_whole(&names);
        let walked = condition.evaluate(&names);
        assert_eq!(condition.value(&names).as_ref(), whole.as_ref().ok(), "{text}");
        assert_eq!(format!("{walked:?}"), format!("{whole:?}"), "{text}");
    }
}
