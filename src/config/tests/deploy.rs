//! `deploy/bridge.toml` contains every key, and each key in it is valid.

use super::*;
use crate::config::keys::bridge_toml;
use crate::toml_reader::Shape;

pub(super) const TEXT: &str = include_str!("../../../deploy/bridge.toml");

/// The file with every key: a line `#key = …` is uncommented, prose after `# ` is not.
pub(super) fn uncommented() -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase()) => rest.to_owned(),
        _ => line.to_owned(),
    };
    TEXT.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn read(text: &str) -> Result<Config, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    for secret in ["twake", "matrix", "github", "deploys.secret", "proxy"] {
        fs::write(folder.path().join(secret), "4c1f0a9e77b2d35586aa0b1c").unwrap();
    }
    fs::write(
        folder.path().join("twake-ca.pem"),
        include_str!("../../delivery/tests/private-ca.pem"),
    )
    .unwrap();
    fs::create_dir(folder.path().join("templates")).unwrap();
    fs::create_dir(folder.path().join("tls")).unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls");
    for (from, to) in [
        ("localhost.pem", "fullchain.pem"),
        ("localhost.key", "privkey.pem"),
        ("localhost.pem", "senders.pem"),
        ("localhost.pem", "bridge.pem"),
        ("localhost.key", "bridge.key"),
    ] {
        fs::copy(data.join(from), folder.path().join("tls").join(to)).unwrap();
    }
    let variables = [
        ("CREDENTIALS_DIRECTORY", folder.path().to_str().unwrap()),
        ("OPERATOR_TOKEN", "4c1f0a9e77b2d35586aa0b1c"),
    ];
    let environment = Environment::of(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    Config::from_text(text, folder.path(), &environment)
        .map_err(|findings| findings.iter().map(ToString::to_string).collect())
}

#[test]
fn the_file_is_valid_with_and_without_its_comments() {
    for text in [TEXT.to_owned(), uncommented()] {
        let config = read(&text).unwrap_or_else(|findings| panic!("{}", findings.join("\n")));
        assert!(config.warnings.is_empty(), "{:?}", config.warnings);
        // The default rate begins with a burst, for which the file has no words.
        let delivery = Delivery {
            rate: config.delivery.rate,
            ..Delivery::default()
        };
        let defaults = (Limits::default(), delivery, History::default());
        assert_eq!(
            (config.limits, config.delivery, config.history),
            defaults,
            "the file shows other defaults"
        );
    }
}

#[test]
fn the_file_contains_every_key() {
    let document: toml::Value = uncommented().parse::<toml::Table>().unwrap().into();
    let mut absent = Vec::new();
    find_absent(&Shape::Table(bridge_toml::ROOT), &[&document], "", &mut absent);
    assert!(
        absent.is_empty(),
        "not in deploy/bridge.toml: {}",
        absent.join(", ")
    );
}

/// Collects the keys that none of the values has. The head of the document explains references to secrets, and the
/// document of a kind explains `authentication`.
fn find_absent(shape: &Shape, values: &[&toml::Value], path: &str, absent: &mut Vec<String>) {
    let entries = || values.iter().filter_map(|value| value.as_table()).flatten();
    match shape {
        Shape::Table(keys) => {
            for key in keys.iter().filter(|key| key.name != "authentication") {
                let path = format!("{path}.{}", key.name);
                let values: Vec<_> = entries()
                    .filter(|(name, _)| *name == key.name)
                    .map(|(_, value)| value)
                    .collect();
                if values.is_empty() {
                    absent.push(path);
                // The keys for a route are those for a source.
                } else if !path.ends_with(".routes.events") {
                    find_absent(&key.shape, &values, &path, absent);
                }
            }
        }
        Shape::Map { values, .. } => {
            let entries: Vec<_> = entries().map(|(_, value)| value).collect();
            find_absent(values, &entries, &format!("{path}.*"), absent);
        }
        Shape::List(of) => {
            let items: Vec<_> = values
                .iter()
                .filter_map(|value| value.as_array())
                .flatten()
                .collect();
            find_absent(of, &items, path, absent);
        }
        Shape::Either(shapes) => {
            for shape in *shapes {
                find_absent(shape, values, path, absent);
            }
        }
        _ => {}
    }
}
