use super::*;

/// Like the kind `bakery`, with another title, header and one other fact.
const CAFE: &str = r#"
title = "Café"
like = "bakery"
[event]
type = 'headers["x-cafe-event"]'
remember = "3h"
[facts]
loaves = 'payload.cakes'
tables = 'payload.tables'
"#;

fn cafe(files: &ConfigFolder, source: &str) -> Result<Config, Vec<String>> {
    files.file("templates/cafe/source.toml", source);
    files.read(&format!("{START}{}", SOURCE.replace("\"bakery\"", "\"cafe\"")))
}

#[test]
fn a_kind_inherits_what_it_does_not_set_from_the_kind_it_is_like() {
    let files = ConfigFolder::new();
    files.file("templates/cafe/baked.short.hbs", "own");
    let config = cafe(&files, CAFE).unwrap();
    assert_eq!(config.warnings, []);
    let (base, cafe) = (&config.kinds["bakery"].kind, &config.sources["oven"].kind);
    assert_eq!(
        (cafe.name.as_str(), cafe.title.as_str(), cafe.event_type.text()),
        ("cafe", "Café", "headers[\"x-cafe-event\"]")
    );
    assert_eq!(cafe.key[0].text(), base.key[0].text());
    assert_eq!(cafe.schemes.len(), base.schemes.len());
    assert_eq!(cafe.skipped_types, base.skipped_types);
    assert_eq!(
        (cafe.remember.as_secs(), base.remember.as_secs()),
        (3 * 3600, 2 * 3600)
    );
    // The header of the type is its own, and the header of the key is inherited.
    let headers: Vec<&str> = cafe
        .sample_headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(headers, ["x-cafe-event", "x-bakery-id"]);
    let fact = |name: &str| {
        let facts = &config.sources["oven"].facts.facts;
        facts
            .iter()
            .find(|(fact, _)| fact == name)
            .unwrap()
            .1
            .iter()
            .map(|expression| expression.text().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(fact("loaves"), ["payload.cakes"]);
    assert_eq!(fact("tables"), ["payload.tables"]);
    assert_eq!(fact("branch").len(), 2);
    let files: Vec<_> = cafe
        .templates
        .entries()
        .map(|entry| (entry.name, entry.file().contains("/cafe/")))
        .collect();
    assert_eq!(files, [("baked.hbs", false), ("baked.short.hbs", true)]);
}

#[test]
fn lists_are_inherited_as_a_whole_or_not_at_all() {
    let files = ConfigFolder::new();
    let source = r#"
like = "bakery"
[[authentication]]
name = "path"
method = "path"
[event]
key = ['payload.id', 'payload.at']
skip = []
[body]
text = true
"#;
    let config = cafe(&files, source).unwrap();
    let cafe = &config.sources["oven"].kind;
    assert_eq!(
        (
            cafe.title.as_str(),
            cafe.schemes.len(),
            cafe.schemes[0].name.as_str()
        ),
        ("cafe", 1, "path")
    );
    assert_eq!(
        (cafe.key.len(), cafe.skipped_types.len(), cafe.body.text),
        (2, 0, true)
    );
}

#[test]
fn a_kind_can_be_like_an_existing_valid_kind_that_is_not_like_another() {
    let files = ConfigFolder::new();
    for (like, expected) in [
        (
            "\"bakerie\"",
            "there is no other kind \"bakerie\", did you mean \"bakery\"?",
        ),
        ("\"cafe\"", "there is no other kind \"cafe\""),
        ("7", "is a number, a text was expected"),
    ] {
        let findings = cafe(&files, &format!("title = \"Café\"\nlike = {like}\n"))
            .err()
            .unwrap();
        assert_found(&findings, &[&format!("cafe/source.toml:2: like: {expected}")]);
    }
    files.file(
        "templates/kiosk/source.toml",
        "title = \"Kiosk\"\nlike = \"cafe\"\n",
    );
    let findings = cafe(&files, CAFE).err().unwrap();
    assert_found(
        &findings,
        &[
            "kiosk/source.toml:2: like: the kind `cafe` is like another itself; name that one instead: like = \"bakery\"",
        ],
    );
    fs::remove_dir_all(files.folder.path().join("templates/kiosk")).unwrap();
    files.file(
        "templates/bakery/source.toml",
        &KIND.replace("'payload.loaves'", "'payload.'"),
    );
    let findings = cafe(&files, CAFE).err().unwrap();
    assert_found(
        &findings,
        &[
            "bakery/source.toml",
            "cafe/source.toml:3: like: the kind `bakery` has errors itself",
        ],
    );
}

#[test]
fn a_wrong_inherited_template_is_reported_once() {
    let files = ConfigFolder::new();
    files.file("templates/bakery/baked.hbs", "{{{raw}}}");
    let config = cafe(&files, CAFE).unwrap();
    let findings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].contains("bakery/baked.hbs"), "{findings:?}");
}

#[test]
fn a_kind_has_the_samples_of_both_kinds() {
    let files = ConfigFolder::new();
    cafe(&files, CAFE).unwrap();
    for (path, text) in [
        ("bakery/samples/baked__bread.json", "1"),
        ("bakery/samples/baked__rolls.json", "2"),
        ("cafe/samples/baked__rolls.json", "3"),
    ] {
        files.file(&format!("templates/{path}"), text);
    }
    let own = files.folder.path().join("templates");
    let (samples, findings) = super::samples("cafe", Some(&own));
    assert_eq!(findings, []);
    let samples: Vec<_> = samples
        .iter()
        .map(|sample| (sample.name.as_str(), &*sample.body))
        .collect();
    assert_eq!(samples, [("baked__bread", &b"1"[..]), ("baked__rolls", b"3")]);
}
