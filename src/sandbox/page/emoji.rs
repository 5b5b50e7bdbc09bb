//! Emoji by their short names: those that a bridge's messages have; others keep their name.

use super::html::Html;

const KNOWN: &[(&str, &str)] = &[
    ("+1", "👍"),
    ("thumbsup", "👍"),
    ("-1", "👎"),
    ("thumbsdown", "👎"),
    ("bangbang", "‼️"),
    ("bell", "🔔"),
    ("boom", "💥"),
    ("bug", "🐛"),
    ("bulb", "💡"),
    ("eyes", "👀"),
    ("exclamation", "❗"),
    ("fire", "🔥"),
    ("green_circle", "🟢"),
    ("hammer", "🔨"),
    ("heart", "❤️"),
    ("heavy_check_mark", "✔️"),
    ("hourglass", "⌛"),
    ("information_source", "ℹ️"),
    ("label", "🏷️"),
    ("link", "🔗"),
    ("lock", "🔒"),
    ("merge", "🔀"),
    ("no_entry", "⛔"),
    ("orange_circle", "🟠"),
    ("package", "📦"),
    ("pencil", "📝"),
    ("pushpin", "📌"),
    ("question", "❓"),
    ("red_circle", "🔴"),
    ("rocket", "🚀"),
    ("rotating_light", "🚨"),
    ("slight_smile", "🙂"),
    ("smile", "😄"),
    ("sparkles", "✨"),
    ("speech_balloon", "💬"),
    ("tada", "🎉"),
    ("warning", "⚠️"),
    ("white_check_mark", "✅"),
    ("x", "❌"),
    ("yellow_circle", "🟡"),
    ("zap", "⚡"),
];

/// Writes the emoji, or its name between colons.
pub(super) fn write(html: &mut Html, name: &str) {
    let name = name.trim().trim_matches(':');
    match KNOWN.iter().find(|(known, _)| *known == name) {
        Some((_, emoji)) => html.element("span", &[("class", "emoji"), ("title", name)], |html| {
            html.text(emoji);
        }),
        None => html.words("span", "emoji", &format!(":{name}:")),
    }
}
