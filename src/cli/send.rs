//! `twake-bridge send`: one message to one channel, at once and past the queue.

use anyhow::{Context, bail};
use std::io::{Read as _, stdin};
use std::io::{Write as _, stdout};
use std::process::ExitCode;

use super::{ConfigArguments, backend};
use crate::clock::Clock;
use crate::config::Config;
use crate::delivery;
use crate::message::{Block, Document, Inline, StoredMessage};
use crate::twake::{Job, Verdict, VerdictKind};

/// The longest text, in bytes: more is no message.
const LONGEST_TEXT: u64 = 64 * 1024;

#[derive(clap::Args)]
pub(super) struct SendArguments {
    /// A channel of bridge.toml.
    channel: String,
    /// What to say, literally (no Markdown); - reads it from standard input.
    text: String,
    #[command(flatten)]
    config: ConfigArguments,
}

/// 0 when Twake has it, 1 when not.
pub(super) fn run(arguments: SendArguments) -> anyhow::Result<ExitCode> {
    let variables = backend::variables()?;
    let path = arguments.config.config.unwrap_or(variables.settings.config);
    let config = match Config::load(&path, &variables.environment) {
        Ok(config) => config,
        Err(findings) => {
            super::check::print(&findings);
            return Ok(ExitCode::from(super::EX_CONFIG));
        }
    };
    let channel = arguments.channel.as_str();
    let Some(destination) = config.channels.get(channel) else {
        let known: Vec<&str> = config.channels.keys().map(|name| &**name).collect();
        bail!(
            "no channel `{channel}` is configured; there are: {}",
            known.join(", ")
        );
    };
    let message = literal(&text(arguments.text)?);
    let clock = Clock::system();
    let job = Job::post(clock.new_id(), 0, destination, &message);
    let sent = actix_web::rt::System::new().block_on(delivery::deliver(job, config.delivery.timeout, &clock));
    let (line, code) = report(channel, &sent?);
    writeln!(stdout(), "{}", super::shown::visible_lines(&line))?;
    Ok(code)
}

fn text(argument: String) -> anyhow::Result<String> {
    let text = if argument == "-" {
        let mut text = String::new();
        let read = stdin().lock().take(LONGEST_TEXT + 1).read_to_string(&mut text);
        read.context("cannot read the text from standard input")?;
        text
    } else {
        argument
    };
    if text.len() as u64 > LONGEST_TEXT {
        bail!("the text is longer than {LONGEST_TEXT} bytes");
    }
    if text.trim().is_empty() {
        bail!("there is nothing to say");
    }
    Ok(text)
}

/// The text as it is: a paragraph where a blank line ends one, a break where a line does.
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
    StoredMessage {
        v: 1,
        message: Document {
            blocks: paragraphs.map(paragraph).collect(),
        },
        ephemeral: false,
    }
}

fn report(channel: &str, verdict: &Verdict) -> (String, ExitCode) {
    let reason = verdict.reason.code();
    let kind = match &verdict.kind {
        VerdictKind::Delivered(id) => {
            let line = format!("{channel}: delivered; Twake's id is {}", id.message);
            return (line, ExitCode::SUCCESS);
        }
        VerdictKind::Retry { .. } => "the bridge would try again",
        VerdictKind::Halt(_) => "the bridge would halt the account's channels until it is mended",
        VerdictKind::Reject | VerdictKind::TargetGone | VerdictKind::Accepted => {
            "the bridge would give this message up"
        }
    };
    let detail = match verdict.detail.as_str() {
        "" => String::new(),
        detail => format!(" ({detail})"),
    };
    let twice = if verdict.may_be_duplicate {
        "\nTwake may have it all the same"
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
