//! `like = "gitea"`: a kind that inherits from another kind what it does not set itself.

use super::builtin;
use super::keys::source_toml;
use crate::template::TemplateFile;
use crate::toml_reader::{self, Findings};

/// Returns the kind's templates, and those of the kind it is like if it has none of that name. An operator's own file
/// comes before a built-in one, which is used if the own one is wrong.
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

/// Returns the kind that a `source.toml` names in `like`, if the file can be read.
pub(super) fn named(source: &str) -> Option<String> {
    let ignored = Findings::new("", source);
    let like = toml_reader::read(source, source_toml::ROOT, &ignored, |root| root.text("like"));
    like.flatten().map(|like| like.value)
}

/// Returns the built-in kind that a built-in kind is like.
pub fn builtin_like(kind: &str) -> Option<String> {
    named(builtin::source_toml(kind)?)
}
