//! Signatures in other places than a header of their own: in a JSON Web Signature, in a message signature, in the body.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256, Sha512};

use super::keys::{self, ADDRESS, KEY_PAIRS};
use super::proof::{encode, is_tag};
use super::{Input, Request, Table};

/// A scheme with one of these formats.
pub(super) fn invented(input: &mut Input<'_>, table: Table) -> Table {
    let algorithm = (table.method == "hmac").then(|| input.pick(&["sha256", "sha512"]).to_owned());
    if input.flag() {
        let digest = input.pick(&["{sha256:hex}", "{sha256:base64}"]);
        let claims = [("iss", "me"), ("hash", digest)];
        let claims = claims.map(|(name, value)| (name.to_owned(), value.to_owned()));
        return Table {
            format: Some("jws".to_owned()),
            header: Some("X-Signature".to_owned()),
            claims: Some(claims.into()),
            algorithm,
            ..table
        };
    }
    let known = [
        "@method",
        "@path",
        "@query",
        "@target-uri",
        "@authority",
        "@request-target",
    ];
    let components = known
        .iter()
        .filter(|_| input.flag())
        .copied()
        .chain(["content-digest"]);
    Table {
        format: Some("http-message".to_owned()),
        components: Some(components.map(str::to_owned).collect()),
        tolerance: Some(input.pick(&["5m", "30s"]).to_owned()),
        algorithm,
        ..table
    }
}

/// Makes the body a JSON object with some fields and its own signature, as SNS does.
pub(super) fn put_signature_into_body(table: &Table, request: &mut Request) {
    let message = String::from_utf8_lossy(&request.body).into_owned();
    let fields = [
        ("Type", "Notification"),
        ("Message", message.as_str()),
        ("TopicArn", "arn"),
    ];
    let fields = fields.map(|(name, text)| (name.to_owned(), Value::from(text)));
    let mut object = Map::from_iter(fields);
    let text = lines(table, &object).unwrap();
    let key = RsaKeyPair::from_pkcs8(&keys::der(KEY_PAIRS[1].1)).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        text.as_bytes(),
        &mut signature,
    )
    .unwrap();
    let field = table.field.clone().unwrap();
    object.insert(field, encode("base64", &signature).into());
    request.body = Value::Object(object).to_string().into_bytes();
    request
        .headers
        .push((table.header.clone().unwrap(), "Notification".to_owned()));
}

/// The lines that a signature in the body covers.
fn lines(table: &Table, object: &Map<String, Value>) -> Option<String> {
    let signed = table
        .signed
        .as_deref()?
        .strip_prefix("{fields:")?
        .strip_suffix('}')?;
    let present = signed.split(',').filter(|name| object.contains_key(*name));
    let line = |name: &str| Some(format!("{name}\n{}\n", object[name].as_str()?));
    present.map(line).collect()
}

/// Whether the body contains its own signature.
pub(super) fn is_body_signed(table: &Table, body: &[u8]) -> bool {
    let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
        return false;
    };
    let signature = object.get(table.field.as_ref().unwrap()).and_then(Value::as_str);
    let signature = signature.and_then(|text| STANDARD.decode(text).ok());
    let text = lines(table, &object);
    signature
        .zip(text)
        .is_some_and(|(signature, text)| is_tag(table, "", text.as_bytes(), &signature))
}

/// Whether a header is a JSON Web Signature that states the hash of the body.
pub(super) fn is_jws(table: &Table, secret: &str, value: &str, body: &[u8]) -> bool {
    let parts: Vec<&str> = value.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        return false;
    };
    let (Ok(claims_json), Ok(signature)) =
        (URL_SAFE_NO_PAD.decode(claims), URL_SAFE_NO_PAD.decode(signature))
    else {
        return false;
    };
    let stated: Value = serde_json::from_slice(&claims_json).unwrap_or_default();
    let hash = Sha256::digest(body);
    let expected = |text: &str| match text {
        "{sha256:hex}" => encode("hex", &hash),
        "{sha256:base64}" => encode("base64", &hash),
        text => text.to_owned(),
    };
    let mut claims_of_table = table.claims.iter().flatten();
    claims_of_table.all(|(name, text)| stated[name] == expected(text).as_str())
        && is_tag(table, secret, format!("{header}.{claims}").as_bytes(), &signature)
}

