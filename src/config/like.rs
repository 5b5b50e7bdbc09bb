//! `like = "gitea"`: a kind that takes over from another what it does not say itself.

use super::builtin;
use crate::template::TemplateFile;
use crate::toml_reader::{self, Findings, Table};

/// The keys and tables of a `source.toml`.
pub(super) const ROOT: &[&str] = &[
    "title",
    "like",
    "authentication",
    "event",
    "facts",
    "body",
    "methods",
    "response",
    "challenge",
];

/// The kind's templates, and those of the kind it is like whose names it has not. An operator's own file stands
/// before a built-in one of either, which serves where the own one is wrong.
pub(super) fn templates(own: &[TemplateFile], base: &[TemplateFile]) -> Vec<TemplateFile> {
    let mut templates = own.to_vec();
    for template in base {
        let is_there = templates
            .iter()
            .any(|known| known.name == template.name && (!known.origin.is_own() || template.origin.is_own()));
        if !is_there {
            templates.push(template.clone());
        }
    }
    templates
}

/// The kind that a `source.toml` says it is like; none if it says nothing, or cannot be read.
pub(super) fn named(source: &str) -> Option<String> {
    let ignored = Findings::new("", source);
    let document = toml_reader::document(source, &ignored)?;
    let root = Table::new(document.get_ref(), "", 0, ROOT, &ignored);
    root.text("like").map(|like| like.value)
}

/// The built-in kind that a built-in one is like.
pub fn builtin_like(kind: &str) -> Option<String> {
    named(builtin::source_toml(kind)?)
}
