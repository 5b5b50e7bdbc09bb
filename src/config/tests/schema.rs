//! The JSON Schemas accept and refuse what the reader accepts and refuses, and describe the defaults of the code.

use serde_json::{Value, json};

use super::*;
use crate::config::keys::{bridge_toml, source_toml};
use crate::facts::name_trouble;
use crate::toml_reader::{self, Findings, Key, Shape};

/// A compiled schema.
struct Schema {
    schemas: boon::Schemas,
    index: boon::SchemaIndex,
}

impl Schema {
    fn new(schema: Value) -> Self {
        let mut schemas = boon::Schemas::new();
        let mut compiler = boon::Compiler::new();
        compiler.add_resource("schema.json", schema).unwrap();
        let index = compiler.compile("schema.json", &mut schemas).unwrap();
        Self { schemas, index }
    }

    /// The faults of a document. Empty: the document is valid.
    fn faults(&self, document: &Value) -> String {
        let faults = self.schemas.validate(document, self.index).err();
        faults.map(|faults| format!("{faults:#}")).unwrap_or_default()
    }

    fn faults_of_text(&self, text: &str) -> String {
        self.faults(&toml::from_str(text).unwrap())
    }
}

#[test]
fn the_example_and_every_kind_fit_their_schemas() {
    let bridge = Schema::new(bridge_schema());
    assert_eq!(bridge.faults_of_text(deploy::TEXT), "");
    assert_eq!(bridge.faults_of_text(&deploy::uncommented()), "");
    assert_eq!(bridge.faults_of_text(&format!("{START}{SOURCE}")), "");
    let source = Schema::new(source_schema());
    for kind in builtin::kinds() {
        let text = builtin::source_toml(kind).unwrap();
        assert_eq!(source.faults_of_text(text), "", "{kind}");
    }
}

#[test]
fn complete_examples_in_the_documents_fit_the_schema() {
    let bridge = Schema::new(bridge_schema());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut examples = 0;
    let documents = fs::read_dir(root.join("docs")).unwrap();
    let documents = documents.map(|entry| entry.unwrap().path());
    for document in documents.chain([root.join("README.md")]) {
        let text = fs::read_to_string(&document).unwrap();
        for example in text.split("```toml\n").skip(1) {
            let example = example.split("```").next().unwrap();
            if example.contains("[twake.") && example.contains("private_api_key") {
                assert_eq!(bridge.faults_of_text(example), "", "{}", document.display());
                examples += 1;
            }
        }
    }
    assert!(examples > 0);
}

#[test]
fn mistakes_do_not_fit_the_schema() {
    let bridge = Schema::new(bridge_schema());
    let right = format!("{START}{SOURCE}");
    for (from, to, fault) in [
        ("url =", "ulr =", "additionalProperties 'ulr' not allowed"),
        ("rate = \"30/m\"", "rate = 30", "got number"),
        ("rate = \"30/m\"", "rate = \"30/d\"", "pattern"),
        ("{ env = \"KEY\" }", "\"the key itself\"", "want object"),
        ("{ env = \"KEY\" }", "{ env = \"KEY\", file = \"key\" }", "oneOf"),
        ("kind = \"bakery\"", "", "missing properties 'kind'"),
        ("[sources.oven]", "[sources.Oven]", "pattern"),
    ] {
        let found = bridge.faults_of_text(&right.replace(from, to));
        assert!(found.contains(fault), "{to}: {found}");
    }
}

