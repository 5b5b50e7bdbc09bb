//! Schemes of real senders, tested with requests of these senders and with forged requests.

mod bodies;
mod choice;
mod findings;
mod formats;
mod mechanisms;
mod properties;
mod refusals;
mod senders;
mod traces;
mod vectors;
mod warnings;

use bytes::Bytes;
use jiff::Timestamp;

use super::*;
use crate::headers::Headers;
use crate::payload::BodyForm;
use crate::secret::{Secret, SourceSecret};

/// The time of most requests, in Unix seconds.
const NOW: i64 = 1_700_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn scheme(table: &str) -> Scheme {
    Scheme::from_toml(table).unwrap_or_else(|findings| panic!("{table}\n{findings:?}"))
}

fn secret(name: &str, value: &str) -> SourceSecret {
    SourceSecret {
        name: name.to_owned(),
        scheme: None,
        value: Secret::new(value),
    }
}

fn bound(name: &str, value: &str, scheme: &str) -> SourceSecret {
    SourceSecret {
        scheme: Some(scheme.to_owned()),
        ..secret(name, value)
    }
}

fn authenticator(tables: &[&str], secrets: Vec<SourceSecret>) -> Authenticator {
    let schemes = tables.iter().map(|table| scheme(table)).collect();
    Authenticator::new(schemes, secrets, BodyForm::default())
        .unwrap_or_else(|findings| panic!("{findings:?}"))
}

/// Authenticates a request. Returns the name of the secret that authenticated it.
fn prove(
    authenticator: &Authenticator,
    headers: &[(&str, &str)],
    body: &str,
    now: i64,
) -> Result<String, Refusal> {
    let headers = Headers::new(headers.iter().copied());
    let pending = authenticator.begin(&headers, None)?;
    let authentic = pending.finish(Bytes::copy_from_slice(body.as_bytes()), at(now))?;
    Ok(authentic.into_parts().2)
}

fn prove_signed(
    authenticator: &Authenticator,
    headers: &[(String, String)],
    body: &str,
    now: i64,
) -> Result<String, Refusal> {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    prove(authenticator, &headers, body, now)
}
