//! `deploy/bridge.toml` holds every key, and every key it holds is right.

use super::*;

const TEXT: &str = include_str!("../../../deploy/bridge.toml");

/// Every key: a line `#key = …` counts, prose after `# ` does not.
fn uncommented() -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase()) => rest.to_owned(),
        _ => line.to_owned(),
    };
    TEXT.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn read(text: &str) -> Result<Config, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    for secret in ["twake", "github", "deploys.secret", "proxy"] {
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
        ("TWAKE_BRIDGE_OPERATOR_TOKEN", "4c1f0a9e77b2d35586aa0b1c"),
    ];
    let surroundings = Surroundings::of(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    Config::from_text(text, folder.path(), &surroundings)
        .map_err(|findings| findings.iter().map(ToString::to_string).collect())
}

#[test]
fn it_is_right_with_and_without_its_comments() {
    for text in [TEXT.to_owned(), uncommented()] {
        let config = read(&text).unwrap_or_else(|findings| panic!("{}", findings.join("\n")));
        assert!(config.warnings.is_empty(), "{:?}", config.warnings);
        let defaults = (Limits::default(), Delivery::default(), History::default());
        assert_eq!(
            (config.limits, config.delivery, config.history),
            defaults,
            "it shows other defaults"
        );
    }
}

#[test]
fn every_key_is_in_it() {
    let document: toml::Table = uncommented().parse().unwrap();
    let all = |path: &[&str]| {
        let mut tables = vec![&document];
        for step in path {
            tables = tables
                .into_iter()
                .flat_map(|table| table.iter().filter(move |(key, _)| *step == "*" || key == step))
                .flat_map(|(_, value)| match value {
                    toml::Value::Table(table) => vec![table],
                    toml::Value::Array(list) => list.iter().filter_map(toml::Value::as_table).collect(),
                    _ => Vec::new(),
                })
                .collect();
        }
        tables
            .into_iter()
            .flat_map(|table| table.keys())
            .cloned()
            .collect::<std::collections::BTreeSet<_>>()
    };
    let grammar: [(&[&str], &[&str]); 15] = [
        (&[], file::ROOT),
        (&["twake", "*"], file::ACCOUNT),
        (&["twake", "*", "tls"], certified::TLS),
        (&["twake", "*", "proxy"], outbound::PROXY),
        (&["channels", "*"], file::CHANNEL),
        (&["sources", "*"], file::SOURCE),
        (&["sources", "*", "limits"], file::SOURCE_LIMITS),
        (&["sources", "*", "routes"], file::ROUTE),
        (&["sources", "*", "secrets"], &["credential", "file", "scheme"]),
        (&["limits"], file::LIMITS),
        (&["delivery"], file::DELIVERY),
        (&["history"], file::HISTORY),
        (&["operator"], file::OPERATOR),
        (&["public"], public::PUBLIC),
        (&["public", "tls"], certified::TLS),
    ];
    for (path, keys) in grammar {
        let there = all(path);
        for key in keys {
            assert!(
                there.contains(*key),
                "[{}] {key} is not in deploy/bridge.toml",
                path.join(".")
            );
        }
    }
}
