//! The built-in kinds: the folder `templates/` of the repository, compiled into the program.

use crate::template::{Origin, TemplateFile};

include!(concat!(env!("OUT_DIR"), "/templates.rs"));

/// A real payload of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The file's name without its extension: `push__branch-created`.
    pub name: String,
    /// The event type: the part of the name before `__`.
    pub event_type: String,
    /// The body, byte for byte as the sender sends it.
    pub body: Vec<u8>,
    /// Whether it is built in, or the path of an own file.
    pub origin: Origin,
}

impl Sample {
    /// Returns the file name for findings: the path of an own sample, the name of a built-in one.
    pub fn file(&self) -> String {
        match &self.origin {
            Origin::BuiltIn => self.name.clone(),
            Origin::Own(path) => path.display().to_string(),
        }
    }
}

/// Returns the names of the kinds, sorted.
pub fn kinds() -> Vec<&'static str> {
    let mut kinds: Vec<_> = TEXTS
        .iter()
        .filter_map(|(path, _)| path.strip_suffix("/source.toml"))
        .collect();
    kinds.sort_unstable();
    kinds
}

/// Returns a kind's `source.toml`.
pub fn source_toml(kind: &str) -> Option<&'static str> {
    let file = format!("{kind}/source.toml");
    TEXTS
        .iter()
        .find(|(path, _)| *path == file)
        .map(|(_, text)| *text)
}

/// Returns a kind's templates, and the parts that every kind may include.
pub fn templates(kind: &str) -> Vec<TemplateFile> {
    let folder = format!("{kind}/");
    let own = TEXTS.iter().filter_map(|(path, text)| {
        let name = path.strip_prefix(&folder)?;
        is_template(name).then(|| built_in(name, text))
    });
    own.chain(shared_parts()).collect()
}

/// Returns how many samples a kind has, without unpacking them.
pub fn sample_count(kind: &str) -> usize {
    let folder = format!("{kind}/");
    SAMPLES
        .iter()
        .filter(|(path, _)| path.starts_with(&folder))
        .count()
}

/// Returns the files of which a kind is made: their paths in its folder, and their content.
pub fn files(kind: &str) -> Vec<(String, Vec<u8>)> {
    let folder = format!("{kind}/");
    let texts = TEXTS.iter().filter_map(|(path, text)| {
        let name = path.strip_prefix(&folder)?;
        let is_part = name == "source.toml" || is_template(name);
        is_part.then(|| (name.to_owned(), text.as_bytes().to_vec()))
    });
    let samples = SAMPLES.iter().filter_map(|(path, packed)| {
        let name = path.strip_prefix(&folder)?;
        // A test decompresses all samples, so this does not fail.
        Some((name.to_owned(), zstd::decode_all(*packed).ok()?))
    });
    texts.chain(samples).collect()
}

/// The parts that every kind may include: `_forge/push.hbs` is `{{> forge/push}}`.
pub fn shared_parts() -> impl Iterator<Item = TemplateFile> {
    let shared = TEXTS.iter().filter(|(path, _)| path.starts_with('_'));
    shared.map(|(path, text)| built_in(path, text))
}

fn built_in(name: &str, text: &str) -> TemplateFile {
    TemplateFile {
        name: name.to_owned(),
        text: text.to_owned(),
        origin: Origin::BuiltIn,
    }
}

/// Returns a kind's samples, sorted by name.
pub fn samples(kind: &str) -> Vec<Sample> {
    let folder = format!("{kind}/samples/");
    let sample = |(path, packed): &(&str, &[u8])| {
        let (name, _) = path.strip_prefix(&folder)?.rsplit_once('.')?;
        let event_type = name.split("__").next().unwrap_or(name);
        // A test decompresses all samples, so this does not fail.
        let body = zstd::decode_all(*packed).ok()?;
        Some(Sample {
            name: name.to_owned(),
            event_type: event_type.to_owned(),
            body,
            origin: Origin::BuiltIn,
        })
    };
    SAMPLES.iter().filter_map(sample).collect()
}

/// Whether the file name is that of a template.
pub(super) fn is_template(name: &str) -> bool {
    name.strip_suffix(".hbs")
        .is_some_and(|stem| !stem.is_empty() && !stem.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_kind_has_its_files() {
        assert!(!kinds().is_empty());
        for kind in kinds() {
            assert!(source_toml(kind).is_some(), "{kind}");
            for template in templates(kind) {
                let in_folder = template.name.strip_prefix('_').unwrap_or(&template.name);
                let name = in_folder.split_once('/').map_or(in_folder, |(_, name)| name);
                assert!(
                    is_template(name) && !template.origin.is_own(),
                    "{kind}/{}",
                    template.name
                );
            }
            let packed = sample_count(kind);
            let files = files(kind).len();
            assert_eq!(
                files,
                1 + templates(kind).len() - shared_parts().count() + packed,
                "{kind}"
            );
            let samples = samples(kind);
            assert_eq!(samples.len(), packed, "{kind}: a sample cannot be unpacked");
            for sample in samples {
                assert!(
                    !sample.body.is_empty() && !sample.event_type.is_empty(),
                    "{kind}/{}",
                    sample.name
                );
            }
        }
        assert!(
            templates("githu").len() == shared_parts().count()
                && samples("nothing").is_empty()
                && source_toml("git").is_none()
        );
    }
}
