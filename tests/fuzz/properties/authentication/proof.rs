//! What an accepted request must satisfy, derived from the written table without any of the bridge's own code.

use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac};

use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use sha2::Digest as _;

use super::keys::{self, ADDRESS};
use super::{Request, Stamp, Table, carried};

/// Whether the request contains the secret itself, or a signature of this body with that secret.
pub(super) fn is_authentic(table: &Table, secret: &str, request: &Request, payload: &[u8]) -> bool {
    let values = |name: &str| -> Vec<&str> {
        let of_name = request
            .headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        of_name
            .map(|(_, value)| value.trim_matches([' ', '\t']))
            .collect()
    };
    let header = table.header.as_deref().unwrap_or("authorization");
    match table.method.as_str() {
        "none" => true,
        "path" => request.path.as_deref() == Some(secret),
        "basic" => values(header).iter().any(|value| {
            let pair = value
                .get(..5)
                .filter(|word| word.eq_ignore_ascii_case("basic"))
                .map(|_| value[5..].trim());
            pair == Some(encode("base64", secret.as_bytes()).as_str())
        }),
        "token" => values(header).iter().any(|value| {
            let prefix = table.prefix.as_deref().unwrap_or_default().trim();
            value
                .strip_suffix(secret)
                .is_some_and(|before| before.trim().eq_ignore_ascii_case(prefix))
        }),
        _ if table.field.is_some() => carried::is_body_signed(table, payload),
        _ if table.format.as_deref() == Some("jws") => values(header)
            .iter()
            .any(|value| carried::is_jws(table, secret, value, &request.body)),
        _ if table.format.as_deref() == Some("http-message") => {
            carried::has_message_signature(table, secret, request)
        }
        _ => values(header).iter().any(|value| {
            let ids = table
                .id
                .as_ref()
                .map_or_else(|| vec![""], |id| values(&id.header));
            let stamps: Vec<&str> = match &table.timestamp {
                None => vec![""],
                Some(stamp) => {
                    let among = stamp
                        .header
                        .as_ref()
                        .map_or_else(|| vec![*value], |name| values(name));
                    match stamp.unit.as_deref() {
                        Some("http") => among,
                        _ => among
                            .into_iter()
                            .flat_map(|text| digits_behind(text, &stamp.prefix))
                            .collect(),
                    }
                }
            };
            ids.iter().any(|id| {
                stamps
                    .iter()
                    .any(|stamp| is_signed(table, secret, value, id, stamp, request, payload))
            })
        }),
    }
}

/// The digits after each occurrence of the prefix.
fn digits_behind<'t>(text: &'t str, prefix: &str) -> Vec<&'t str> {
    let starts = text.char_indices().map(|(at, _)| &text[at..]);
    let behind = starts.filter_map(|rest| rest.strip_prefix(prefix));
    behind
        .map(|rest| &rest[..rest.bytes().take_while(u8::is_ascii_digit).count()])
        .collect()
}

fn is_signed(
    table: &Table,
    secret: &str,
    value: &str,
    id: &str,
    stamp: &str,
    request: &Request,
    payload: &[u8],
) -> bool {
    let hash = sha2::Sha256::digest(&request.body);
    let hashes = [encode("hex", &hash), encode("base64", &hash)];
    let path = format!("/prefix{}", request.signed_path);
    let mark = if request.query.is_empty() { "" } else { "?" };
    let url = format!("{ADDRESS}{}{mark}{}", request.signed_path, request.query);
    let named = request
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("x-id"));
    let named = named
        .map(|(_, value)| value.trim_matches([' ', '\t']))
        .unwrap_or_default();
    let mut text = Vec::new();
    let mut rest = table.signed.as_deref().unwrap_or("{body}");
    while let Some(first) = rest.chars().next() {
        let pieces: [(&str, &[u8]); 11] = [
            ("{body}", &request.body),
            ("{payload}", payload),
            ("{timestamp}", stamp.as_bytes()),
            ("{id}", id.as_bytes()),
            ("{sha256:hex}", hashes[0].as_bytes()),
            ("{sha256:base64}", hashes[1].as_bytes()),
            ("{method}", b"POST"),
            ("{query}", request.query.as_bytes()),
            ("{path}", path.as_bytes()),
            ("{url}", url.as_bytes()),
            ("{header:X-Id}", named.as_bytes()),
        ];
        let (length, piece) = pieces
            .into_iter()
            .find_map(|(word, piece)| rest.starts_with(word).then_some((word.len(), piece)))
            .unwrap_or((first.len_utf8(), &rest.as_bytes()[..first.len_utf8()]));
        text.extend(piece);
        rest = &rest[length..];
    }
    is_there(table, secret, &text, value)
        && table
            .timestamp
            .as_ref()
            .is_none_or(|place| is_fresh(table, place, stamp, request.now))
}

