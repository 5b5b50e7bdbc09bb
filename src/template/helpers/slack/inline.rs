//! Converts a line of Slack's markup.

use crate::message::{Inline, control, target_is_allowed};

/// Maximum length of a URL or label between `<` and `>`, in bytes.
const ANGLE: usize = 3_000;

/// A character of the markup, or a converted element.
enum Token {
    Character(char),
    Node(Inline),
}

/// Converts a line.
pub(super) fn inlines(line: &str) -> Vec<Inline> {
    let line = control::one_line(line);
    let mut tokens = Vec::new();
    let mut rest = line.trim_end();
    while let Some(character) = rest.chars().next() {
        let (token, length) = token(rest, character, tokens.last());
        match token {
            // Markup is not interpreted again inside a name or date.
            Some(inline) => tokens.push(Token::Node(inline)),
            None => tokens.push(Token::Character(decoded(rest, character).0)),
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    with_emphasis(&tokens, MarkerSet::default())
}

/// Returns the text without markup: entities are decoded, and `<…>` is replaced by its text.
pub(super) fn without_markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if let Some((inline, length)) = (character == '<').then(|| angle(rest)).flatten() {
            match inline {
                Inline::Text(text) => out.push_str(&text),
                Inline::Link { label, .. } => label.iter().for_each(|piece| {
                    if let Inline::Text(text) = piece {
                        out.push_str(text);
                    }
                }),
                _ => {}
            }
            rest = rest.get(length..).unwrap_or_default();
            continue;
        }
        let (character, length) = decoded(rest, character);
        out.push(character);
        rest = rest.get(length..).unwrap_or_default();
    }
    out
}

/// Parses the element at the start of a text, if there is one. Also returns the length of the element or character in
/// bytes.
fn token(rest: &str, character: char, before: Option<&Token>) -> (Option<Inline>, usize) {
    let found = match character {
        '<' => angle(rest),
        '`' => code(rest),
        ':' if !is_in_word(before) => emoji(rest),
        _ => None,
    };
    match found {
        Some((inline, length)) => (Some(inline), length),
        None => (None, decoded(rest, character).1),
    }
}

/// Returns the first character of a text, with entities decoded, and its length in bytes.
fn decoded(rest: &str, character: char) -> (char, usize) {
    for (entity, meant) in [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>')] {
        if rest.starts_with(entity) {
            return (meant, entity.len());
        }
    }
    (character, character.len_utf8())
}

fn text(markup: &str) -> String {
    control::one_line(
        &markup
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&"),
    )
    .into_owned()
}

/// `` `code` ``.
fn code(rest: &str) -> Option<(Inline, usize)> {
    let end = rest.get(1..)?.find('`')?;
    let code = rest.get(1..=end)?;
    (!code.trim().is_empty()).then(|| (Inline::Code(without_markup(code)), end + 2))
}

/// Parses `<…>`: a URL, a name or a command. Returns `None` for other text in brackets.
fn angle(rest: &str) -> Option<(Inline, usize)> {
    let end = rest
        .bytes()
        .take(ANGLE)
        .skip(1)
        .position(|byte| matches!(byte, b'>' | b'<' | b'\n'))?
        + 1;
    if rest.as_bytes().get(end) != Some(&b'>') {
        return None;
    }
    let (target, label) = match rest.get(1..end)?.split_once('|') {
        Some((target, label)) => (target, with_emoji(&text(label.trim()))),
        None => (rest.get(1..end)?, String::new()),
    };
    let named = |mark: char, name: &str| {
        let shown = if label.is_empty() { name } else { &label };
        format!("{mark}{}", shown.trim_start_matches(mark))
    };
    let mut characters = target.chars();
    let inline = match characters.next()? {
        mark @ ('@' | '#') => Inline::Text(named(mark, characters.as_str())),
        '!' => Inline::Text(match characters.as_str().split_once('^') {
            None => named('@', characters.as_str()),
            Some(("subteam", group)) => named('@', group),
            // The label of a date is its fallback for clients without dates.
            Some((_, _)) if !label.is_empty() => label,
            Some((_, value)) => text(value),
        }),
        _ => address(text(target), label)?,
    };
    Some((inline, end + 1))
}

fn address(target: String, label: String) -> Option<Inline> {
    if target_is_allowed(&target) && !target.contains(char::is_whitespace) {
        let shown = if label.is_empty() {
            target.strip_prefix("mailto:").unwrap_or(&target).to_owned()
        } else {
            label
        };
        return Some(Inline::Link {
            url: target,
            label: vec![Inline::Text(shown)],
        });
    }
    (!label.is_empty()).then_some(Inline::Text(label))
}

/// Parses `:fire:`, with an optional skin tone. Returns `None` for an unknown name.
fn emoji(rest: &str) -> Option<(Inline, usize)> {
    let end = rest
        .bytes()
        .skip(1)
        .take(60)
        .position(|byte| !(byte.is_ascii_alphanumeric() || b"_-+'".contains(&byte)))?
        + 1;
    if rest.as_bytes().get(end) != Some(&b':') {
        return None;
    }
    let found = named_emoji(rest.get(1..end)?)?;
    let mut length = end + 1;
    if let Some(tone) = rest
        .get(length..)
        .and_then(|after| after.strip_prefix(":skin-tone-"))
        && tone.as_bytes().first().is_some_and(u8::is_ascii_digit)
        && tone.as_bytes().get(1) == Some(&b':')
    {
        length += ":skin-tone-2:".len();
    }
    Some((Inline::Text(found.to_owned()), length))
}

