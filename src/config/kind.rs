//! A kind: compiles the folder of its files to a [`Kind`].

mod compile;
mod folder;
mod summary;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::keys::source_toml;
use super::schemes::Schemes;
use super::{Limits, like};
use crate::admission::Admission;
use crate::authentication::Authenticator;
use crate::facts::FactMap;
use crate::route::Routes;
use crate::source::{self, Kind, Source};
use crate::suggest;
use crate::template::{Library, Origin, SourceConversations, TemplateFile};
use crate::toml_reader::{self, Finding, Findings, Placed, Subject, TableReader};

pub(super) use folder::{Folder, folders};
pub use summary::{KindSummary, kind_summaries};

/// A kind, and the settings that sources may override.
pub struct LoadedKind {
    /// The kind.
    pub kind: Arc<Kind>,
    /// Its facts.
    pub facts: FactMap,
    /// The conditions of an own `source.toml`. Empty for a built-in one, whose conditions the tests check.
    pub conditions: Vec<Placed>,
    pub(super) schemes: Schemes,
}

impl LoadedKind {
    /// Returns a source of the kind without a configuration. It has no secrets and accepts samples only.
    pub fn source_alone(&self, routes: Routes) -> Source {
        let conversations = SourceConversations::default();
        Source {
            selection: source::selection(&self.kind, &self.facts, &routes, &conversations, None),
            name: Arc::from(self.kind.name.as_str()),
            kind: Arc::clone(&self.kind),
            authenticator: Authenticator::of_samples(self.kind.body.clone()),
            facts: self.facts.clone(),
            routes,
            conversations,
            critical: None,
            calm: true,
            confirm: false,
            body_limit: Limits::default().body,
            admission: Admission::default(),
            appearance: None,
        }
    }
}

/// Loads a kind without a configuration: a built-in one, an own one, or a built-in one with own files over it. The
/// findings are warnings.
///
/// # Errors
/// There is no such kind, or it has errors.
pub fn alone(name: &str, own: Option<&Path>) -> Result<(LoadedKind, Vec<Finding>), NoKind> {
    alone_with(name, own, None)
}

/// As [`alone`], with this template in place of the operator's own one of its name.
///
/// # Errors
/// As [`alone`].
pub fn alone_with(
    name: &str,
    own: Option<&Path>,
    edited: Option<TemplateFile>,
) -> Result<(LoadedKind, Vec<Finding>), NoKind> {
    // Findings of other kinds do not matter here.
    let mut folders = folders(own, &mut Vec::new());
    if let (Some(folder), Some(edited)) = (folders.get_mut(name), edited) {
        let replaced = |known: &TemplateFile| known.origin.is_own() && known.name == edited.name;
        folder.templates.retain(|known| !replaced(known));
        folder.templates.push(edited);
    }
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

/// Returns the templates of a kind and its own parts, by name: of files with one name the one that is rendered if it has no mistake.
/// Empty if there is no such kind. Nothing is compiled.
pub fn kind_templates(name: &str, own: Option<&Path>) -> Vec<TemplateFile> {
    let folders = folders(own, &mut Vec::new());
    let Some(folder) = folders.get(name) else {
        return Vec::new();
    };
    let like = folder.source.as_ref().and_then(|(_, text)| like::named(text));
    let base = like.and_then(|like| folders.get(&like));
    let mut templates = like::templates(&folder.templates, base.map_or(&[], |base| &base.templates));
    templates.retain(|template| !template.name.contains('/'));
    templates.sort_by(|one, other| {
        let rank = |of: &TemplateFile| !of.origin.is_own();
        one.name.cmp(&other.name).then(rank(one).cmp(&rank(other)))
    });
    templates.dedup_by(|later, first| later.name == first.name);
    templates
}

/// Why a kind could not be loaded.
pub enum NoKind {
    /// No kind has this name. A sentence with the nearest known name.
    Unknown(String),
    /// Its files have errors.
    Wrong(Vec<Finding>),
}

/// Compiles a kind. A wrong template is a warning, because the other templates still work. Any other error leaves no
/// kind.
pub(super) fn load(
    name: &str,
    folders: &BTreeMap<String, Folder>,
    findings: &mut Vec<Finding>,
) -> Option<LoadedKind> {
    let folder = folders.get(name)?;
    let (file, text) = folder.source.as_ref()?;
    let within = Findings::new(file, text);
    let loaded = toml_reader::read(text, source_toml::ROOT, &within, |root| {
        let base = base(name, root, folders, &within);
        let lacks_base = root.has("like") && base.is_none();
        let kind = compile::compile(name, root, base.as_ref().map(|base| &base.loaded), &within);
        let templates = like::templates(
            &folder.templates,
            base.as_ref().map_or(&[], |base| &base.templates),
        );
        let (library, wrong) = Library::compile(name, templates);
        let of_base = |origin: &Origin| base.as_ref().is_some_and(|base| base.has(origin));
        for wrong in wrong.into_iter().filter(|wrong| !of_base(&wrong.origin)) {
            let what = format!(
                "{}; until it is corrected, the built-in or default template is rendered instead",
                wrong.what
            );
            let finding = Finding::warning(&wrong.file, wrong.line, "", what);
            within.add(finding.about(Subject::Template));
        }
        let (kind, facts, schemes) = kind.filter(|_| !lacks_base)?;
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
    loaded.flatten()
}

/// The kind that another one is like.
struct Base {
    loaded: LoadedKind,
    templates: Vec<TemplateFile>,
}

impl Base {
    /// Whether this is an own template of the base. Its faults are reported when the base itself is loaded.
    fn has(&self, origin: &Origin) -> bool {
        let mut templates = self.templates.iter();
        origin.is_own() && templates.any(|template| template.origin == *origin)
    }
}

/// Loads the kind that `root`, the `source.toml` of the kind `name`, is like. Returns `None` if it is like no other kind.
/// Also if the other kind does not exist, has errors, or is like a third one, and then reports it.
fn base(
    name: &str,
    root: &TableReader<'_, '_>,
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
            "the kind `{}` is like another itself; name that one instead: like = \"{third}\"",
            like.value
        ));
        return None;
    }
    // Its own errors are reported where it is loaded for itself.
    let Some(loaded) = load(&like.value, folders, &mut Vec::new()) else {
        wrong(format!("the kind `{}` has errors itself", like.value));
        return None;
    };
    Some(Base {
        loaded,
        templates: folder.templates.clone(),
    })
}
