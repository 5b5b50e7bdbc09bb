//! The sample sender: a kind's samples, posted as their sender would post them.

use awc::Client;
use awc::http::Method;
use bytes::Bytes;
use std::time::Duration;
use url::Url;

use crate::authentication::{RequestTarget, Scheme, Unsigned, sign_request};
use crate::clock::Clock;
use crate::headers::Headers;
use crate::secret::Secret;

/// How long a response may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest body that is read, in bytes; it is shown to a person.
const LONGEST_BODY: usize = 64 * 1024;

/// A sender of samples.
pub struct SampleSender {
    client: Client,
    clock: Clock,
}

/// A request of a sample.
pub struct SampleRequest<'a> {
    /// The method.
    pub method: &'a str,
    /// The address.
    pub url: &'a Url,
    /// The public address of the bridge, if a signature covers it and it is another one.
    pub public_url: Option<&'a str>,
    /// The scheme by which it authenticates.
    pub scheme: &'a Scheme,
    /// The secret for that.
    pub secret: &'a Secret,
    /// Further headers; `{event}` and `{id}` in a value are replaced.
    pub headers: &'a [(String, String)],
    /// The event type.
    pub event_type: &'a str,
    /// The body.
    pub body: Bytes,
}

impl SampleSender {
    /// A sender. It has no TLS: it sends to bridges on this machine.
    pub fn new(clock: Clock) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the sample sender stands for a sender, not for the bridge"
        )]
        let client = Client::builder().timeout(TIMEOUT).disable_redirects().finish();
        Self { client, clock }
    }

    /// Sends a sample. Returns the status and the body (64 KiB at most).
    pub async fn send(&self, request: SampleRequest<'_>) -> Result<(u16, Bytes), String> {
        let id = self.clock.new_id().to_string();
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|error| error.to_string())?;
        let mut post = self
            .client
            .request(method, request.url.as_str())
            .content_type("application/json");
        let given = request.headers.iter();
        let headers = Headers::new(given.map(|(name, value)| {
            (
                name,
                value.replace("{event}", request.event_type).replace("{id}", &id),
            )
        }));
        for header in headers.iter() {
            post = post.insert_header(header);
        }
        let origin = request.url.origin().ascii_serialization();
        let unsigned = Unsigned {
            id: &id,
            now: self.clock.now(),
            target: RequestTarget {
                method: request.method,
                path: request.url.path(),
                query: request.url.query().unwrap_or_default(),
            },
            address: request.public_url.unwrap_or(&origin),
            headers: &headers,
            body: &request.body,
        };
        for header in sign_request(request.scheme, request.secret, &unsigned) {
            post = post.insert_header(header);
        }
        let mut response = post
            .send_body(request.body)
            .await
            .map_err(|error| error.to_string())?;
        let body = response
            .body()
            .limit(LONGEST_BODY)
            .await
            .map_err(|error| error.to_string())?;
        Ok((response.status().as_u16(), body))
    }
}
