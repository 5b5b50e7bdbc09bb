//! The program in front of a homeserver: its configuration, posts to its sources, and what it reports of its channels.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

use super::people::Person;
use crate::harness::{GITHUB_SECRET, post_push};
use crate::program::{Served, output_of, output_text, printed, program, serve};

/// The files of a bridge: accounts, channels, and a source of each channel's name.
pub(super) struct Setup {
    folder: TempDir,
    text: String,
}

/// A running bridge.
pub(super) struct Bridge {
    setup: Setup,
    served: Served,
}

impl Setup {
    pub(super) fn new() -> Self {
        let setup = Self {
            folder: tempfile::tempdir().unwrap(),
            text: String::new(),
        };
        setup.write("github", GITHUB_SECRET);
        setup
    }

    /// With the account `main`.
    pub(super) fn of(url: &str, bot: &Person) -> Self {
        let mut setup = Self::new();
        setup.account("main", url, bot);
        setup
    }

    /// Adds an account with an access token.
    pub(super) fn account(&mut self, name: &str, url: &str, bot: &Person) {
        self.write_token(name, bot);
        let access = format!("access_token = {{ file = \"{name}.token\" }}");
        let refresh = if bot.refresh.is_empty() {
            String::new()
        } else {
            self.write(&format!("{name}.refresh"), &bot.refresh);
            format!("refresh_token = {{ file = \"{name}.refresh\" }}")
        };
        self.table(name, url, &format!("{access}\n{refresh}"));
    }

    /// Adds the account of an application service.
    pub(super) fn application_service(&mut self, name: &str, url: &str, user: &str) {
        self.write("as.token", "as_0123456789abcdefghijklmnopqrstuv");
        self.table(
            name,
            url,
            &format!("as_token = {{ file = \"as.token\" }}\nuser_id = \"{user}\""),
        );
    }

    fn table(&mut self, name: &str, url: &str, credentials: &str) {
        self.more(&format!(
            "[twake.{name}]\napi = \"matrix\"\nurl = \"{url}\"\n{credentials}"
        ));
    }

    /// Writes the registration of the application service; returns its path.
    pub(super) async fn registration(&self) -> PathBuf {
        self.write_configuration();
        let mut command = program();
        command
            .args(["matrix", "registration"])
            .current_dir(self.folder.path());
        self.write("registration.yaml", &printed(command).await)
    }

    /// Replaces the account's token.
    pub(super) fn write_token(&self, account: &str, bot: &Person) {
        self.write(&format!("{account}.token"), &bot.token);
    }

    /// Adds a channel, and a source of this name that posts to it.
    pub(super) fn channel(&mut self, name: &str, account: &str, room: &str) {
        self.more(&format!(
            "[channels.{name}]\naccount = \"{account}\"\nroom = \"{room}\"\n[sources.{name}]\nkind = \"github\"\n\
             secrets = [{{ file = \"github\" }}]\nchannels = [\"{name}\"]"
        ));
    }

    /// Adds lines.
    pub(super) fn more(&mut self, lines: &str) {
        self.text.push_str(lines);
        self.text.push('\n');
    }

    /// Replaces a part of the configuration.
    pub(super) fn replace(&mut self, old: &str, new: &str) {
        assert!(self.text.contains(old), "{old:?} in {}", self.text);
        self.text = self.text.replace(old, new);
        self.write_configuration();
    }

    fn write_configuration(&self) -> PathBuf {
        // Without digests.
        let without = "[delivery]\ndigest_above = 0\nrate = \"1000000/s\"\n";
        let text = if self.text.contains("[delivery]\n") {
            self.text.replace("[delivery]\n", without)
        } else {
            format!("{}{without}", self.text)
        };
        self.write("bridge.toml", &text)
    }

    /// Writes a file; returns its path.
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn store(&self) -> String {
        format!("sqlite:{}", self.folder.path().join("bridge.db").display())
    }

