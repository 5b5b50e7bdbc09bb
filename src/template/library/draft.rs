//! From a file to a compiled template.

use handlebars::Template;
use handlebars::template::TemplateElement;
use std::collections::{HashMap, HashSet};

use crate::template::front_matter::{self, Found, FrontMatter};
use crate::template::render::Compiled;
use crate::template::{Origin, TemplateFile, check, mistakes, own_text};

pub(super) type Parts = HashMap<String, Template>;

/// A parsed file, before its parts are inserted.
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) origin: Origin,
    pub(super) front: FrontMatter,
    pub(super) template: Template,
}

/// The name by which templates include a part.
pub(super) fn part_name(draft: &Draft) -> String {
    included_as(&draft.name).to_owned()
}

fn included_as(file: &str) -> &str {
    let name = file.strip_prefix('_').unwrap_or(file);
    name.strip_suffix(".hbs").unwrap_or(name)
}

/// A file, and what it is parsed to. An error has the file as findings name it.
type Parsed = (TemplateFile, Result<Draft, (String, Vec<Found>)>);

/// Parses the files of a kind. Every kind has all built-in shared parts: only those that other files include are parsed.
pub(super) fn drafts_of(kind: &str, files: Vec<TemplateFile>) -> Vec<Parsed> {
    let templates = files
        .into_iter()
        .filter(|file| file.name.strip_suffix(".hbs").is_some());
    let (mut waiting, mut shared): (Vec<_>, Vec<_>) =
        templates.partition(|file| file.origin.is_own() || !file.name.contains('/'));
    let mut parsed = Vec::new();
    while !waiting.is_empty() {
        let mut included = HashSet::new();
        for file in std::mem::take(&mut waiting) {
            let result = draft(kind, &file);
            if let Ok(draft) = &result {
                add_included(&draft.template, &mut included);
            }
            parsed.push((file, result));
        }
        waiting.extend(shared.extract_if(.., |file| included.contains(included_as(&file.name))));
    }
    parsed
}

/// Adds the names of the parts that a template includes.
fn add_included(template: &Template, names: &mut HashSet<String>) {
    for element in &template.elements {
        match element {
            TemplateElement::PartialExpression(part) => names.extend(part.name.as_name().map(str::to_owned)),
            TemplateElement::HelperBlock(block) => {
                for inner in [&block.template, &block.inverse].into_iter().flatten() {
                    add_included(inner, names);
                }
            }
            _ => {}
        }
    }
}

/// Parses a file and checks it by itself.
fn draft(kind: &str, file: &TemplateFile) -> Result<Draft, (String, Vec<Found>)> {
    let TemplateFile { name, text, origin } = file;
    let (name, origin) = (name.clone(), origin.clone());
    let file = origin.file(kind, &name);
    let (front, body, mut found) = front_matter::read(text);
    let mistake = mistakes::in_tags(&body);
    match Template::compile_with_name(&body, name.clone()) {
        Ok(template) => {
            found.extend(mistake);
            found.extend(own_text::findings(&body, &template));
            if found.is_empty() {
                return Ok(Draft {
                    name,
                    file,
                    origin,
                    front,
                    template,
                });
            }
        }
        Err(error) => {
            let what = error.reason().to_string();
            let what = what
                .lines()
                .last()
                .map_or(what.as_str(), |line| line.trim_start_matches([' ', '=']));
            let raw = || (error.pos().map(|(line, _)| line), what.to_owned());
            let mistake = mistake.or_else(|| mistakes::in_blocks(&body));
            found.push(mistake.unwrap_or_else(raw));
        }
    }
    Err((file, found))
}

/// Inserts the parts, and compiles.
pub(super) fn finish(draft: Draft, parts: &Parts) -> Result<Compiled, (String, Vec<Found>)> {
    let Draft {
        file,
        origin,
        front,
        mut template,
        ..
    } = draft;
    let (found, _) = check::check(&mut template, parts);
    if found.is_empty() {
        Ok(Compiled::new(origin, file, front, template))
    } else {
        Err((file, found))
    }
}
