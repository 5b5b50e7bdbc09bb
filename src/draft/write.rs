//! Writes the files of a draft, and lists what was guessed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::event_type::example;
use super::expressions::{toml, toml_list};
use super::fact::Fact;
use super::{Draft, Findings, Guess, text};
use crate::facts::KNOWN;
use crate::suggest::counted;

/// The files, guesses and blanks.
pub(super) fn draft(found: &Findings<'_>) -> Draft {
    let samples = samples(found);
    let mut files = vec![("source.toml".to_owned(), source_toml(found).into_bytes())];
    let templates = text::templates(&found.families, &found.facts);
    files.extend(
        templates
            .into_iter()
            .map(|(name, text)| (name, text.into_bytes())),
    );
    files.push(("README.md".to_owned(), readme(found).into_bytes()));
    files.push(("samples/SOURCES".to_owned(), sources(samples.keys()).into_bytes()));
    for (name, body) in samples {
        files.push((format!("samples/{name}.json"), body));
    }
    Draft {
        files,
        guesses: guesses(found),
        blanks: blanks(found),
    }
}

/// The name of the kind for people: `Acme Deploy`.
fn title(name: &str) -> String {
    let words = name.split('-').filter(|word| !word.is_empty()).map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_ascii_uppercase() + rest
    });
    words.collect::<Vec<_>>().join(" ")
}

fn source_toml(found: &Findings<'_>) -> String {
    let mut text = format!(
        "title = {}\n\n{}\n[event]\ntype = {}\n",
        toml::Value::from(title(found.name)),
        found.authentication.tables,
        toml(&found.types.expression)
    );
    let key = match found.key.expressions.as_slice() {
        [only] => format!("[{}]", toml(only)),
        several => toml_list(several),
    };
    let _ = writeln!(text, "# Guessed: {}.\nkey = {key}", found.key.basis);
    text.push_str(if found.key.expressions.is_empty() {
        "remember = \"1h\"                         # two events with the same body within this time are one\n"
    } else {
        "remember = \"1d\"\n"
    });
    text.push_str("\n# Found by the names and values of fields. Of several expressions the first that gives a value wins.\n[facts]\n");
    let is_known = |fact: &&Fact| KNOWN.iter().any(|(known, _)| *known == fact.name);
    let is_found = |fact: &&Fact| {
        fact.count() > 0
            || fact.expressions.len() > 1
            || ["what", "mark", "noun"].contains(&fact.name.as_str())
    };
    let line = |fact: &Fact| format!("{} = {}\n", fact.name, toml_list(&fact.expressions));
    let facts = || found.facts.iter();
    text.extend(facts().filter(is_known).map(line));
    let own = || facts().filter(|fact| !is_known(fact));
    let sections = [
        (
            "# Additional facts of this kind.",
            own().filter(is_found).map(line).collect::<String>(),
        ),
        (
            "# The shared parts read these, and no payload has them. Fill in what the sender has.",
            own().filter(|fact| !is_found(fact)).map(line).collect(),
        ),
    ];
    for (comment, lines) in sections.into_iter().filter(|(_, lines)| !lines.is_empty()) {
        let _ = write!(text, "\n{comment}\n{lines}");
    }
    text
}

/// The samples by their names: the event type, two underscores, and the name of the file without it.
fn samples(found: &Findings<'_>) -> BTreeMap<String, Vec<u8>> {
    let mut samples = BTreeMap::new();
    for (recording, event_type) in found.recordings.iter().zip(&found.types.of) {
        let detail = recording
            .name
            .split_once("__")
            .map_or(recording.name.as_str(), |(_, detail)| detail);
        let is_kept = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
        let detail: String = detail
            .chars()
            .map(|letter| if is_kept(letter) { letter } else { '-' })
            .collect();
        let name = format!("{event_type}__{detail}");
        let names = std::iter::once(name.clone()).chain((2..).map(|number| format!("{name}-{number}")));
        let free = names.into_iter().find(|name| !samples.contains_key(name));
        samples.insert(free.unwrap_or(name), recording.body.clone());
    }
    samples
}

fn sources<'n>(names: impl Iterator<Item = &'n String>) -> String {
    let lines: Vec<String> = names.map(|name| format!("  {name}\n")).collect();
    let lines = lines.concat();
    format!(
        "recorded: FILL IN who recorded them, from which version of the sender, and what was replaced\n{lines}"
    )
}

