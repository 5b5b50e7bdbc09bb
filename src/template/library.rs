//! The templates of a kind, and which of them renders an event.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use handlebars::{Context, Handlebars, Template};

use super::front_matter::{self, Found, FrontMatter};
use super::reads::{self, ReadNames, ReadPath};
use super::render::{Compiled, Failure};
use super::{
    Origin, Rendered, RenderedTemplate, Rendering, TemplateFile, TemplateFinding, check, helpers, own_text,
};
use crate::condition::{Condition, Read};

/// The compiled templates of one kind.
pub struct Library {
    engine: Handlebars<'static>,
    /// By file name. Event types come from senders: they are looked up here and never become paths.
    own: BTreeMap<String, Compiled>,
    builtin: BTreeMap<String, Compiled>,
    /// The origins of the own parts that templates in `own` include, by file name.
    own_parts: BTreeMap<String, Origin>,
    /// Own files that do not compile, each with the reason. They fail for every event until they are corrected.
    broken: BTreeMap<String, String>,
}

/// A compiled template.
pub struct LibraryTemplate<'l> {
    library: &'l Library,
    /// The file name (`push.short.hbs`).
    pub name: &'l str,
    compiled: &'l Compiled,
    has_own_parts: bool,
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

    /// Returns the `when` and its line.
    pub fn when(&self) -> Option<(&'l Condition, Option<usize>)> {
        let front = &self.compiled.front;
        Some((front.when.as_ref()?, front.when_line))
    }

    /// Returns the paths that the template and its parts read.
    pub fn reads(&self) -> Vec<ReadPath> {
        reads::reads(&self.compiled.template)
    }

    /// Returns everything that rendering an event may read. An empty path: all names.
    pub fn all_reads(&self) -> Vec<Read> {
        let mut reads = reads::all_reads(&self.compiled.template);
        let conditions = self.compiled.front.when.iter();
        reads.extend(conditions.flat_map(Condition::reads).cloned());
        reads
    }

    /// Renders an event of any type.
    ///
    /// # Errors
    /// Why the template failed.
    pub fn render(&self, context: &Context) -> Result<Rendered, Failure> {
        Ok(self.compiled.render(&self.library.engine, context)?.rendered)
    }
}

/// A parsed file, before its parts are inserted.
struct Draft {
    name: String,
    file: String,
    origin: Origin,
    front: FrontMatter,
    template: Template,
}

type Parts = HashMap<String, Template>;

impl Library {
    /// Compiles the files of a kind. An own file replaces the built-in one of the same name. A file that does not
    /// compile is left out, with a finding. Files without the suffix `.hbs` are ignored.
    pub fn compile(kind: &str, files: Vec<TemplateFile>) -> (Self, Vec<TemplateFinding>) {
        let mut library = Self {
            engine: helpers::engine(),
            own: BTreeMap::new(),
            builtin: BTreeMap::new(),
            own_parts: BTreeMap::new(),
            broken: BTreeMap::new(),
        };
        let mut findings = Vec::new();
        let mut drafts = Vec::new();
        for file in files
            .into_iter()
            .filter(|file| file.name.strip_suffix(".hbs").is_some())
        {
            let (name, origin) = (file.name.clone(), file.origin.clone());
            match draft(kind, file) {
                Ok(draft) => drafts.push(draft),
                Err(found) => library.leave_out(&name, &origin, found, &mut findings),
            }
        }
        let (parts, drafts): (Vec<_>, Vec<_>) =
            drafts.into_iter().partition(|draft| draft.name.starts_with('_'));
        let (builtin_parts, all_parts, own_parts) = library.parts(parts, &mut findings);
        for draft in drafts {
            let parts = if draft.origin.is_own() {
                &all_parts
            } else {
                &builtin_parts
            };
            // A built-in template with an own part takes precedence over the unchanged one.
            if !draft.origin.is_own() && !own_parts.is_empty() {
                library.with_own_parts(&draft, &all_parts, &own_parts);
            }
            let (name, origin) = (draft.name.clone(), draft.origin.clone());
            match finish(draft, parts) {
                Ok(compiled) if origin.is_own() => drop(library.own.insert(name, compiled)),
                Ok(compiled) => drop(library.builtin.insert(name, compiled)),
                Err(found) => library.leave_out(&name, &origin, found, &mut findings),
            }
        }
        (library, findings)
    }

