//! A kind: the folder of its files becomes a [`Kind`].

mod compile;
mod folder;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::schemes::Schemes;
use super::{Limits, like};
use crate::admission::Admission;
use crate::authentication::Authenticator;
use crate::facts::FactMap;
use crate::route::Routes;
use crate::source::{Kind, Source};
use crate::suggest;
use crate::template::{Library, Origin, TemplateFile};
use crate::toml_reader::{self, Finding, Findings, Placed, Subject, Table};

pub(super) use folder::{Folder, folders};

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

impl LoadedKind {
    /// The source that the kind is without a configuration: it has no secrets and takes what a sample is.
    pub fn source_alone(&self, routes: Routes) -> Source {
        Source {
            name: Arc::from(self.kind.name.as_str()),
            kind: Arc::clone(&self.kind),
            authenticator: Authenticator::of_samples(self.kind.body.clone()),
            facts: self.facts.clone(),
            routes,
            body_limit: Limits::default().body,
            admission: Admission::default(),
        }
    }
}

/// A kind without any configuration: the built-in one, the own one, or the own one's files over the built-in one's.
///
/// # Errors
/// There is none, or something is wrong with it. What comes with a kind are warnings.
pub fn alone(name: &str, own: Option<&Path>) -> Result<(LoadedKind, Vec<Finding>), NoKind> {
    // What is wrong with other kinds does not matter here.
    let folders = folders(own, &mut Vec::new());
    let Some(folder) = folders.get(name) else {
        let what = suggest::unknown("kind", name, folders.keys().map(String::as_str));
        return Err(NoKind::Unknown(what));
    };
    let mut findings = folder.findings.clone();
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
    let loaded = toml_reader::document(text, &within).and_then(|document| {
        let root = Table::new(document.get_ref(), "", 0, like::ROOT, &within);
        let base = base(name, &root, folders, &within);
        let is_unlike = root.get("like").is_some() && base.is_none();
        let kind = compile::compile(name, &root, base.as_ref().map(|base| &base.loaded), &within);
        let templates = like::templates(
            &folder.templates,
            base.as_ref().map_or(&[], |base| &base.templates),
        );
        let (library, wrong) = Library::compile(name, templates);
        let of_base = |origin: &Origin| base.as_ref().is_some_and(|base| base.has(origin));
        for wrong in wrong.into_iter().filter(|wrong| !of_base(&wrong.origin)) {
            let what = format!(
                "{}; until it is mended, the built-in or default template speaks",
                wrong.what
            );
            let finding = Finding::warning(&wrong.file, wrong.line, "", what);
            within.add(finding.about(Subject::Template));
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

/// The kind that another one is like.
struct Base {
    /// What its `source.toml` says.
    loaded: LoadedKind,
    templates: Vec<TemplateFile>,
}

impl Base {
    /// Whether this is an own template of the base: what is wrong with it is found when the base itself is loaded.
    fn has(&self, origin: &Origin) -> bool {
        let mut templates = self.templates.iter();
        origin.is_own() && templates.any(|template| template.origin == *origin)
    }
}

/// The kind that `root`, the `source.toml` of the kind `name`, is like. None if it is like no other, or if that is
/// wrong, which is found: one that is not there, that has errors itself, or that is like a third one.
fn base(
    name: &str,
    root: &Table<'_, '_>,
    folders: &BTreeMap<String, Folder>,
    findings: &Findings,
) -> Option<Base> {
    let like = root.text("like")?;
    let wrong = |what: String| findings.error(like.at, "like", what);
    let Some(folder) = folders.get(&like.value).filter(|_| like.value != name) else {
        let others = folders.keys().map(String::as_str).filter(|other| *other != name);
        wrong(suggest::unknown("other kind", &like.value, others));
        return None;
    };
    if let Some(third) = folder.source.as_ref().and_then(|(_, text)| like::named(text)) {
        wrong(format!(
            "the kind `{}` is like another itself, and takes over from one only: like = \"{third}\"",
            like.value
        ));
        return None;
    }
    // What is wrong with it is found where it is looked at for itself.
    let Some(loaded) = load(&like.value, folders, &mut Vec::new()) else {
        wrong(format!("the kind `{}` is wrong itself", like.value));
        return None;
    };
    Some(Base {
        loaded,
        templates: folder.templates.clone(),
    })
}
