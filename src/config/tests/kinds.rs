use super::*;
use crate::headers::Headers;
use serde_json::{Map, Value};

#[test]
fn a_wrong_kind_is_an_error_and_a_wrong_template_a_warning() {
    let files = ConfigFolder::new();
    files.file(
        "templates/bad/source.toml",
        "title = 3\nmethods = [\"POST\", \"DELETE\"]\n[event]\nkey = 'facts'\nremember = 7\nskip = [{ type = \"x\" }]\n[facts]\nlink = 'payload.x'\nbranch = ['payload.', 'branch']\n[bodie]\n",
    );
    files.file("templates/empty/push.hbs", "x");
    files.file("templates/bakery/baked.hbs", "{{{raw}}}");
    let findings = files.findings(&format!("{START}{SOURCE}"));
    for expected in [
        "bad/source.toml:1: title: is a number, a text was expected",
        "bad/source.toml:2: methods: there is no method \"DELETE\"; the known ones are: POST, PUT",
        "bad/source.toml:3: event: `type` is missing",
        "bad/source.toml:4: event.key: there is no name `facts`",
        "bad/source.toml:5: event.remember: 7 has no unit",
        "bad/source.toml:6: event.skip[0]: `why` is missing",
        "bad/source.toml:8: facts.link: conditions or templates use this word",
        "bad/source.toml:9: facts.branch: column 9: cannot parse '.'",
        "bad/source.toml:9: facts.branch: there is no name `branch`",
        "bad/source.toml:10: bodie: unknown key, did you mean `body`?",
        "`authentication` is missing: how the sender authenticates",
        "empty: has no source.toml",
    ] {
        assert!(
            findings.iter().any(|finding| finding.contains(expected)),
            "{expected}\n{}",
            findings.join("\n")
        );
    }
    fs::remove_dir_all(files.folder.path().join("templates/bad")).unwrap();
    fs::remove_dir_all(files.folder.path().join("templates/empty")).unwrap();
    let config = files.read(&format!("{START}{SOURCE}")).unwrap();
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    assert!(
        config.warnings[0].to_string().contains("baked.hbs"),
        "{}",
        config.warnings[0]
    );
}

#[test]
fn a_body_may_be_one_field_of_a_form_all_fields_or_a_text() {
    let files = ConfigFolder::new();
    let read = |body: &str| {
        files.file(
            "templates/bakery/source.toml",
            &format!("{KIND}\n[body]\n{body}\n"),
        );
        files.read(&format!("{START}{SOURCE}"))
    };
    for (body, form, fields, text) in [
        ("form = \"payload\"", Some("payload"), false, false),
        ("form = true", None, true, false),
        ("form = true\ntext = true", None, true, true),
        ("form = false\ntext = false", None, false, false),
    ] {
        let config = read(body).unwrap();
        let known = &config.sources["oven"].kind.body;
        assert_eq!(
            (known.form.as_deref(), known.fields, known.text),
            (form, fields, text),
            "{body}"
        );
    }
    assert!(read("form = 7").is_err());
    assert!(read("text = \"yes\"").is_err());
}

#[test]
fn an_own_file_replaces_the_built_in_one_of_its_name() {
    let files = ConfigFolder::new();
    let built_in = builtin::kinds()[0];
    files.file(&format!("templates/{built_in}/source.toml"), KIND);
    let text = format!("{START}{SOURCE}").replace("\"bakery\"", &format!("{built_in:?}"));
    let config = files.read(&text).unwrap();
    assert_eq!(config.sources["oven"].kind.title, "Bakery");
}

#[test]
fn every_built_in_kind_is_valid() {
    let mut findings = Vec::new();
    let folders = kind::folders(None, &mut findings);
    for name in folders.keys() {
        assert!(
            kind::load(name, &folders, &mut findings).is_some(),
            "{name}: {findings:?}"
        );
    }
    assert!(findings.is_empty(), "{findings:?}");
}