    /// Returns the sorted file names of the templates, without parts (`_name.hbs`).
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .own
            .keys()
            .chain(self.builtin.keys())
            .map(String::as_str)
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Returns whether there is a template with the name of this event type.
    pub fn has_template_for(&self, event_type: &str) -> bool {
        let file = format!("{event_type}.hbs");
        self.own.contains_key(&file) || self.builtin.contains_key(&file)
    }

    /// Returns what the templates read that may render an event of this type, in any variant.
    pub fn reads(&self, event_type: &str) -> Vec<&ReadNames> {
        let plain = format!("{event_type}.hbs");
        let of_type = format!("{event_type}.");
        let mut reads = Vec::new();
        for files in [&self.own, &self.builtin] {
            let later = files.range::<str, _>((Bound::Included(of_type.as_str()), Bound::Unbounded));
            let of_type = later.take_while(|(file, _)| file.starts_with(&of_type));
            reads.extend(of_type.map(|(_, compiled)| &compiled.names));
            // `default.hbs` renders no type that has a template of its own.
            if !self.own.contains_key(&plain) && !self.builtin.contains_key(&plain) {
                reads.extend(files.get("default.hbs").map(|compiled| &compiled.names));
            }
        }
        reads
    }

    /// Renders an event. Without a template for `variant`, uses the plain template of `event_type`, and without that
    /// `default.hbs`. `context` holds all names: event, source, headers, payload, the facts.
    pub fn render(&self, event_type: &str, variant: Option<&str>, context: &Context) -> Rendering {
        let mut rendering = Rendering {
            template: None,
            failed: Vec::new(),
            when_failed: None,
            rendered: Rendered::NoTemplate,
        };
        let names = [
            variant.map(|variant| format!("{event_type}.{variant}.hbs")),
            Some(format!("{event_type}.hbs")),
        ];
        for name in names.into_iter().flatten() {
            if self.render_file(&name, context, &mut rendering) {
                return rendering;
            }
        }
        if rendering.failed.is_empty() {
            self.render_file("default.hbs", context, &mut rendering);
        }
        rendering
    }

    /// Renders the own file with this name, or the built-in one if that fails. Returns whether one of them succeeded.
    fn render_file(&self, name: &str, context: &Context, rendering: &mut Rendering) -> bool {
        if let Some(why) = self.broken.get(name) {
            rendering.failed.push((name.to_owned(), why.clone()));
        }
        for compiled in [self.own.get(name), self.builtin.get(name)].into_iter().flatten() {
            match compiled.render(&self.engine, context) {
                Ok(result) => {
                    rendering.template = Some(RenderedTemplate {
                        name: name.to_owned(),
                        origin: compiled.origin.clone(),
                    });
                    rendering.when_failed = result.when_failed;
                    rendering.rendered = match result.rendered {
                        Rendered::Skipped(why) => Rendered::Skipped(format!("{name}: {why}")),
                        rendered => rendered,
                    };
                    return true;
                }
                Err(why) => rendering.failed.push((name.to_owned(), why.to_string())),
            }
        }
        false
    }

