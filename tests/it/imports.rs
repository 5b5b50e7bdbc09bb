//! Which module may import which: checks the sources against the map of `src/lib.rs`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A module of `src/` and the modules of this crate that it may import.
const ALLOWED: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    (
        "check",
        &[
            "authentication",
            "clock",
            "condition",
            "config",
            "delivery",
            "event",
            "facts",
            "headers",
            "operator",
            "queue",
            "decision",
            "route",
            "source",
            "suggest",
            "template",
            "toml_reader",
            "twake",
            "units",
        ],
    ),
    (
        "preview",
        &[
            "authentication",
            // The findings about an edited template.
            "check",
            "clock",
            "condition",
            "config",
            "conversation",
            "message",
            "event",
            "headers",
            "payload",
            "decision",
            // The readers of a channel that is not configured.
            "message",
            "template",
            "route",
            "secret",
            "source",
            "suggest",
            "twake",
            "toml_reader",
        ],
    ),
    (
        "cli",
        &[
            "check",
            "preview",
            "suggest",
            "toml_reader",
            "units",
            "bridge",
            "config",
            "sandbox",
            "lifecycle",
            "logging",
            "clock",
            "authentication",
            "source",
            "secret",
            "twake",
            // preview prints a decision; demo counts decisions.
            "decision",
            // Why a condition holds or not.
            "condition",
            "route",
            "template",
            "message",
            // send posts a message without the queue, with the client of delivery.
            "delivery",
            // events and channels: requests to a bridge, or work on the store if none runs.
            "operator",
            "queue",
        ],
    ),
    (
        "bridge",
        &[
            "toml_reader",
            // A reload refuses what is an error for check.
            "check",
            "http",
            "delivery",
            "queue",
            "config",
            "lifecycle",
            "clock",
            "metrics",
            "logging",
            "operator",
            // A report is stored as an event.
            "report",
            "event",
            "headers",
            "message",
            // The snapshot that is served and that a reload replaces.
            "source",
        ],
    ),
    (
        "http",
        &[
            "console",
            "operator",
            "decision",
            "source",
            "authentication",
            "payload",
            "headers",
            "event",
            "queue",
            "metrics",
            "clock",
            "secret",
            "logging",
            "panics",
        ],
    ),
    (
        "console",
        &[
            // What it shows.
            "operator",
            "queue",
            "decision",
            "condition",
            "route",
            "message",
            // Templates that are tried, and samples that are sent.
            "preview",
            "check",
            "clock",
            "config",
            "source",
            "template",
            "toml_reader",
            "suggest",
            // The causes of an error.
            "logging",
        ],
    ),
    (
        "delivery",
        &[
            "units",
            // The tokens of an account, which are kept in a file.
            "secret",
            "twake",
            "queue",
            "retry",
            "message",
            "conversation",
            "digest",
            "metrics",
            "clock",
            "logging",
        ],
    ),
    (
        "operator",
        &[
            // The test of a source is signed.
            "authentication",
            "queue",
            "decision",
            // Why a condition holds or not, and short values.
            "condition",
            "source",
            "event",
            "route",
            "message",
            "conversation",
            "twake",
            "secret",
            "clock",
            // Durations in filters.
            "units",
            "headers",
            "logging",
            "panics",
        ],
    ),
    (
        "queue",
        // decision: its types are mapped to stored rows; the queue does not decide.
        &[
            "event",
            "message",
            "conversation",
            "decision",
            "clock",
            "logging",
            "metrics",
            // The password of a store, and when to connect to it again.
            "secret",
            "retry",
        ],
    ),
    (
        "config",
        &[
            "suggest",
            "toml_reader",
            "units",
            "admission",
            "source",
            "route",
            "condition",
            "facts",
            "template",
            "twake",
            "secret",
            "authentication",
            "payload",
            // The readers of a channel.
            "message",
            "report",
            "zone",
        ],
    ),
    (
        "sandbox",
        &["authentication", "clock", "headers", "secret", "logging"],
    ),
    ("lifecycle", &["clock"]),
    ("logging", &["clock", "message", "panics"]),
    ("metrics", &[]),
    ("report", &["message", "suggest"]),
    ("clock", &[]),
    (
        "decision",
        &[
            "source",
            "condition",
            "facts",
            "route",
            "template",
            "message",
            "event",
            "headers",
            "steps",
        ],
    ),
    ("headers", &[]),
    ("event", &["authentication", "headers", "payload"]),
    ("secret", &[]),
    ("admission", &[]),
    (
        "source",
        &[
            "admission",
            "authentication",
            "condition",
            "facts",
            "payload",
            "route",
            "template",
            "secret",
            // The name and picture of its messages.
            "message",
            // The API of each channel.
            "twake",
        ],
    ),
    (
        "authentication",
        &["headers", "payload", "secret", "toml_reader", "units"],
    ),
    ("payload", &["headers"]),
    ("facts", &["condition"]),
    ("condition", &["panics", "steps", "suggest", "zone"]),
    ("panics", &[]),
    ("steps", &[]),
    ("suggest", &[]),
    ("units", &["suggest"]),
    ("toml_reader", &["condition", "suggest", "units"]),
    ("route", &["suggest", "condition"]),
    ("retry", &[]),
    (
        "template",
        &[
            "condition",
            "conversation",
            "message",
            "panics",
            "steps",
            "suggest",
            "toml_reader",
            "units",
        ],
    ),
    ("zone", &["suggest"]),
    ("message", &[]),
    ("conversation", &["message", "twake", "units"]),
    ("digest", &["conversation", "message", "twake"]),
    ("twake", &["units", "message", "secret"]),
];