/// Whether the value contains a signature of the text.
fn is_there(table: &Table, secret: &str, text: &[u8], value: &str) -> bool {
    let is_hex = table.encoding.as_deref() != Some("base64");
    if table.has_public_key() {
        // No other text of this length decodes to a signature.
        let length: usize = if table.method == "rsa" { 256 } else { 64 };
        let letters = if is_hex {
            2 * length
        } else {
            length.div_ceil(3) * 4
        };
        let decode = |part: &str| {
            if is_hex {
                hex::decode(part).ok()
            } else {
                base64::engine::general_purpose::STANDARD.decode(part).ok()
            }
        };
        let ends = value.char_indices().map(|(at, _)| at);
        let parts = ends.filter_map(|at| value.get(at..at + letters));
        return parts
            .filter_map(decode)
            .any(|tag| is_tag(table, secret, text, &tag));
    }
    let tag = hmac(table, secret, text);
    if is_hex {
        value.to_ascii_lowercase().contains(&hex::encode(tag))
    } else {
        value.contains(&encode("base64", &tag))
    }
}

/// Whether these bytes are a signature of the text.
pub(super) fn is_tag(table: &Table, secret: &str, text: &[u8], tag: &[u8]) -> bool {
    let verified = |algorithm: &'static dyn VerificationAlgorithm, key: &[u8]| {
        UnparsedPublicKey::new(algorithm, key).verify(text, tag).is_ok()
    };
    // The keys without what names their algorithm before them: 12 and 24 bytes.
    match keys::pair(table) {
        None => hmac(table, secret, text) == tag,
        Some((public, _)) if table.method == "ed25519" => {
            verified(&signature::ED25519, &keys::der(public)[12..])
        }
        Some((public, _)) => {
            let key = &keys::der(public)[24..];
            verified(&signature::RSA_PKCS1_2048_8192_SHA256, key)
                || verified(&signature::RSA_PKCS1_2048_8192_SHA512, key)
                || table.algorithm.as_deref() == Some("sha1")
                    && verified(&signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, key)
        }
    }
}

fn hmac(table: &Table, secret: &str, text: &[u8]) -> Vec<u8> {
    let key = table
        .secret
        .as_ref()
        .map_or(secret, |key| secret.strip_prefix(&key.prefix).unwrap());
    let key = match table.secret.as_ref().and_then(|key| key.encoding.as_deref()) {
        None => key.as_bytes().to_vec(),
        Some("hex") => hex::decode(key).unwrap(),
        Some(_) => base64::engine::general_purpose::STANDARD.decode(key).unwrap(),
    };
    match table.algorithm.as_deref() {
        Some("sha1") => tag(Hmac::<sha1::Sha1>::new_from_slice(&key), text),
        Some("sha512") => tag(Hmac::<sha2::Sha512>::new_from_slice(&key), text),
        _ => tag(Hmac::<sha2::Sha256>::new_from_slice(&key), text),
    }
}

fn tag<M: Mac, E: std::fmt::Debug>(mac: Result<M, E>, text: &[u8]) -> Vec<u8> {
    mac.unwrap().chain_update(text).finalize().into_bytes().to_vec()
}

fn is_fresh(table: &Table, place: &Stamp, stamp: &str, now: i64) -> bool {
    if place.unit.as_deref() == Some("http") {
        let at = jiff::fmt::rfc2822::parse(stamp);
        // The tolerance of the only such kind.
        return at.is_ok_and(|at| (at.timestamp().as_second() - now).abs() <= 300);
    }
    let Ok(count) = stamp.parse::<i128>() else {
        return false;
    };
    let unit = if place.unit.as_deref() == Some("ms") {
        1
    } else {
        1_000
    };
    let tolerance = table.tolerance.as_deref().unwrap();
    let at = tolerance.find(|c: char| !c.is_ascii_digit()).unwrap();
    let scale = match &tolerance[at..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 86_400_000,
    };
    (count * unit - i128::from(now) * 1_000).abs() <= tolerance[..at].parse::<i128>().unwrap() * scale
}

pub(super) fn encode(encoding: &str, bytes: &[u8]) -> String {
    match encoding {
        "hex" => hex::encode(bytes),
        _ => base64::engine::general_purpose::STANDARD.encode(bytes),
    }
}
