//! What `init` asks, and the `bridge.toml` that follows from the answers.

use anyhow::bail;
use std::io::{BufRead, Write};
use url::Url;

use super::interview::Interview;
use crate::authentication::Scheme;
use crate::config::{self, Id, builtin};
use crate::secret::Secret;
use crate::suggest::unknown;
use crate::toml_reader::{NOT_A_NAME, is_name};
use crate::twake::Api;
use crate::twake::matrix::Room;

/// The folder of the secrets, beside `bridge.toml`.
pub(super) const SECRETS: &str = "secrets";

/// An example of an id of Twake.
const ID: &str = "00000000-0000-0000-0000-000000000001";

/// The answers.
pub(super) struct Answers {
    api: Api,
    url: Url,
    /// The application's public identifier; the company; the workspace. Unset where the API has none.
    public_id: Option<String>,
    group_id: Option<String>,
    workspace_id: Option<String>,
    /// The private key or the access token. `None`: its file is there already.
    pub(super) account_secret: Option<Secret>,
    /// The names of the channels, and their ids or rooms.
    pub(super) channels: Vec<(String, String)>,
    pub(super) kind: String,
    /// The sender's name for people.
    pub(super) title: String,
    /// `None`: the kind needs no secret.
    pub(super) source_scheme: Option<Scheme>,
    /// Where the sender reaches the bridge.
    pub(super) public_url: Url,
}

impl Answers {
    /// Asks. `has_secret`: whether there is a file for the secret of this name already.
    pub(super) fn ask<R: BufRead, W: Write>(
        interview: &mut Interview<R, W>,
        has_secret: &dyn Fn(&str) -> bool,
    ) -> anyhow::Result<Self> {
        let (api, host) = which_twake(interview)?;
        let url = match api {
            Api::Matrix => "The address of the homeserver: base_url in that answer",
            Api::MessagesSave | Api::Threads => "The address of the API",
        };
        let url = interview.ask(url, host.as_str(), address)?;
        let mut ask = |question: &str, parse: &dyn Fn(&str) -> Result<String, String>| {
            let question = format!("{question}, such as {ID}");
            interview.ask(&question, "", parse).map(Some)
        };
        let (mut public_id, mut group_id, mut workspace_id) = (None, None, None);
        if api != Api::Matrix {
            public_id = ask("The application's public identifier", &filled)?;
            group_id = ask(
                "The company's id: after /client/ in the address of the web client",
                &|text| id(text, Id::Group, api),
            )?;
        }
        if api == Api::Threads {
            workspace_id = ask("The workspace's id: after /w/", &|text| {
                id(text, Id::Workspace, api)
            })?;
        }
        let mut answers = Self {
            api,
            url,
            public_id,
            group_id,
            workspace_id,
            account_secret: None,
            channels: Vec::new(),
            kind: String::new(),
            title: String::new(),
            source_scheme: None,
            public_url: host,
        };
        let name = answers.account_secret_name();
        if has_secret(name) {
            interview.explain(&format!("{} is there already, and is used.", in_secrets(name)))?;
        } else {
            let question = match api {
                Api::Matrix => "The access token of the bridge's account (not shown)",
                Api::MessagesSave | Api::Threads => "The application's private key (not shown)",
            };
            answers.account_secret = Some(interview.secret(question)?);
        }
        answers.ask_channels(interview)?;
        answers.ask_source(interview)?;
        Ok(answers)
    }

    fn ask_channels<R: BufRead, W: Write>(&mut self, interview: &mut Interview<R, W>) -> anyhow::Result<()> {
        let api = self.api;
        let question = match api {
            Api::Matrix => "Its room, such as #dev:example.org".to_owned(),
            Api::MessagesSave | Api::Threads => {
                format!("Its id: after /c/ in the address of the web client, such as {ID}")
            }
        };
        let mut name = interview.ask("A channel, by a name of your choice", "dev", self::name)?;
        while !name.is_empty() {
            let at = interview.ask(&question, "", |text| match api {
                Api::Matrix => Room::parse(text).map(|_| text.to_owned()),
                Api::MessagesSave | Api::Threads => id(text, Id::Channel, api),
            })?;
            self.channels.push((name, at));
            let known: Vec<&str> = self.channels.iter().map(|(name, _)| name.as_str()).collect();
            name = interview.ask("Another channel (empty: no more)", "", |text| match text {
                "" => Ok(String::new()),
                text if known.contains(&text) => Err("this channel was given already".to_owned()),
                text => self::name(text),
            })?;
        }
        Ok(())
    }

    fn ask_source<R: BufRead, W: Write>(&mut self, interview: &mut Interview<R, W>) -> anyhow::Result<()> {
        let kinds = builtin::kinds();
        interview.explain(&format!("\nThe kinds of senders: {}", kinds.join(", ")))?;
        self.kind = interview.ask("The first sender", "github", |kind| {
            let is_known = kinds.contains(&kind);
            let wrong = || unknown("kind", kind, kinds.iter().copied());
            is_known.then(|| kind.to_owned()).ok_or_else(wrong)
        })?;
        let Ok((loaded, _)) = config::kind_alone(&self.kind, None) else {
            bail!("the built-in kind {} cannot be read", self.kind);
        };
        self.title.clone_from(&loaded.kind.title);
        self.source_scheme = loaded
            .kind
            .scheme_with_secret()
            .filter(|scheme| !scheme.is_open())
            .cloned();
        let default = match self.kind.as_str() {
            "alertmanager" => "http://127.0.0.1:8080",
            _ => "https://bridge.example.org",
        };
        self.public_url = interview.ask(
            "The address at which the sender reaches the bridge",
            default,
            address,
        )?;
        Ok(())
    }