/// Puts many values at every key of both files. A value fits the schema if and only if the reader reports nothing.
#[test]
fn the_schema_and_the_reader_agree_about_every_key() {
    let texts = [
        "x", "", " ", "30", "30s", "30 s", "0s", "25MiB", "0B", "30/m", "s", "X y",
    ];
    let others = [
        json!(0),
        json!(1),
        json!(200),
        json!(300),
        json!(1.5),
        json!(true),
        json!([]),
        json!(["x"]),
        json!(["POST"]),
        json!([7]),
        json!([[]]),
        json!([{}]),
        json!({}),
        json!({ "x": "x" }),
        json!({ "x": ["x"] }),
        json!({ "x": 7 }),
        json!({ "x": {} }),
        json!({ "env": "x" }),
        json!({ "env": "x", "file": "x" }),
    ];
    let candidates: Vec<Value> = texts.into_iter().map(Value::from).chain(others).collect();
    for (keys, schema) in [
        (bridge_toml::ROOT, Schema::new(bridge_schema())),
        (source_toml::ROOT, Schema::new(source_schema())),
    ] {
        let (mut right, mut wrong) = (0, 0);
        let mut agree = |document: &Value| {
            let text = toml::to_string(document).unwrap();
            let findings = Findings::new("", &text);
            toml_reader::read(&text, keys, &findings, |_| ());
            let faults = schema.faults(document);
            assert_eq!(findings.errors() == 0, faults.is_empty(), "{text}\n{faults}");
            *(if faults.is_empty() { &mut right } else { &mut wrong }) += 1;
        };
        let document = example(&Shape::Table(keys));
        agree(&document);
        for pointer in pointers(&document) {
            for candidate in &candidates {
                let mut changed = document.clone();
                *changed.pointer_mut(&pointer).unwrap() = candidate.clone();
                agree(&changed);
            }
            let mut changed = document.clone();
            let (table, key) = pointer.rsplit_once('/').unwrap();
            if let Some(table) = changed.pointer_mut(table).unwrap().as_object_mut() {
                let value = table.remove(key).unwrap();
                agree(&changed);
                let table = changed
                    .pointer_mut(&pointer[..pointer.len() - key.len() - 1])
                    .unwrap();
                table[format!("{key}_")] = value;
                agree(&changed);
            }
        }
        assert!(right > 100 && wrong > 1000, "{right} {wrong}");
    }
}

#[test]
fn the_schema_and_the_reader_agree_about_the_names_of_facts() {
    let schema = Schema::new(source_schema());
    let (longest, too_long) = ("x".repeat(40), "x".repeat(41));
    for name in [
        "x",
        "x_1",
        longest.as_str(),
        too_long.as_str(),
        "",
        "X",
        "_x",
        "1x",
        "x-1",
        "x y",
        "ä",
    ] {
        let faults = schema.faults(&json!({ "facts": { name: "x" } }));
        assert_eq!(faults.is_empty(), name_trouble(name).is_none(), "{name:?}");
    }
}

#[test]
fn described_defaults_of_the_bridge_are_those_of_the_code() {
    let files = ConfigFolder::new();
    let settings = |text: &str| {
        let config = files.read(&format!("{START}{SOURCE}{text}"));
        let config = config.unwrap_or_else(|findings| panic!("{text}: {findings:?}"));
        (config.limits, config.delivery, config.history, config.report)
    };
    let mut described = 0;
    for table in bridge_toml::ROOT {
        let Shape::Table(keys) = table.shape else {
            continue;
        };
        for key in keys {
            if let Some(default) = key.described_default() {
                described += 1;
                let text = format!("[{}]\n{} = {default}\n", table.name, key.name);
                assert_eq!(settings(&text), settings(""), "{text}");
            }
        }
    }
    assert!(
        described >= 10,
        "limits, delivery, history and report have ten keys: {described}"
    );
}

/// A document with every key.
fn example(shape: &Shape) -> Value {
    match shape {
        Shape::Text | Shape::AnyText | Shape::Name | Shape::Expression | Shape::Path => "x".into(),
        Shape::Word { words, .. } => words[0].into(),
        Shape::Boolean => true.into(),
        Shape::Integer { least, .. } => (*least).into(),
        Shape::Duration => "30s".into(),
        Shape::Size => "25MiB".into(),
        Shape::Rate => "30/m".into(),
        Shape::List(of) | Shape::NonEmptyList(of) => json!([example(of)]),
        Shape::Table(keys) => table(keys.iter()),
        Shape::Reference { places, others, .. } => table(places.iter().take(1).chain(*others)),
        Shape::Map { values, .. } => json!({ "x": example(values) }),
        Shape::Either(shapes) => example(&shapes[0]),
    }
}

fn table<'k>(keys: impl Iterator<Item = &'k Key>) -> Value {
    keys.map(|key| (key.name.to_owned(), example(&key.shape)))
        .collect()
}

/// The path of every value in a document.
fn pointers(document: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match document {
        Value::Object(table) => table.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(at, item)| (at.to_string(), item))
            .collect(),
        _ => Vec::new(),
    };
    let of_child = |(key, child): (String, &Value)| {
        let own = format!("/{key}");
        let inner: Vec<_> = pointers(child)
            .into_iter()
            .map(|inner| format!("{own}{inner}"))
            .collect();
        std::iter::once(own).chain(inner)
    };
    children.into_iter().flat_map(of_child).collect()
}
