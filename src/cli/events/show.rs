//! `events show`: everything that is known about an event.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _, stdout};
use std::process::ExitCode;

use super::super::backend::{OperatorArguments, OperatorBackend};
use super::super::shown::{indented, json, optional_time, time, visible, visible_lines};
use super::{explain, state};
use crate::operator::view::{DeliveryDetails, EventDetails};
use crate::queue::{Done, State};

/// Bytes of a body that are shown on a terminal. A file or a pipe gets all of it.
const SHOWN_BODY: usize = 64 * 1024;

#[derive(clap::Args)]
pub(crate) struct ShowArguments {
    /// The event's id, or a prefix of it (4 digits or more).
    id: String,
    /// Print only the body, byte for byte as received; on a terminal its first 64 KiB, with control characters escaped.
    #[arg(long, conflicts_with = "json")]
    body: bool,
    /// Decide the event by the present configuration, and show why: the facts, and what each condition read.
    #[arg(long, conflicts_with = "body")]
    explain: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) operator: OperatorArguments,
}

pub(super) async fn show(operator: &OperatorBackend, arguments: &ShowArguments) -> anyhow::Result<ExitCode> {
    if arguments.body {
        write_body(&operator.body(&arguments.id).await?)?;
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.explain {
        let explanation = operator.explain(&arguments.id).await?;
        let shown = if arguments.json {
            json(&explanation)? + "\n"
        } else {
            explain::text(&explanation)
        };
        stdout().lock().write_all(shown.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let event = operator.event(&arguments.id).await?;
    let mut out = stdout().lock();
    if arguments.json {
        writeln!(out, "{}", json(&event)?)?;
    } else {
        out.write_all(text(&event).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write_body(body: &[u8]) -> std::io::Result<()> {
    let mut out = stdout().lock();
    if !out.is_terminal() {
        return out.write_all(body);
    }
    let shown = body.get(..SHOWN_BODY).unwrap_or(body);
    writeln!(out, "{}", visible_lines(&String::from_utf8_lossy(shown)))?;
    if shown.len() < body.len() {
        note!(
            "{} of {} bytes; redirect the output to get the whole body",
            shown.len(),
            body.len()
        );
    }
    Ok(())
}

/// Formats the event for a person. Every value may come from outside.
fn text(event: &EventDetails) -> String {
    let mut text = String::new();
    let secret = match event.secret.as_str() {
        "" => "none",
        name => name,
    };
    for (name, value) in [
        ("event", event.id.to_string()),
        ("source", event.source.clone()),
        ("type", event.event_type.clone()),
        ("secret", secret.to_owned()),
        ("received", format!("{} UTC", time(event.received))),
        ("body", format!("{} bytes (--body shows it)", event.body_size)),
    ] {
        line(&mut text, &format!("{name:<9} {}", visible(&value)));
    }
    if let Some(why) = &event.unreadable {
        line(
            &mut text,
            &format!("{:<9} {}", "unreadable", visible(&format!("it is {why}"))),
        );
    }
    line(&mut text, "\nheaders");
    for (name, value) in &event.headers {
        line(&mut text, &format!("  {}: {}", visible(name), visible(value)));
    }
    line(&mut text, "\nroutes");
    for route in &event.routes {
        let held = if route.held { "holds" } else { "does not hold" };
        let channels = match route.channels.join(", ") {
            _ if !route.held => String::new(),
            none if none.is_empty() => " → nowhere".to_owned(),
            some => format!(" → {some}"),
        };
        let why = visible(&route.why);
        line(&mut text, &format!("  {} {held}: {why}{channels}", route.route));
    }
    text.push_str(&outcome(event));
    text
}

/// Formats what became of an event: why it was skipped, its deliveries, its messages.
pub(in crate::cli) fn outcome(event: &EventDetails) -> String {
    let mut text = String::new();
    skipped(&mut text, event);
    for delivery in &event.deliveries {
        deliver(&mut text, delivery);
    }
    for (number, message) in event.messages.iter().enumerate() {
        line(&mut text, &format!("\nmessage {number}"));
        let message = message.as_deref().unwrap_or("(this version cannot read it)");
        text.push_str(&indented(&visible_lines(message)));
    }
    text
}

/// Adds the channels for which the event was skipped, with the reasons.
fn skipped(text: &mut String, event: &EventDetails) {
    for skipped in event.skipped.iter().flatten() {
        let label = match skipped.channels.join(", ") {
            none if none.is_empty() => "skipped".to_owned(),
            some => format!("skipped in {}", visible(&some)),
        };
        line(text, &format!("\n{label}: {}", visible(&skipped.reason)));
    }
    // A bridge of an earlier version did not record the reason.
    if event.skipped.is_none() && event.deliveries.is_empty() {
        let id = event.id;
        line(
            text,
            &format!(
                "\nskipped; the reason was not recorded. `events replay {id} --dry-run` shows what would be posted now"
            ),
        );
    } else if event.forgotten {
        line(
            text,
            "\nits deliveries were dead letters and were deleted after [history] dead",
        );
    }
}

fn deliver(text: &mut String, delivery: &DeliveryDetails) {
    let attempts = match delivery.attempts {
        1 => "1 attempt".to_owned(),
        more => format!("{more} attempts"),
    };
    let when = match delivery.state {
        State::Waiting => format!("since {} UTC", time(delivery.since)),
        State::Delivered | State::Dead | State::Skipped => format!("{} UTC", optional_time(delivery.settled)),
    };
    let (channel, state) = (visible(&delivery.channel), state(delivery.state));
    let message = delivery.message;
    line(
        text,
        &format!("\n{channel}: {state} {when}, {attempts}, message {message}"),
    );
    if let Some(key) = &delivery.conversation {
        line(text, &format!("  conversation  {}", visible(key)));
    }
    let target = visible(delivery.target.as_deref().unwrap_or_default());
    match delivery.act {
        Some(Done::Reply) => line(text, &format!("  act           reply to {target}")),
        Some(Done::Update) => line(text, &format!("  act           update of {target}")),
        Some(Done::UpdateAndReply) => line(text, &format!("  act           update, and reply to {target}")),
        Some(Done::Post) if delivery.conversation.is_some() => line(text, "  act           post"),
        Some(Done::Post) | None => {}
    }
    if let Some(why) = &delivery.skip_reason {
        line(text, &format!("  skipped       {}", visible(why)));
    }
    if let Some(event) = delivery.carried_by {
        line(text, &format!("  carried by    event {event}"));
    }
    if let Some(next) = delivery.next_attempt {
        line(text, &format!("  next attempt  {} UTC", time(next)));
    }
    if let Some(reason) = &delivery.reason
        && !matches!(delivery.state, State::Delivered | State::Skipped)
    {
        let detail = delivery.detail.as_deref().map(|detail| format!(" ({detail})"));
        line(
            text,
            &format!(
                "  reason        {}",
                visible(&(reason.clone() + &detail.unwrap_or_default()))
            ),
        );
    }
    if let Some(hint) = &delivery.hint {
        line(text, &format!("  what to do    {}", visible(hint)));
    }
    if let Some(id) = &delivery.twake_id {
        line(text, &format!("  Twake's id    {}", visible(id)));
    }
    if delivery.may_be_duplicate {
        line(
            text,
            "  may be posted twice: a failed attempt may have reached Twake",
        );
    }
}

fn line(text: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{line}");
}
