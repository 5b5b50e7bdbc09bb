//! The results of helpers.

use serde_json::{Value, json};

use super::*;
use crate::message::{Block, Inline, Person, markdown, plain};

/// Renders a template, with values written as plain text.
fn render(template: &str, context: Value) -> Result<String, String> {
    let template = handlebars::Template::compile(template).unwrap();
    let context = Context::from(context);
    let mut out = handlebars::StringOutput::new();
    let mut engine = engine();
    engine.register_escape_fn(handlebars::no_escape);
    template
        .render(&engine, &context, &mut RenderContext::new(None), &mut out)
        .map_err(|error| error.to_string())?;
    Ok(out.into_string().unwrap())
}

fn of(helper: &str, x: impl Into<Value>) -> String {
    render(&format!("{{{{{helper}}}}}"), json!({"x": x.into()})).unwrap()
}

#[test]
fn every_listed_helper_exists() {
    let engine = engine();
    for known in SIGNATURES {
        let call = format!("{{{{{} {}}}}}", known.name, "x ".repeat(known.arguments.0));
        let error = handlebars::Template::compile(&call)
            .unwrap()
            .render(
                &engine,
                &Context::null(),
                &mut RenderContext::new(None),
                &mut handlebars::StringOutput::new(),
            )
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(!error.contains("Helper not found"), "{error}");
    }
}

#[test]
fn truncate_counts_characters_including_the_ellipsis() {
    assert_eq!(of("truncate x 5", "abcde"), "abcde");
    assert_eq!(of("truncate x 5", "abcdef"), "abcd…");
    assert_eq!(of("truncate x 5", "abc def"), "abc…");
    assert_eq!(of("truncate x 3", "äöüß"), "äö…");
    assert_eq!(of("truncate x 1", "abc"), "…");
    assert_eq!(of("truncate x 0", "abc"), "");
    assert_eq!(of("truncate x 2", 12345), "1…");
    assert!(render("{{truncate x -1}}", json!({"x": "a"})).is_err());
}

#[test]
fn rounded_keeps_four_digits() {
    for (number, text) in [
        (json!(44.239_437_375_419_08), "44.24"),
        (json!(0.001_234_56), "0.001235"),
        (json!(123_456.789), "123457"),
        (json!(99.999_9), "100"),
        (json!(-2.50), "-2.5"),
        (json!(0.0), "0"),
        (json!(1), "1"),
        (json!(18_446_744_073_709_551_615_u64), "18446744073709551615"),
        (json!(1e300), "1e+300"),
        (json!(1e-12), "1e-12"),
        (json!("97.123456"), "97.12"),
        (json!("3.1 GB"), "3.1 GB"),
        (json!("NaN"), "NaN"),
        (json!(""), ""),
    ] {
        assert_eq!(of("rounded x", number), text);
    }
}

#[test]
fn first_line_skips_blank_lines() {
    assert_eq!(of("first_line x", "\r\n  fix: a\r\n\r\nbody"), "fix: a");
    assert_eq!(of("first_line x", ""), "");
}

#[test]
fn short_sha_shortens_only_hashes() {
    assert_eq!(
        of("short_sha x", "0123456789abcdef0123456789abcdef01234567"),
        "0123456"
    );
    assert_eq!(of("short_sha x", "v1.2.3"), "v1.2.3");
    assert_eq!(of("short_sha x", "äääääääääääääää"), "äääääääääääääää");
}

#[test]
fn the_verb_of_an_event_is_written_in_the_past() {
    for (name, expected) in [
        ("issue update", "issue updated"),
        ("pull_request_open", "pull request opened"),
        ("pipeline_running", "pipeline running"),
        ("entry.create", "entry.created"),
        ("Create", "created"),
        ("create pulse", "pulse created"),
        ("message.received", "message.received"),
        ("update of the web", "update of the web"),
        ("push", "push"),
        ("été.open", "été.opened"),
        ("", ""),
    ] {
        let written = render("{{past_tense x}}", json!({"x": name})).unwrap();
        assert_eq!(written, expected, "{name}");
    }
}

#[test]
fn a_text_is_written_without_the_start_that_is_shown_already() {
    for (text, start, expected) in [
        ("Disk full: 2 % left", "Disk full", "2 % left"),
        ("Disk full\n\non db-1\n", "Disk full", "on db-1"),
        ("Disk full.", " Disk full ", ""),
        ("Disk full on db-1", "Disk full", "Disk full on db-1"),
        ("Disk fuller", "Disk full", "Disk fuller"),
        ("Disk full", "", "Disk full"),
        ("", "Disk full", ""),
    ] {
        let written = render("{{after x y}}", json!({"x": text, "y": start})).unwrap();
        assert_eq!(written, expected, "{text}");
    }
}