/// Finds an emoji. Slack's names are GitHub's, with a few exceptions.
fn named_emoji(name: &str) -> Option<&'static str> {
    let name = match name {
        "robot_face" => "robot",
        "simple_smile" => "slightly_smiling_face",
        "thumbsup_all" => "thumbsup",
        other => other,
    };
    by_shortcode(name)
        .or_else(|| by_shortcode(name.strip_prefix("large_")?))
        .or_else(|| by_shortcode(&name.replace('-', "_")))
}

/// GitHub's shortcodes, one per line: a line feed, the code, a space, the emoji. A text needs no memory until it is
/// searched, unlike a table of pointers, which is relocated at the start of the program.
static SHORTCODES: &str = include_str!(concat!(env!("OUT_DIR"), "/shortcodes.txt"));

fn by_shortcode(name: &str) -> Option<&'static str> {
    let (_, found) = SHORTCODES.split_once(&format!("\n{name} "))?;
    found.split('\n').next()
}

fn with_emoji(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let length = if let Some((Inline::Text(found), length)) = emoji(rest).filter(|_| character == ':') {
            out.push_str(&found);
            length
        } else {
            out.push(character);
            character.len_utf8()
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    out
}

/// Returns whether the text before a `:` makes it part of a time, a URL or a ratio.
fn is_in_word(before: Option<&Token>) -> bool {
    matches!(before, Some(Token::Character(character)) if character.is_alphanumeric() || *character == ':')
}

/// A set of the markers `*`, `_`, `~`.
#[derive(Clone, Copy, Default)]
struct MarkerSet([bool; 3]);

impl MarkerSet {
    fn with(mut self, mark: usize) -> Self {
        if let Some(open) = self.0.get_mut(mark) {
            *open = true;
        }
        self
    }

    fn has(self, mark: usize) -> bool {
        self.0.get(mark).copied().unwrap_or_default()
    }
}

fn mark(token: &Token) -> Option<usize> {
    match token {
        Token::Character(character) => ['*', '_', '~'].iter().position(|mark| mark == character),
        Token::Node(_) => None,
    }
}

/// Converts tokens. A marker is open at most once, so the nesting is at most three. A marker without an end is not
/// searched for again, so the time is linear in the length.
fn with_emphasis(tokens: &[Token], open: MarkerSet) -> Vec<Inline> {
    let mut out: Vec<Inline> = Vec::new();
    let mut closed = open;
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        if let Some(found) = mark(token).filter(|found| !closed.has(*found) && opens(tokens, index)) {
            if let Some(end) = end_of(tokens, index, found) {
                let inner = with_emphasis(tokens.get(index + 1..end).unwrap_or_default(), open.with(found));
                out.push(match found {
                    0 => Inline::Strong(inner),
                    1 => Inline::Emphasis(inner),
                    _ => Inline::Strikethrough(inner),
                });
                index = end + 1;
                continue;
            }
            closed = closed.with(found);
        }
        match (out.last_mut(), token) {
            (Some(Inline::Text(before)), Token::Character(character)) => before.push(*character),
            (Some(Inline::Text(before)), Token::Node(Inline::Text(text))) => before.push_str(text),
            (_, Token::Character(character)) => out.push(Inline::Text(character.to_string())),
            (_, Token::Node(inline)) => out.push(inline.clone()),
        }
        index += 1;
    }
    out
}

/// Returns whether a marker opens: it is single, and at the start of a word.
fn opens(tokens: &[Token], index: usize) -> bool {
    let before = index.checked_sub(1).and_then(|before| tokens.get(before));
    let after = tokens.get(index + 1);
    is_edge(before)
        && !is_same(before, tokens.get(index))
        && !is_blank(after)
        && !is_same(after, tokens.get(index))
}

/// Returns where the marker at `index` ends: at the end of a word, with text in between.
fn end_of(tokens: &[Token], index: usize, found: usize) -> Option<usize> {
    (index + 2..tokens.len()).find(|end| {
        tokens.get(*end).and_then(mark) == Some(found)
            && !is_blank(tokens.get(end - 1))
            && !is_same(tokens.get(end - 1), tokens.get(*end))
            && is_edge(tokens.get(end + 1))
            && !is_same(tokens.get(end + 1), tokens.get(*end))
    })
}

fn is_edge(token: Option<&Token>) -> bool {
    !matches!(token, Some(Token::Character(character)) if character.is_alphanumeric())
}

fn is_blank(token: Option<&Token>) -> bool {
    match token {
        Some(Token::Character(character)) => character.is_whitespace(),
        Some(Token::Node(_)) => false,
        None => true,
    }
}

fn is_same(one: Option<&Token>, other: Option<&Token>) -> bool {
    matches!((one, other), (Some(Token::Character(one)), Some(Token::Character(other))) if one == other)
}
