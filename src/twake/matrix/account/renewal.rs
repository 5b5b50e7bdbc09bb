//! The tokens that an account uses now, and their renewal.

use serde_json::json;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::time::Duration;

use super::{Account, Credentials};
use crate::secret::Secret;
use crate::twake::http::{Answer, Request};
use crate::twake::matrix::tokens::Tokens;

impl Account {
    /// The token of a request.
    pub(in crate::twake::matrix) fn token(&self) -> Secret {
        match &self.session().tokens {
            Some(tokens) => tokens.access.clone(),
            None => self.credentials.token().clone(),
        }
    }

    /// Every token that an answer may repeat.
    pub(in crate::twake::matrix) fn secrets(&self) -> Vec<Secret> {
        let mut secrets = vec![self.credentials.token().clone()];
        if let Credentials::Renewable { refresh, .. } = &self.credentials {
            secrets.push(refresh.clone());
        }
        let tokens = self.session().tokens.clone();
        secrets.extend(
            tokens
                .into_iter()
                .flat_map(|tokens| [tokens.access, tokens.refresh]),
        );
        secrets
    }

    /// Whether the token is so near its end that it is renewed before the next request.
    pub(in crate::twake::matrix) fn is_due(&self, now: Duration) -> bool {
        let session = self.session();
        let at = session.tokens.as_ref().and_then(|tokens| tokens.renew_at);
        at.is_some_and(|at| at <= now)
    }

    /// The file that keeps renewed tokens. `None`: the account has no refresh token.
    pub fn token_file(&self) -> Option<&Path> {
        match &self.credentials {
            Credentials::Renewable { file, .. } => Some(file),
            Credentials::AccessToken(_) | Credentials::ApplicationService { .. } => None,
        }
    }

    /// Whether the file was looked at.
    pub fn has_tokens(&self) -> bool {
        self.session().tokens.is_some()
    }

    /// Uses the tokens of the file (`None`: there is none). Those that are configured take its place if the file was made of
    /// other ones.
    ///
    /// # Errors
    /// The file is no file of tokens. The account uses those that it knows or that are configured.
    pub fn adopt(&self, file: Option<&[u8]>) -> Result<(), &'static str> {
        let Credentials::Renewable { token, refresh, .. } = &self.credentials else {
            return Ok(());
        };
        let stored = file.map_or(Ok(None), |text| Tokens::from_stored(text, &self.configured()));
        let (stored, result) = match stored {
            Ok(stored) => (stored, Ok(())),
            Err(error) => (None, Err(error)),
        };
        let mut session = self.session();
        match (stored, &session.tokens) {
            // The file has no time: what is known of the end of these tokens is kept.
            (Some(new), Some(known)) if known.access.matches(new.access.expose()) => {}
            (Some(new), _) => session.tokens = Some(new),
            (None, Some(_)) => {}
            (None, None) => {
                session.tokens = Some(Tokens {
                    access: token.clone(),
                    refresh: refresh.clone(),
                    renew_at: None,
                });
            }
        }
        result
    }

    /// The request that renews the tokens. `None`: the account has another token than `used` already.
    pub fn renewal(&self, used: &Secret) -> Option<Request> {
        let tokens = self.session().tokens.clone()?;
        if !tokens.access.matches(used.expose()) {
            return None;
        }
        let body = json!({ "refresh_token": tokens.refresh.expose() }).to_string();
        let path = ["_matrix", "client", "v3", "refresh"];
        let nobody = Secret::new("");
        Some(Request::json(
            &self.url,
            "POST",
            &path,
            nobody,
            Some(body.into_bytes()),
        ))
    }

    /// The tokens in the answer to [`Self::renewal`]. `now`: the monotonic time.
    pub fn renewed(&self, answer: &Answer, now: Duration) -> Option<Tokens> {
        let used = self.session().tokens.as_ref()?.refresh.clone();
        Tokens::of(answer, &used, now)
    }

    /// The content of the file for these tokens.
    pub fn to_stored(&self, tokens: &Tokens) -> Secret {
        tokens.to_stored(self.configured())
    }

    /// Uses tokens that are in the file.
    pub fn use_tokens(&self, tokens: Tokens) {
        self.session().tokens = Some(tokens);
    }

    /// The hash of the configured tokens. Other configured tokens take precedence over the file.
    fn configured(&self) -> String {
        let Credentials::Renewable { token, refresh, .. } = &self.credentials else {
            return String::new();
        };
        // No token has a line break.
        hex::encode(Sha256::digest([token.expose(), refresh.expose()].join("\n")))
    }
}
