//! A kind: the folder of its files, built in or own, becomes a [`Kind`].

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use toml::de::DeValue;

use super::conditions::{condition, fact_map};
use super::file::{facts, is_name};
use super::finding::{Finding, Findings, Placed};
use super::read::{self, Located, Table, in_order, type_of};
use super::schemes::{self, Schemes};
use super::{builtin, like, requests, units};
use crate::condition::Condition;
use crate::facts::{BODY_HASH, FactMap, GIVEN};
use crate::source::Kind;
use crate::template::{Library, TemplateFile};

pub(super) const ROOT: &[&str] = &[
    "title",
    "like",
    "authentication",
    "event",
    "facts",
    "body",
    "methods",
    "answer",
    "handshake",
];
const EVENT: &[&str] = &["type", "key", "remember", "remember_body", "quiet"];
const QUIET: &[&str] = &["type", "why"];

/// How long a key is remembered when the kind does not say: longer than any known sender goes on trying.
const REMEMBER: Duration = Duration::from_secs(86_400);

/// A kind, and what sources may override of it.
pub struct LoadedKind {
    /// The kind.
    pub kind: Arc<Kind>,
    /// Its facts.
    pub facts: FactMap,
    /// The conditions of its `source.toml` where that is the operator's own; of a built-in one there are none here.
    pub conditions: Vec<Placed>,
    pub(super) schemes: Schemes,
}

/// A kind without any configuration: the built-in one, the own one, or the own one's files over the built-in one's.
///
/// # Errors
/// There is none, or something is wrong with it. What comes with a kind are warnings.
pub fn alone(name: &str, own: Option<&Path>) -> Result<(LoadedKind, Vec<Finding>), NoKind> {
    let mut findings = Vec::new();
    let folders = folders(own, &mut findings);
    if !folders.contains_key(name) {
        let what = super::resolve::unknown("kind", name, folders.keys().map(String::as_str));
        return Err(NoKind::Unknown(what));
    }
    // What is wrong with other kinds is no concern of this one.
    let at = own.map(|own| own.join(name).display().to_string());
    findings.retain(|finding| {
        at.as_ref()
            .is_some_and(|at| finding.file.starts_with(at.as_str()))
    });
    match load(name, &folders, &mut findings) {
        Some(kind) => Ok((kind, findings)),
        None => Err(NoKind::Wrong(findings)),
    }
}

/// Why there is no such kind.
pub enum NoKind {
    /// Nothing is called so; a sentence with the nearest known name.
    Unknown(String),
    /// Its files are wrong.
    Wrong(Vec<Finding>),
}

/// The files of a kind.
#[derive(Default)]
pub(super) struct Folder {
    /// Where `source.toml` is, and its text.
    pub(super) source: Option<(String, String)>,
    /// Whether that is the operator's own.
    own_source: bool,
    pub(super) templates: Vec<TemplateFile>,
    /// Whether any of it is the operator's own: then it is checked, also when no source uses it.
    pub(super) is_own: bool,
}

/// Every kind there is: the built-in ones, and the folders of `own` over them.
pub(super) fn folders(own: Option<&Path>, findings: &mut Vec<Finding>) -> BTreeMap<String, Folder> {
    let mut folders: BTreeMap<String, Folder> = BTreeMap::new();
    for kind in builtin::kinds() {
        let source = builtin::source_toml(kind).map(|text| (format!("{kind}/source.toml"), text.to_owned()));
        folders.insert(
            kind.to_owned(),
            Folder {
                source,
                own_source: false,
                templates: builtin::templates(kind),
                is_own: false,
            },
        );
    }
    let Some(own) = own else {
        return folders;
    };
    for (name, path) in listing(own, findings) {
        if !path.is_dir() {
            continue;
        }
        let file = path.display().to_string();
        if !is_name(&name) {
            findings.push(Finding::error(
                &file,
                None,
                "",
                "a kind's name is 1 to 40 of a-z, 0-9 and -",
            ));
            continue;
        }
        let folder = folders.entry(name).or_default();
        folder.is_own = true;
        let mut templates = Vec::new();
        for (name, path) in listing(&path, findings) {
            let is_source = name == "source.toml";
            if !is_source && !builtin::is_template(&name) {
                continue;
            }
            let file = path.display().to_string();
            match read::text(&path, read::LARGEST_FILE) {
                Ok(text) if is_source => {
                    folder.source = Some((file, text));
                    folder.own_source = true;
                }
                Ok(text) => templates.push(TemplateFile {
                    name,
                    text,
                    path: Some(file),
                }),
                Err(why) => findings.push(Finding::error(&file, None, "", why)),
            }
        }
        templates.append(&mut folder.templates);
        folder.templates = templates;
        if folder.source.is_none() {
            let what = "there is no source.toml in it, and no built-in kind of its name";
            findings.push(Finding::error(&file, None, "", what));
        }
    }
    folders
}

