//! Requests, their answers, and what an answer means in HTTP itself: status classes, `Retry-After`, redirects, and
//! connections that fail. Judged here for every dialect.

use bytes::Bytes;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::time::{Duration, UNIX_EPOCH};
use url::Url;

use super::verdict::{AnswerRow, Ends, Extent, Finding, RETRIES_WHEN_UNSURE, Reason};
use crate::secret::Secret;

/// The longest `Retry-After` that is obeyed. A longer one is a mistake of the server.
pub(super) const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// One HTTP request. It holds the account's credentials, so it has no `Debug`.
pub struct Request {
    /// The method.
    pub method: &'static str,
    /// The address.
    pub url: Url,
    /// Headers without anything secret.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The value of the header `Authorization`. Empty: there is no such header.
    pub authorization: Secret,
    /// The body.
    pub body: Bytes,
}

/// What is percent-encoded in a segment of a path: all but the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

impl Request {
    /// A call of a JSON API. Its path is that of the account's address, followed by these segments.
    pub(crate) fn json(
        address: &Url,
        method: &'static str,
        segments: &[&str],
        authorization: Secret,
        body: Option<Vec<u8>>,
    ) -> Self {
        let mut url = address.clone();
        let mut path = url.path().trim_end_matches('/').to_owned();
        for segment in segments {
            path.push('/');
            path.extend(utf8_percent_encode(segment, SEGMENT));
        }
        url.set_path(&path);
        url.set_query(None);
        url.set_fragment(None);
        let mut headers = vec![("accept", "application/json")];
        headers.extend(body.iter().map(|_| ("content-type", "application/json")));
        Self {
            method,
            url,
            headers,
            authorization,
            body: body.map_or_else(Bytes::new, Bytes::from),
        }
    }
}

/// What came back: a response, or the reason why there is none.
pub type Answer = Result<Response, TransportError>;

/// An HTTP response.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// What `Retry-After` asked for; see [`parse_retry_after`].
    pub retry_after: Option<Duration>,
    /// The server's clock (`Date`).
    pub date: Option<Timestamp>,
    /// The body, or its beginning.
    pub body: Vec<u8>,
    /// Why the body is not whole, where it should be read whole and is not.
    pub cut: Option<String>,
}

/// Why there is no response.
#[derive(Clone, Debug)]
pub struct TransportError {
    /// The kind of fault.
    pub fault: TransportFault,
    /// The system's own words.
    pub detail: String,
}

/// The kinds of faults that leave a request without a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportFault {
    /// The server's name has no address.
    Unresolved,
    /// No connection: refused, unreachable, or not made in time. Nothing was sent.
    Unreachable,
    /// A connection, but no TLS over it. Nothing was sent.
    Tls,
    /// The server refuses the account's certificate, or its lack of one. Nothing was sent, or nobody read it.
    CertificateRefused,
    /// The account's proxy is not reached, or makes no tunnel. Nothing was sent.
    Proxy,
    /// The account's proxy refuses the bridge's credentials, or the address of the chat. Nothing was sent.
    ProxyRefused,
    /// No response in time; the request may have been carried out.
    TimedOut,
    /// The connection broke before the response was whole; the request may have been carried out.
    Broken,
    /// What came is not HTTP; the request may have been carried out.
    Garbled,
}

impl TransportError {
    /// The finding.
    pub(super) fn finding(&self) -> Finding {
        let reason = match self.fault {
            TransportFault::Unresolved => Reason::Unresolved,
            TransportFault::Unreachable => Reason::Unreachable,
            TransportFault::Tls => Reason::Tls,
            TransportFault::CertificateRefused => Reason::CertificateRefused,
            TransportFault::Proxy => Reason::Proxy,
            TransportFault::ProxyRefused => Reason::ProxyRefused,
            TransportFault::TimedOut => Reason::TimedOut,
            TransportFault::Broken => Reason::Broken,
            TransportFault::Garbled => Reason::Garbled,
        };
        Finding::new(reason, &self.detail)
    }
}

impl Response {
    /// What the status means, with the beginning of the body. For a dialect that finds no answer of its own in the body.
    pub(super) fn finding(&self) -> Finding {
        if let Some(title) = self.certificate_complaint() {
            return Finding::new(Reason::CertificateRefused, &title);
        }
        let finding = of_status(self.status);
        match excerpt(&self.body) {
            text if text.is_empty() => finding,
            text => finding.with(&text),
        }
    }

    /// The finding about a success that cannot be read: the message may have been stored.
    pub(super) fn unreadable(&self) -> Finding {
        let text = excerpt(&self.body);
        match &self.cut {
            Some(cut) => Finding::new(
                Reason::AnswerCut,
                &format!("{cut}; {} bytes came: {text}", self.body.len()),
            ),
            None if self.body.trim_ascii().is_empty() => Finding::new(Reason::EmptyAnswer, ""),
            None => Finding::new(Reason::NotJson, &text),
        }
    }

    /// The title of nginx's page with status 400 about the client certificate, or about the lack of one. Other servers end
    /// the TLS instead.
    fn certificate_complaint(&self) -> Option<String> {
        let page = String::from_utf8_lossy(&self.body);
        let title = page.split_once("<title>")?.1.split_once("</title>")?.0;
        (self.status == 400 && title.contains("SSL certificate")).then(|| title.to_owned())
    }
}

/// What a status means.
pub(super) fn of_status(status: u16) -> Finding {
    let reason = match status {
        300..=399 => Reason::Redirected,
        401 | 403 | 407 => Reason::Forbidden,
        404 | 405 | 410 | 421 => Reason::Misrouted,
        413 => Reason::TooLarge,
        408 | 425 | 503 => Reason::Unavailable,
        429 => Reason::RateLimited,
        400..=499 | 501 | 505 | 511 => Reason::Refused,
        500..=599 => Reason::ServerError,
        _ => Reason::UnexpectedStatus,
    };
    Finding::new(reason, &format!("status {status}"))
}

