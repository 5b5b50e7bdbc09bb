//! One template of a library.

use handlebars::Context;

use super::Library;
use crate::condition::{Condition, Read};
use crate::template::Origin;
use crate::template::reads::{self, ReadPath};
use crate::template::render::{Compiled, Failure, RenderResult};

/// A compiled template.
pub struct LibraryTemplate<'l> {
    pub(super) library: &'l Library,
    /// The file name (`push.short.hbs`).
    pub name: &'l str,
    pub(super) compiled: &'l Compiled,
    pub(super) has_own_parts: bool,
}

impl<'l> LibraryTemplate<'l> {
    /// Returns the name of the file as [`Origin::file`] formats it.
    pub fn file(&self) -> &'l str {
        &self.compiled.file
    }

    /// Returns the origin. A built-in template that includes an own part counts as built in.
    pub fn origin(&self) -> &'l Origin {
        &self.compiled.origin
    }

    /// Returns the origin of the included part with this file name (`_commit.hbs`).
    pub fn part_origin(&self, part: &str) -> &'l Origin {
        let own = self.library.own_parts.get(part).filter(|_| self.has_own_parts);
        own.unwrap_or(&Origin::BuiltIn)
    }

    /// Returns whether the template renders this event type, in any variant. `default.hbs` renders every type without a
    /// template of its own.
    pub fn is_for(&self, event_type: &str) -> bool {
        let is_of = |name: &str| {
            name.strip_suffix(".hbs")
                .and_then(|stem| stem.strip_prefix(event_type))
                .is_some_and(|variant| variant.is_empty() || variant.starts_with('.'))
        };
        if self.name == "default.hbs" {
            let plain = format!("{event_type}.hbs");
            return !self.library.own.contains_key(&plain) && !self.library.builtin.contains_key(&plain);
        }
        is_of(self.name)
    }

    /// Returns the expressions of the front matter, each with its key and line.
    pub fn expressions(&self) -> impl Iterator<Item = (&'static str, &'l Condition, Option<usize>)> {
        let front = &self.compiled.front;
        let expressions = front.expressions();
        expressions.map(|(key, condition)| (key, condition, front.line(key)))
    }

    /// Whether the template asks Twake to show the message without storing it.
    pub fn is_ephemeral(&self) -> bool {
        self.compiled.front.ephemeral
    }

    /// Whether the `when` holds for an event. One that cannot be evaluated holds.
    pub fn applies(&self, names: &Context) -> bool {
        let when = self.compiled.front.when.as_ref();
        when.is_none_or(|when| when.holds(names.data()).unwrap_or(true))
    }

    /// Returns the paths that the template and its parts read.
    pub fn reads(&self) -> Vec<ReadPath> {
        reads::reads(&self.compiled.template)
    }

    /// Returns everything that rendering an event, and its front matter, may read. An empty path: all names.
    pub fn all_reads(&self) -> Vec<Read> {
        let mut reads = reads::all_reads(&self.compiled.template);
        let conditions = self.compiled.front.expressions();
        reads.extend(conditions.flat_map(|(_, condition)| condition.reads()).cloned());
        reads
    }

    /// Renders an event of any type.
    ///
    /// # Errors
    /// Why the template failed.
    pub fn render(&self, context: &mut Context) -> Result<RenderResult, Failure> {
        let rules = Some(&self.compiled.front.rules);
        self.library.render_with(self.compiled, rules, context)
    }
}
