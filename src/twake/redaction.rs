//! What Twake, or a proxy before it, said of an attempt may echo the request's credentials; what is kept and shown of it
//! does not.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::{Account, Kind, Verdict};
use crate::secret::Secret;

impl Account {
    /// The same verdict without this account's credentials: its key, both parts of it in base64, and those of its proxy.
    #[must_use]
    pub fn without_secrets(&self, mut verdict: Verdict) -> Verdict {
        let key = &self.private_api_key;
        let pair = BASE64_STANDARD.encode(format!("{}:{}", self.public_id, key.expose()));
        let pair = Secret::new(pair.trim_end_matches('='));
        let proxy = self.outbound.proxy().and_then(|proxy| proxy.authorization());
        let proxy = proxy.map(|value| {
            let value = value.expose();
            Secret::new(
                value
                    .strip_prefix("Basic ")
                    .unwrap_or(value)
                    .trim_end_matches('='),
            )
        });
        let hide = |text: &mut String| {
            for secret in [Some(&pair), Some(key), proxy.as_ref()].into_iter().flatten() {
                *text = secret.hidden_in(text);
            }
        };
        hide(&mut verdict.detail);
        if let Kind::Delivered { id } = &mut verdict.kind {
            hide(id);
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use url::Url;

    use super::*;
    use crate::twake::outbound::{Outbound, Proxy};
    use crate::twake::{Answer, Api, verdict};

    #[test]
    fn an_answer_that_echoes_the_credentials_shows_none_of_them() {
        let proxy = Proxy::new("proxy", 3128, Some(("us", &Secret::new("proxy-pass-1"))));
        let account = Arc::new(Account {
            name: "main".to_owned(),
            api: Api::MessagesSave,
            url: Url::parse("https://twake.example").unwrap(),
            outbound: Outbound::new(Vec::new(), None, Some(proxy)),
            public_id: "app".to_owned(),
            private_api_key: Secret::new("private-key-of-app"),
            group_id: "group".to_owned(),
        });
        let pair = BASE64_STANDARD.encode("app:private-key-of-app");
        let of_proxy = BASE64_STANDARD.encode("us:proxy-pass-1");
        for (echo, shown) in [
            ("bad key private-key-of-app!".to_owned(), "bad key [secret]!"),
            (format!("bad header Basic {pair}"), "bad header Basic [secret]=="),
            (format!("[{of_proxy}] [{pair}]"), "[[secret]] [[secret]==]"),
            ("nothing".to_owned(), "nothing"),
            // What is kept is cut after 200 characters: here in the middle of the key.
            (
                format!("{}private-key-of-app", "x".repeat(190)),
                &format!("{}[secret]", "x".repeat(190)),
            ),
        ] {
            let body = serde_json::json!({ "error": echo }).to_string();
            let answer = Answer::Response {
                status: 200,
                retry_after: None,
                body: body.as_bytes(),
                cut: None,
            };
            let said = account.without_secrets(verdict(account.api, &answer, jiff::Timestamp::UNIX_EPOCH));
            assert_eq!(said.detail, shown);
        }
    }
}