/// A sample's name contains its event type. Its kind finds the same type, a key and only facts of the right types.
#[test]
fn every_sample_of_a_built_in_kind_has_the_type_in_its_name() {
    let mut findings = Vec::new();
    let mut without_a_key: Vec<String> = Vec::new();
    let folders = kind::folders(None, &mut findings);
    for name in folders.keys() {
        let Some(loaded) = kind::load(name, &folders, &mut findings) else {
            panic!("{name}: {findings:?}");
        };
        for sample in builtin::samples(name) {
            let body = bytes::Bytes::from(sample.body.clone());
            let payload = loaded.kind.body.payload(&Headers::default(), &body).unwrap();
            let payload = payload.unwrap_or(body);
            let Ok(payload) = serde_json::from_slice::<serde_json::Value>(&payload) else {
                continue;
            };
            let fill = |value: &str| value.replace("{event}", &sample.event_type).replace("{id}", "1");
            let headers = loaded.kind.sample_headers.iter();
            let headers: serde_json::Map<_, _> = headers
                .map(|(header, value)| (header.clone(), fill(value).into()))
                .collect();
            let names = serde_json::json!({
                "event": sample.event_type, "source": name, "headers": headers, "payload": payload,
                "body_hash": "1",
            });
            let event_type = loaded
                .kind
                .event_type
                .evaluate(&names)
                .map_err(|error| error.to_string());
            assert_eq!(
                event_type,
                Ok(sample.event_type.as_str().into()),
                "{name}/{}",
                sample.name
            );
            for part in &loaded.kind.key {
                // The user writes the payloads of some kinds, so those may lack a key. A kind that sets how long a
                // body is remembered has events without an id.
                let evaluated = part.evaluate(&names);
                let by_body = loaded.kind.remember_body != loaded.kind.remember;
                if let Err(why) = evaluated
                    && !by_body
                    && sample.event_type != "custom"
                {
                    without_a_key.push(format!("{name}/{}: {why}", sample.name));
                }
            }
            let facts = loaded.facts.evaluate(&names, |_| true);
            assert!(facts.len() >= crate::facts::KNOWN.len());
            compare_with_cel(&loaded, names, facts);
        }
    }
    assert_eq!(without_a_key, [""; 0]);
}

/// Every expression of a kind has the same result with and without CEL's values.
fn compare_with_cel(loaded: &kind::LoadedKind, mut names: Value, facts: Map<String, Value>) {
    let of_facts = loaded.facts.facts.iter().flat_map(|(_, expressions)| expressions);
    let of_kind = [&loaded.kind.event_type].into_iter().chain(&loaded.kind.key);
    for condition in of_kind.chain(of_facts) {
        condition.compare_plain(&names);
    }
    names.as_object_mut().unwrap().extend(facts);
    for template in loaded.kind.templates.entries() {
        for (_, condition, _) in template.expressions() {
            condition.compare_plain(&names);
        }
    }
}

#[test]
fn every_kind_may_include_the_shared_parts_and_an_own_one_replaces_a_built_in_one() {
    let files = ConfigFolder::new();
    files.file(
        "templates/bakery/baked.hbs",
        "{{> forge/somebody}}, {{> shop/sign}}",
    );
    files.file("templates/_shop/sign.hbs", "open");
    let text = format!(
        "{START}{SOURCE}\n[sources.hub]\nkind = \"github\"\nchannels = [\"dev\"]\nsecrets = [{{ env = \"OVEN\" }}]\n"
    );
    let star = |config: &Config| {
        let context = handlebars::Context::wraps(serde_json::json!({
            "event": "star", "source": "hub", "headers": {}, "payload": {"action": "created", "repository": {}},
            "action": "created", "actor": "ana", "repository": "", "owner": "",
        }));
        let templates = &config.sources["hub"].kind.templates;
        match templates.render_alone("star", None, &context.unwrap()).rendered {
            crate::template::Rendered::Message(message) => crate::message::plain::text(&message.message),
            other => panic!("{other:?}"),
        }
    };
    let config = files.read(&text).unwrap();
    assert_eq!(config.warnings, []);
    assert!(star(&config).starts_with("⭐ ana starred"));

    files.file("templates/_forge/somebody.hbs", "The team");
    assert!(star(&files.read(&text).unwrap()).starts_with("⭐ The team starred"));

    // A wrong own part is reported once, and the built-in part is rendered instead.
    files.file("templates/_forge/somebody.hbs", "{{{actor}}}");
    let config = files.read(&text).unwrap();
    let about: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert!(
        matches!(about.as_slice(), [one] if one.contains("_forge/somebody.hbs:1")),
        "{about:?}"
    );
    assert!(star(&config).starts_with("⭐ ana starred"));
}