#[test]
fn plural_uses_the_singular_for_one() {
    let commits = "plural x \"commit\" \"commits\"";
    assert_eq!(of(commits, 1), "1 commit");
    assert_eq!(of(commits, 0), "0 commits");
    assert_eq!(of(commits, "12"), "12 commits");
    assert_eq!(of("plural x \"file\"", json!(["a", "b"])), "2 files");
    assert!(render("{{plural x \"a\"}}", json!({"x": "many"})).is_err());
}

#[test]
fn a_duration_has_at_most_two_units() {
    for (seconds, text) in [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (359, "5 min"),
        (3600, "1 h"),
        (4800, "1 h 20 min"),
        (86_400, "1 d"),
        (183_700, "2 d 3 h"),
        (-5, "0 s"),
    ] {
        assert_eq!(of("duration x", seconds), text);
    }
    assert_eq!(of("duration x", "90.7"), "1 min");
    let two = |start: Value, end: Value| {
        render("{{duration a b}}", json!({"a": start, "b": end})).unwrap_or_else(|error| error)
    };
    assert_eq!(
        two(json!("2024-01-01T10:00:00Z"), json!("2024-01-01T12:20:00+01:00")),
        "1 h 20 min"
    );
    assert_eq!(two(json!(1_700_000_000), json!(1_700_000_300_000_u64)), "5 min");
    assert_eq!(
        two(json!("2024-01-01T10:00:00Z"), json!("0001-01-01T00:00:00Z")),
        "0 s"
    );
    assert!(two(json!("soon"), json!(1)).contains("needs two instants"));
    assert!(render("{{duration x}}", json!({"x": 1e300})).is_err());
}

/// The text that a template shows, in UTC.
fn shown(template: &str, context: Value) -> Result<String, String> {
    let document = markdown::parse(&render(template, context)?).unwrap();
    Ok(plain::text(&document))
}

#[test]
fn since_writes_only_a_time_long_before_the_message() {
    let received = json!("2026-11-28T11:50:00Z");
    let table = [
        (json!("2026-11-28T09:10:00Z"), "since 28 Nov 09:10 UTC"),
        (json!("2025-12-25T15:47:47.377Z"), "since 25 Dec 2025 15:47 UTC"),
        (json!("2026-11-28T11:49:00Z"), ""),
        (json!("2026-11-28T11:52:00Z"), ""),
        (json!("0001-01-01T00:00:00Z"), ""),
        (json!(""), ""),
        (json!(null), ""),
        (json!(0), ""),
    ];
    for (start, expected) in table {
        let context = json!({"start": start, "received": received});
        let of = |template: &str| shown(template, context.clone()).unwrap();
        assert_eq!(of("{{since start received}}"), expected, "{start}");
        let around = if expected.is_empty() {
            "a".to_owned()
        } else {
            format!("a, {expected} · ")
        };
        assert_eq!(of("a{{since start received \", \" \" · \"}}"), around, "{start}");
    }
    let date = |start: &str| shown("{{date x received}}", json!({"x": start, "received": received})).unwrap();
    assert_eq!(date("2025-11-23T12:08:00Z"), "23 Nov 2025 12:08 UTC");
    assert_eq!(date("2026-11-23T12:08:00Z"), "23 Nov 12:08 UTC");
    assert_eq!(date("2025-11-23"), "23 Nov 2025");
    assert_eq!(date("2026-11-23"), "23 Nov");
}

#[test]
fn where_with_a_limit_returns_the_first_items_and_rest_counts_the_others() {
    let context = json!({"list": [{"s": "a", "n": 1}, {"s": "b", "n": 2}, {"s": "a", "n": 3}, {"s": "a", "n": 4}], "count": 3});
    let template = r#"{{#each (where list "s" "a" 2)}}{{n}} {{/each}}{{rest count 2}} {{rest count 5}}"#;
    assert_eq!(render(template, context).unwrap(), "1 3 1 0");
}

