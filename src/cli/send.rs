//! `twake-bridge send`: posts one message to one channel immediately, without the queue.

use anyhow::{Context, bail};
use serde_json::{Value, json};
use std::io::{Read as _, stdin};
use std::io::{Write as _, stdout};
use std::process::ExitCode;

use super::shown::json;
use super::{ConfigArguments, backend};
use crate::clock::Clock;
use crate::config::Config;
use crate::delivery;
use crate::message::{Block, Document, Inline, StoredMessage};
use crate::twake::{Job, Verdict, VerdictKind};

/// Maximum length of the text, in bytes.
const MAX_TEXT: u64 = 64 * 1024;

#[derive(clap::Args)]
pub(super) struct SendArguments {
    /// A channel of bridge.toml.
    channel: String,
    /// The text, posted literally (no Markdown); - reads it from standard input.
    text: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArguments,
}

/// Exits with 0 if the message was delivered, otherwise with 1.
pub(super) fn run(arguments: SendArguments) -> anyhow::Result<ExitCode> {
    let variables = backend::variables()?;
    let path = arguments.config.config.unwrap_or(variables.settings.config);
    let config = Config::load(&path, &variables.environment).map_err(super::wrong_configuration)?;
    let channel = arguments.channel.as_str();
    let Some(destination) = config.channels.get(channel) else {
        let known: Vec<&str> = config.channels.keys().map(|name| &**name).collect();
        bail!(
            "no channel `{channel}` is configured; the channels are: {}",
            known.join(", ")
        );
    };
    let message = literal(&text(arguments.text)?);
    let clock = Clock::system();
    let job = Job::post(clock.new_id(), 0, destination, &message);
    let sent = actix_web::rt::System::new().block_on(delivery::deliver(job, config.delivery.timeout, &clock));
    let sent = sent?;
    if arguments.json {
        let (object, code) = object(channel, &sent);
        writeln!(stdout(), "{}", json(&object)?)?;
        return Ok(code);
    }
    let (line, code) = report(channel, &sent);
    writeln!(stdout(), "{}", super::shown::visible_lines(&line))?;
    Ok(code)
}

fn text(argument: String) -> anyhow::Result<String> {
    let text = if argument == "-" {
        let mut text = String::new();
        let read = stdin().lock().take(MAX_TEXT + 1).read_to_string(&mut text);
        read.context("cannot read the text from standard input")?;
        text
    } else {
        argument
    };
    if text.len() as u64 > MAX_TEXT {
        bail!("the text is longer than {MAX_TEXT} bytes");
    }
    if text.trim().is_empty() {
        bail!("the text is empty");
    }
    Ok(text)
}

/// The literal text. Blank lines separate paragraphs, line ends become line breaks.
fn literal(text: &str) -> StoredMessage {
    let text = crate::message::control::lines(text.trim_end());
    let paragraphs = text
        .split("\n\n")
        .filter(|paragraph| !paragraph.trim().is_empty());
    let paragraph = |paragraph: &str| {
        let mut inlines = Vec::new();
        for line in paragraph.trim_matches('\n').split('\n') {
            if !inlines.is_empty() {
                inlines.push(Inline::Break);
            }
            inlines.push(Inline::Text(line.to_owned()));
        }
        Block::Paragraph(inlines)
    };
    StoredMessage::new(Document {
        blocks: paragraphs.map(paragraph).collect(),
    })
}

fn object(channel: &str, verdict: &Verdict) -> (Value, ExitCode) {
    let id = match &verdict.kind {
        VerdictKind::Delivered(id) => Some(&id.message),
        _ => None,
    };
    let object = json!({
        "channel": channel,
        "delivered": id.is_some(),
        "twake_id": id,
        "reason": verdict.reason.code(),
        "detail": verdict.detail,
        "hint": verdict.hint,
        "may_be_duplicate": verdict.may_be_duplicate,
        "notice": verdict.notice,
    });
    let failed = ExitCode::FAILURE;
    (object, if id.is_some() { ExitCode::SUCCESS } else { failed })
}

fn report(channel: &str, verdict: &Verdict) -> (String, ExitCode) {
    let reason = verdict.reason.code();
    let kind = match &verdict.kind {
        VerdictKind::Delivered(id) => {
            let notice = verdict
                .notice
                .as_ref()
                .map_or_else(String::new, |notice| format!("\n{notice}"));
            let line = format!("{channel}: delivered; Twake's id is {}{notice}", id.message);
            return (line, ExitCode::SUCCESS);
        }
        VerdictKind::Retry { .. } => "the bridge would try again",
        VerdictKind::Halt(_) => "the bridge would halt channels of the account until this is repaired",
        VerdictKind::Reject | VerdictKind::TargetGone | VerdictKind::Accepted => {
            "the bridge would make this message a dead letter"
        }
    };
    let detail = match verdict.detail.as_str() {
        "" => String::new(),
        detail => format!(" ({detail})"),
    };
    let twice = if verdict.may_be_duplicate {
        "\nTwake may have posted it nevertheless"
    } else {
        ""
    };
    let line = format!(
        "{channel}: not delivered: {reason}{detail}; {kind}{twice}\nwhat to do: {}",
        verdict.hint
    );
    (line, ExitCode::FAILURE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::plain;

    #[test]
    fn a_text_is_posted_literally() {
        let text = "**a** [b](http://e)\nline\u{1b}[31m two\r\n\n\n# c\n";
        let document = literal(text).message;
        assert_eq!(document.blocks.len(), 2);
        assert_eq!(plain::text(&document), "**a** [b](http://e)\nline [31m two\n# c");
    }
}