    /// Returns all compiled templates, own ones first. A built-in template with an own part occurs twice, with and
    /// without it.
    pub fn entries(&self) -> impl Iterator<Item = LibraryTemplate<'_>> {
        let own = self.own.iter().map(|entry| (entry, true));
        let builtin = self.builtin.iter().map(|entry| (entry, false));
        own.chain(builtin)
            .map(|((name, compiled), has_own_parts)| LibraryTemplate {
                library: self,
                name,
                compiled,
                has_own_parts,
            })
    }

    fn leave_out(
        &mut self,
        name: &str,
        origin: &Origin,
        (file, found): (String, Vec<Found>),
        findings: &mut Vec<TemplateFinding>,
    ) {
        if let (true, Some((line, what))) = (origin.is_own(), found.first()) {
            let line = line.map_or_else(String::new, |line| format!(", line {line}"));
            self.broken
                .insert(name.to_owned(), format!("{file}{line}: does not compile: {what}"));
        }
        findings.extend(found.into_iter().map(|(line, what)| TemplateFinding {
            origin: origin.clone(),
            file: file.clone(),
            line,
            what,
        }));
    }

    /// Returns the built-in parts, the same with own parts in their place, and the names of the own parts.
    fn parts(
        &mut self,
        drafts: Vec<Draft>,
        findings: &mut Vec<TemplateFinding>,
    ) -> (Parts, Parts, Vec<String>) {
        let (own, builtin): (Vec<_>, Vec<_>) = drafts.into_iter().partition(|draft| draft.origin.is_own());
        let mut builtin_parts = Parts::new();
        let mut all = Parts::new();
        for draft in &builtin {
            builtin_parts.insert(part_name(draft), draft.template.clone());
        }
        all.clone_from(&builtin_parts);
        for draft in &own {
            all.insert(part_name(draft), draft.template.clone());
        }
        let mut own_names = Vec::new();
        for draft in builtin.into_iter().chain(own) {
            let (name, is_own) = (part_name(&draft), draft.origin.is_own());
            let parts = if is_own { &all } else { &builtin_parts };
            let mut found = check::check(&mut draft.template.clone(), parts).0;
            if draft.front.present {
                found.push((Some(1), "a part has no front matter".to_owned()));
            }
            if found.is_empty() {
                if is_own {
                    own_names.push(name);
                    self.own_parts.insert(draft.name, draft.origin);
                }
                continue;
            }
            if is_own {
                let instead = builtin_parts.get(&name).cloned();
                all.remove(&name);
                all.extend(instead.map(|part| (name, part)));
            } else {
                builtin_parts.remove(&name);
            }
            self.leave_out(&draft.name, &draft.origin, (draft.file, found), findings);
        }
        (builtin_parts, all, own_names)
    }

    fn with_own_parts(&mut self, draft: &Draft, parts: &Parts, own: &[String]) {
        let mut template = draft.template.clone();
        let (found, used) = check::check(&mut template, parts);
        if !found.is_empty()
            || !used.iter().any(|name| own.contains(name))
            || self.own.contains_key(&draft.name)
        {
            return;
        }
        let front = draft.front.clone();
        let compiled = Compiled::new(draft.origin.clone(), draft.file.clone(), front, template);
        self.own.insert(draft.name.clone(), compiled);
    }
}

fn part_name(draft: &Draft) -> String {
    let name = draft.name.strip_prefix('_').unwrap_or(&draft.name);
    name.strip_suffix(".hbs").unwrap_or(name).to_owned()
}

/// Parses a file and checks it by itself.
fn draft(kind: &str, file: TemplateFile) -> Result<Draft, (String, Vec<Found>)> {
    let TemplateFile { name, text, origin } = file;
    let file = origin.file(kind, &name);
    let (front, body, mut found) = front_matter::read(&text);
    match Template::compile_with_name(&body, name.clone()) {
        Ok(template) => {
            found.extend(own_text::findings(&body, &template));
            if found.is_empty() {
                return Ok(Draft {
                    name,
                    file,
                    origin,
                    front,
                    template,
                });
            }
        }
        Err(error) => {
            let what = error.reason().to_string();
            let what = what
                .lines()
                .last()
                .map_or(what.as_str(), |line| line.trim_start_matches([' ', '=']));
            found.push((error.pos().map(|(line, _)| line), what.to_owned()));
        }
    }
    Err((file, found))
}

fn finish(draft: Draft, parts: &Parts) -> Result<Compiled, (String, Vec<Found>)> {
    let Draft {
        file,
        origin,
        front,
        mut template,
        ..
    } = draft;
    let (found, _) = check::check(&mut template, parts);
    if found.is_empty() {
        Ok(Compiled::new(origin, file, front, template))
    } else {
        Err((file, found))
    }
}

#[cfg(test)]
mod tests;