/// What is in a folder, sorted by name.
fn listing(folder: &Path, findings: &mut Vec<Finding>) -> Vec<(String, std::path::PathBuf)> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            let file = folder.display().to_string();
            findings.push(Finding::error(
                &file,
                None,
                "",
                format!("cannot be read: {error}"),
            ));
            return Vec::new();
        }
    };
    let mut listing: Vec<_> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path)))
        .collect();
    listing.sort();
    listing
}

/// Compiles a kind. Wrong templates are warnings: what is left of its templates serves. Anything else that is wrong
/// leaves no kind.
pub(super) fn load(
    name: &str,
    folders: &BTreeMap<String, Folder>,
    findings: &mut Vec<Finding>,
) -> Option<LoadedKind> {
    let folder = folders.get(name)?;
    let (file, text) = folder.source.as_ref()?;
    let within = Findings::new(file, text);
    let loaded = read::document(text, &within).and_then(|document| {
        let root = Table::new(document.get_ref(), "", 0, ROOT, &within);
        let base = like::base(name, &root, folders, &within);
        let is_unlike = root.get("like").is_some() && base.is_none();
        let kind = compile(name, &root, base.as_ref().map(|base| &base.loaded), &within);
        let templates = like::templates(folder, base.as_ref());
        let (library, wrong) = Library::compile(name, templates);
        let theirs = |file: &str| base.as_ref().is_some_and(|base| base.has(file));
        for wrong in wrong.into_iter().filter(|wrong| !theirs(&wrong.file)) {
            let what = format!(
                "{}; until it is mended, the built-in or default template speaks",
                wrong.what
            );
            within.add(Finding::warning(&wrong.file, wrong.line, "", what));
        }
        let (kind, facts, schemes) = kind.filter(|_| !is_unlike)?;
        Some(LoadedKind {
            kind: Arc::new(Kind {
                templates: Arc::new(library),
                ..kind
            }),
            facts,
            conditions: if folder.own_source {
                within.take_placed()
            } else {
                Vec::new()
            },
            schemes,
        })
    });
    findings.extend(within.into_list());
    loaded
}

