//! The `formatted_body` of a Matrix message. The tags that a bridge sends are drawn; everything else is shown as the text that was
//! sent. Clients draw more. This is the only place that writes markup itself; it writes only its own constants and escaped text.

use maud::{Markup, PreEscaped};

use super::href::Href;

/// The tags that are drawn, those with an end.
const TAGS: [&str; 12] = [
    "p",
    "strong",
    "em",
    "del",
    "code",
    "pre",
    "blockquote",
    "ul",
    "ol",
    "li",
    "a",
    "h4",
];

/// Those without an end.
const VOID: [&str; 2] = ["br", "hr"];

/// The specification allows fewer than 100 levels.
const DEPTH: usize = 99;

/// The longest character reference, as in `&thetasym;`.
const REFERENCE: usize = 10;

/// A `formatted_body` as markup.
pub(super) fn markup(html: &str) -> Markup {
    let mut writer = Writer::default();
    let mut rest = html;
    while let Some(at) = rest.find(['<', '>', '&', '"']) {
        let (before, from) = rest.split_at(at);
        writer.out.push_str(before);
        let taken = match from.as_bytes().first() {
            Some(b'<') => writer.tag(from),
            Some(b'&') => reference(from).inspect(|length| writer.out.extend(from.get(..*length))),
            _ => None,
        };
        let taken = taken.unwrap_or_else(|| {
            writer.text(from.get(..1).unwrap_or(""));
            1
        });
        rest = from.get(taken..).unwrap_or("");
    }
    writer.out.push_str(rest);
    while let Some(name) = writer.open.pop() {
        writer.close(name);
    }
    PreEscaped(writer.out)
}

#[derive(Default)]
struct Writer {
    out: String,
    open: Vec<&'static str>,
}

impl Writer {
    fn text(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '&' => self.out.push_str("&amp;"),
                '"' => self.out.push_str("&quot;"),
                other => self.out.push(other),
            }
        }
    }

    fn close(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// Draws the tag at the start of a text; returns its length. `None`: it is shown as text.
    fn tag(&mut self, from: &str) -> Option<usize> {
        // The search ends at the next `<`, so that the time for a whole text stays linear.
        let inner = from.strip_prefix('<')?.split(['<', '>']).next()?;
        let end = 1 + inner.len();
        from.get(end..)?.strip_prefix('>')?;
        if let Some(name) = inner.strip_prefix('/') {
            let name = known(&TAGS, name.trim_end())?;
            (self.open.last() == Some(&name)).then(|| self.open.pop())?;
            self.close(name);
            return Some(end + 1);
        }
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let (name, attributes) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
        let attribute = attribute(attributes)?;
        let name = match known(&VOID, name) {
            Some(name) => name,
            None => self.opened(known(&TAGS, name)?)?,
        };
        let drawn = match (name, attribute) {
            ("a", Some(("href", target))) => {
                let href = Href::linked(&decoded(target))?;
                self.out.push_str("<a href=\"");
                self.text(&href.to_string());
                "\" rel=\"noopener noreferrer nofollow\" target=\"_blank\">"
            }
            ("code", Some(("class", class))) if is_language(class) => {
                self.out.push_str("<code class=\"");
                self.text(class);
                "\">"
            }
            ("ol", Some(("start", number))) => {
                let number: i32 = number.parse().ok()?;
                self.out.push_str("<ol start=\"");
                self.out.push_str(&number.to_string());
                "\">"
            }
            ("a", _) | (_, Some(_)) => return None,
            (name, None) => {
                self.out.push('<');
                self.out.push_str(name);
                ">"
            }
        };
        self.out.push_str(drawn);
        if !VOID.contains(&name) {
            self.open.push(name);
        }
        Some(end + 1)
    }

    /// The tag, if it may stand here. An item outside of a list would end the list of messages that the page is.
    fn opened(&self, name: &'static str) -> Option<&'static str> {
        let parent = self.open.last().copied();
        let fits = match name {
            "li" => matches!(parent, Some("ul" | "ol")),
            "a" => !self.open.contains(&"a"),
            _ => true,
        };
        (fits && self.open.len() < DEPTH).then_some(name)
    }
}

fn known(tags: &[&'static str], name: &str) -> Option<&'static str> {
    tags.iter().copied().find(|tag| tag.eq_ignore_ascii_case(name))
}

/// The only attribute of a tag, none, or (`None`) something else.
#[expect(
    clippy::option_option,
    reason = "none at all differs from one that cannot be read"
)]
fn attribute(text: &str) -> Option<Option<(&str, &str)>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(None);
    }
    let (name, value) = text.split_once('=')?;
    let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    let value = value.strip_prefix(quote)?.strip_suffix(quote)?;
    (!value.contains(quote)).then_some(Some((name, value)))
}

fn is_language(class: &str) -> bool {
    let name = class.strip_prefix("language-").unwrap_or("");
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_+.#".contains(c))
}

/// The length of the character reference at the start of a text. It stays as it is: in a text a reference is a text.
fn reference(from: &str) -> Option<usize> {
    let end = from.bytes().take(REFERENCE + 1).position(|byte| byte == b';')?;
    let name = from.get(1..end)?;
    let name = name.strip_prefix('#').unwrap_or(name);
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name.then_some(end + 1)
}

/// An attribute's value with the references that a bridge writes decoded. Others stay, and are escaped later.
fn decoded(value: &str) -> String {
    [
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(value.to_owned(), |text, (reference, character)| {
        text.replace(reference, character)
    })
}