    /// The output of `check --live`.
    pub(super) async fn check_live(&self) -> String {
        self.write_configuration();
        let mut command = program();
        command
            .args(["check", "--live"])
            .current_dir(self.folder.path())
            .env("TWAKE_BRIDGE_STORE", self.store())
            .env("TWAKE_BRIDGE_LISTEN", "127.0.0.1:0")
            .env("TWAKE_BRIDGE_OPERATOR_LISTEN", "127.0.0.1:0");
        output_text(&output_of(command).await)
    }

    pub(super) fn start(self) -> Bridge {
        let served = self.serve();
        Bridge { setup: self, served }
    }

    fn serve(&self) -> Served {
        let mut command = serve(&self.write_configuration(), &self.store(), "127.0.0.1:0");
        command.env("RUST_LOG", "info,twake_bridge::delivery=debug");
        Served::listening(command)
    }
}

impl Bridge {
    /// Posts an event to the channel's source.
    pub(super) async fn post(&self, channel: &str, text: &str) {
        let hook = format!("{}/hooks/{channel}", self.served.url);
        let (status, _) = post_push(&hook, text, text).await;
        assert_eq!(status, 202, "{channel}: {text}");
    }

    /// Waits until so many messages were delivered to a channel.
    pub(super) fn delivered(&mut self, channel: &str, count: usize) {
        let channel = format!(" channel={channel} ");
        self.wait(count, |line| {
            line.contains("delivered delivery=") && line.contains(&channel)
        });
    }

    /// Waits until the log has so many lines of this kind.
    pub(super) fn wait(&mut self, count: usize, is_counted: impl Fn(&str) -> bool) {
        let mut known = self.served.lines.iter().filter(|line| is_counted(line)).count();
        while known < count {
            let line = self.served.wait_for("");
            known += usize::from(is_counted(&line));
        }
    }

    /// The log so far.
    pub(super) fn log(&mut self) -> String {
        self.served.log().join("\n")
    }

    /// What `channels list` shows, by the channel's name.
    pub(super) async fn channels(&self) -> BTreeMap<String, Value> {
        let channels = self.ask(&["channels", "list", "--json"]).await;
        let channels: Vec<Value> = serde_json::from_str(&channels).unwrap();
        let name = |channel: &Value| channel["channel"].as_str().unwrap().to_owned();
        channels
            .into_iter()
            .map(|channel| (name(&channel), channel))
            .collect()
    }

    /// The output of a command for operators.
    pub(super) async fn ask(&self, arguments: &[&str]) -> String {
        let mut command = program();
        command
            .args(arguments)
            .args(["--operator", &self.served.operator]);
        printed(command).await
    }

    /// The files, for a change before [`Self::reload`].
    pub(super) fn setup(&mut self) -> &mut Setup {
        &mut self.setup
    }

    /// Reloads the configuration and the secrets.
    pub(super) fn reload(&mut self) {
        self.served.signal("HUP");
    }

    /// Stops the program, which shows no token in its log, and starts it again.
    pub(super) fn restart(&mut self) {
        self.stop();
        self.served = self.setup.serve();
    }

    /// Kills the program, and starts it again.
    pub(super) fn kill(&mut self) {
        self.served.signal("KILL");
        self.served.end();
        self.served = self.setup.serve();
    }

    /// The text of a file of the program.
    pub(super) fn file(&self, name: &str) -> String {
        fs::read_to_string(self.setup.folder.path().join(name)).unwrap()
    }

    fn stop(&mut self) {
        self.served.signal("TERM");
        assert_eq!(self.served.end().code(), Some(0), "{:#?}", self.served.lines);
        let log = self.log();
        let shown = ["syt_", "syr_"].into_iter().find(|token| log.contains(token));
        assert_eq!(shown, None, "the log shows a token: {log}");
    }

    pub(super) fn finish(mut self) {
        self.stop();
    }
}
