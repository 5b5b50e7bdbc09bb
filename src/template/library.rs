//! The templates of a kind, and which of them renders an event.

mod draft;
mod entry;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use handlebars::{Context, Handlebars};

#[cfg(test)]
use super::conversation::SourceConversations;
use super::conversation::{Rules, RulesOfEvent};
use super::front_matter::Found;
use super::reads::{self, ReadNames};
use super::render::{Compiled, Failure, RenderResult};
use super::{Origin, Rendered, RenderedTemplate, Rendering, TemplateFile, TemplateFinding, check, helpers};
use crate::condition::Condition;

use draft::{Draft, Parts, drafts_of, finish, part_name};
pub use entry::LibraryTemplate;

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
    /// The facts that templates show as those of the first event of a conversation.
    first: BTreeSet<String>,
    /// By event type: see [`Library::reads`].
    reads: HashMap<String, ReadNames>,
    /// For event types without a template of their own.
    reads_of_others: ReadNames,
}

/// The most facts in [`Library::first`].
const FIRST_LIMIT: usize = 20;

impl Library {
    /// Compiles the files of a kind. An own file replaces the built-in one of the same name. A file that does not
    /// compile is left out, with a finding. Files without the suffix `.hbs` are ignored, and so are built-in shared parts
    /// that no other file includes.
    pub fn compile(kind: &str, files: Vec<TemplateFile>) -> (Self, Vec<TemplateFinding>) {
        let mut library = Self {
            engine: helpers::engine(),
            own: BTreeMap::new(),
            builtin: BTreeMap::new(),
            own_parts: BTreeMap::new(),
            broken: BTreeMap::new(),
            first: BTreeSet::new(),
            reads: HashMap::new(),
            reads_of_others: ReadNames::default(),
        };
        let mut findings = Vec::new();
        let mut drafts = Vec::new();
        for (file, parsed) in drafts_of(kind, files) {
            match parsed {
                Ok(draft) => drafts.push(draft),
                Err(found) => library.leave_out(&file.name, &file.origin, found, &mut findings),
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
            match finish(draft, parts).and_then(|compiled| library.with_first(compiled)) {
                Ok(compiled) if origin.is_own() => drop(library.own.insert(name, compiled)),
                Ok(compiled) => drop(library.builtin.insert(name, compiled)),
                Err(found) => library.leave_out(&name, &origin, found, &mut findings),
            }
        }
        library.find_reads();
        (library, findings)
    }

    /// Adds the facts of the first event that a template shows.
    fn with_first(&mut self, compiled: Compiled) -> Result<Compiled, (String, Vec<Found>)> {
        let shown = reads::first_facts(&compiled.template);
        let all: BTreeSet<String> = self.first.union(&shown).cloned().collect();
        if all.len() > FIRST_LIMIT {
            let what =
                format!("the templates of a kind can show {FIRST_LIMIT} facts of the first event at most");
            return Err((compiled.file, vec![(None, what)]));
        }
        self.first = all;
        Ok(compiled)
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

    /// Returns whether there is an own template, or one with an own part.
    pub fn has_own(&self) -> bool {
        !self.own.is_empty()
    }

    /// Returns whether there is a template with the name of this event type.
    pub fn has_template_for(&self, event_type: &str) -> bool {
        let file = format!("{event_type}.hbs");
        self.own.contains_key(&file) || self.builtin.contains_key(&file)
    }

    /// Returns the names that are read by the templates that may render an event of this type, in any variant.
    pub fn reads(&self, event_type: &str) -> &ReadNames {
        self.reads.get(event_type).unwrap_or(&self.reads_of_others)
    }

    /// Finds out what the templates of each event type read: once, because every event asks.
    fn find_reads(&mut self) {
        let reads_of = |event_type: &str| {
            let mut reads = ReadNames::default();
            // Every event that may open a conversation keeps these.
            reads.extend(&self.first);
            for template in self.compiled_for(event_type) {
                reads.add(&template.names);
            }
            reads
        };
        let files = self.own.keys().chain(self.builtin.keys());
        // `a.b.hbs` is the template of the type `a.b`, or of the type `a` in the variant `b`.
        let types = files.flat_map(|file| file.match_indices('.').filter_map(|(dot, _)| file.get(..dot)));
        let reads = types.map(|event_type| (event_type.to_owned(), reads_of(event_type)));
        let (reads, of_others) = (reads.collect(), reads_of(""));
        (self.reads, self.reads_of_others) = (reads, of_others);
    }

    /// Returns the templates that may render an event of this type, in any variant.
    fn compiled_for(&self, event_type: &str) -> Vec<&Compiled> {
        let plain = format!("{event_type}.hbs");
        let of_type = format!("{event_type}.");
        let mut found = Vec::new();
        for files in [&self.own, &self.builtin] {
            let later = files.range::<str, _>((Bound::Included(of_type.as_str()), Bound::Unbounded));
            let of_type = later.take_while(|(file, _)| file.starts_with(&of_type));
            found.extend(of_type.map(|(_, compiled)| compiled));
            // `default.hbs` renders no type that has a template of its own.
            if !self.own.contains_key(&plain) && !self.builtin.contains_key(&plain) {
                found.extend(files.get("default.hbs"));
            }
        }
        found
    }

    /// Returns what is wrong with the rules of a source or a route for an event type, together with those of the templates: the key, its
    /// position, and a sentence. A rule that is right for one of the templates is right: a variant may have no conversation.
    pub(crate) fn contradictions(
        &self,
        event_type: &str,
        rules: &Rules,
    ) -> Vec<(&'static str, usize, String)> {
        let templates = self.compiled_for(event_type).into_iter();
        let mut wrong = templates.map(|template| {
            rules
                .or(&template.front.rules)
                .contradictions(template.front.ephemeral)
        });
        let mut first = wrong.next().unwrap_or_default();
        first.retain(|(key, ..)| rules.has(key));
        for others in wrong {
            first.retain(|(key, ..)| others.iter().any(|(other, ..)| other == key));
        }
        first
    }

    /// Renders an event. Without a template for `variant`, uses the plain template of its type, and without that
    /// `default.hbs`. `context` holds all names: event, source, headers, payload, the facts. It is the same afterwards.
    pub fn render(
        &self,
        variant: Option<&str>,
        context: &mut Context,
        rules: &RulesOfEvent<'_>,
    ) -> Rendering {
        let event_type = rules.event_type;
        let mut rendering = Rendering {
            template: None,
            failed: Vec::new(),
            when_failed: None,
            conversation_failed: None,
            rendered: Rendered::NoTemplate,
        };
        let names = [
            variant.map(|variant| format!("{event_type}.{variant}.hbs")),
            Some(format!("{event_type}.hbs")),
        ];
        for name in names.into_iter().flatten() {
            if self.render_file(&name, context, rules, &mut rendering) {
                return rendering;
            }
        }
        if rendering.failed.is_empty() {
            self.render_file("default.hbs", context, rules, &mut rendering);
        }
        rendering
    }

    /// Renders the own file with this name, or the built-in one if that fails. Returns whether one of them succeeded.
    fn render_file(
        &self,
        name: &str,
        context: &mut Context,
        of_event: &RulesOfEvent<'_>,
        rendering: &mut Rendering,
    ) -> bool {
        if let Some(why) = self.broken.get(name) {
            rendering.failed.push((name.to_owned(), why.clone()));
        }
        for compiled in [self.own.get(name), self.builtin.get(name)].into_iter().flatten() {
            let rules = of_event.over(&compiled.front.rules);
            match self.render_with(compiled, rules.as_deref(), context) {
                Ok(result) => {
                    rendering.template = Some(RenderedTemplate {
                        name: name.to_owned(),
                        origin: compiled.origin.clone(),
                    });
                    rendering.when_failed = result.when_failed;
                    rendering.conversation_failed = result.conversation_failed;
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

    fn render_with(
        &self,
        compiled: &Compiled,
        rules: Option<&Rules>,
        context: &mut Context,
    ) -> Result<RenderResult, Failure> {
        compiled.render(&self.engine, rules, &self.first, context)
    }

    /// Returns the `when` of a template that was rendered.
    pub fn when(&self, rendered: &RenderedTemplate) -> Option<&Condition> {
        let files = [self.own.get(&rendered.name), self.builtin.get(&rendered.name)];
        let mut files = files.into_iter().flatten();
        files
            .find(|file| file.origin == rendered.origin)?
            .front
            .when
            .as_ref()
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

#[cfg(test)]
impl Library {
    /// Renders an event of a source without settings of its own.
    pub(crate) fn render_alone(
        &self,
        event_type: &str,
        variant: Option<&str>,
        context: &Context,
    ) -> Rendering {
        let of_source = SourceConversations::default();
        self.render(
            variant,
            &mut context.clone(),
            &RulesOfEvent::of(event_type, &of_source),
        )
    }
}

#[cfg(test)]
mod tests;
