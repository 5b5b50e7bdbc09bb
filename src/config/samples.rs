//! The samples of a kind: built-in ones, own ones, and those of the kind that it is like.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use super::Limits;
use super::builtin::{self, Sample};
use super::{files, like};
use crate::template::Origin;
use crate::toml_reader::{Finding, Subject};

/// Returns a kind's samples, sorted by name: the own ones in `own/KIND/samples/`, then built-in ones, then those of the kind
/// that it is like. Of samples with one name only the first counts. A sample that cannot be read, or is larger than a body
/// may be, is reported and left out.
pub fn samples(kind: &str, own: Option<&Path>) -> (Vec<Sample>, Vec<Finding>) {
    let (mut samples, findings) = of_folder(kind, own);
    if let Some(base) = base(kind, own) {
        for sample in of_folder(&base, own).0 {
            if samples.iter().all(|known| known.name != sample.name) {
                samples.push(sample);
            }
        }
    }
    samples.sort_by(|one, other| one.name.cmp(&other.name));
    (samples, findings)
}

/// Returns the name of the kind that a kind is like.
fn base(kind: &str, own: Option<&Path>) -> Option<String> {
    let file = own.map(|own| own.join(kind).join("source.toml"));
    let text = file.and_then(|file| files::text(&file, files::LARGEST_FILE).ok());
    match text {
        Some(text) => like::named(&text),
        None => like::named(builtin::source_toml(kind)?),
    }
}

fn of_folder(kind: &str, own: Option<&Path>) -> (Vec<Sample>, Vec<Finding>) {
    let mut samples = builtin::samples(kind);
    let mut findings = Vec::new();
    let folder = own.map(|own| own.join(kind).join("samples"));
    for path in folder.map(|folder| files(&folder)).unwrap_or_default() {
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else {
            continue;
        };
        match body(&path) {
            Ok(body) => {
                samples.retain(|sample| sample.name != name);
                samples.push(Sample {
                    name: name.to_owned(),
                    event_type: name.split("__").next().unwrap_or(name).to_owned(),
                    body,
                    origin: Origin::Own(path),
                });
            }
            Err(why) => {
                let file = path.display().to_string();
                findings.push(Finding::error(&file, None, "", why).about(Subject::Sample));
            }
        }
    }
    (samples, findings)
}

/// Returns the files of a folder that are not hidden and have an extension (`SOURCES` has none). Returns none if the folder
/// does not exist.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            let hidden = path
                .file_name()
                .is_none_or(|name| name.to_string_lossy().starts_with('.'));
            path.is_file() && path.extension().is_some() && !hidden
        })
        .collect()
}

fn body(path: &Path) -> Result<Vec<u8>, String> {
    let limit = Limits::default().body;
    let file = File::open(path).map_err(|error| format!("cannot be opened: {error}"))?;
    let mut body = Vec::new();
    file.take(limit as u64 + 1)
        .read_to_end(&mut body)
        .map_err(|error| format!("cannot be read: {error}"))?;
    if body.len() > limit {
        return Err(format!(
            "is larger than {} MiB, which no sender's body may be",
            limit >> 20
        ));
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_samples_stand_beside_the_built_in_ones_and_for_those_of_their_name() {
        let own = tempfile::tempdir().unwrap();
        let folder = own.path().join("github/samples");
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in [
            ("ping__repository.json", "1"),
            ("deploy__ok.json", "2"),
            (".swp", "3"),
            ("SOURCES", "4"),
        ] {
            fs::write(folder.join(name), text).unwrap();
        }
        let (samples, findings) = super::samples("github", Some(own.path()));
        assert_eq!(findings, []);
        assert_eq!(samples.len(), builtin::samples("github").len() + 1);
        assert!(samples.is_sorted_by(|one, other| one.name < other.name));
        for (name, event_type, body) in [("ping__repository", "ping", b"1"), ("deploy__ok", "deploy", b"2")] {
            let sample = samples.iter().find(|sample| sample.name == name).unwrap();
            assert_eq!(
                (sample.event_type.as_str(), &*sample.body),
                (event_type, &body[..])
            );
            assert!(sample.origin.is_own());
        }
        assert_eq!(
            super::samples("nothing", Some(own.path())),
            (Vec::new(), Vec::new())
        );
    }
}
