//! Help in error messages: the nearest known name, and quoted input on one short line.

/// Returns the known name nearest to a wrong one. `None` if none is near: more than a few letters differ, and neither
/// name is an abbreviation of the other.
pub(crate) fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    let distance = |name: &'a str| {
        let letters = strsim::damerau_levenshtein(&wrong, &name.to_lowercase());
        let short = wrong.len().min(name.len());
        let cut = short >= 3 && (name.starts_with(&wrong) || wrong.starts_with(name));
        (cut || letters <= 1 + short / 4).then_some((letters, name))
    };
    known.filter_map(distance).min().map(|(_, name)| name)
}

/// Formats the error for an unknown name: `there is no channel "dve", did you mean "dev"?`
pub(crate) fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!(", did you mean \"{near}\"?"),
        None if known.is_empty() => String::new(),
        None => format!("; the known ones are: {}", known.join(", ")),
    };
    format!("there is no {what} \"{}\"{hint}", shorten(name, 40))
}

/// Returns the text on one line. Control characters become spaces, and `…` replaces what follows `longest` characters.
pub(crate) fn shorten(text: &str, longest: usize) -> String {
    let mut characters = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut line: String = characters.by_ref().take(longest).collect();
    if characters.next().is_some() {
        line.push('…');
    }
    line
}

/// Formats a count with its noun: `1 error`, `2 errors`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
