//! Renders a template without the values that it treats as optional, to run the parts of it that samples seldom run.

use serde_json::Value;
use std::collections::BTreeSet;

use crate::condition::shown::written;
use crate::template::{Failure, LibraryTemplate};

/// The most optional values that are tried.
const MOST: usize = 100;

/// Renders a template with each optional value missing, one at a time and all together. A value is optional if the template tests
/// whether it is there (`if`, `unless`, `with`, `and`, `or`). Returns the failures that are not about the missing value itself, each
/// with the sample and what it lacks.
pub(super) fn without_optional_values(
    entry: &LibraryTemplate<'_>,
    samples: &[(&str, &Value)],
) -> Vec<(Failure, String)> {
    let reads = entry.all_reads().into_iter();
    let is_optional =
        |path: &Vec<String>| path.len() > 1 && ["payload", "headers"].contains(&path[0].as_str());
    let optional: BTreeSet<Vec<String>> = reads
        .filter(|read| !read.whole)
        .map(|read| read.path)
        .filter(is_optional)
        .take(MOST)
        .collect();
    let mut found = Vec::new();
    let mut render = |sample: &str, names: Value, lacks: &[&Vec<String>]| {
        let Err(failure) = entry.render(&mut names.into()) else {
            return;
        };
        if !is_about(entry, &failure, lacks) {
            let paths: Vec<String> = lacks.iter().map(|path| format!("`{}`", written(path))).collect();
            found.push((failure, format!("{sample} without {}", paths.join(", "))));
        }
    };
    for path in &optional {
        let first = samples.iter().find_map(|(sample, names)| {
            let mut names = (*names).clone();
            remove(&mut names, path).then_some((*sample, names))
        });
        if let Some((sample, names)) = first {
            render(sample, names, &[path]);
        }
    }
    for (sample, names) in samples {
        let mut names = (*names).clone();
        let removed: Vec<&Vec<String>> = optional.iter().filter(|path| remove(&mut names, path)).collect();
        if removed.len() > 1 {
            render(sample, names, &removed);
        }
    }
    found
}

/// Whether a template failed because it read a removed value. So is every failure without a path.
fn is_about(entry: &LibraryTemplate<'_>, failure: &Failure, removed: &[&Vec<String>]) -> bool {
    let Some(missing) = &failure.missing else {
        return true;
    };
    let reads = entry.reads().into_iter();
    let mut reads = reads.filter(|read| read.written == *missing && read.part == failure.part);
    reads.any(|read| removed.iter().any(|removed| read.path.starts_with(removed)))
}

/// Removes the value at a path, in every item of a list. Returns whether there was one.
fn remove(value: &mut Value, path: &[String]) -> bool {
    match (path, value) {
        ([name], Value::Object(members)) => members.remove(name).is_some(),
        ([step, rest @ ..], Value::Array(items)) if step.starts_with('[') && !rest.is_empty() => {
            items.iter_mut().fold(false, |any, item| remove(item, rest) | any)
        }
        ([step, rest @ ..], value) if !rest.is_empty() => value
            .get_mut(step.as_str())
            .is_some_and(|member| remove(member, rest)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::survey::Survey;
    use super::*;
    use crate::config::{self, builtin};
    use crate::route::Routes;

    #[test]
    fn no_built_in_template_fails_where_an_optional_value_is_missing() {
        let (mut found, mut tried) = (Vec::new(), 0);
        for kind in builtin::kinds() {
            let Ok((loaded, _)) = config::kind_alone(kind, None) else {
                panic!("{kind}");
            };
            let source = loaded.source_alone(Routes::default());
            let (samples, _) = config::samples(kind, None);
            let survey = Survey::new(&source, &samples, None);
            for entry in source.kind.templates.entries() {
                let samples = survey.rendered_by(&entry);
                tried += samples.len();
                let failures = without_optional_values(&entry, &samples).into_iter();
                found.extend(failures.map(|(failure, sample)| {
                    let (part, line) = (failure.part.as_deref().unwrap_or(entry.name), failure.line);
                    format!(
                        "{kind}/{part}:{} {sample}: {}",
                        line.unwrap_or_default(),
                        failure.what
                    )
                }));
            }
        }
        assert!(tried > 500, "{tried} samples were tried");
        assert_eq!(found, Vec::<String>::new(), "{}", found.join("\n"));
    }
}
