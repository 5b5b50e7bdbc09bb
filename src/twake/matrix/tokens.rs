//! Tokens that expire: how they are read from the answer to a renewal, and how they are kept.
//!
//! A renewal gives a new access token and a new refresh token. The old refresh token stays valid until one of the new ones is
//! used (specification, `POST /refresh`). So new tokens are written to a file before the first request with them: after a
//! crash in between, the old refresh token still renews.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

use crate::secret::Secret;
use crate::twake::http::Answer;

/// A token is renewed this long before its end, or a tenth of its life if that is shorter.
const MARGIN: Duration = Duration::from_secs(60);

/// An access token, and the refresh token that renews it.
#[derive(Clone)]
pub struct Tokens {
    pub(super) access: Secret,
    pub(super) refresh: Secret,
    /// When they are renewed, on the monotonic clock. Unset: once the server refuses the access token.
    pub(super) renew_at: Option<Duration>,
}

/// How a renewal ended.
pub enum Renewal {
    /// The account has other tokens now: from this renewal, or from that of another lane.
    Renewed,
    /// The server's answer has no tokens.
    Refused(Answer),
    /// The new tokens could not be written to the file: which file, and why. They are not used, so the old ones stay valid.
    NotKept(String),
    /// This process does not renew tokens. The bridge does.
    NotHere,
}

/// The content of the file.
#[derive(Serialize, Deserialize)]
struct StoredTokens {
    /// The hash of the configured tokens that these have replaced.
    configured: String,
    access_token: String,
    refresh_token: String,
}

impl Tokens {
    /// The tokens in the answer to a renewal with the refresh token `used`. `now`: the monotonic time.
    pub(super) fn of(answer: &Answer, used: &Secret, now: Duration) -> Option<Self> {
        let response = answer.as_ref().ok().filter(|response| response.status == 200)?;
        let json: Value = serde_json::from_slice(&response.body).ok()?;
        let token = |key: &str| {
            // What a header can hold.
            let is_token = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
            json.get(key)?.as_str().filter(is_token).map(Secret::new)
        };
        let life = json.get("expires_in_ms").and_then(Value::as_u64);
        let life = life.map(Duration::from_millis);
        Some(Self {
            access: token("access_token")?,
            // A server that sends no new one takes the old one again.
            refresh: token("refresh_token").unwrap_or_else(|| used.clone()),
            renew_at: life.map(|life| now.saturating_add(life.saturating_sub(MARGIN.min(life / 10)))),
        })
    }

    /// The content of the file. `configured`: the hash of the configured tokens.
    pub(super) fn to_stored(&self, configured: String) -> Secret {
        let stored = StoredTokens {
            configured,
            access_token: self.access.expose().to_owned(),
            refresh_token: self.refresh.expose().to_owned(),
        };
        // A struct of strings always has a JSON form.
        Secret::new(&serde_json::to_string(&stored).unwrap_or_default())
    }

    /// The tokens of a file. `None`: other tokens are configured now than those that they have replaced.
    ///
    /// # Errors
    /// The file is no file of tokens. The error quotes nothing of it.
    pub(super) fn from_stored(text: &[u8], configured: &str) -> Result<Option<Self>, &'static str> {
        let stored: StoredTokens = serde_json::from_slice(text).map_err(|_| "it is no file of tokens")?;
        let is_current = stored.configured == configured;
        Ok(is_current.then(|| Self {
            access: Secret::new(&stored.access_token),
            refresh: Secret::new(&stored.refresh_token),
            renew_at: None,
        }))
    }
}
