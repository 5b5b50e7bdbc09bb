//! The console's session: a cookie that proves a login without a table of sessions.
//!
//! Its value is `issued.expires.mac`: seconds since 1970, and an HMAC over both by a key that is derived from the operator token.
//! So a changed token ends every session, also in another process.

use actix_web::http::header::{self, HeaderMap};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::secret::Secret;

/// How long a login lasts: a working day, in seconds.
const LASTS: i64 = 12 * 60 * 60;

/// The cookie over plain HTTP.
const PLAIN: &str = "twake-bridge";
/// The cookie over https. Browsers take a name with this prefix only from the host itself, and only over https.
const SECURE: &str = "__Host-twake-bridge";

/// Returns the `Set-Cookie` of a login.
pub(super) fn begin(token: &Secret, now: Timestamp, is_https: bool) -> String {
    let issued = now.as_second();
    let expires = issued.saturating_add(LASTS);
    let signature = hex::encode(mac(token, issued, expires).finalize().into_bytes());
    set(is_https, &format!("{issued}.{expires}.{signature}"), LASTS)
}

/// Returns the `Set-Cookie` values of a logout: browsers may have either cookie.
pub(super) fn end() -> [String; 2] {
    [set(false, "", 0), set(true, "", 0)]
}

fn set(is_https: bool, value: &str, seconds: i64) -> String {
    let (name, secure) = if is_https {
        (SECURE, "; Secure")
    } else {
        (PLAIN, "")
    };
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

/// Whether a request has the cookie of a login that has not expired.
pub(super) fn is_open(headers: &HeaderMap, token: &Secret, now: Timestamp) -> bool {
    let cookies = headers
        .get_all(header::COOKIE)
        .filter_map(|cookies| cookies.to_str().ok());
    let mut cookies = cookies.flat_map(|cookies| cookies.split(';'));
    cookies.any(|cookie| {
        let value = cookie
            .trim()
            .split_once('=')
            .filter(|(name, _)| [PLAIN, SECURE].contains(name));
        value.is_some_and(|(_, value)| is_valid(value, token, now))
    })
}

fn is_valid(value: &str, token: &Secret, now: Timestamp) -> bool {
    let mut parts = value.splitn(3, '.');
    let mut second = || parts.next()?.parse::<i64>().ok();
    let (Some(issued), Some(expires)) = (second(), second()) else {
        return false;
    };
    let signature = parts.next().and_then(|signature| hex::decode(signature).ok());
    // The comparison takes constant time. It comes first, so that only an authentic time is looked at.
    let is_authentic =
        signature.is_some_and(|signature| mac(token, issued, expires).verify_slice(&signature).is_ok());
    is_authentic && (issued..expires).contains(&now.as_second())
}

/// The HMAC over both times. Its key is derived from the token, so that the cookie is no hash of the token itself.
fn mac(token: &Secret, issued: i64, expires: i64) -> Hmac<Sha256> {
    let derived = Sha256::new()
        .chain_update("twake-bridge: sessions of the console\n")
        .chain_update(token.expose())
        .finalize();
    // The key of an HMAC is a block of the hash, filled up with zeros.
    let mut key = [0; 64];
    for (byte, derived) in key.iter_mut().zip(derived) {
        *byte = derived;
    }
    Hmac::<Sha256>::new(&key.into()).chain_update(format!("{issued}.{expires}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn headers(cookie: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
        headers
    }

    #[test]
    fn a_session_is_open_from_its_login_until_it_expires_or_the_token_changes() {
        let at = |second| Timestamp::from_second(1_000_000 + second).unwrap();
        let (token, other) = (Secret::new("operator-token"), Secret::new("another-token"));
        for is_https in [false, true] {
            let cookie = begin(&token, at(0), is_https);
            assert_eq!(cookie.contains("; Secure"), is_https);
            assert_eq!(cookie.starts_with("__Host-"), is_https);
            assert!(cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
            let pair = cookie.split(';').next().unwrap();
            for (sent, token, second, is_open_then) in [
                (pair.to_owned(), &token, 0, true),
                (pair.to_owned(), &token, LASTS - 1, true),
                (pair.to_owned(), &token, LASTS, false),
                (pair.to_owned(), &token, -1, false),
                (pair.to_owned(), &other, 0, false),
                (format!("a=b; {pair}; c=d"), &token, 0, true),
                (format!("x{pair}"), &token, 0, false),
                (pair.replace("1000000.", "1000001."), &token, 5, false),
                (pair.replace("1043200", "9043200"), &token, 5, false),
                (pair[..pair.len() - 2].to_owned(), &token, 0, false),
                (format!("{pair}00"), &token, 0, false),
                ("twake-bridge=".to_owned(), &token, 0, false),
                ("twake-bridge=1.2".to_owned(), &token, 0, false),
            ] {
                assert_eq!(
                    is_open(&headers(&sent), token, at(second)),
                    is_open_then,
                    "{sent} {second}"
                );
            }
        }
        assert!(!is_open(&HeaderMap::new(), &token, at(0)));
        assert!(end().iter().all(|cookie| cookie.contains("Max-Age=0")));
    }
}