/// The beginning of a text that the bridge did not write. A page that repeats the request's headers holds the key, so
/// nothing of it is shown.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    let begin = &bytes[..bytes.len().min(400)];
    let text = String::from_utf8_lossy(begin.trim_ascii());
    let lower = text.to_ascii_lowercase();
    if ["authorization", "basic ", "php_auth"]
        .iter()
        .any(|word| lower.contains(word))
    {
        return "(not shown: it repeats credentials)".to_owned();
    }
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

/// `Retry-After` in both its forms: seconds, or a date, measured from `now`. A date that has passed asks for nothing.
pub fn parse_retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are more seconds than are obeyed.
        let seconds = text.parse().map_or(Duration::MAX, Duration::from_secs);
        return Some(seconds.min(LONGEST_RETRY_AFTER));
    }
    let date = httpdate::parse_http_date(text)
        .ok()?
        .duration_since(UNIX_EPOCH)
        .ok()?;
    let now = Duration::from_secs(u64::try_from(now.as_second()).unwrap_or_default());
    Some(date.saturating_sub(now).min(LONGEST_RETRY_AFTER))
}

/// The answers of HTTP itself: what each means, what follows from it, what to do. A dialect's own table states what the
/// other statuses mean in it.
pub const ANSWERS: &[AnswerRow] = &[
    AnswerRow {
        reason: Reason::AnswerCut,
        answer: "200, but the body ended early, broke off, was longer than 4 MiB or did not come in time",
        ends: Ends::RetryTimes(RETRIES_WHEN_UNSURE),
        may_be_duplicate: true,
        hint: "look for the message in the channel, then at the log of the proxy in front of Twake",
    },
    AnswerRow {
        reason: Reason::UnexpectedStatus,
        answer: "2xx other than 200, or no status at all",
        ends: Ends::Probe(Extent::Account),
        may_be_duplicate: true,
        hint: "something other than Twake's API answered: check url and the proxies in between",
    },
    AnswerRow {
        reason: Reason::Redirected,
        answer: "3xx (never followed: the key would go with it)",
        ends: Ends::Probe(Extent::Account),
        may_be_duplicate: false,
        hint: "if every message fails: set url to the address that the server redirects to, often https instead of http. If one message fails: a filter in front of Twake refuses its text",
    },
    AnswerRow {
        reason: Reason::TooLarge,
        answer: "413",
        ends: Ends::Reject,
        may_be_duplicate: false,
        hint: "shorten the template, or raise the size of bodies that the proxy in front of Twake accepts",
    },
    AnswerRow {
        reason: Reason::Unavailable,
        answer: "408, 425, 503; Retry-After is obeyed",
        ends: Ends::Retry,
        may_be_duplicate: false,
        hint: "nothing at first; if it lasts, look at Twake and the proxy in front of it",
    },
    AnswerRow {
        reason: Reason::RateLimited,
        answer: "429; Retry-After is obeyed",
        ends: Ends::Retry,
        may_be_duplicate: false,
        hint: "set the channel's rate to what the proxy in front of Twake allows",
    },
    AnswerRow {
        reason: Reason::Unresolved,
        answer: "the server's name has no address",
        ends: Ends::Retry,
        may_be_duplicate: false,
        hint: "check url and the machine's DNS",
    },
    AnswerRow {
        reason: Reason::Unreachable,
        answer: "the connection is refused, has no route, or is not made in time",
        ends: Ends::Retry,
        may_be_duplicate: false,
        hint: "check that Twake runs, then url and the firewalls in between",
    },
    AnswerRow {
        reason: Reason::Tls,
        answer: "no TLS over the connection",
        ends: Ends::Retry,
        may_be_duplicate: false,
        hint: "check the server's certificate (date, name, chain); put the certificate of your own authority into ca_file",
    },
    AnswerRow {
        reason: Reason::CertificateRefused,
        answer: "the server ends the TLS because of the bridge's certificate or the lack of one, or 400 with nginx's page about it",
        ends: Ends::Halt(Extent::Account),
        may_be_duplicate: false,
        hint: "set the account's tls to a certificate that the server trusts (date, authority, for clients), and its key",
    },
    AnswerRow {
        reason: Reason::Proxy,
        answer: "the account's proxy is not reached, or makes no tunnel",
        ends: Ends::Retry,
        may_be_duplicate: false,
        hint: "check that the proxy runs and reaches Twake, and the account's proxy; the detail is its answer",
    },
    AnswerRow {
        reason: Reason::ProxyRefused,
        answer: "the account's proxy answers 401, 403 or 407",
        ends: Ends::Halt(Extent::Account),
        may_be_duplicate: false,
        hint: "check the user and password of the account's proxy, and that it allows CONNECT to Twake's host and port",
    },
    AnswerRow {
        reason: Reason::TimedOut,
        answer: "no answer in time",
        ends: Ends::Retry,
        may_be_duplicate: true,
        hint: "Twake is slow; raise delivery.timeout if it always is",
    },
    AnswerRow {
        reason: Reason::Broken,
        answer: "the connection broke before the answer was whole",
        ends: Ends::Retry,
        may_be_duplicate: true,
        hint: "nothing at first; if it lasts, look at the proxy in front of Twake",
    },
    AnswerRow {
        reason: Reason::Garbled,
        answer: "the bytes that came are not HTTP",
        ends: Ends::Probe(Extent::Account),
        may_be_duplicate: true,
        hint: "check url: its port may belong to another program, or require https",
    },
];

#[cfg(test)]
mod tests;
