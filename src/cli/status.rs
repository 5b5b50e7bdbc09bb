//! The exit statuses of the commands. Each help ends with those of its command.

use clap::Command;
use std::fmt::Write as _;

/// Exit statuses and what they mean.
type Statuses = &'static [(u8, &'static str)];

/// A wrong configuration, from `sysexits.h`. A supervisor does not restart the program after it.
pub(super) const EX_CONFIG: u8 = 78;

/// A wrong command line: also a source, kind or sample that does not exist.
pub(super) const USAGE: u8 = 2;

const WRONG: (u8, &str) = (
    EX_CONFIG,
    "the configuration or a TWAKE_BRIDGE_ variable is wrong",
);

/// The statuses of a command, without [`USAGE`], which every command has.
const COMMANDS: &[(&str, Statuses)] = &[
    (
        "serve",
        &[
            (0, "stopped by a signal"),
            (1, "it could not start, or it failed"),
            WRONG,
        ],
    ),
    ("check", &[(0, "no error"), (EX_CONFIG, "an error was found")]),
    (
        "preview",
        &[
            (0, "the request would be accepted"),
            (1, "it is not authentic, or cannot be read"),
            WRONG,
        ],
    ),
    ("demo", &[(0, "ended as asked"), (1, "it failed")]),
    ("sandbox", &[(0, "stopped by a signal"), (1, "it failed")]),
    (
        "init",
        &[
            (0, "written"),
            (1, "nothing was written: an answer is missing, or the file exists"),
            (
                EX_CONFIG,
                "nothing was written: the answers are no right configuration",
            ),
        ],
    ),
    ("send", &[(0, "delivered"), (1, "not delivered"), WRONG]),
    (
        "test",
        &[
            (0, "accepted, and each message is delivered or skipped"),
            (1, "refused, not delivered in time, or no bridge answers"),
            WRONG,
        ],
    ),
    (
        "reload",
        &[
            (0, "reloaded"),
            (1, "no bridge answers"),
            (EX_CONFIG, "refused: the previous configuration stays in use"),
        ],
    ),
    (
        "health",
        &[(0, "healthy"), (1, "not healthy, or no bridge answers"), WRONG],
    ),
    ("schema", &[(0, "printed")]),
    ("completions", &[(0, "printed")]),
    ("manual", &[(0, "written"), (1, "not written")]),
    ("kinds list", &[(0, "printed")]),
    (
        "kinds export",
        &[
            (0, "written"),
            (
                1,
                "nothing was written: a file exists, or the folder cannot be used",
            ),
        ],
    ),
    (
        "kinds new",
        &[
            (0, "written"),
            (
                1,
                "nothing was written: the folder exists, or a payload cannot be read",
            ),
            WRONG,
        ],
    ),
];

/// The statuses of every other command.
const OTHERS: Statuses = &[(0, "done"), (1, "it failed, or was not confirmed"), WRONG];

/// Adds the exit statuses to the help of every command.
pub(super) fn documented(command: Command) -> Command {
    command.mut_subcommands(|sub| with_statuses(sub, ""))
}

fn with_statuses(command: Command, above: &str) -> Command {
    let path = format!("{above}{}", command.get_name());
    if command.has_subcommands() {
        return command.mut_subcommands(|sub| with_statuses(sub, &format!("{path} ")));
    }
    let known = COMMANDS.iter().find(|(name, _)| *name == path);
    let mut statuses = known.map_or(OTHERS, |(_, statuses)| statuses).to_vec();
    statuses.push((USAGE, "the command line is wrong"));
    statuses.sort_unstable();
    let mut help = command
        .get_after_help()
        .map_or_else(String::new, |help| format!("{help}\n\n"));
    help.push_str("Exit status:");
    for (status, meaning) in statuses {
        // Writing to a String cannot fail.
        let _ = write!(help, "\n  {status:<2}  {meaning}");
    }
    command.after_help(help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Arguments;
    use clap::CommandFactory as _;
    use std::collections::BTreeSet;

    fn leaves(command: &Command, above: &str, found: &mut BTreeSet<String>) {
        for sub in command.get_subcommands() {
            let path = format!("{above}{}", sub.get_name());
            if sub.has_subcommands() {
                leaves(sub, &format!("{path} "), found);
            } else {
                let help = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert_eq!(help.matches("Exit status:").count(), 1, "{path}: {help}");
                assert!(
                    help.contains("\n  0   ") && help.contains("\n  2   "),
                    "{path}: {help}"
                );
                found.insert(path);
            }
        }
    }

    #[test]
    fn the_help_of_every_command_lists_its_exit_statuses() {
        let mut found = BTreeSet::new();
        leaves(&documented(Arguments::command()), "", &mut found);
        for (name, _) in COMMANDS {
            assert!(found.contains(*name), "{name} is no command: {found:?}");
        }
    }
}
