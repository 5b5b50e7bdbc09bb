//! The file by which a homeserver knows the bridge as an application service.

use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::account::{Account, Credentials};

/// The registration of an account: it has no rate limit, owns one user, and is sent nothing. It holds the account's token.
#[derive(Serialize)]
pub struct Registration {
    id: String,
    url: (),
    as_token: String,
    hs_token: String,
    sender_localpart: String,
    rate_limited: bool,
    namespaces: Namespaces,
}

#[derive(Serialize)]
struct Namespaces {
    users: [Users; 1],
    aliases: [String; 0],
    rooms: [String; 0],
}

#[derive(Serialize)]
struct Users {
    exclusive: bool,
    regex: String,
}

/// The registration of an account. `None`: the account is no application service.
pub fn registration(account: &Account) -> Option<Registration> {
    let Credentials::ApplicationService { token, user_id } = &account.credentials else {
        return None;
    };
    let name = user_id.strip_prefix('@')?.split_once(':')?.0;
    // The server would authenticate to the bridge with it, and has no address to send to. It stays the same when printed again.
    let mut unused = Sha256::new();
    unused.update("twake-bridge hs_token\0");
    unused.update(token.expose());
    Some(Registration {
        id: format!("twake-bridge-{}", account.name),
        url: (),
        as_token: token.expose().to_owned(),
        hs_token: hex::encode(unused.finalize()),
        sender_localpart: name.to_owned(),
        rate_limited: false,
        namespaces: Namespaces {
            users: [Users {
                exclusive: true,
                regex: format!("^{}$", escaped(user_id)),
            }],
            aliases: [],
            rooms: [],
        },
    })
}

impl Registration {
    /// The registration as YAML.
    pub fn yaml(&self) -> String {
        let [user] = &self.namespaces.users;
        let texts = [
            &self.id,
            &self.as_token,
            &self.hs_token,
            &self.sender_localpart,
            &user.regex,
        ];
        // A text in JSON is one in YAML.
        let [id, as_token, hs_token, name, regex] = texts.map(|text| json!(text));
        let (rate_limited, exclusive) = (self.rate_limited, user.exclusive);
        format!(
            "id: {id}\nurl: null\nas_token: {as_token}\nhs_token: {hs_token}\nsender_localpart: {name}\n\
             rate_limited: {rate_limited}\nnamespaces:\n  users:\n    - exclusive: {exclusive}\n      regex: {regex}\n  \
             aliases: []\n  rooms: []\n"
        )
    }
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
