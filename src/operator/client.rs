//! Asks a running bridge, at its operator listener. Blocking: the command line has nothing else to do meanwhile.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use url::Url;

use super::view::{
    DropRequest, Dropped, EventDetails, EventList, EventQuery, LaneDetails, MoveRequest, MovedStep,
    ReloadRequest, Reloaded, ReplayRequest, Replayed,
};
use crate::secret::Secret;

/// A question may take so long: the store may be busy, a large body may have to be decided.
const PATIENCE: Duration = Duration::from_secs(30);
/// An answer but a body is never larger.
const LARGEST_ANSWER: u64 = 16 << 20;
/// The largest body a source can be allowed to take.
const LARGEST_BODY: u64 = 1 << 30;

/// A running bridge's desk, from afar.
pub struct Client {
    agent: ureq::Agent,
    url: Url,
    token: Option<Secret>,
}

/// Why the bridge's desk gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// An address it cannot be at.
    #[error(
        "`{0}` is no address of an operator listener: http://host:port (it speaks no TLS; from afar: ssh -L)"
    )]
    Address(String),
    /// Nobody is there.
    #[error("nobody answers at {url}")]
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
        /// What the bridge said.
        detail: String,
    },
    /// It is no bridge, or another version of it.
    #[error("{0} answered, but not as a bridge of this version does")]
    Strange(Url),
}

impl Client {
    /// The desk of the bridge whose operator listener is at `url`.
    pub fn new(url: &str, token: Option<Secret>) -> Result<Self, ClientError> {
        let bad = || ClientError::Address(url.to_owned());
        let parsed = Url::parse(url).map_err(|_| bad())?;
        if parsed.scheme() != "http" || !parsed.has_host() || !parsed.username().is_empty() {
            return Err(bad());
        }
        let agent = ureq::Agent::config_builder()
            // The statuses are read here; a proxy has no business between an operator and a bridge.
            .http_status_as_error(false)
            .proxy(None)
            .max_redirects(0)
            .timeout_connect(Some(Duration::from_secs(5)))
            .timeout_global(Some(PATIENCE))
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

    /// See [`super::OperatorService::body`].
    pub fn body(&self, id: &str) -> Result<Vec<u8>, ClientError> {
        self.call(&self.at(&["events", id, "body"]), None, LARGEST_BODY)
    }

    /// See [`super::OperatorService::replay`].
    pub fn replay(&self, id: &str, order: &ReplayRequest) -> Result<Replayed, ClientError> {
        self.post(&self.at(&["events", id, "replay"]), order)
    }

    /// See [`super::OperatorService::drop_waiting`].
    pub fn drop_waiting(&self, id: &str, order: &DropRequest) -> Result<Dropped, ClientError> {
        self.post(&self.at(&["events", id, "drop"]), order)
    }

    /// See [`super::OperatorService::lanes`].
    pub fn lanes(&self) -> Result<Vec<LaneDetails>, ClientError> {
        self.get(&self.at(&["lanes"]))
    }

    /// See [`super::OperatorService::move_lane`].
    pub fn move_lane(&self, order: &MoveRequest) -> Result<MovedStep, ClientError> {
        self.post(&self.at(&["lanes", "move"]), order)
    }

    /// Asks the bridge to read its configuration again; see [`super::Reloads::ask`].
    pub fn reload(&self) -> Result<Reloaded, ClientError> {
        self.post(&self.at(&["reload"]), &ReloadRequest {})
    }

    /// Whether a page of the bridge's health (`health`, `health/ready`) says that it is well, and what it says.
    pub fn health(&self, page: &str) -> Result<(bool, String), ClientError> {
        let url = self.url.join(page).map_err(|_| self.strange())?;
        let (status, said) = self.ask(&url, None, LARGEST_ANSWER)?;
        Ok((status == 200, String::from_utf8_lossy(&said).into_owned()))
    }

    fn at(&self, path: &[&str]) -> Url {
        let mut url = self.url.clone();
        // An http address always has a path to add to.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("api").extend(path);
        }
        url
    }

    fn get<T: DeserializeOwned>(&self, url: &Url) -> Result<T, ClientError> {
        self.read(&self.call(url, None, LARGEST_ANSWER)?)
    }

    fn post<T: DeserializeOwned>(&self, url: &Url, order: &impl Serialize) -> Result<T, ClientError> {
        let order = serde_json::to_vec(order).map_err(|_| self.strange())?;
        self.read(&self.call(url, Some(&order), LARGEST_ANSWER)?)
    }

    fn read<T: DeserializeOwned>(&self, answer: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(answer).map_err(|_| self.strange())
    }

    /// The body of a good answer. `order`: what is posted; unset: it is a question.
    fn call(&self, url: &Url, order: Option<&[u8]>, largest: u64) -> Result<Vec<u8>, ClientError> {
        let (status, body) = self.ask(url, order, largest)?;
        if status == 200 {
            return Ok(body);
        }
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        match (problem["code"].as_str(), problem["detail"].as_str()) {
            (Some(code), Some(detail)) => Err(ClientError::Refused {
                code: code.to_owned(),
                detail: detail.to_owned(),
            }),
            _ => Err(self.strange()),
        }
    }

    /// The status and body of any answer.
    fn ask(&self, url: &Url, order: Option<&[u8]>, largest: u64) -> Result<(u16, Vec<u8>), ClientError> {
        let unreachable = |error: ureq::Error| ClientError::Unreachable {
            url: self.url.clone(),
            source: Box::new(error),
        };
        let authorization = self
            .token
            .as_ref()
            .map(|token| format!("Bearer {}", token.expose()));
        let answer = match order {
            None => {
                let mut request = self.agent.get(url.as_str());
                if let Some(authorization) = &authorization {
                    request = request.header("authorization", authorization);
                }
                request.call()
            }
            Some(order) => {
                let mut request = self.agent.post(url.as_str()).content_type("application/json");
                if let Some(authorization) = &authorization {
                    request = request.header("authorization", authorization);
                }
                request.send(order)
            }
        };
        let mut answer = answer.map_err(unreachable)?;
        let body = answer
            .body_mut()
            .with_config()
            .limit(largest)
            .read_to_vec()
            .map_err(unreachable)?;
        Ok((answer.status().as_u16(), body))
    }

    fn strange(&self) -> ClientError {
        ClientError::Strange(self.url.clone())
    }
}

/// The URL of an operator listener: the one that was given, else the one at `listen` (host:port).
pub fn operator_url(given: Option<&str>, listen: &str) -> String {
    match given {
        Some(url) if url.contains("://") => url.to_owned(),
        Some(address) => format!("http://{address}"),
        None => format!("http://{}", reachable(listen)),
    }
}

/// Where a listener is reached from its own machine: one on every address is on loopback, too.
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
