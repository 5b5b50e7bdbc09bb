//! The file by which a homeserver knows the bridge as an application service.

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::account::{Account, Credentials};

/// The registration of an account, in YAML: it has no rate limit, owns one user, and is sent nothing. `None`: the account is
/// no application service. The text holds the account's token.
pub fn registration(account: &Account) -> Option<String> {
    let Credentials::ApplicationService { token, user_id } = &account.credentials else {
        return None;
    };
    let name = user_id.strip_prefix('@')?.split_once(':')?.0;
    // The server would authenticate to the bridge with it, and has no address to send to. It stays the same when printed again.
    let mut unused = Sha256::new();
    unused.update("twake-bridge hs_token\0");
    unused.update(token.expose());
    // A text in JSON is one in YAML.
    let lines = [
        ("id", json!(format!("twake-bridge-{}", account.name))),
        ("url", json!(null)),
        ("as_token", json!(token.expose())),
        ("hs_token", json!(hex::encode(unused.finalize()))),
        ("sender_localpart", json!(name)),
        ("rate_limited", json!(false)),
    ];
    let mut text: String = lines.map(|(key, value)| format!("{key}: {value}\n")).concat();
    let user = json!(format!("^{}$", escaped(user_id)));
    text.extend([
        "namespaces:\n  users:\n    - exclusive: true\n      regex: ",
        &user.to_string(),
        "\n  aliases: []\n  rooms: []\n",
    ]);
    Some(text)
}

/// A regular expression that matches the text alone.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if !character.is_alphanumeric() && !"@:_-=/".contains(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}
