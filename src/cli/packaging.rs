//! What a package brings along, made of the arguments themselves: the manual page and the shells' completions.

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use std::io::{self, Write as _, stdout};
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct CompletionsArguments {
    /// The shell.
    shell: Shell,
}

/// Prints the completions of a shell.
pub(super) fn completions(arguments: &CompletionsArguments) -> ExitCode {
    let mut command = super::Arguments::command();
    let mut out = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "twake-bridge", &mut out);
    print(&out)
}

/// Prints the manual page, all subcommands in one.
pub(super) fn manual() -> ExitCode {
    match page() {
        Ok(page) => print(&page),
        Err(_) => ExitCode::FAILURE,
    }
}

fn print(text: &[u8]) -> ExitCode {
    // A reader that went away has had enough.
    let _ = stdout().lock().write_all(text);
    ExitCode::SUCCESS
}

fn page() -> io::Result<Vec<u8>> {
    let mut command = super::Arguments::command();
    command.build();
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command.clone())
        .section("1")
        .manual("twake-bridge");
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    writeln!(page, ".SH COMMANDS")?;
    subcommands(&command, "twake-bridge", &mut page)?;
    man.render_extra_section(&mut page)?;
    Ok(page)
}

/// Each subcommand with its arguments; those of a group by their whole name.
fn subcommands(command: &Command, name: &str, page: &mut Vec<u8>) -> io::Result<()> {
    for subcommand in command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
    {
        let name = format!("{name} {}", subcommand.get_name());
        if subcommand.has_subcommands() {
            subcommands(subcommand, &name, page)?;
            continue;
        }
        writeln!(page, ".SS {name}")?;
        if let Some(about) = subcommand.get_about() {
            writeln!(page, "{}", roff(&about.to_string()))?;
        }
        let arguments = subcommand.get_arguments();
        for argument in
            arguments.filter(|argument| !["help", "version"].contains(&argument.get_id().as_str()))
        {
            let value = argument.get_value_names().unwrap_or_default().first();
            let value = value.filter(|_| argument.get_action().takes_values());
            let value = value
                .map(|value| format!(" \\fI{}\\fR", roff(value)))
                .unwrap_or_default();
            let name = match argument.get_long() {
                Some(long) => format!("\\fB\\-\\-{}\\fR{value}", roff(long)),
                None => value.trim_start().to_owned(),
            };
            writeln!(page, ".TP\n{name}")?;
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            writeln!(page, "{}", roff(&help))?;
        }
    }
    Ok(())
}

/// Text as it is, to roff.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    let line = |line: &str| {
        if line.starts_with(['.', '\'']) {
            format!("\\&{line}")
        } else {
            line.to_owned()
        }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
