//! From a file to a compiled template.

use handlebars::Template;
use std::collections::HashMap;

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
    let name = draft.name.strip_prefix('_').unwrap_or(&draft.name);
    name.strip_suffix(".hbs").unwrap_or(name).to_owned()
}

/// Parses a file and checks it by itself.
pub(super) fn draft(kind: &str, file: TemplateFile) -> Result<Draft, (String, Vec<Found>)> {
    let TemplateFile { name, text, origin } = file;
    let file = origin.file(kind, &name);
    let (front, body, mut found) = front_matter::read(&text);
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
