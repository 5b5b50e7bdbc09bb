//! Any text as a condition over a small payload: it compiles and returns a value or an error, or it does not compile
//! and has an error.

use serde_json::{Value, json};
use std::sync::LazyLock;
use twake_bridge::condition::Condition;
use twake_bridge::payload::Selection;

static NAMES: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "event": "push", "source": "s", "branch": "main", "labels": ["a", "é"], "paths": [], "bot": false,
        "headers": {"x-github-event": "push", "date": "2026-01-02T03:04:05Z"},
        "payload": {
            "ref": "refs/heads/main", "n": 3, "minus": -1, "most": i64::MAX, "least": i64::MIN, "huge": u64::MAX,
            "real": -0.5, "endless": 1e308, "none": null, "yes": true, "empty": {}, "nothing": [], "text": "aé\u{1f469}\u{200d}z",
            "pattern": "(a+)+$", "when": "9999-12-31T23:59:59Z", "list": [1, "b", null, {"id": "x"}],
        },
    })
});

pub(crate) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match Condition::compile(&text) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(condition) => {
            assert_eq!(condition.text(), text.trim());
            let (value, holds) = (condition.evaluate(&NAMES), condition.holds(&NAMES));
            if let Ok(held) = holds {
                assert_eq!(value.unwrap(), Value::Bool(held));
            }
            for name in &condition.references().names {
                assert!(!name.is_empty());
            }
            let of_selection = condition.evaluate(&selected(&condition));
            assert_eq!(
                format!("{of_selection:?}"),
                format!("{:?}", condition.evaluate(&NAMES))
            );
        }
    }
}

/// The names with what a condition reads of the payload.
fn selected(condition: &Condition) -> Value {
    let reads = condition.reads().filter(|read| read.path[0] == "payload");
    let selection = Selection::of(reads.map(|read| (&read.path[1..], read.whole)));
    let mut names = NAMES.clone();
    names["payload"] = selection.parse(names["payload"].to_string().as_bytes()).unwrap();
    names
}
