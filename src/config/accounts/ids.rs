//! Ids of Twake's companies, workspaces and channels.

use crate::toml_reader::{Findings, Located};
use crate::twake::Api;
use crate::twake::matrix::Room;

/// The ids of Twake.
#[derive(Clone, Copy)]
pub enum Id {
    /// Of an application.
    Application,
    /// Of a company.
    Group,
    /// Of a workspace.
    Workspace,
    /// Of a channel.
    Channel,
}

impl Id {
    /// Its key, what it is of, and what it follows in the address of the web client.
    pub(super) fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Application => ("public_id", "application", "/applications/"),
            Self::Group => ("group_id", "company", "/client/"),
            Self::Workspace => ("workspace_id", "workspace", "/w/"),
            Self::Channel => ("channel_id", "channel", "/c/"),
        }
    }

    /// Returns what is wrong with a text as this id in an account with this API, and what to write instead.
    ///
    /// # Errors
    /// A room of Matrix, a link, the name of a channel, a placeholder of the documents, and text with blanks around it.
    pub fn check(self, text: &str, api: Api) -> Result<(), String> {
        let (_, of, before) = self.words();
        Err(if Room::parse(text).is_ok() {
            format!(
                "is a room of Matrix, and the account has api = \"{}\"",
                api.name()
            )
        } else if text.contains('/') {
            let after = text.split_once(before).map_or("", |(_, after)| after);
            match after.split(['/', '?', '#']).next() {
                Some(near) if !near.is_empty() => format!("is a link, not an id, did you mean \"{near}\"?"),
                _ => format!("is a link, not an id: write the part of it that follows {before}"),
            }
        } else if text.starts_with('#') {
            format!(
                "is no id of a {of}, but a name: write what follows {before} in the address of the web client"
            )
        } else if let Some(what) = placeholder(text, self) {
            what
        } else if text.trim() != text {
            format!("has blanks around it, did you mean \"{}\"?", text.trim())
        } else {
            return Ok(());
        })
    }
}

/// Returns where the id of Twake that a placeholder of the documents stands for is found. `None`: the text is no placeholder. No
/// id of Twake has blanks inside, an ellipsis or angle brackets.
fn placeholder(text: &str, of: Id) -> Option<String> {
    let text = text.trim();
    if !text.contains([' ', '…', '<', '>']) && !text.contains("...") {
        return None;
    }
    let (key, of_what, before) = of.words();
    let what = match of {
        Id::Application => {
            "the public identifier, which Twake shows with the application under Applications and connectors"
                .to_owned()
        }
        Id::Group | Id::Workspace | Id::Channel => {
            format!(
                "the {of_what}'s id, which follows {before} in the address of the web client (docs/twake.md finds it elsewhere)"
            )
        }
    };
    Some(format!("is a placeholder: write {key} = \"…\" with {what}"))
}

/// Checks ids of Twake in a table of `bridge.toml`.
pub(super) struct Ids<'a> {
    pub(super) api: Api,
    pub(super) table: &'a str,
    pub(super) findings: &'a Findings,
}

impl Ids<'_> {
    /// The id, after a finding if it is none.
    pub(super) fn of(&self, id: Located<String>, of: Id) -> String {
        if let Err(what) = of.check(&id.value, self.api) {
            let (key, ..) = of.words();
            self.findings.error(id.at, &format!("{}.{key}", self.table), what);
        }
        id.value
    }
}
