//! What an accepted request must satisfy, derived from the written table without any of the bridge's own code.

use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};

use super::{Request, Stamp, Table};

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
                    among
                        .into_iter()
                        .flat_map(|text| digits_behind(text, &stamp.prefix))
                        .collect()
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
    let mut text = Vec::new();
    let mut rest = table.signed.as_deref().unwrap_or("{body}");
    while let Some(first) = rest.chars().next() {
        let pieces: [(&str, &[u8]); 4] = [
            ("{body}", &request.body),
            ("{payload}", payload),
            ("{timestamp}", stamp.as_bytes()),
            ("{id}", id.as_bytes()),
        ];
        let (length, piece) = pieces
            .into_iter()
            .find_map(|(word, piece)| rest.starts_with(word).then_some((word.len(), piece)))
            .unwrap_or((first.len_utf8(), &rest.as_bytes()[..first.len_utf8()]));
        text.extend(piece);
        rest = &rest[length..];
    }
    let key = table
        .secret
        .as_ref()
        .map_or(secret, |key| secret.strip_prefix(&key.prefix).unwrap());
    let key = match table.secret.as_ref().and_then(|key| key.encoding.as_deref()) {
        None => key.as_bytes().to_vec(),
        Some("hex") => hex::decode(key).unwrap(),
        Some(_) => base64::engine::general_purpose::STANDARD.decode(key).unwrap(),
    };
    let tag = match table.algorithm.as_deref() {
        Some("sha1") => Hmac::<sha1::Sha1>::new_from_slice(&key)
            .unwrap()
            .chain_update(&text)
            .finalize()
            .into_bytes()
            .to_vec(),
        _ => Hmac::<sha2::Sha256>::new_from_slice(&key)
            .unwrap()
            .chain_update(&text)
            .finalize()
            .into_bytes()
            .to_vec(),
    };
    let is_hex = table.encoding.as_deref() != Some("base64");
    let is_there = if is_hex {
        value.to_ascii_lowercase().contains(&hex::encode(tag))
    } else {
        value.contains(&encode("base64", &tag))
    };
    is_there
        && table
            .timestamp
            .as_ref()
            .is_none_or(|place| is_fresh(table, place, stamp, request.now))
}

fn is_fresh(table: &Table, place: &Stamp, stamp: &str, now: i64) -> bool {
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