/// What is not said is `base`'s: its whole `authentication`, each key of `body` and `event`, each fact.
fn compile(
    name: &str,
    root: &Table<'_, '_>,
    base: Option<&LoadedKind>,
    findings: &Findings,
) -> Option<(Kind, FactMap, Schemes)> {
    let before = findings.errors();
    // Where it is like another kind that is wrong, that alone is found, not what is missing for it.
    let is_alone = root.get("like").is_none();
    let title = root
        .text("title")
        .map_or_else(|| name.to_owned(), |title| title.value);
    let schemes = if let Some((at, value)) = root.get("authentication") {
        schemes::read(value, "authentication", at, findings)
    } else if let Some(base) = base {
        base.schemes.clone()
    } else {
        if is_alone {
            let what = "`[[authentication]]` is missing: how its sender proves itself (method = \"none\": not at all)";
            findings.error(0, "", what);
        }
        Schemes::default()
    };
    let known = base.map(|base| &*base.kind);
    let methods = requests::methods(root, known);
    let body = requests::body_form(root, known, &methods);
    let answer = requests::answer(root, known);
    let handshakes = requests::handshakes(root, known, findings);
    let event = root.table("event", EVENT);
    if event.is_none() && root.get("event").is_none() && is_alone {
        findings.error(0, "", "`[event]` is missing: type = 'headers[\"x-event\"]'");
    }
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>()
    };
    let before_type = names(&["source", "headers", "payload"]);
    let says = |key: &str| event.as_ref().is_some_and(|event| event.get(key).is_some());
    let event_type = match base {
        Some(base) if !says("type") => Some(base.kind.event_type.clone()),
        None if !says("type") && !is_alone => None,
        _ => event.as_ref().and_then(|event| {
            let text = event.required(
                "type",
                "what the sender calls the event, such as 'headers[\"x-event\"]'",
            )?;
            condition(&text, "event.type", &before_type, findings)
        }),
    };
    let key = match base {
        Some(base) if !says("key") => base.kind.key.clone(),
        _ => {
            let mut names = names(GIVEN);
            names.insert(BODY_HASH.to_owned());
            let key = event.as_ref().and_then(|event| event.text_or_texts("key"));
            key.unwrap_or_default()
                .iter()
                .filter_map(|part| condition(part, "event.key", &names, findings))
                .collect()
        }
    };
    let remember = event
        .as_ref()
        .and_then(|event| event.unit("remember", &units::DURATION));
    let remember_body = event
        .as_ref()
        .and_then(|event| event.unit("remember_body", &units::DURATION));
    let quiet = match base {
        Some(base) if !says("quiet") => base.kind.quiet.clone(),
        _ => event
            .as_ref()
            .map(|event| quiet(event, findings))
            .unwrap_or_default(),
    };
    let facts = fact_map(&facts(root), findings);
    let facts = match base {
        Some(base) => super::source::merged(&base.facts, facts),
        None => facts,
    };
    let (Some(event_type), true) = (event_type, findings.errors() == before) else {
        return None;
    };
    let kind = Kind {
        name: name.to_owned(),
        title,
        sample_headers: sample_headers(&event_type, &key),
        schemes: schemes.list.clone(),
        methods,
        body,
        event_type,
        key,
        remember: remember
            .or(base.map(|base| base.kind.remember))
            .unwrap_or(REMEMBER),
        remember_body: remember_body
            .or(remember)
            .or(base.map(|base| base.kind.remember_body))
            .unwrap_or(REMEMBER),
        quiet,
        answer,
        handshakes,
        templates: Arc::new(Library::compile(name, Vec::new()).0),
    };
    Some((kind, facts, schemes))
}

/// The headers that type and key are made of.
fn sample_headers(event_type: &Condition, key: &[Condition]) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = Vec::new();
    let typed = std::iter::once((event_type, "{event}"));
    for (condition, value) in typed.chain(key.iter().map(|part| (part, "{id}"))) {
        for path in &condition.references().paths {
            if let [names, header] = path.as_slice()
                && names == "headers"
                && headers.iter().all(|(known, _)| known != header)
            {
                headers.push((header.clone(), value.to_owned()));
            }
        }
    }
    headers
}

/// `quiet = [{ type = "star", why = "…" }]`, or a table of type = "why".
fn quiet(event: &Table<'_, '_>, findings: &Findings) -> Vec<(String, String)> {
    match event.get("quiet") {
        Some((_, DeValue::Table(entries))) => {
            let entry = |(name, value): (Located<String>, &DeValue<'_>)| {
                let why = value.as_str().map(str::to_owned);
                if why.is_none() {
                    findings.error(
                        name.at,
                        "event.quiet",
                        format!("is {}, a reason was expected: \"…\"", type_of(value)),
                    );
                }
                Some((name.value, why?))
            };
            in_order(entries).into_iter().filter_map(entry).collect()
        }
        _ => event
            .tables("quiet", QUIET)
            .iter()
            .filter_map(|entry| {
                let of = entry.required("type", "the event type that says nothing");
                let why = entry.required("why", "the reason, in a few words");
                Some((of?.value, why?.value))
            })
            .collect(),
    }
}