/// Whether one of the message signatures of a request covers the required components and the body. The property's own requests have
/// a single label, and what it changes at random cannot make another valid one.
pub(super) fn has_message_signature(table: &Table, secret: &str, request: &Request) -> bool {
    let value = |wanted: &str| {
        let mut found = request
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found
            .next()
            .map(|(_, value)| value.trim_matches([' ', '\t']).to_owned())
    };
    let (Some(input), Some(signatures), Some(digest)) = (
        value("signature-input"),
        value("signature"),
        value("content-digest"),
    ) else {
        return false;
    };
    let hashes = [
        ("sha-256", Sha256::digest(&request.body).to_vec()),
        ("sha-512", Sha512::digest(&request.body).to_vec()),
    ];
    let is_hashed = hashes
        .iter()
        .any(|(name, hash)| digest.contains(&format!("{name}=:{}:", encode("base64", hash))));
    let lists = input
        .char_indices()
        .filter(|(_, sign)| *sign == '(')
        .map(|(at, _)| &input[at..]);
    let tags: Vec<Vec<u8>> = (signatures.split(':'))
        .filter_map(|text| STANDARD.decode(text).ok())
        .collect();
    let is_right = |list: &str| {
        let names: Vec<&str> = list
            .split(')')
            .next()
            .unwrap()
            .split('"')
            .skip(1)
            .step_by(2)
            .collect();
        let is_covered = table
            .components
            .iter()
            .flatten()
            .all(|name| names.contains(&name.as_str()));
        let line = |name: &&str| Some(format!("\"{name}\": {}\n", component(name, request, &digest)?));
        let Some(text) = names.iter().map(line).collect::<Option<String>>() else {
            return false;
        };
        let created = list
            .split("created=")
            .nth(1)
            .map(|rest| rest.split([';', ',', ' ']).next().unwrap());
        let age = created
            .and_then(|at| at.parse::<i64>().ok())
            .map(|at| (at - request.now).abs());
        let tolerance = if table.tolerance.as_deref() == Some("5m") {
            300
        } else {
            30
        };
        // The list ends at its own end, or at a comma before the next one.
        let ends = list.match_indices(',').map(|(at, _)| at).chain([list.len()]);
        let signed = ends.map(|end| format!("{text}\"@signature-params\": {}", list[..end].trim_end()));
        is_covered
            && age.is_some_and(|age| age <= tolerance)
            && signed
                .into_iter()
                .any(|text| tags.iter().any(|tag| is_tag(table, secret, text.as_bytes(), tag)))
    };
    let right = lists.into_iter().any(is_right);
    is_hashed && right
}

fn component(name: &str, request: &Request, digest: &str) -> Option<String> {
    let path = format!("/prefix{}", request.signed_path);
    let query = match request.query.as_str() {
        "" => String::new(),
        query => format!("?{query}"),
    };
    match name {
        "@method" => Some("POST".to_owned()),
        "@path" => Some(path),
        "@query" => Some(format!("?{}", request.query)),
        "@target-uri" => Some(format!("{ADDRESS}{}{query}", request.signed_path)),
        "@authority" => Some("bridge.example.org".to_owned()),
        "@request-target" => Some(format!("{path}{query}")),
        "content-digest" => Some(digest.to_owned()),
        _ => {
            let of_name = request
                .headers
                .iter()
                .filter(|(known, _)| known.eq_ignore_ascii_case(name));
            let lines: Vec<&str> = of_name
                .map(|(_, value)| value.trim_matches([' ', '\t']))
                .collect();
            (!lines.is_empty()).then(|| lines.join(", "))
        }
    }
}
