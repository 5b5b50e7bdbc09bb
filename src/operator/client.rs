//! The client of a running bridge's operator listener. It blocks: the command line has nothing else to do meanwhile.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use url::Url;

use super::explanation::EventExplanation;
use super::view::{
    AuditList, AuditQuery, ChannelDetails, DiscardRequest, Discarded, EventDetails, EventList, EventQuery,
    MoveRequest, MovedStep, Overview, PauseRequest, PauseResult, ReloadRequest, Reloaded, ReplayRequest,
    Replayed, SourceDetails,
};
use crate::secret::Secret;

/// Timeout of a request: the store may be busy, and deciding a large body takes time.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest response, in bytes, except an event's body.
const LARGEST_RESPONSE: u64 = 16 << 20;
/// The largest body that a source's limit can allow, in bytes.
const LARGEST_BODY: u64 = 1 << 30;

/// Asks the operator service of a running bridge over HTTP.
pub struct Client {
    agent: ureq::Agent,
    url: Url,
    token: Option<Secret>,
}

/// Why a request to the bridge failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A URL that cannot be an operator listener.
    #[error(
        "`{0}` is no address of an operator listener: give http://host:port (it has no TLS; for another machine use ssh -L)"
    )]
    Address(String),
    /// No connection, or no complete response.
    #[error("no bridge answers at {url} (twake-bridge serve starts it; --operator gives another address)")]
    Unreachable {
        /// The address.
        url: Url,
        /// Why.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The bridge refused.
    #[error("{detail}")]
    Refused {
        /// The problem's code.
        code: String,
        /// The bridge's explanation.
        detail: String,
    },
    /// Not a bridge, or another version of it.
    #[error("{0} answered, but not as a bridge of this version does")]
    UnexpectedResponse(Url),
}

impl Client {
    /// Creates a client of the operator listener at `url`.
    pub fn new(url: &str, token: Option<Secret>) -> Result<Self, ClientError> {
        let bad = || ClientError::Address(url.to_owned());
        let parsed = Url::parse(url).map_err(|_| bad())?;
        if parsed.scheme() != "http" || !parsed.has_host() || !parsed.username().is_empty() {
            return Err(bad());
        }
        let agent = ureq::Agent::config_builder()
            // `call` reads the status. Requests to the bridge never go through a proxy.
            .http_status_as_error(false)
            .proxy(None)
            .max_redirects(0)
            .timeout_connect(Some(Duration::from_secs(5)))
            .timeout_global(Some(REQUEST_TIMEOUT))
            .user_agent(concat!("twake-bridge/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Self {
            agent,
            url: parsed,
            token,
        })
    }

