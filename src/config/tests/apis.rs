//! The keys of each API, and what is written for the wrong one.

use super::*;
use crate::twake::matrix::{Notify, Room};

const CHAT: &str = r##"
[twake.chat]
api = "matrix"
url = "https://matrix.example.org"
access_token = { env = "MATRIX" }
[channels]
dev = "#dev:example.org"
ops = { room = "!qAYK6iUEt7Oc3yf19UZOgnOhNirod5boAT2v1oKvA9U", notify = "always", allow_unencrypted = true, rate = "30/m", conversations = false }
"##;

fn files() -> ConfigFolder {
    ConfigFolder::new().with("MATRIX", "syt_YnJpZGdl_0123456789")
}

#[test]
fn a_matrix_account_has_a_token_and_its_channels_are_rooms() {
    let config = files().read(&format!("{CHAT}{SOURCE}")).unwrap();
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let room = |name: &str| match &config.channels[name] {
        Destination::Matrix(destination) => destination.clone(),
        Destination::MessagesSave(_) => panic!("{name} is no room"),
    };
    let (dev, ops) = (room("dev"), room("ops"));
    assert_eq!(dev.room, Room::parse("#dev:example.org").unwrap());
    assert_eq!((dev.notify, dev.allow_unencrypted), (Notify::Critical, false));
    assert_eq!((ops.notify, ops.allow_unencrypted), (Notify::Always, true));
    assert_eq!(ops.rate.map(|rate| rate.count), Some(30));
    assert_eq!((dev.conversations, ops.conversations), (true, false));
    assert_eq!((dev.channel.as_str(), dev.account.name.as_str()), ("dev", "chat"));
}

#[test]
fn a_channel_without_account_belongs_to_the_only_account_that_it_fits() {
    let both = START.replace("[channels]", "[channels]\nroom = \"#room:example.org\"") + SOURCE;
    let chat = CHAT.split("[channels]").next().unwrap();
    let config = files().read(&format!("{chat}{both}")).unwrap();
    for (channel, account) in [("dev", "main"), ("ops", "main"), ("room", "chat")] {
        assert_eq!(config.channels[channel].account().name(), account);
    }
}

#[test]
fn an_account_whose_channels_all_name_their_company_needs_none() {
    let start = START.replace("group_id = \"g\"\n", "");
    assert_found(
        &files().findings(&format!("{start}{SOURCE}")),
        &["channels.dev: `group_id` is missing: neither the channel nor its account names the company"],
    );
    let named = start.replace("dev = \"c1\"", "dev = { channel_id = \"c1\", group_id = \"g1\" }");
    let config = files().read(&format!("{named}{SOURCE}")).unwrap();
    assert_eq!(of_twake(&config, "dev").group_id, "g1");
}

#[test]
fn what_does_not_fit_the_api_is_reported_with_the_api() {
    let files = files().with("BLANK", "two words");
    let token = "access_token = { env = \"MATRIX\" }";
    let service = "as_token = { env = \"MATRIX\" }\nuser_id = \"@bridge:example.org\"";
    assert!(
        files
            .read(&format!("{}{SOURCE}", CHAT.replace(token, service)))
            .is_ok()
    );
    for (from, to, finding) in [
        (
            "\"matrix\"",
            "\"matrx\"",
            "twake.chat.api: there is no api \"matrx\", did you mean \"matrix\"?",
        ),
        (
            token,
            "",
            "twake.chat: `access_token` is missing: the access token",
        ),
        (
            token,
            "as_token = { env = \"MATRIX\" }",
            "twake.chat: `user_id` is missing",
        ),
        (
            token,
            &format!("{token}\n{service}"),
            "twake.chat.as_token: an account has either",
        ),
        (token, "access_token = \"syt_x\"", "a secret is not written here"),
        (
            token,
            "access_token = { env = \"BLANK\" }",
            "has blanks or characters beyond ASCII",
        ),
        (
            token,
            "as_token = { env = \"MATRIX\" }\nuser_id = \"bridge:example.org\"",
            "is no user of Matrix, which is written @name:server, did you mean \"@bridge:example.org\"?",
        ),
        (
            token,
            &format!("{token}\ngroup_id = \"g\""),
            "twake.chat.group_id: api = \"matrix\" does not use this key; it has access_token, as_token, user_id",
        ),
        (
            "api = \"matrix\"\n",
            "",
            "twake.chat.access_token: api = \"messages-save\" does not use this key",
        ),
        ("api = \"matrix\"\n", "", "twake.chat: `public_id` is missing"),
        (
            "org\"\naccess",
            "org/_matrix/client\"\naccess",
            "write the homeserver's address alone",
        ),
        (
            "#dev:example.org",
            "dev:example.org",
            "channels.dev.room: is no room of Matrix",
        ),
        (
            "#dev:example.org",
            "dev:example.org",
            "did you mean \"#dev:example.org\"?",
        ),
        (
            "room = ",
            "channel_id = ",
            "channels.ops.channel_id: api = \"matrix\" does not use this key",
        ),
        ("room = ", "channel_id = ", "channels.ops: `room` is missing"),
        (
            "\"always\"",
            "\"loud\"",
            "channels.ops.notify: there is no value of notify \"loud\"",
        ),
    ] {
        let text = CHAT.replace(from, to);
        assert_ne!(text, CHAT, "{from}");
        let findings = files.findings(&format!("{text}{SOURCE}"));
        assert!(
            findings.iter().any(|found| found.contains(finding)),
            "{finding}\n{}",
            findings.join("\n")
        );
        assert!(
            findings.iter().all(|found| !found.contains("syt_")),
            "{findings:?}"
        );
    }
}

#[test]
fn a_channel_that_does_not_fit_messages_save_is_reported() {
    let files = files();
    let link = START.replace(
        "group_id = \"g\"",
        "group_id = \"https://web.twake.app/client/g/w/x\"",
    );
    assert_found(
        &files.findings(&format!("{link}{SOURCE}")),
        &["twake.main.group_id: is a link, not an id, did you mean \"g\"?"],
    );
    for (channel, finding) in [
        (
            "\"#dev:example.org\"",
            "channels.dev.channel_id: is a room of Matrix",
        ),
        (
            "{ channel_id = \"c\", room = \"#a:b\" }",
            "channels.dev.room: api = \"messages-save\" does not use this key",
        ),
        ("{ room = \"#a:b\" }", "channels.dev: `channel_id` is missing"),
        (
            "\"https://web.twake.app/client/g/w/x/c/y\"",
            "channels.dev.channel_id: is a link, not an id, did you mean \"y\"?",
        ),
        (
            "{ channel_id = \"c\", group_id = \"https://web.twake.app/client/g1?x\" }",
            "channels.dev.group_id: is a link, not an id, did you mean \"g1\"?",
        ),
        (
            "\"https://web.twake.app/\"",
            "channels.dev.channel_id: is a link, not an id: write the part of it that follows /c/",
        ),
        (
            "{ channel_id = \"c\", notify = \"never\" }",
            "channels.dev.notify: api = \"messages-save\"",
        ),
    ] {
        let text = START.replace("\"c1\"", channel) + SOURCE;
        let findings = files.findings(&text);
        assert!(
            findings.iter().any(|found| found.contains(finding)),
            "{finding}\n{}",
            findings.join("\n")
        );
    }
}
