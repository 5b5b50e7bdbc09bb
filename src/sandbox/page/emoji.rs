//! Emoji by their short names: those that occur in the bridge's messages. Others keep their name.

use maud::{Markup, html};

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

/// The emoji, or its name between colons.
pub(super) fn emoji(name: &str) -> Markup {
    let name = name.trim().trim_matches(':');
    let known = KNOWN.iter().find(|(known, _)| *known == name);
    html! {
        @if let Some((_, emoji)) = known {
            span.emoji title=(name) { (emoji) }
        } @else {
            span.emoji { ":" (name) ":" }
        }
    }
}