/// The pure core: functions from values to values, without I/O.
const PURE: &[&str] = &[
    "headers",
    "event",
    "secret",
    "admission",
    "source",
    "authentication",
    "payload",
    "facts",
    "condition",
    "route",
    "conversation",
    "digest",
    "report",
    "retry",
    "template",
    "message",
    "twake",
    "decision",
    "suggest",
    "toml_reader",
    "units",
    "zone",
];

/// Crates that the pure core does not use.
const RIM: &[&str] = &[
    "actix_web",
    "actix_rt",
    "awc",
    "tokio",
    "tokio_util",
    "rusqlite",
    "log",
    "std::fs",
    "std::env",
    "std::net",
    "env_logger",
];

/// A crate (or part of std) and the only modules that may use it.
const HOMES: &[(&str, &[&str])] = &[
    ("rusqlite", &["queue/sqlite"]),
    ("tokio_postgres", &["queue/postgres"]),
    ("awc", &["delivery/client", "sandbox"]),
    ("httparse", &["delivery/client/tunnel", "delivery/client/stream"]),
    ("std::env", &["config/env"]),
    ("envy", &["config/env"]),
    ("cel", &["condition"]),
    ("handlebars", &["template", "decision"]),
    ("pulldown_cmark", &["message", "template"]),
    ("maud", &["sandbox/page", "console"]),
    ("std::panic", &["panics"]),
    ("clap", &["cli"]),
    ("anyhow", &["cli"]),
    // The command line's client of a running bridge. It is blocking; awc would need a runtime.
    ("ureq", &["operator/client"]),
    ("indicatif", &["cli"]),
    ("encoding_rs", &["payload"]),
    ("webpki", &["authentication/public_key"]),
    ("flate2", &["payload", "delivery/client", "sandbox"]),
    ("brotli_decompressor", &["payload"]),
    // System calls: limits, free disk space, the type of standard error, the listen backlog, file locks, the terminal's echo.
    (
        "rustix",
        &[
            "lifecycle",
            "check/live",
            "logging",
            "bridge/listen",
            "queue/sqlite/lock",
            "cli/init/interview",
        ],
    ),
    ("actix_http", &["http/server"]),
    ("actix_service", &["http/server"]),
    ("tokio_rustls", &["http/server", "http/io", "queue/postgres/tls"]),
];

