//! `twake-bridge kinds`: the built-in kinds of senders, and their files, to be changed; and drafts of own kinds.

mod new;

use anyhow::{Context as _, bail};
use serde_json::json;
use std::fs;
use std::io::{Write as _, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::output::create;
use super::shown::{json, table};
use super::status::USAGE;
use crate::config::{KindSummary, builtin, kind_summaries};
use crate::suggest::{counted, unknown};
use crate::toml_reader::{NOT_A_NAME, is_name};

#[derive(clap::Subcommand)]
pub(super) enum KindsCommand {
    /// List the built-in kinds of senders.
    List(ListArguments),
    /// Write the files of a built-in kind to a folder: source.toml, templates and samples. No file is overwritten.
    Export(ExportArguments),
    /// Draft a kind of your own from payloads that its sender sent: source.toml, templates, samples. Nothing is overwritten.
    New(new::NewArguments),
}

#[derive(clap::Args)]
pub(super) struct ListArguments {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  twake-bridge kinds export github templates/our-github   a kind of your own: kind = \"our-github\"
  twake-bridge kinds export github templates/github       your files in place of the built-in ones

The folder `templates` is beside bridge.toml. A template in templates/github replaces the built-in one of its name; delete the \
files that you do not change, so that they follow upgrades of the bridge. templates/README.md explains the files.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ExportArguments {
    /// The built-in kind.
    kind: String,
    /// The folder. Its name is the name of the kind in bridge.toml.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: &KindsCommand) -> anyhow::Result<ExitCode> {
    match command {
        KindsCommand::List(arguments) => list(arguments),
        KindsCommand::Export(arguments) => export(arguments),
        KindsCommand::New(arguments) => new::new(arguments),
    }
}

/// A kind in the list.
#[derive(serde::Serialize)]
struct Listed {
    kind: String,
    title: String,
    schemes: Vec<String>,
    samples: usize,
}

impl From<KindSummary> for Listed {
    fn from(summary: KindSummary) -> Self {
        Self {
            kind: summary.name,
            title: summary.title,
            schemes: summary.schemes,
            samples: summary.samples,
        }
    }
}

fn list(arguments: &ListArguments) -> anyhow::Result<ExitCode> {
    let kinds: Vec<Listed> = kind_summaries(None).into_iter().map(Listed::from).collect();
    let mut out = stdout().lock();
    if arguments.json {
        writeln!(out, "{}", json(&kinds)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |kind: &Listed| {
        vec![
            kind.kind.clone(),
            kind.title.clone(),
            kind.schemes.join(", "),
            kind.samples.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = kinds.iter().map(row).collect();
    let heading = ["KIND", "SENDER", "AUTHENTICATION", "SAMPLES"];
    out.write_all(table(&heading, &rows).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn export(arguments: &ExportArguments) -> anyhow::Result<ExitCode> {
    let ExportArguments {
        kind,
        folder,
        json: as_json,
    } = arguments;
    if !builtin::kinds().contains(&kind.as_str()) {
        note!(
            "twake-bridge: {}",
            unknown("built-in kind", kind, builtin::kinds().into_iter())
        );
        return Ok(ExitCode::from(USAGE));
    }
    let name = name_of(folder)?;
    let files = builtin::files(kind);
    let existing: Vec<&str> = files
        .iter()
        .map(|(path, _)| path.as_str())
        .filter(|path| folder.join(path).symlink_metadata().is_ok())
        .collect();
    if let [first, others @ ..] = existing.as_slice() {
        let more = match others.len() {
            0 => String::new(),
            more => format!(" and {} more", counted(more, "file")),
        };
        bail!(
            "{} has {first}{more} already: nothing was written; choose another folder",
            folder.display()
        );
    }
    for (path, content) in &files {
        let path = folder.join(path);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent)
            .with_context(|| format!("cannot create the folder {}", parent.display()))?;
        create(&path, content, 0o644)?;
    }
    if *as_json {
        let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
        let written =
            json!({ "kind": name, "of": kind, "folder": folder.display().to_string(), "files": paths });
        writeln!(stdout(), "{}", json(&written)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let next = if name == *kind {
        "they replace the built-in ones; delete those that you do not change"
    } else {
        "use them in a source"
    };
    let mut out = stdout().lock();
    let files = counted(files.len(), "file");
    writeln!(
        out,
        "{}: {files} of the kind {kind}\n\nNext: {next}.",
        folder.display()
    )?;
    for (command, what) in [
        (
            format!("kind = \"{name}\""),
            "in bridge.toml; the folder `templates` is beside it",
        ),
        (
            "twake-bridge check".to_owned(),
            "tries each template with each sample",
        ),
        (
            format!("twake-bridge preview --kind {name} --sample …"),
            "shows a message",
        ),
    ] {
        writeln!(out, "  {command:<56}  {what}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The name of the kind that a folder makes.
fn name_of(folder: &Path) -> anyhow::Result<&str> {
    let name = folder.file_name().and_then(|name| name.to_str());
    match name.filter(|name| is_name(name)) {
        Some(name) => Ok(name),
        None => bail!(
            "{} is no folder of a kind: {NOT_A_NAME}, such as templates/our-github",
            folder.display()
        ),
    }
}
