//! The position of a finding, and the sentences about paths that no sample has.

use super::shape::{Lead, Shape};
use crate::condition::shown::written;
use crate::toml_reader::{Finding, Placed, Severity, Subject};

/// The position of a finding.
#[derive(Clone)]
pub(super) struct Where {
    pub(super) subject: Subject,
    pub(super) file: String,
    pub(super) line: Option<usize>,
    pub(super) table: String,
}

impl Where {
    /// A whole file.
    pub(super) fn file(subject: Subject, file: impl Into<String>) -> Self {
        Self {
            subject,
            file: file.into(),
            line: None,
            table: String::new(),
        }
    }

    /// A line of a template.
    pub(super) fn template(file: impl Into<String>, line: Option<usize>) -> Self {
        Self {
            line,
            ..Self::file(Subject::Template, file)
        }
    }

    /// A condition of a configuration file.
    pub(super) fn placed(placed: &Placed) -> Self {
        Self {
            line: Some(placed.line),
            table: placed.table.clone(),
            ..Self::file(Subject::Configuration, &placed.file)
        }
    }

    pub(super) fn finding(self, severity: Severity, what: impl Into<String>) -> Finding {
        Finding {
            severity,
            subject: self.subject,
            file: self.file,
            line: self.line,
            table: self.table,
            what: what.into(),
        }
    }
}

/// Returns the sentence about a path that no sample has. `None`: nothing is wrong. `folder` is the folder of samples.
pub(super) fn missing(path: &[String], shape: &Shape, folder: &str) -> Option<String> {
    if let [first, header, ..] = path
        && first == "headers"
    {
        // Senders may add any header, so only the letter case of its name can be checked.
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
