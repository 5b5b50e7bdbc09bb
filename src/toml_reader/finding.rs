//! Findings: what is wrong in a configuration, a template or a sample, where, and what to do. A finding never contains a
//! secret.

use std::cell::RefCell;
use std::fmt;

use crate::condition::Condition;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The bridge does not start with it.
    Error,
    /// It works, but probably not as intended.
    Warning,
    /// It may well be right; only `check` reports notes.
    Note,
}

/// What kind of file a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// `bridge.toml`, a `source.toml`, the environment, a secret's file, the machine.
    Configuration,
    /// A template. An error in an own template does not stop a start, because the built-in one is rendered instead;
    /// `check` and a reload refuse it.
    Template,
    /// A sample.
    Sample,
}

/// A compiled condition, and where it is written.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The table and key, to print: `sources.github.routes[1].when`, `facts.branch`.
    pub table: String,
    /// The table that the condition belongs to.
    pub owner: Owner,
    /// Whether it is a `when`, which must be true or false. Others give a value.
    pub is_when: bool,
    /// The condition.
    pub condition: Condition,
}

/// The table that a condition belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// `[event]` or `[facts]` of a kind.
    Kind,
    /// A `[[challenge]]` of a kind, by its number from 0.
    Challenge(usize),
    /// `[sources.NAME.facts]`.
    SourceFacts(String),
    /// `[sources.NAME.events.TYPE]`.
    SourceEvents(String),
    /// `[sources.NAME]`.
    Source(String),
    /// A `[[sources.NAME.routes]]`, by its number from 0.
    Route(String, usize),
}

impl Owner {
    /// The name of the source that the table is part of. `None` for a table of a kind.
    pub fn source(&self) -> Option<&str> {
        match self {
            Self::Kind | Self::Challenge(_) => None,
            Self::SourceFacts(name)
            | Self::SourceEvents(name)
            | Self::Source(name)
            | Self::Route(name, _) => Some(name),
        }
    }
}

/// A mistake, or something doubtful, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// The file (`bridge.toml`, a template), or `environment`.
    pub file: String,
    /// The line, from 1, where there is one.
    pub line: Option<usize>,
    /// The table and key: `sources.github.routes[1].when`; empty for a whole file.
    pub table: String,
    /// What is wrong and what to do.
    pub what: String,
}

impl Finding {
    pub(crate) fn error(file: &str, line: Option<usize>, table: &str, what: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            subject: Subject::Configuration,
            file: file.into(),
            line,
            table: table.into(),
            what: what.into(),
        }
    }

    /// A note: it may well be right.
    pub(crate) fn note(file: &str, table: &str, what: impl Into<String>) -> Self {
        Self {
            severity: Severity::Note,
            ..Self::error(file, None, table, what)
        }
    }

    /// The same finding about another subject.
    pub(crate) fn about(self, subject: Subject) -> Self {
        Self { subject, ..self }
    }

    /// The finding as `check` and a reload report it: one about a template is an error.
    pub(crate) fn checked(self) -> Self {
        let is_wrong_template = self.subject == Subject::Template && self.severity == Severity::Warning;
        Self {
            severity: if is_wrong_template {
                Severity::Error
            } else {
                self.severity
            },
            ..self
        }
    }

    pub(crate) fn warning(file: &str, line: Option<usize>, table: &str, what: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(file, line, table, what)
        }
    }
}

impl fmt::Display for Finding {
    /// `bridge.toml:12: sources.github.routes[1].when: …`; the caller adds the severity.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.table.is_empty() {
            write!(f, ": {}", self.table)?;
        }
        write!(f, ": {}", self.what)
    }
}

/// Collects the findings of one file.
pub(crate) struct Findings {
    file: String,
    /// Where each line begins.
    lines: Vec<usize>,
    found: RefCell<Vec<Finding>>,
    placed: RefCell<Vec<Placed>>,
}

impl Findings {
    pub(crate) fn new(file: &str, text: &str) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            file: file.to_owned(),
            lines: std::iter::once(0).chain(breaks).collect(),
            found: RefCell::default(),
            placed: RefCell::default(),
        }
    }

    /// An error at a byte of the file.
    pub(crate) fn error(&self, at: usize, table: &str, what: impl Into<String>) {
        self.add(Finding::error(&self.file, Some(self.line(at)), table, what));
    }

    /// A warning at a byte of the file.
    pub(crate) fn warning(&self, at: usize, table: &str, what: impl Into<String>) {
        self.add(Finding::warning(&self.file, Some(self.line(at)), table, what));
    }

    pub(crate) fn add(&self, finding: Finding) {
        self.found.borrow_mut().push(finding);
    }

    /// Remembers where a condition is written.
    pub(crate) fn place(&self, at: usize, table: &str, owner: &Owner, is_when: bool, condition: &Condition) {
        self.placed.borrow_mut().push(Placed {
            file: self.file.clone(),
            line: self.line(at),
            table: table.to_owned(),
            owner: owner.clone(),
            is_when,
            condition: condition.clone(),
        });
    }

    /// The conditions of the file, in the order they were compiled.
    pub(crate) fn take_placed(&self) -> Vec<Placed> {
        self.placed.take()
    }

    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// How many errors were found so far.
    pub(crate) fn errors(&self) -> usize {
        let found = self.found.borrow();
        found
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .count()
    }

    fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at)
    }

    /// Everything found, in the order of lines; other files (templates) after this one.
    pub(crate) fn into_list(self) -> Vec<Finding> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|finding| (finding.file != self.file, finding.file.clone(), finding.line));
        found
    }
}
