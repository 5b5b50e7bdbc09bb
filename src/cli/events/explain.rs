//! `events show --explain`: why the present configuration decides an event as it does.

use std::fmt::Write as _;

use super::super::shown::visible;
use crate::condition;
use crate::operator::explanation::{EventExplanation, ExplainedMessage};

/// Formats an explanation for a person. Every value may come from outside.
pub(super) fn text(explanation: &EventExplanation) -> String {
    let mut text = String::new();
    let by = if explanation.as_stored {
        "by the present configuration, which decides as the stored decision does"
    } else {
        "by the present configuration, which decides otherwise than the stored decision (`events show` without --explain)"
    };
    line(&mut text, &format!("event     {}", explanation.id));
    line(&mut text, &format!("decided   {by}"));
    line(&mut text, &format!("type      {}", explanation.event_type));
    if let Some(why) = &explanation.unreadable {
        line(&mut text, &format!("unreadable: it is {why}"));
    }
    text.push_str("\nheaders\n");
    for (name, value) in &explanation.headers {
        line(&mut text, &format!("  {name}: {value}"));
    }
    text.push_str("\nfacts\n");
    for (name, value) in &explanation.facts {
        line(&mut text, &format!("  {name} = {value}"));
    }
    text.push_str("\nroutes\n");
    for route in &explanation.routes {
        let channels = match route.channels.join(", ") {
            none if none.is_empty() => String::new(),
            some => format!(" → {some}"),
        };
        let held = if route.held { "yes" } else { "no " };
        line(
            &mut text,
            &format!("  {} {held} {}{channels}", route.route, route.why),
        );
        because(&mut text, condition::lines(&route.parts, &route.values));
    }
    for one in &explanation.messages {
        message(&mut text, one);
    }
    for skipped in &explanation.skipped {
        let channels = skipped.channels.join(", ");
        line(&mut text, &format!("\nskipped {channels}: {}", skipped.reason));
    }
    text
}

fn message(text: &mut String, message: &ExplainedMessage) {
    let file = message.file.as_deref().unwrap_or("none");
    text.push('\n');
    line(
        text,
        &format!("template  {file} → {}", message.channels.join(", ")),
    );
    for (template, why) in &message.failed {
        line(text, &format!("  {template} failed: {why}"));
    }
    if let Some(when) = &message.when {
        let holds = match (&when.error, when.held) {
            (Some(why), _) => format!("cannot be evaluated, so it holds: {why}"),
            (None, true) => "holds".to_owned(),
            (None, false) => "does not hold".to_owned(),
        };
        line(text, &format!("  when {} {holds}", when.text));
        because(text, when.explanation.lines());
    }
    if let Some(why) = &message.conversation_failed {
        line(text, &format!("  it has no conversation: {why}"));
    }
}

fn because(text: &mut String, lines: Vec<String>) {
    for because in lines {
        line(text, &format!("        {because}"));
    }
}

fn line(text: &mut String, shown: &str) {
    let (start, shown) = shown.strip_prefix('\n').map_or(("", shown), |rest| ("\n", rest));
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{start}{}", visible(shown));
}