    /// See [`super::OperatorService::events`].
    pub fn events(&self, query: &EventQuery) -> Result<EventList, ClientError> {
        let mut url = self.at(&["events"]);
        let time = |time: &jiff::Timestamp| time.to_string();
        for (name, value) in [
            ("source", query.source.clone()),
            ("type", query.event_type.clone()),
            ("channel", query.channel.clone()),
            ("state", query.state.map(|state| state.word().to_owned())),
            ("secret", query.secret.clone()),
            ("since", query.since.as_ref().map(time)),
            ("until", query.until.as_ref().map(time)),
            ("text", query.text.clone()),
            ("limit", query.limit.map(|limit| limit.to_string())),
            ("after", query.after.map(|after| after.to_string())),
        ] {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, &value);
            }
        }
        self.get(&url)
    }

    /// See [`super::OperatorService::event`].
    pub fn event(&self, id: &str) -> Result<EventDetails, ClientError> {
        self.get(&self.at(&["events", id]))
    }

    /// See [`super::OperatorService::explain`].
    pub fn explain(&self, id: &str) -> Result<EventExplanation, ClientError> {
        self.get(&self.at(&["events", id, "explanation"]))
    }

    /// See [`super::OperatorService::body`].
    pub fn body(&self, id: &str) -> Result<Vec<u8>, ClientError> {
        self.call(&self.at(&["events", id, "body"]), None, LARGEST_BODY)
    }

    /// See [`super::OperatorService::replay`].
    pub fn replay(&self, id: &str, request: &ReplayRequest) -> Result<Replayed, ClientError> {
        self.post(&self.at(&["events", id, "replay"]), request)
    }

    /// See [`super::OperatorService::discard`].
    pub fn discard(&self, id: &str, request: &DiscardRequest) -> Result<Discarded, ClientError> {
        self.post(&self.at(&["events", id, "discard"]), request)
    }

    /// See [`super::OperatorService::channels`].
    pub fn channels(&self) -> Result<Vec<ChannelDetails>, ClientError> {
        self.get(&self.at(&["channels"]))
    }

    /// See [`super::OperatorService::move_waiting`].
    pub fn move_waiting(&self, request: &MoveRequest) -> Result<MovedStep, ClientError> {
        self.post(&self.at(&["channels", "move"]), request)
    }

    /// See [`super::OperatorService::overview`].
    pub fn overview(&self) -> Result<Overview, ClientError> {
        self.get(&self.at(&["overview"]))
    }

    /// See [`super::OperatorService::sources`].
    pub fn sources(&self) -> Result<Vec<SourceDetails>, ClientError> {
        self.get(&self.at(&["sources"]))
    }

    /// See [`super::OperatorService::audit`].
    pub fn audit(&self, query: &AuditQuery) -> Result<AuditList, ClientError> {
        let mut url = self.at(&["audit"]);
        for (name, value) in [
            ("before", query.before.map(|before| before.to_string())),
            ("limit", query.limit.map(|limit| limit.to_string())),
        ] {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, &value);
            }
        }
        self.get(&url)
    }

    /// See [`super::OperatorService::pause`].
    pub fn pause(&self, request: &PauseRequest) -> Result<PauseResult, ClientError> {
        self.post(&self.at(&["pause"]), request)
    }

    /// See [`super::OperatorService::resume`].
    pub fn resume(&self, request: &PauseRequest) -> Result<PauseResult, ClientError> {
        self.post(&self.at(&["resume"]), request)
    }

    /// Asks the bridge to read its configuration again; see [`super::Reloads::ask`].
    pub fn reload(&self) -> Result<Reloaded, ClientError> {
        self.post(&self.at(&["reload"]), &ReloadRequest {})
    }

    /// Reads a health page (`health`, `health/ready`): whether its status is 200, and its body.
    pub fn health(&self, page: &str) -> Result<(bool, String), ClientError> {
        let url = self.url.join(page).map_err(|_| self.unexpected())?;
        let (status, body) = self.send(&url, None, LARGEST_RESPONSE)?;
        Ok((status == 200, String::from_utf8_lossy(&body).into_owned()))
    }

    fn at(&self, path: &[&str]) -> Url {
        let mut url = self.url.clone();
        // An http URL always has a path.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("api").extend(path);
        }
        url
    }

    fn get<T: DeserializeOwned>(&self, url: &Url) -> Result<T, ClientError> {
        self.parse(&self.call(url, None, LARGEST_RESPONSE)?)
    }

    fn post<T: DeserializeOwned>(&self, url: &Url, request: &impl Serialize) -> Result<T, ClientError> {
        let request = serde_json::to_vec(request).map_err(|_| self.unexpected())?;
        self.parse(&self.call(url, Some(&request), LARGEST_RESPONSE)?)
    }

    fn parse<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(body).map_err(|_| self.unexpected())
    }

    /// Returns the body of a response with status 200. With `json` the request is a POST, otherwise a GET.
    fn call(&self, url: &Url, json: Option<&[u8]>, largest: u64) -> Result<Vec<u8>, ClientError> {
        let (status, body) = self.send(url, json, largest)?;
        if status == 200 {
            return Ok(body);
        }
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        match (problem["code"].as_str(), problem["detail"].as_str()) {
            (Some(code), Some(detail)) => Err(ClientError::Refused {
                code: code.to_owned(),
                detail: detail.to_owned(),
            }),
            _ => Err(self.unexpected()),
        }
    }

    /// Returns the status and body of the response.
    fn send(&self, url: &Url, json: Option<&[u8]>, largest: u64) -> Result<(u16, Vec<u8>), ClientError> {
        let unreachable = |error: ureq::Error| ClientError::Unreachable {
            url: self.url.clone(),
            source: Box::new(error),
        };
        let authorization = self
            .token
            .as_ref()
            .map(|token| format!("Bearer {}", token.expose()));
        let response = match json {
            None => {
                let mut request = self.agent.get(url.as_str());
                if let Some(authorization) = &authorization {
                    request = request.header("authorization", authorization);
                }
                request.call()
            }
            Some(json) => {
                let request = self.agent.post(url.as_str()).content_type("application/json");
                // No browser: without a token the bridge requires this header.
                let mut request = request.header("x-twake-bridge", "1");
                if let Some(authorization) = &authorization {
                    request = request.header("authorization", authorization);
                }
                request.send(json)
            }
        };
        let mut response = response.map_err(unreachable)?;
        let body = response
            .body_mut()
            .with_config()
            .limit(largest)
            .read_to_vec()
            .map_err(unreachable)?;
        Ok((response.status().as_u16(), body))
    }

    fn unexpected(&self) -> ClientError {
        ClientError::UnexpectedResponse(self.url.clone())
    }
}

/// Returns the URL of an operator listener: the given one, otherwise the one at `listen` (host:port).
pub fn operator_url(given: Option<&str>, listen: &str) -> String {
    match given {
        Some(url) if url.contains("://") => url.to_owned(),
        Some(address) => format!("http://{address}"),
        None => format!("http://{}", reachable(listen)),
    }
}

/// Returns the address at which a listener is reached from its own machine: loopback if it listens on every address.
fn reachable(listen: &str) -> String {
    match listen.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_unspecified() => {
            let loopback = match address.ip() {
                IpAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
                IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
            };
            SocketAddr::new(loopback, address.port()).to_string()
        }
        _ => listen.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_asked_on_loopback() {
        for (listen, asked) in [
            ("0.0.0.0:8081", "127.0.0.1:8081"),
            ("[::]:1", "[::1]:1"),
            ("10.0.0.1:8081", "10.0.0.1:8081"),
            ("localhost:8081", "localhost:8081"),
        ] {
            assert_eq!(reachable(listen), asked);
        }
    }
}
