//! `twake-bridge init`: asks what the bridge must know, and writes `bridge.toml` and the secrets.

mod answers;
mod interview;
mod paste;

use anyhow::{Context as _, bail};
use std::fs::{self, DirBuilder, File};
use std::io::{IsTerminal as _, Read as _, Write as _, stdin, stdout};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::output::create;
use super::status::EX_CONFIG;
use crate::authentication::secret_for;
use crate::config::{Config, Environment};
use crate::toml_reader::Finding;
use answers::{Answers, SECRETS};
use interview::Interview;

const EXAMPLES: &str = "\
Examples:
  twake-bridge init                    bridge.toml and secrets/ in this folder
  twake-bridge init /etc/twake-bridge

Each question has a default in brackets, or an example. The answers may also come from a file: twake-bridge init < answers. The \
secret of the sender comes from the system's source of random numbers. Secrets are files that only their owner can read; they \
are not printed.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct InitArguments {
    /// The folder of bridge.toml. It is created if it does not exist.
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

pub(super) fn run(arguments: &InitArguments) -> anyhow::Result<ExitCode> {
    let folder = &arguments.folder;
    let file = folder.join("bridge.toml");
    if file.symlink_metadata().is_ok() {
        bail!(
            "{} exists already, and init overwrites nothing: add to it by hand (`twake-bridge check` reports mistakes), or give \
             another folder",
            file.display()
        );
    }
    let has_secret = |name: &str| secret_file(folder, name).symlink_metadata().is_ok();
    let is_terminal = stdin().is_terminal();
    let answers = Answers::ask(
        &mut Interview::new(stdin().lock(), stdout(), is_terminal),
        &has_secret,
    )?;
    match write(folder, &file, &answers)? {
        Ok(next) => {
            writeln!(stdout(), "{}", super::shown::visible_lines(&next))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(findings) => {
            super::check::print(&findings);
            note!("nothing was written: start again with other answers");
            Ok(ExitCode::from(EX_CONFIG))
        }
    }
}

/// Writes the secrets, and then `bridge.toml` if the bridge accepts it. Otherwise removes what was written. Returns the next
/// steps, or the findings about the answers.
fn write(folder: &Path, file: &Path, answers: &Answers) -> anyhow::Result<Result<String, Vec<Finding>>> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create the folder {}", folder.display()))?;
    let secrets = folder.join(SECRETS);
    if !secrets.is_dir() {
        let created = DirBuilder::new().mode(0o700).create(&secrets);
        created.with_context(|| format!("cannot create the folder {}", secrets.display()))?;
    }
    let mut written = Vec::new();
    let result = write_all(folder, file, answers, &mut written);
    if !matches!(result, Ok(Ok(()))) {
        for path in written {
            // The files are new, so nobody uses them yet.
            let _ = fs::remove_file(path);
        }
    }
    Ok(result?.map(|()| paste::next_steps(folder, file, answers)))
}

fn write_all(
    folder: &Path,
    file: &Path,
    answers: &Answers,
    written: &mut Vec<PathBuf>,
) -> anyhow::Result<Result<(), Vec<Finding>>> {
    let made = match &answers.source_scheme {
        Some(scheme) => Some((answers.source_secret(), secret_for(scheme, &random()?))),
        None => None,
    };
    let given = answers
        .account_secret
        .clone()
        .map(|secret| (answers.account_secret_name(), secret));
    for (name, secret) in given.into_iter().chain(made) {
        let path = secret_file(folder, name);
        // A secret that is there already is used as it is.
        if path.symlink_metadata().is_err() {
            create(&path, format!("{}\n", secret.expose()).as_bytes(), 0o600)?;
            written.push(path);
        }
    }
    let text = answers.bridge_toml();
    if let Err(findings) = Config::from_text(&text, folder, &Environment::none()) {
        return Ok(Err(findings));
    }
    create(file, text.as_bytes(), 0o644)?;
    Ok(Ok(()))
}

fn secret_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(SECRETS).join(name)
}

/// 32 bytes of the system's random numbers, in hexadecimal.
fn random() -> anyhow::Result<String> {
    let mut bytes = [0; 32];
    let read = File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes));
    read.context("cannot read random numbers from /dev/urandom")?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests;
