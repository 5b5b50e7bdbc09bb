//! `like = "gitea"`: a kind that takes over from another what it does not say itself.

use std::collections::BTreeMap;

use super::finding::Findings;
use super::kind::{self, Folder, LoadedKind};
use super::read::{self, Table};
use super::{builtin, resolve};
use crate::template::TemplateFile;

/// The kind that another one is like.
pub(super) struct Base {
    /// What its `source.toml` says.
    pub(super) loaded: LoadedKind,
    templates: Vec<TemplateFile>,
}

impl Base {
    /// Whether the file is one of its own templates: what is wrong with it is told where it is.
    pub(super) fn has(&self, file: &str) -> bool {
        self.templates
            .iter()
            .any(|template| template.path.as_deref() == Some(file))
    }
}

/// The kind that `root`, the `source.toml` of the kind `name`, is like. None if it is like no other, or if that is
/// wrong, which is found: one that is not there, that has errors itself, or that is like a third one.
pub(super) fn base(
    name: &str,
    root: &Table<'_, '_>,
    folders: &BTreeMap<String, Folder>,
    findings: &Findings,
) -> Option<Base> {
    let like = root.text("like")?;
    let wrong = |what: String| findings.error(like.at, "like", what);
    let Some(folder) = folders.get(&like.value).filter(|_| like.value != name) else {
        let others = folders.keys().map(String::as_str).filter(|other| *other != name);
        wrong(resolve::unknown("other kind", &like.value, others));
        return None;
    };
    if let Some(third) = folder.source.as_ref().and_then(|(_, text)| named(text)) {
        wrong(format!(
            "the kind `{}` is like another itself, and takes over from one only: like = \"{third}\"",
            like.value
        ));
        return None;
    }
    // What is wrong with it is found where it is looked at for itself.
    let Some(loaded) = kind::load(&like.value, folders, &mut Vec::new()) else {
        wrong(format!("the kind `{}` is wrong itself", like.value));
        return None;
    };
    Some(Base {
        loaded,
        templates: folder.templates.clone(),
    })
}

/// The kind's templates, and those of the kind it is like whose names it has not. An operator's own file stands
/// before a built-in one of either, which serves where the own one is wrong.
pub(super) fn templates(folder: &Folder, base: Option<&Base>) -> Vec<TemplateFile> {
    let mut templates = folder.templates.clone();
    for template in base.iter().flat_map(|base| &base.templates) {
        let is_there = templates.iter().any(|known| {
            known.name == template.name
                && (known.path.is_none() || known.path.is_some() == template.path.is_some())
        });
        if !is_there {
            templates.push(template.clone());
        }
    }
    templates
}

/// The kind that a `source.toml` says it is like; none if it says nothing, or cannot be read.
pub(super) fn named(source: &str) -> Option<String> {
    let ignored = Findings::new("", source);
    let document = read::document(source, &ignored)?;
    let root = Table::new(document.get_ref(), "", 0, kind::ROOT, &ignored);
    root.text("like").map(|like| like.value)
}

/// The built-in kind that a built-in one is like.
pub fn builtin_like(kind: &str) -> Option<String> {
    named(builtin::source_toml(kind)?)
}
