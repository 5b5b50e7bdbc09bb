//! The paths that a template reads. Rendering a sample does not find all misspelled paths: in `{{#if}}`, `{{#unless}}`,
//! `(or …)` and `default` a missing value counts as false.

mod walk;

use handlebars::Template;
use std::collections::{BTreeSet, HashSet};

use super::conversation::NAME;
use crate::condition::{Condition, Read};
use walk::walk;

/// A path in a template.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadPath {
    /// The file name of the part (`_name.hbs`) that contains it. `None` for the template itself.
    pub part: Option<String>,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The path as written.
    pub written: String,
    /// The path from the names of an event. `[]` stands for any element of a list or member of an object.
    pub path: Vec<String>,
}

/// A step to any element of a list or member of an object.
pub(super) const ANY: &str = "[]";

/// The names of an event that a template reads.
#[derive(Clone, Debug, Default)]
pub struct ReadNames {
    /// It reads the object of all names: `{{#each this}}`, `{{lookup @root x}}`.
    all: bool,
    names: HashSet<String>,
}

impl ReadNames {
    /// Returns the names that a template and the expressions of its front matter read.
    pub(super) fn of<'c>(template: &Template, expressions: impl IntoIterator<Item = &'c Condition>) -> Self {
        let walk = walk(template);
        let read = walk
            .reads
            .into_iter()
            .filter_map(|read| read.path.into_iter().next());
        let of_expressions = expressions
            .into_iter()
            .flat_map(|expression| &expression.references().names);
        Self {
            all: walk.all,
            names: read.chain(of_expressions.cloned()).collect(),
        }
    }

    /// Adds the names that another template reads.
    pub(super) fn add(&mut self, other: &Self) {
        self.all |= other.all;
        self.names.extend(other.names.iter().cloned());
    }

    /// Adds names.
    pub(super) fn extend<'n>(&mut self, names: impl IntoIterator<Item = &'n String>) {
        self.names.extend(names.into_iter().cloned());
    }

    /// Returns whether the template itself names this name.
    pub(super) fn names(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Returns whether the template reads this name.
    pub fn contains(&self, name: &str) -> bool {
        self.all || self.names.contains(name)
    }
}

/// Returns the paths that a template reads, in order. In a block over the result of a helper (`default`, `lookup`,
/// `except`) only paths from the root are known.
pub(super) fn reads(template: &Template) -> Vec<ReadPath> {
    walk(template).reads
}

/// Returns whether a template shows values that are known only when the message is posted.
pub(super) fn has_late_values(template: &Template) -> bool {
    walk(template).has_late_values
}

/// Returns the facts of the first event of a conversation that a template shows.
pub(super) fn first_facts(template: &Template) -> BTreeSet<String> {
    let of_first = format!("{NAME}.first.");
    let reads = walk(template).reads.into_iter();
    let shown = reads.filter(|read| read.written.starts_with(&of_first));
    shown.filter_map(|read| read.path.into_iter().next()).collect()
}

/// Returns everything that rendering a template may read. An empty path: all names. The arguments of a helper whose result is
/// not followed are read whole, and so are the values in it.
pub(super) fn all_reads(template: &Template) -> Vec<Read> {
    walk(template).all_reads
}

#[cfg(test)]
mod tests;
