//! `twake-bridge kinds new`: writes the draft of a kind to the folder of own kinds.

use anyhow::{Context as _, bail};
use serde_json::json;
use std::fs::{self, File};
use std::io::{Read as _, Write as _, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::super::output::create;
use super::super::shown::{json, table};
use super::super::status::USAGE;
use super::super::{EX_CONFIG, check};
use crate::clock::Clock;
use crate::config::{Config, Limits, NoKind, builtin, env};
use crate::draft::{Draft, Recording, draft, recordings};
use crate::message::plain;
use crate::preview::{Input, Outcome, Target, preview};
use crate::suggest::{counted, shorten};
use crate::toml_reader::{NOT_A_NAME, is_name};

const EXAMPLES: &str = "\
Examples:
  twake-bridge kinds new acme deploy__failed.json deploy__done.json
  twake-bridge events show 0198… --body > payload.json && twake-bridge kinds new acme payload.json

A file is a payload as the sender sent it, one JSON object a line, a request as HTTP writes it (POST / HTTP/1.1, headers, a blank line, the \
body), or {\"headers\": {…}, \"body\": …}. With the headers, the event type and the authentication are found, too. A file \
named TYPE__DETAIL.json says which event type it is. Give one of each event, and for what ends, one of its start and one of its end.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct NewArguments {
    /// The name of the kind, such as acme.
    name: String,
    /// Files with payloads or recorded requests; - is standard input.
    #[arg(value_name = "PAYLOAD", required = true)]
    payloads: Vec<PathBuf>,
    /// The folder of own kinds. Default: that of bridge.toml, else templates beside it.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// The configuration. Default: TWAKE_BRIDGE_CONFIG.
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn new(arguments: &NewArguments) -> anyhow::Result<ExitCode> {
    let name = &arguments.name;
    if !is_name(name) {
        note!("twake-bridge: {name} cannot be the name of a kind: {NOT_A_NAME}");
        return Ok(ExitCode::from(USAGE));
    }
    if builtin::kinds().contains(&name.as_str()) {
        note!(
            "twake-bridge: {name} is a built-in kind; `kinds export` writes its files, or choose another name"
        );
        return Ok(ExitCode::from(USAGE));
    }
    let own = match own_folder(arguments) {
        Ok(own) => own,
        Err(status) => return Ok(status),
    };
    let folder = own.join(name);
    if folder.symlink_metadata().is_ok() {
        bail!("{} exists already: nothing was written", folder.display());
    }
    let mut recorded = Vec::new();
    for path in &arguments.payloads {
        recorded.extend(read(path)?);
    }
    let draft = draft(name, &recorded).map_err(anyhow::Error::msg)?;
    write(&folder, &draft)?;
    let messages = messages(name, &own);
    if arguments.json {
        writeln!(stdout(), "{}", json(&as_json(name, &folder, &draft, &messages))?)?;
    } else {
        let text = as_text(arguments, &folder, &draft, &messages, recorded.len());
        stdout().write_all(text.as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The folder of own kinds: `--folder`, else that of the configuration, else `templates` beside it.
fn own_folder(arguments: &NewArguments) -> Result<PathBuf, ExitCode> {
    if let Some(folder) = &arguments.folder {
        return Ok(folder.clone());
    }
    let variables = env::read().map_err(|findings| {
        check::print(&findings);
        ExitCode::from(EX_CONFIG)
    })?;
    let config = arguments.config.as_ref().unwrap_or(&variables.settings.config);
    let beside = config.parent().unwrap_or(Path::new("")).join("templates");
    // A configuration with mistakes is no reason not to draft a kind.
    let configured = Config::load(config, &variables.environment).ok();
    Ok(configured.and_then(|config| config.templates).unwrap_or(beside))
}

/// Reads the requests of a file.
fn read(path: &Path) -> anyhow::Result<Vec<Recording>> {
    let limit = Limits::default().body as u64 * 4;
    let mut content = Vec::new();
    let shown = path.display();
    if path == Path::new("-") {
        stdin()
            .lock()
            .take(limit + 1)
            .read_to_end(&mut content)
            .context("cannot read standard input")?;
    } else {
        let file = File::open(path).with_context(|| format!("cannot open {shown}"))?;
        file.take(limit + 1)
            .read_to_end(&mut content)
            .with_context(|| format!("cannot read {shown}"))?;
    }
    if content.len() as u64 > limit {
        bail!("{shown} is larger than {} MiB", limit >> 20);
    }
    let stem = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .filter(|stem| *stem != "-");
    let found =
        recordings(stem.unwrap_or("payload"), &content).map_err(|why| anyhow::anyhow!("{shown} {why}"))?;
    if let Some(large) = found
        .iter()
        .find(|recording| recording.body.len() > Limits::default().body)
    {
        bail!("{shown}: the payload {} is larger than a body may be", large.name);
    }
    Ok(found)
}

/// Writes the files into a folder that does not exist. After an error there is none.
fn write(folder: &Path, draft: &Draft) -> anyhow::Result<()> {
    let samples = folder.join("samples");
    let parent = folder.parent().unwrap_or(Path::new(""));
    let created = || -> anyhow::Result<()> {
        fs::create_dir_all(parent)
            .with_context(|| format!("cannot create the folder {}", parent.display()))?;
        fs::create_dir(folder).with_context(|| format!("cannot create the folder {}", folder.display()))
    };
    created()?;
    let written = fs::create_dir(&samples)
        .with_context(|| format!("cannot create the folder {}", samples.display()))
        .and_then(|()| {
            let mut files = draft.files.iter();
            files.try_for_each(|(path, content)| create(&folder.join(path), content, 0o644))
        });
    written.inspect_err(|_| {
        // This command has created the folder. The error of the write is the one to report.
        let _ = fs::remove_dir_all(folder);
    })
}

/// The first line of the message of each sample, or why there is none, from the files as they are now.
fn messages(name: &str, own: &Path) -> Vec<(String, String)> {
    let target = match Target::kind_alone(name, Some(own.to_owned())) {
        Ok((target, warnings)) => {
            check::print(&warnings);
            target
        }
        Err(NoKind::Wrong(findings)) => {
            check::print(&findings);
            return Vec::new();
        }
        Err(NoKind::Unknown(_)) => return Vec::new(),
    };
    let (samples, findings) = target.samples();
    check::print(&findings);
    let shown = |outcome: Outcome| match outcome {
        Outcome::Previewed(preview) => {
            let message = preview.decision.messages.first();
            let stored = message.and_then(|message| message.message.as_ref());
            let text = stored.map(|stored| plain::text(stored.document()));
            let skipped = message.and_then(|message| message.skip_reason.clone());
            text.or(skipped.map(|why| format!("nothing: {why}")))
                .unwrap_or_default()
        }
        Outcome::Answered { .. } => "a challenge".to_owned(),
        Outcome::Refused { why, .. } => why,
    };
    samples
        .iter()
        .map(|sample| {
            let input = Input {
                body: sample.body.clone(),
                suggested_type: Some(sample.event_type.clone()),
                sample: Some(sample.name.clone()),
                ..Input::default()
            };
            (
                sample.name.clone(),
                shown(preview(&target, input, &Clock::system())),
            )
        })
        .collect()
}

fn as_json(name: &str, folder: &Path, draft: &Draft, messages: &[(String, String)]) -> serde_json::Value {
    let files: Vec<&str> = draft.files.iter().map(|(path, _)| path.as_str()).collect();
    let guess = |guess: &crate::draft::Guess| json!({ "name": guess.name, "expression": guess.expression, "basis": guess.basis });
    let messages = messages
        .iter()
        .map(|(sample, text)| json!({ "sample": sample, "text": text }));
    json!({
        "kind": name,
        "folder": folder.display().to_string(),
        "files": files,
        "guesses": draft.guesses.iter().map(guess).collect::<Vec<_>>(),
        "to_do": draft.blanks,
        "messages": messages.collect::<Vec<_>>(),
    })
}

/// The most messages that are shown.
const SHOWN_MESSAGES: usize = 10;

fn as_text(
    arguments: &NewArguments,
    folder: &Path,
    draft: &Draft,
    messages: &[(String, String)],
    payloads: usize,
) -> String {
    let row = |guess: &crate::draft::Guess| {
        let expression = guess.expression.split_whitespace().collect::<Vec<_>>().join(" ");
        vec![guess.name.clone(), shorten(&expression, 60), guess.basis.clone()]
    };
    let guesses: Vec<Vec<String>> = draft.guesses.iter().map(row).collect();
    let message = |(sample, text): &(String, String)| {
        vec![
            sample.clone(),
            shorten(text.lines().next().unwrap_or_default(), 120),
        ]
    };
    let shown: Vec<Vec<String>> = messages.iter().take(SHOWN_MESSAGES).map(message).collect();
    let to_do: Vec<String> = (1..)
        .zip(&draft.blanks)
        .map(|(number, blank)| format!("  {number}. {blank}\n"))
        .collect();
    let to_do = to_do.concat();
    let config = arguments
        .config
        .as_ref()
        .map(|path| format!(" --config {}", path.display()))
        .unwrap_or_default();
    let sample = messages.first().map_or("…", |(sample, _)| sample);
    format!(
        "{}: {}, drafted from {}\n\n{}\n{}\nA person must still:\n{to_do}\nNext:\n  twake-bridge check{config}\n  \
         twake-bridge preview{config} --kind {} --sample {sample}\n",
        folder.display(),
        counted(draft.files.len(), "file"),
        counted(payloads, "payload"),
        table(&["GUESSED", "EXPRESSION", "BASIS"], &guesses),
        table(&["SAMPLE", "MESSAGE"], &shown),
        arguments.name,
    )
}
