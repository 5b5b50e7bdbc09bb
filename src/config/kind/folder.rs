//! Reads the folder of a kind: its built-in files and the operator's own. Nothing is compiled here.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::config::{builtin, files};
use crate::template::{Origin, TemplateFile};
use crate::toml_reader::{Finding, Subject, is_name};

/// The files of a kind.
#[derive(Default)]
pub(in crate::config) struct Folder {
    /// The path of `source.toml`, and its text.
    pub(in crate::config) source: Option<(String, String)>,
    /// Whether `source.toml` is the operator's own.
    pub(super) own_source: bool,
    pub(in crate::config) templates: Vec<TemplateFile>,
    /// Findings about the operator's files of the kind.
    pub(in crate::config) findings: Vec<Finding>,
    /// Whether any file is the operator's own. Such a kind is checked even if no source uses it.
    pub(in crate::config) is_own: bool,
}

/// Returns every kind: the built-in ones, and the folders of `own` over them. Puts findings about `own` itself into
/// `findings`; those about the files of a kind are in [`Folder::findings`].
pub(in crate::config) fn folders(
    own: Option<&Path>,
    findings: &mut Vec<Finding>,
) -> BTreeMap<String, Folder> {
    let mut folders: BTreeMap<String, Folder> = BTreeMap::new();
    for kind in builtin::kinds() {
        let source = builtin::source_toml(kind).map(|text| (format!("{kind}/source.toml"), text.to_owned()));
        folders.insert(
            kind.to_owned(),
            Folder {
                source,
                templates: builtin::templates(kind),
                ..Folder::default()
            },
        );
    }
    let Some(own) = own else {
        return folders;
    };
    let mut shared = Vec::new();
    for (name, path) in listing(own, findings) {
        if !path.is_dir() {
            continue;
        }
        let file = path.display().to_string();
        if name.strip_prefix('_').is_some_and(is_name) {
            for (part, path) in listing(&path, findings) {
                shared.extend(template(&part, path, findings).map(|part| TemplateFile {
                    name: format!("{name}/{}", part.name),
                    ..part
                }));
            }
            continue;
        }
        if !is_name(&name) {
            findings.push(Finding::error(
                &file,
                None,
                "",
                "a kind's name is 1 to 40 of a-z, 0-9 and -; a folder of parts for every kind has a _ before that",
            ));
            continue;
        }
        let folder = folders.entry(name).or_insert_with(|| Folder {
            templates: builtin::shared_parts().collect(),
            ..Folder::default()
        });
        folder.is_own = true;
        for (name, path) in listing(&path, &mut folder.findings) {
            if name != "source.toml" {
                let own = template(&name, path, &mut folder.findings);
                folder.templates.extend(own);
            } else if let Some(text) = text(&path, Subject::Configuration, &mut folder.findings) {
                folder.source = Some((path.display().to_string(), text));
                folder.own_source = true;
            }
        }
        if folder.source.is_none() {
            let what = "has no source.toml, and there is no built-in kind of its name";
            folder.findings.push(Finding::error(&file, None, "", what));
        }
    }
    for folder in folders.values_mut() {
        folder.templates.extend_from_slice(&shared);
    }
    folders
}

/// Reads an own template. None if the file is not a template, or cannot be read, which is a finding.
fn template(name: &str, path: PathBuf, findings: &mut Vec<Finding>) -> Option<TemplateFile> {
    if !builtin::is_template(name) {
        return None;
    }
    Some(TemplateFile {
        name: name.to_owned(),
        text: text(&path, Subject::Template, findings)?,
        origin: Origin::Own(path),
    })
}

/// Reads an own file. None if it cannot be read, which is a finding.
fn text(path: &Path, subject: Subject, findings: &mut Vec<Finding>) -> Option<String> {
    match files::text(path, files::LARGEST_FILE) {
        Ok(text) => Some(text),
        Err(why) => {
            let finding = Finding::error(&path.display().to_string(), None, "", why);
            findings.push(finding.about(subject));
            None
        }
    }
}

/// Returns the entries of a folder, sorted by name.
fn listing(folder: &Path, findings: &mut Vec<Finding>) -> Vec<(String, PathBuf)> {
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