fn guesses(found: &Findings<'_>) -> Vec<Guess> {
    let count = found.recordings.len();
    let guess = |name: &str, expression: &str, basis: String| Guess {
        name: name.to_owned(),
        expression: expression.to_owned(),
        basis,
    };
    let mut types: BTreeMap<&String, usize> = BTreeMap::new();
    for event_type in &found.types.of {
        *types.entry(event_type).or_default() += 1;
    }
    let listed: Vec<String> = types
        .iter()
        .take(6)
        .map(|(of, count)| format!("{of} ({count})"))
        .collect();
    let more = types.len().saturating_sub(6);
    let more = if more == 0 {
        String::new()
    } else {
        format!(" and {more} more")
    };
    let mut guesses = vec![
        guess(
            "event type",
            &found.types.expression,
            format!("{}: {}{more}", found.types.basis, listed.join(", ")),
        ),
        guess(
            "idempotency key",
            &found.key.expressions.join(", "),
            found.key.basis.to_owned(),
        ),
        guess(
            "authentication",
            &found.authentication.schemes.join(", "),
            "not tried: no secret is known here".to_owned(),
        ),
    ];
    for fact in found
        .facts
        .iter()
        .filter(|fact| fact.count() > 0 && fact.name != "result")
    {
        let shown = fact.of.iter().flatten().next().map(example).unwrap_or_default();
        let more = fact.expressions.len() - 1;
        let more = if more == 0 {
            String::new()
        } else {
            format!(", and {more} more")
        };
        let first = fact.expressions.first().map(String::as_str).unwrap_or_default();
        let basis = format!(
            "{} of {}, such as {shown}",
            fact.count(),
            counted(count, "payload")
        );
        guesses.push(guess(&fact.name, &format!("{first}{more}"), basis));
    }
    guesses
}

fn blanks(found: &Findings<'_>) -> Vec<String> {
    let mut blanks = vec![found.authentication.blank.clone()];
    blanks.extend(found.types.blank.clone());
    if found.key.expressions.is_empty() {
        blanks.push("two events with the same body are one: write the id that a retry repeats into [event] key, if the sender has one".to_owned());
    }
    if found.facts.iter().any(|fact| fact.name == "outcome") {
        blanks
            .push("the words of `outcome` are those of the payloads: add the sender's other ones".to_owned());
    } else {
        blanks.push("no `outcome` was found: if events say how something ended, map their words to success, failure, cancelled and running".to_owned());
    }
    let known: BTreeSet<&str> = found
        .facts
        .iter()
        .filter(|fact| fact.count() > 0)
        .map(|fact| fact.name.as_str())
        .collect();
    let missing = ["title", "url", "actor"]
        .into_iter()
        .filter(|name| !known.contains(name));
    let missing: Vec<String> = missing.map(|name| format!("`{name}`")).collect();
    if !missing.is_empty() {
        blanks.push(format!(
            "not found: {}; write their fields into [facts], if the sender has them",
            missing.join(", ")
        ));
    }
    blanks.push("the samples are your payloads as they are: replace secrets, addresses and names of people before you share them".to_owned());
    blanks.push("FILL IN in README.md and samples/SOURCES".to_owned());
    blanks
}

fn readme(found: &Findings<'_>) -> String {
    let (name, title) = (found.name, title(found.name));
    let types: BTreeSet<&String> = found.types.of.iter().collect();
    let row = |name: &str| format!("| `{name}` | FILL IN |\n");
    let rows: Vec<String> = types.iter().map(|of| row(of)).collect();
    let facts: Vec<String> = found
        .facts
        .iter()
        .filter(|fact| fact.count() > 0 && fact.name != "result")
        .map(|fact| row(&fact.name))
        .collect();
    let (rows, facts) = (rows.concat(), facts.concat());
    format!(
        "# {title}

FILL IN: which versions, and what this was made from. Drafted from {}; not compared with the sender's documentation.

## Set up

1. Make a secret and give it to the bridge, e.g. `openssl rand -hex 32 > {name}-secret`:

   ```toml
   [sources.{name}]
   kind = \"{name}\"
   secrets = [{{ file = \"{name}-secret\" }}]
   channels = [\"dev\"]
   ```

2. At the sender: FILL IN where a webhook is added, with the address `https://…/hooks/{name}` and the secret. It authenticates by {}.

## What is posted

| event | is posted |
| --- | --- |
{rows}
## Facts

| fact | is |
| --- | --- |
{facts}",
        counted(found.recordings.len(), "payload"),
        found.authentication.schemes.join(", or ")
    )
}
