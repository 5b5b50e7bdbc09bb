//! Questions on a terminal, or with the answers on the lines of standard input.

use anyhow::{Context as _, bail};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{BufRead, Read as _, Write, stdin};

use crate::secret::Secret;

/// Maximum length of an answer, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Asks questions on `out`, and reads a line for each answer.
pub(super) struct Interview<R, W> {
    answers: R,
    out: W,
    is_terminal: bool,
}

impl<R: BufRead, W: Write> Interview<R, W> {
    pub(super) fn new(answers: R, out: W, is_terminal: bool) -> Self {
        Self {
            answers,
            out,
            is_terminal,
        }
    }

    /// Prints a line that is no question.
    pub(super) fn explain(&mut self, text: &str) -> anyhow::Result<()> {
        Ok(writeln!(self.out, "{text}")?)
    }

    /// Asks until `right` accepts the answer, and returns what it makes of it. An empty answer is the default.
    pub(super) fn ask<T>(
        &mut self,
        question: &str,
        default: &str,
        right: impl Fn(&str) -> Result<T, String>,
    ) -> anyhow::Result<T> {
        let prompt = match default {
            "" => question.to_owned(),
            default => format!("{question} [{default}]"),
        };
        loop {
            let line = self.line(&prompt)?;
            let answer = match line.trim() {
                "" => default,
                answer => answer,
            };
            match right(answer) {
                Ok(value) => return Ok(value),
                Err(why) => self.explain(&format!("  {why}"))?,
            }
        }
    }

    /// Asks a question with the answer yes or no.
    pub(super) fn is_yes(&mut self, question: &str, default: bool) -> anyhow::Result<bool> {
        let default = if default { "yes" } else { "no" };
        self.ask(question, default, |answer| match answer.to_lowercase().as_str() {
            "y" | "yes" => Ok(true),
            "n" | "no" => Ok(false),
            _ => Err("answer yes or no".to_owned()),
        })
    }

    /// Asks for a secret. A terminal does not show what is typed.
    pub(super) fn secret(&mut self, question: &str) -> anyhow::Result<Secret> {
        loop {
            let hidden = self.is_terminal.then(HiddenInput::begin);
            let line = self.line(question)?;
            if hidden.is_some() {
                self.explain("")?;
            }
            drop(hidden);
            let secret = Secret::new(line.trim());
            if !secret.is_empty() {
                return Ok(secret);
            }
            self.explain("  it is empty: paste it, then press Enter")?;
        }
    }

    fn line(&mut self, prompt: &str) -> anyhow::Result<String> {
        write!(self.out, "{prompt}: ")?;
        self.out.flush()?;
        let mut line = String::new();
        let read = self.answers.by_ref().take(LONGEST).read_line(&mut line);
        let read = read.context("cannot read the answer from standard input")?;
        if !self.is_terminal {
            self.explain("")?;
        }
        if read == 0 {
            bail!("there is no answer to `{prompt}`: nothing was written");
        }
        Ok(line)
    }
}

/// While it lives, the terminal of standard input does not show what is typed.
struct HiddenInput(Option<Termios>);

impl HiddenInput {
    fn begin() -> Self {
        let Ok(before) = tcgetattr(stdin()) else {
            return Self(None);
        };
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        // A terminal that cannot do this shows the secret to the person who typed it.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &hidden);
        Self(Some(before))
    }
}

impl Drop for HiddenInput {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(stdin(), OptionalActions::Now, before);
        }
    }
}