    /// The name of the file with the secret of the account.
    pub(super) fn account_secret_name(&self) -> &'static str {
        match self.api {
            Api::Matrix => "matrix",
            Api::MessagesSave | Api::Threads => "twake",
        }
    }

    /// The name of the file with the secret of the source.
    pub(super) fn source_secret(&self) -> &str {
        &self.kind
    }

    /// The commented configuration.
    pub(super) fn bridge_toml(&self) -> String {
        let channel = |(name, id): &(String, String)| format!("{name} = {}\n", quoted(id));
        let channels: String = self.channels.iter().map(channel).collect();
        let names: Vec<String> = self.channels.iter().map(|(name, _)| quoted(name)).collect();
        let secrets = match self.source_scheme {
            Some(_) => format!(
                "# The secret that the sender and the bridge share.\nsecrets = [{{ file = {} }}]\n",
                quoted(&in_secrets(self.source_secret()))
            ),
            None => String::new(),
        };
        format!(
            "\
# The configuration of twake-bridge, written by `twake-bridge init`. Relative paths are relative to this file.
# `twake-bridge check` reports mistakes. docs/configuration.md explains every key.

# The account: a Twake, and who posts there.
[twake.main]
{account}
# The channels, by a name of your choice. Waiting messages belong to the name.
[channels]
{channels}
# A source: its webhooks are posted to /hooks/{kind}.
[sources.{kind}]
kind = \"{kind}\"
{secrets}# The channels of every event. A route can choose others: docs/configuration.md#routes
channels = [{names}]
",
            account = self.account(),
            kind = self.kind,
            names = names.join(", "),
        )
    }

    /// The keys of the account.
    fn account(&self) -> String {
        let (token, about) = match self.api {
            Api::Matrix => ("access_token", "The access token of the bridge's account."),
            Api::MessagesSave | Api::Threads => ("private_api_key", "The application's private key."),
        };
        let ids = [
            (
                "public_id",
                &self.public_id,
                "The application's public identifier.",
            ),
            (
                "group_id",
                &self.group_id,
                "The company of the channels that name none.",
            ),
            (
                "workspace_id",
                &self.workspace_id,
                "The workspace of the channels that name none.",
            ),
        ];
        let id = |(key, value, about): (&str, &Option<String>, &str)| {
            let value = quoted(value.as_ref()?);
            Some(format!("# {about}\n{key} = {value}\n"))
        };
        format!(
            "api = {}\nurl = {}\n{}# {about}\n{token} = {{ file = {} }}\n",
            quoted(self.api.name()),
            quoted(self.url.as_str()),
            ids.into_iter().filter_map(id).collect::<String>(),
            quoted(&in_secrets(self.account_secret_name())),
        )
    }
}

/// The three questions of docs/which-twake.md, and the address that people type.
fn which_twake<R: BufRead, W: Write>(interview: &mut Interview<R, W>) -> anyhow::Result<(Api, Url)> {
    interview.explain(
        "Three products have the name Twake. Three questions show which one you have (docs/which-twake.md).\n\
         To try without one: `twake-bridge sandbox`, its address http://127.0.0.1:8090, and its key.\n",
    )?;
    let question = "The address that people type into the browser, such as https://chat.example.org";
    let host = interview.ask(question, "", address)?;
    let at = host.as_str().trim_end_matches('/');
    interview.explain(&format!("\n  curl -s {at}/.well-known/matrix/client"))?;
    let question =
        "Does this print JSON with m.homeserver, or do people log in with an id such as @ann:example.org?";
    if interview.is_yes(question, false)? {
        return Ok((Api::Matrix, host));
    }
    interview.explain(&format!("\n  curl -s -X POST {at}/api/v1/messages/save"))?;
    if interview.is_yes("Does this print {\"error\":\"Not found\"}?", false)? {
        return Ok((Api::Threads, host));
    }
    if interview.is_yes("Does it print another \"error\"?", true)? {
        return Ok((Api::MessagesSave, host));
    }
    bail!("no Twake that the bridge knows answers at {at}: see docs/which-twake.md; nothing was written");
}

fn address(text: &str) -> Result<Url, String> {
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let url = Url::parse(&with_scheme).ok();
    let url =
        url.filter(|url| !text.is_empty() && ["http", "https"].contains(&url.scheme()) && url.has_host());
    url.ok_or_else(|| "this is no address: write https://NAME".to_owned())
}

fn filled(text: &str) -> Result<String, String> {
    let empty = || format!("it is empty: write it as in {ID}");
    (!text.is_empty()).then(|| text.to_owned()).ok_or_else(empty)
}

/// An id of Twake.
fn id(text: &str, of: Id, api: Api) -> Result<String, String> {
    of.check(text, api).map_err(|what| format!("this {what}"))?;
    filled(text)
}

fn name(text: &str) -> Result<String, String> {
    let wrong = || NOT_A_NAME.to_owned();
    is_name(text).then(|| text.to_owned()).ok_or_else(wrong)
}

/// The path of a secret, relative to `bridge.toml`.
pub(super) fn in_secrets(name: &str) -> String {
    format!("{SECRETS}/{name}")
}

/// A text as a value of TOML.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
