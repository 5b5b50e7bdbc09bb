//! Which generation of Twake answers at an address, where `messages/save` is not there. Asked without credentials.

use serde_json::Value;
use url::Url;

use super::http::{Answer, Request};
use crate::secret::Secret;

/// A generation of Twake that has no `messages/save`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// A Matrix homeserver: Twake Chat of today.
    Matrix,
    /// Twake of 2022 and 2023, without its PHP part.
    Node,
}

impl Generation {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Matrix, Self::Node];

    /// The request whose answer shows that it is this one.
    pub fn question(self, url: &Url) -> Request {
        let no_credentials = Secret::new("");
        match self {
            Self::Matrix => {
                let path = ["_matrix", "client", "versions"];
                Request::json(url, "GET", &path, no_credentials, None)
            }
            Self::Node => {
                let path = ["api", "v1", "messages", "save"];
                Request::json(url, "POST", &path, no_credentials, Some(b"{}".to_vec()))
            }
        }
    }

    /// Whether the answer to the question shows it.
    pub fn is_shown_by(self, answer: &Answer) -> bool {
        let Ok(response) = answer else { return false };
        let json: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        match self {
            Self::Matrix => response.status == 200 && json.get("versions").is_some_and(Value::is_array),
            // PHP answers the same with status 200.
            Self::Node => {
                response.status == 404 && json.get("error").is_some() && json.get("errcode").is_none()
            }
        }
    }

    /// What an operator should do who configured another one.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Matrix => {
                "a Matrix homeserver answers there, as Twake Chat of today has it: set api = \"matrix\" and access_token, and \
                 give each channel its room (docs/which-twake.md)"
            }
            Self::Node => {
                "Twake of 2022 or 2023 answers there, and its web host has no messages/save: set api = \"threads\" and \
                 workspace_id (docs/which-twake.md)"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twake::http::Response;

    #[test]
    fn each_generation_is_known_by_its_answer() {
        let url = "https://twake.example.org/chat/".parse().unwrap();
        let versions = r#"{"versions":["v1.1"]}"#;
        for (status, body, expected) in [
            (200, versions, Some(Generation::Matrix)),
            (404, r#"{"error":"Not found"}"#, Some(Generation::Node)),
            (
                404,
                r#"{"errcode":"M_UNRECOGNIZED","error":"Unrecognized request"}"#,
                None,
            ),
            (200, r#"{"error":"Not found"}"#, None),
            (404, versions, None),
            (200, "<html></html>", None),
        ] {
            let answer = Ok(Response {
                status,
                body: body.into(),
                ..Response::default()
            });
            let shown = Generation::ALL
                .into_iter()
                .find(|generation| generation.is_shown_by(&answer));
            assert_eq!(shown, expected, "{status} {body}");
        }
        for generation in Generation::ALL {
            let request = generation.question(&url);
            assert!(request.authorization.is_empty(), "no credentials");
            assert!(
                request
                    .url
                    .as_str()
                    .starts_with("https://twake.example.org/chat/")
            );
        }
    }
}