#[test]
fn a_date_is_an_instant_of_any_format() {
    let of = |helper: &str, x: Value| shown(&format!("{{{{{helper}}}}}"), json!({"x": x})).unwrap();
    for x in [
        json!("2026-11-23T12:08:40Z"),
        json!("2026-11-23T13:08:40.123456789+01:00"),
        json!("2026-11-23 12:08:40 UTC"),
        json!("2026-11-23 12:08:40"),
        json!(1_795_435_720),
        json!("1795435720"),
        json!(1_795_435_720_000_u64),
    ] {
        assert_eq!(of("date x", x), "23 Nov 12:08 UTC");
    }
    let year = "date x \"year\"";
    assert_eq!(of(year, json!("2026-11-23T12:08:40Z")), "23 Nov 2026 12:08 UTC");
    assert_eq!(of(year, json!("tomorrow")), "tomorrow");
    assert_eq!(
        (of("date x", json!("2026-11-30")), of(year, json!("2026-11-30"))),
        ("30 Nov".to_owned(), "30 Nov 2026".to_owned())
    );
    assert_eq!(of("date x", json!("2026-11-31")), "2026-11-31");
    assert!(render("{{date x \"month\"}}", json!({"x": 0})).is_err());
    assert_eq!(of("date x", json!("tomorrow")), "tomorrow");
    assert_eq!(of("date x", json!(1e300)), "1e+300");
}

#[test]
fn default_replaces_missing_null_and_empty_values() {
    assert_eq!(of("default y \"d\"", 1), "d");
    assert_eq!(of("default x.y.z \"d\"", json!({})), "d");
    assert_eq!(of("default x \"d\"", Value::Null), "d");
    assert_eq!(of("default x \"d\"", ""), "d");
    assert_eq!(of("default x \"d\"", 0), "0");
    assert_eq!(of("default x \"d\"", false), "false");
    assert_eq!(of("default y (default z \"e\")", 1), "e");
}

#[test]
fn len_counts_items_and_characters() {
    assert_eq!(of("len x", "äö"), "2");
    assert_eq!(of("len x", json!([1, 2, 3])), "3");
    assert_eq!(of("rest x 2", json!([1, 2, 3])), "1");
    assert_eq!(of("rest x 5", json!([1, 2, 3])), "0");
    assert_eq!(of("first x 2", json!([1, 2, 3])), "[1, 2]");
    assert_eq!(of("first x 2", Value::Null), "[]");
    assert!(render("{{first x 2}}", json!({"x": "text"})).is_err());
}

#[test]
fn where_keeps_the_items_with_the_value() {
    let names = |call: &str, list: Value| {
        let template = format!("{{{{#each ({call})}}}}{{{{name}}}},{{{{/each}}}}");
        render(&template, json!({"x": list}))
    };
    let list = json!([{"name": "a", "n": 1}, {"name": "b"}, {"name": "c", "n": 2}, 7, {"name": "d", "n": 1}]);
    assert_eq!(names("where x \"n\" 1", list.clone()).unwrap(), "a,d,");
    assert_eq!(names("where x \"name\" \"c\"", list.clone()).unwrap(), "c,");
    assert_eq!(
        names("where x \"n\" \"1\"", list).unwrap(),
        "",
        "a number is not a text"
    );
    assert_eq!(names("where x \"n\" 1", Value::Null).unwrap(), "");
    assert!(names("where x \"n\" 1", json!("text")).is_err());
    assert!(
        names("where y \"n\" 1", json!([])).is_err(),
        "a missing list is an error"
    );
}

#[test]
fn except_removes_common_and_named_fields() {
    let fields = |call: &str, x: Value, y: Value| {
        let template =
            format!("{{{{#each ({call})}}}}{{{{@key}}}}={{{{this}}}},{{{{else}}}}none{{{{/each}}}}");
        render(&template, json!({"x": x, "y": y}))
    };
    let object = json!({"z": 1, "a": "b", "m": 2});
    assert_eq!(
        fields("except x y", object.clone(), json!({"a": "other"})).unwrap(),
        "z=1,m=2,"
    );
    assert_eq!(
        fields("except x y \"z\"", object.clone(), json!({"a": 0})).unwrap(),
        "m=2,"
    );
    assert_eq!(fields("except x x", object.clone(), json!({})).unwrap(), "none");
    assert_eq!(fields("except x y", Value::Null, json!({})).unwrap(), "none");
    assert!(fields("except x y", json!([]), json!({})).is_err());
    assert!(fields("except x y", object, json!(3)).is_err());
}

#[test]
fn a_person_is_a_node_of_the_source_and_text_in_code() {
    let context = || json!({"source": "github", "login": "alice\n@all"});
    let document = |template: &str| markdown::parse(&render(template, context()).unwrap()).unwrap();
    let person = Inline::Person(Person {
        source: "github".to_owned(),
        login: "alice @all".to_owned(),
        user: None,
    });
    assert_eq!(
        document("{{person login}}").blocks,
        [Block::Paragraph(vec![person])]
    );
    let code = Inline::Code("alice @all".to_owned());
    assert_eq!(
        document("`{{person login}}`").blocks,
        [Block::Paragraph(vec![code])]
    );
    assert!(render("{{person nobody}}", context()).is_err());
}
