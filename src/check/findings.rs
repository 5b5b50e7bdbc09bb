//! Findings about paths, as sentences.

use super::shape::{Lead, Shape};
use crate::toml_reader::{Finding, Severity};

/// Where a finding is.
#[derive(Clone)]
pub(super) struct Where {
    pub(super) file: String,
    pub(super) line: Option<usize>,
    pub(super) table: String,
}

impl Where {
    pub(super) fn file(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            line: None,
            table: String::new(),
        }
    }

    pub(super) fn finding(self, severity: Severity, what: impl Into<String>) -> Finding {
        Finding {
            severity,
            file: self.file,
            line: self.line,
            table: self.table,
            what: what.into(),
        }
    }
}

/// What is wrong with a path that leads nowhere in a shape; `folder` is where samples are.
pub(super) fn missing(path: &[String], shape: &Shape, folder: &str) -> Option<String> {
    if let [first, header, ..] = path
        && first == "headers"
    {
        // Which headers come is the sender's affair; how they are written is known.
        let lower = header.to_ascii_lowercase();
        return (lower != *header).then(|| {
            format!(
                "`headers` has its names in lower case; write headers[\"{lower}\"], not headers[\"{header}\"]"
            )
        });
    }
    let Lead::Missing { after, near, is } = shape.lead(path) else {
        return None;
    };
    let (found, lost) = path.split_at(after.min(path.len()));
    let [name, rest @ ..] = lost else { return None };
    if let Some(is) = is {
        return Some(format!(
            "`{}` is {is} in every sample; it has no `{name}`",
            written(found)
        ));
    }
    let upto: Vec<String> = found.iter().chain([name]).cloned().collect();
    let upto = written(&upto);
    Some(match near {
        Some(near) => {
            let meant: Vec<String> = found.iter().chain([&near]).chain(rest).cloned().collect();
            format!("no sample has `{upto}`; did you mean `{}`?", written(&meant))
        }
        None => format!(
            "no sample has `{upto}`; if the sender does send it, put a payload that has it into {folder}"
        ),
    })
}

/// A path as it is written in a condition.
pub(super) fn written(path: &[String]) -> String {
    let mut text = String::new();
    for step in path {
        if step == "[]" {
            text.push_str("[]");
        } else if step.bytes().all(|byte| byte.is_ascii_digit()) {
            text.extend(["[", step, "]"]);
        } else {
            let dot = if text.is_empty() { "" } else { "." };
            text.push_str(dot);
            text.push_str(step);
        }
    }
    text
}
