//! The parts that pages are made of.

use jiff::Timestamp;
use maud::{Markup, html};

use super::link;
use crate::message::control;
use crate::queue::State;

/// A point in time in UTC, with its age.
pub(super) fn time(at: Timestamp, now: Timestamp) -> Markup {
    html! {
        time datetime=(at.strftime("%FT%TZ")) { (at.strftime("%F %T")) }
        " " span.age { (age(at, now)) }
    }
}

/// A point in time whose age is what matters; the time itself is its title.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> Markup {
    html! { time datetime=(at.strftime("%FT%TZ")) title=(at.strftime("%F %T UTC")) { (age(at, now)) } }
}

/// How long ago a time is, or how long until then, in the largest unit that fits.
pub(super) fn age(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - at.as_second();
    let (count, unit) = match seconds.unsigned_abs() {
        seconds @ 0..120 => (seconds, "s"),
        seconds @ 120..7_200 => (seconds / 60, "min"),
        seconds @ 7_200..172_800 => (seconds / 3_600, "h"),
        seconds => (seconds / 86_400, "d"),
    };
    if seconds < 0 {
        format!("in {count} {unit}")
    } else {
        format!("{count} {unit} ago")
    }
}

/// The word of a state, as a filter and as people read it.
pub(super) fn state_word(state: State) -> &'static str {
    match state {
        State::Waiting => "waiting",
        State::Delivered => "delivered",
        State::Dead => "dead",
        State::Skipped => "skipped",
    }
}

/// A state with its colour.
pub(super) fn chip(word: &str) -> Markup {
    html! { span class={ "chip " (word) } { (word) } }
}

/// The channel and the state of an event in it: a link to the events that are in the same state there.
pub(super) fn channel_state(channel: &str, state: State) -> Markup {
    let word = state_word(state);
    html! {
        a.state href=(link::events(&[("channel", channel), ("state", word)])) { "#" (channel) " " (chip(word)) }
    }
}

/// A link to the events with this filter.
pub(super) fn filtered(name: &str, value: &str) -> Markup {
    html! { a href=(link::events(&[(name, value)])) { (value) } }
}

/// A button that posts a form. `confirm`: what the script asks before.
pub(super) fn action(address: &str, fields: &[(&str, &str)], label: &str, confirm: Option<&str>) -> Markup {
    html! {
        form.action method="post" action=(address) data-confirm=[confirm] {
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            button type="submit" { (label) }
        }
    }
}

/// A list of values, one of which is chosen.
pub(super) fn choice(name: &str, chosen: &str, values: &[String]) -> Markup {
    html! {
        select name=(name) {
            @for value in values { option value=(value) selected[value == chosen] { (value) } }
        }
    }
}

/// A form that pauses a channel or a source.
pub(super) fn pause(what: &str, name: &str) -> Markup {
    html! {
        form.action method="post" action="/console/pause" {
            input type="hidden" name=(what) value=(name);
            input name="why" placeholder="why" aria-label={ "Why " (name) " is paused" } maxlength="200" autocomplete="off";
            button type="submit" { "Pause" }
        }
    }
}

/// A text with a button that copies it, if there is the script.
pub(super) fn copyable(id: &str, text: &str) -> Markup {
    html! {
        span.copyable {
            code id=(id) { (text) }
            button.plain type="button" data-copy=(id) hidden { "Copy" }
        }
    }
}

/// Text from outside on one line, without control characters.
pub(super) fn line(text: &str) -> String {
    control::one_line(text).into_owned()
}

/// The values that decided a condition, one a line.
pub(super) fn because(lines: Vec<String>) -> Markup {
    html! {
        @if !lines.is_empty() {
            ul.because { @for because in lines { li { code { (line(&because)) } } } }
        }
    }
}

/// A text of at most so many characters.
pub(super) fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A row of a table of names and values.
pub(super) fn row(name: &str, value: &Markup) -> Markup {
    html! { div.row { dt { (name) } dd { (value) } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_written_in_the_largest_unit_that_says_enough() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        for (seconds, expected) in [
            (0, "0 s ago"),
            (119, "119 s ago"),
            (120, "2 min ago"),
            (7_199, "119 min ago"),
            (7_200, "2 h ago"),
            (172_800, "2 d ago"),
            (-60, "in 60 s"),
            (-3_600, "in 60 min"),
        ] {
            let at = Timestamp::from_second(1_000_000 - seconds).unwrap();
            assert_eq!(age(at, now), expected);
        }
    }
}
