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
        _ => panic!("{name} is no room"),
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
            "twake.chat.group_id: api = \"matrix\" does not use this key; it has access_token, refresh_token, as_token, user_id",
        ),
        (
            token,
            &format!("{service}\nrefresh_token = {{ env = \"MATRIX\" }}"),
            "twake.chat.refresh_token: renews an `access_token`",
        ),
        (
            token,
            "refresh_token = { env = \"MATRIX\" }",
            "twake.chat: `access_token` is missing",
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
    ] {
        assert_reported(&files, from, to, finding);
    }
}

#[test]
fn what_does_not_fit_a_room_of_matrix_is_reported() {
    let files = files();
    for (from, to, finding) in [
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
        assert_reported(&files, from, to, finding);
    }
}

/// A finding of an account or a channel of Matrix with one part replaced. No finding shows a secret.
fn assert_reported(files: &ConfigFolder, from: &str, to: &str, finding: &str) {
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

const OLD: &str = r#"
[twake.old]
api = "threads"
url = "https://twake.example.org"
public_id = "p"
private_api_key = { env = "KEY" }
group_id = "g"
workspace_id = "w"
[channels]
dev = "c1"
ops = { channel_id = "c2", workspace_id = "w2", group_id = "g2", rate = "30/m" }
"#;

#[test]
fn a_threads_channel_is_in_a_workspace_of_a_company() {
    let files = files();
    let ids = |config: &Config, name: &str| match &config.channels[name] {
        Destination::Threads(of) => [&of.group_id, &of.workspace_id, &of.channel_id].map(String::clone),
        _ => panic!("{name} is in another account"),
    };
    let config = files.read(&format!("{OLD}{SOURCE}")).unwrap();
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    assert_eq!(ids(&config, "dev"), ["g", "w", "c1"]);
    assert_eq!(ids(&config, "ops"), ["g2", "w2", "c2"]);
    assert_eq!(config.channels["ops"].rate().map(|rate| rate.count), Some(30));
    // If every channel names its own, the account needs none.
    let none = OLD.replace("group_id = \"g\"\nworkspace_id = \"w\"\n", "");
    assert_found(
        &files.findings(&format!("{none}{SOURCE}")),
        &[
            "channels.dev: `group_id` is missing: neither the channel nor its account names the company",
            "channels.dev: `workspace_id` is missing: neither the channel nor its account names the workspace",
        ],
    );
    let own = "{ channel_id = \"c1\", group_id = \"g\", workspace_id = \"w\" }";
    let named = none.replace("\"c1\"", own);
    let config = files.read(&format!("{named}{SOURCE}")).unwrap();
    assert_eq!(ids(&config, "dev"), ["g", "w", "c1"]);
}

#[test]
fn what_is_no_id_is_reported_with_the_nearest_one() {
    let files = files();
    let link = "https://twake.example.org/client/g1/w/w1/c/c9?x";
    for (from, to, finding) in [
        (
            "\"g\"",
            link,
            "twake.old.group_id: is a link, not an id, did you mean \"g1\"?",
        ),
        (
            "\"w\"",
            link,
            "twake.old.workspace_id: is a link, not an id, did you mean \"w1\"?",
        ),
        (
            "\"c1\"",
            link,
            "channels.dev.channel_id: is a link, not an id, did you mean \"c9\"?",
        ),
        (
            "\"w2\"",
            link,
            "channels.ops.workspace_id: is a link, not an id, did you mean \"w1\"?",
        ),
        (
            "\"w2\"",
            "https://twake.example.org/",
            "write the part of it that follows /w/",
        ),
        (
            "\"c1\"",
            "#dev:example.org",
            "is a room of Matrix, and the account has api = \"threads\"",
        ),
        (
            "\"c1\"",
            "#dev",
            "channels.dev.channel_id: is no id of a channel, but a name: write what follows /c/",
        ),
        (
            "\"g\"",
            " g",
            "twake.old.group_id: has blanks around it, did you mean \"g\"?",
        ),
    ] {
        let text = OLD.replacen(from, &format!("\"{to}\""), 1);
        let findings = files.findings(&format!("{text}{SOURCE}"));
        assert_found(&findings, &[finding]);
    }
    for (from, to, finding) in [
        ("channel_id", "room", "channels.ops: `channel_id` is missing"),
        (
            "\"threads\"",
            "\"messages-save\"",
            "twake.old.workspace_id: api = \"messages-save\" does not use",
        ),
        ("public_id = \"p\"", "", "twake.old: `public_id` is missing"),
    ] {
        let findings = files.findings(&format!("{}{SOURCE}", OLD.replace(from, to)));
        assert!(
            findings.iter().any(|found| found.contains(finding)),
            "{finding}: {findings:?}"
        );
    }
}

#[test]
fn a_source_may_have_a_name_and_a_picture() {
    let files = files();
    let with = |keys: &str| format!("{START}{SOURCE}{keys}\n");
    let source = |keys: &str| {
        files.read(&with(keys)).unwrap().sources["oven"]
            .appearance
            .clone()
    };
    assert_eq!(source(""), None);
    let appearance = source("title = \"CI\"\npicture = \"https://e/ci.png\"").unwrap();
    assert_eq!(
        (appearance.title.as_deref(), appearance.picture.as_deref()),
        (Some("CI"), Some("https://e/ci.png"))
    );
    assert_eq!(source("title = \"CI\"").unwrap().picture, None);
    let long = format!("title = \"{}\"", "x".repeat(81));
    for (keys, finding) in [
        (
            "title = \"a\\nb\"",
            "sources.oven.title: is no name of one line with at most 80 characters",
        ),
        (&long, "sources.oven.title: is no name of one line"),
        (
            "picture = \"ci.png\"",
            "sources.oven.picture: is no address of a picture, such as",
        ),
        (
            "picture = \"data:image/png;base64,x\"",
            "sources.oven.picture: is no address",
        ),
    ] {
        assert_found(&files.findings(&with(keys)), &[finding]);
    }
}

#[test]
fn renewed_tokens_are_kept_beside_the_store() {
    let token = "access_token = { env = \"MATRIX\" }";
    let both = format!("{token}\nrefresh_token = {{ env = \"MATRIX\" }}");
    let text = format!("{}{SOURCE}", CHAT.replace(token, &both));
    for (store, file) in [
        (
            "sqlite:/var/lib/bridge/bridge.db",
            "/var/lib/bridge/matrix-chat.json",
        ),
        ("", "matrix-chat.json"),
    ] {
        let config = files().with("TWAKE_BRIDGE_STORE", store).read(&text).unwrap();
        let crate::twake::Account::Matrix(account) = config.channels["dev"].account() else {
            panic!("another account")
        };
        assert_eq!(account.token_file(), Some(std::path::Path::new(file)));
    }
}

/// A template's `ephemeral` is a key of messages-save.
#[test]
fn a_template_that_asks_for_what_the_api_cannot_do_is_reported() {
    let files = files();
    files.file(
        "templates/bakery/baked.hbs",
        "+++\nephemeral = true\n+++\n{{event}}",
    );
    let old = START.replace(
        "[twake.main]",
        "[twake.main]\napi = \"threads\"\nworkspace_id = \"w\"",
    );
    for (text, expected) in [
        (START, &[][..]),
        (
            &old,
            &[
                "bakery/baked.hbs has no effect with api = \"threads\": the message stays in the channel",
                "channels.ops: `ephemeral` of ",
            ],
        ),
    ] {
        let config = files.read(&format!("{text}{SOURCE}")).unwrap();
        let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
        assert_found(&warnings, expected);
    }
}