pub(crate) struct Module {
    /// `delivery/client`, `decision`.
    pub(crate) path: String,
    /// `delivery`, `decision`.
    top: String,
    /// Its code without tests and comments.
    pub(crate) code: String,
}

pub(crate) fn modules() -> Vec<Module> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files
        .into_iter()
        .filter_map(|file| {
            let path = file
                .strip_prefix(&root)
                .unwrap()
                .with_extension("")
                .to_str()
                .unwrap()
                .to_owned();
            let of_tests = path.ends_with("/tests") || path.ends_with("_tests") || path.contains("/tests/");
            if of_tests || ["lib", "build"].contains(&path.as_str()) {
                return None;
            }
            let text = fs::read_to_string(&file).unwrap();
            let code = without_tests(&text)
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect::<Vec<_>>()
                .join("\n");
            let top = path.split('/').next().unwrap().to_owned();
            Some(Module { path, top, code })
        })
        .collect()
}

/// The text without its `mod tests`. A block of tests is the last item of its file.
fn without_tests(text: &str) -> String {
    text.replace("#[cfg(test)]\nmod tests;\n", "")
        .split("#[cfg(test)]\nmod ")
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Collects the source files under a folder.
pub(crate) fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The names that follow `prefix` in `code`: `crate::decision::decide` → `decision`; `crate::{a::X, b}` → `a`, `b`.
fn named(code: &str, prefix: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        let rest = &code[at + prefix.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            for letter in group.chars() {
                match letter {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        names.insert(first_word(&word));
                        word.clear();
                        continue;
                    }
                    _ => {}
                }
                word.push(letter);
            }
            names.insert(first_word(&word));
        } else {
            names.insert(first_word(rest));
        }
    }
    names.remove("");
    names
}

fn first_word(text: &str) -> String {
    text.trim_start()
        .chars()
        .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
        .collect()
}

fn mentions(code: &str, name: &str) -> bool {
    let path = format!("{name}::");
    code.match_indices(&path).any(|(at, _)| {
        !code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == ':')
    }) || code.contains(&format!("use {name};"))
}

#[test]
fn a_module_imports_only_what_the_map_allows() {
    let mut wrong = Vec::new();
    for module in modules() {
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == module.top) else {
            wrong.push(format!("{} is not on the map", module.path));
            continue;
        };
        for name in named(&module.code, "crate::")
            .iter()
            .chain(&named(&module.code, "twake_bridge::"))
        {
            if *name != module.top && !allowed.contains(&name.as_str()) {
                wrong.push(format!("{} names crate::{name}", module.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_core_is_pure() {
    let mut wrong = Vec::new();
    for module in modules()
        .iter()
        .filter(|module| PURE.contains(&module.top.as_str()))
    {
        for name in RIM.iter().filter(|name| mentions(&module.code, name)) {
            wrong.push(format!("{} names {name}", module.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_library_is_used_only_where_the_map_allows() {
    let mut wrong = Vec::new();
    for module in modules() {
        for (name, homes) in HOMES {
            let home = homes
                .iter()
                .any(|home| module.path == *home || module.path.starts_with(&format!("{home}/")));
            if mentions(&module.code, name) && !home {
                wrong.push(format!("{} names {name}", module.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn http_and_delivery_do_not_import_each_other() {
    for module in modules() {
        let names = named(&module.code, "crate::");
        assert!(
            !(module.top == "http" && names.contains("delivery")),
            "{} knows delivery",
            module.path
        );
        assert!(
            !(module.top == "delivery" && names.contains("http")),
            "{} knows http",
            module.path
        );
    }
}

#[test]
fn imports_in_groups_and_paths_are_found() {
    let code = "use crate::{decision::{self, decide}, event::Event};\nlet x = crate::queue::open();";
    let names: Vec<String> = named(code, "crate::").into_iter().collect();
    assert_eq!(names, ["decision", "event", "queue"]);
    assert!(mentions("let client = awc::Client::default();", "awc"));
    assert!(!mentions("let x = fawc::y;", "awc"));
}
