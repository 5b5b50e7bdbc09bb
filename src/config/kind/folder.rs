//! The folder of a kind: its files, built in or the operator's own. Nothing is compiled here.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::config::{builtin, files};
use crate::template::{Origin, TemplateFile};
use crate::toml_reader::{Finding, Subject, is_name};

/// The files of a kind.
#[derive(Default)]
pub(in crate::config) struct Folder {
    /// Where `source.toml` is, and its text.
    pub(in crate::config) source: Option<(String, String)>,
    /// Whether that is the operator's own.
    pub(super) own_source: bool,
    pub(in crate::config) templates: Vec<TemplateFile>,
    /// What is wrong with its own files.
    pub(in crate::config) findings: Vec<Finding>,
    /// Whether any of it is the operator's own: then it is checked, also when no source uses it.
    pub(in crate::config) is_own: bool,
}

/// Every kind there is: the built-in ones, and the folders of `own` over them. `findings` gets what is wrong with
/// `own` itself; what is wrong with the files of one kind is in [`Folder::findings`].
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
            let what = "there is no source.toml in it, and no built-in kind of its name";
            folder.findings.push(Finding::error(&file, None, "", what));
        }
    }
    for folder in folders.values_mut() {
        folder.templates.extend_from_slice(&shared);
    }
    folders
}

/// An own template; none if the file is not one, or cannot be read, which is found.
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

/// The text of an own file; none if it cannot be read, which is found.
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

/// What is in a folder, sorted by name.
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
