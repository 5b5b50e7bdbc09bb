//! Every accepted request was signed.
//!
//! An input chooses a scheme (a built-in one or an invented layout), a request that is signed as a sender would sign
//! it, and changes to that request. An unchanged request must be accepted. Every accepted request must satisfy
//! `is_authentic`, which shares no code with the bridge: it reads the scheme's table itself and computes every
//! signature again.

mod carried;
mod keys;
mod proof;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use twake_bridge::authentication::{Authenticator, RequestTarget, Scheme, Unsigned, sign_request};
use twake_bridge::config::{builtin, kind_alone};
use twake_bridge::headers::Headers;
use twake_bridge::payload::BodyForm;
use twake_bridge::secret::{Secret, SourceSecret};

use self::keys::{ADDRESS, TOKEN};
use self::proof::{encode, is_authentic};
use super::Input;

const NOW: i64 = 1_700_000_000;
/// Valid for basic authentication, too.
const SECRET: &str = "user:It's a Secret";

/// The keys of `[[authentication]]` that this property uses.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Table {
    name: String,
    method: String,
    also: Option<String>,
    format: Option<String>,
    field: Option<String>,
    components: Option<Vec<String>>,
    header: Option<String>,
    algorithm: Option<String>,
    encoding: Option<String>,
    prefix: Option<String>,
    signed: Option<String>,
    tolerance: Option<String>,
    list: Option<List>,
    timestamp: Option<Stamp>,
    id: Option<Id>,
    secret: Option<Key>,
    claims: Option<BTreeMap<String, String>>,
}

impl Table {
    /// Whether the sender signs with a private key.
    fn has_public_key(&self) -> bool {
        ["ed25519", "rsa"].contains(&self.method.as_str())
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct List {
    separator: String,
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    suffix: String,
}

#[derive(Clone, Serialize, Deserialize)]
struct Stamp {
    header: Option<String>,
    #[serde(default)]
    prefix: String,
    unit: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Id {
    header: String,
}

#[derive(Clone, Serialize, Deserialize)]
struct Key {
    #[serde(default)]
    prefix: String,
    encoding: Option<String>,
}

/// A kind's schemes.
#[derive(Clone)]
struct Kind {
    tables: Vec<Table>,
    schemes: Vec<Scheme>,
    form: BodyForm,
    /// Every signed request must be accepted, because the tables contain nothing that a header cannot carry.
    sane: bool,
}

static BUILT_IN: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct Source {
        authentication: Vec<Table>,
    }
    let kind = |name: &&str| {
        let source: Source = toml::from_str(builtin::source_toml(name).unwrap()).unwrap();
        let (loaded, _) = kind_alone(name, None).ok().unwrap();
        Kind {
            tables: source.authentication,
            schemes: loaded.kind.schemes.clone(),
            form: loaded.kind.body.clone(),
            sane: true,
        }
    };
    builtin::kinds().iter().map(kind).collect()
});

/// A request before it is sent.
struct Request {
    headers: Vec<(String, String)>,
    path: Option<String>,
    /// The last part of the path that the sender signs.
    signed_path: String,
    query: String,
    body: Vec<u8>,
    now: i64,
}

impl Request {
    fn target(&self) -> RequestTarget<'_> {
        RequestTarget {
            method: "POST",
            path: &self.signed_path,
            query: &self.query,
        }
    }
}

pub(crate) fn check(data: &[u8]) {
    let mut input = Input::new(data);
    let choice = input.below(BUILT_IN.len() * 2);
    let Some(kind) = BUILT_IN.get(choice).cloned().or_else(|| invented(&mut input)) else {
        return;
    };
    let chosen = input.below(kind.tables.len());
    let (table, scheme) = (&kind.tables[chosen], &kind.schemes[chosen]);
    let secret = secret_for(table);
    let given = |name: &str, scheme: &str, value: &str| SourceSecret {
        name: name.to_owned(),
        scheme: Some(scheme.to_owned()),
        value: Secret::new(value),
    };
    let also = table.also.iter().map(|scheme| given("also", scheme, TOKEN));
    let secrets = [given("x", &table.name, &secret)]
        .into_iter()
        .chain(also)
        .collect();
    let Ok(mut authenticator) = Authenticator::new(kind.schemes.clone(), secrets, kind.form.clone()) else {
        // An invented secret may be empty behind its prefix (`whsec_` alone).
        return assert!(!kind.sane, "a valid secret was refused");
    };
    authenticator.set_address(Some(ADDRESS)).unwrap();
    let mut request = signed(&mut input, table, scheme, &kind.form, &secret);
    let touched = !input.is_empty();
    while !input.is_empty() {
        touch(&mut input, &mut request, table, &secret);
    }
    let headers = Headers::new(request.headers.iter().map(|(name, value)| (name, value.as_str())));
    let now = Timestamp::from_second(request.now).unwrap();
    let answer = authenticator
        .begin(&headers, request.path.as_deref())
        .and_then(|pending| {
            pending
                .with_query(&request.query)
                .with_target(request.target())
                .finish(Bytes::from(request.body.clone()), now)
        });
    // A query that replaces an empty body must be signed as the body. A sender would not sign an empty body.
    let query_is_body = request.body.is_empty() && (kind.form.query.is_some() || kind.form.parameters);
    if query_is_body {
        request.body = request.query.clone().into_bytes();
    }
    match answer {
        Ok(authentic) => {
            let (kept, body, name, _) = authentic.into_parts();
            assert_eq!(body, request.body);
            assert!(name == "x" || table.method == "none");
            assert!(table.also.is_none() || request.path.as_deref() == Some(TOKEN));
            for header in kind.tables.iter().filter_map(|table| table.header.as_deref()) {
                assert!(
                    kept.get(&header.to_ascii_lowercase()).is_none(),
                    "{header} was not removed"
                );
            }
            // The signature covers the bytes as sent, before their charset is decoded.
            let payload = kind.form.signed(&kept, &body).unwrap_or_default().unwrap_or(body);
            assert!(
                is_authentic(table, &secret, &request, &payload),
                "accepted without a signature"
            );
        }
        Err(refusal) => assert!(
            touched || query_is_body || !kind.sane,
            "refused with a signature: {refusal}"
        ),
    }
}

/// A kind with one scheme of any layout.
fn invented(input: &mut Input<'_>) -> Option<Kind> {
    let mut sane = true;
    let table = Table {
        name: "s".to_owned(),
        method: input
            .pick(&["hmac", "hmac", "hmac", "ed25519", "token", "basic", "path"])
            .to_owned(),
        ..Table::default()
    };
    let mut prefix = |input: &mut Input<'_>, known: &[&str]| match input.below(known.len() + 1) {
        0 => {
            sane = false;
            input.text().into_owned()
        }
        index => known[index - 1].to_owned(),
    };
    let table = match table.method.as_str() {
        "hmac" | "ed25519" if input.below(3) == 0 => carried::invented(input, table),
        "hmac" | "ed25519" => {
            let list = input.flag().then(|| List {
                separator: prefix(input, &[",", " ", ";", ", "]),
                prefix: prefix(input, &["v1=", "v1,", "sha256=", "v0:"]),
                suffix: prefix(input, &["", "\""]),
            });
            let stamp = input.flag().then(|| Stamp {
                header: (list.is_none() || input.flag()).then(|| "X-Stamp".to_owned()),
                prefix: prefix(input, &["", "t=", "ts:"]),
                unit: input.flag().then(|| "ms".to_owned()),
            });
            let id = input.flag().then(|| Id {
                header: "X-Id".to_owned(),
            });
            let body = input.pick(&["{body}", "{payload}", "{sha256:hex}", "{sha256:base64}"]);
            let of_request = [
                "",
                "",
                "{url}|",
                "{path}{query} ",
                "{method}\n",
                "{header:X-Id}\n",
            ];
            let known = of_request.len() - usize::from(id.is_none());
            let body = input.pick(&of_request[..known]).to_owned() + body;
            let between = prefix(input, &[".", ":", ""]);
            let stamped = if stamp.is_some() { "{timestamp}" } else { "" };
            let named = if id.is_some() { "{id}" } else { "" };
            let signed = match input.below(3) {
                0 => format!("{named}{between}{stamped}{between}{body}"),
                1 => format!("v0:{stamped}{between}{body}{between}{named}"),
                _ => format!("{body}{between}{stamped}:{named}"),
            };
            let is_hmac = table.method == "hmac";
            Table {
                header: Some("X-Signature".to_owned()),
                algorithm: is_hmac.then(|| input.pick(&["sha1", "sha256", "sha512"]).to_owned()),
                encoding: Some(input.pick(&["hex", "base64"]).to_owned()),
                prefix: list.is_none().then(|| prefix(input, &["", "sha256=", "v1="])),
                signed: Some(signed),
                tolerance: stamp
                    .is_some()
                    .then(|| input.pick(&["5m", "1ms", "30s", "2d"]).to_owned()),
                timestamp: stamp,
                list,
                id,
                secret: (is_hmac && input.flag()).then(|| Key {
                    prefix: prefix(input, &["", "whsec_"]),
                    encoding: input.flag().then(|| input.pick(&["hex", "base64"]).to_owned()),
                }),
                ..table
            }
        }
        "token" => Table {
            header: Some(input.pick(&["Authorization", "X-Token"]).to_owned()),
            prefix: Some(prefix(input, &["", "Bearer ", "Token token="])),
            ..table
        },
        _ => table,
    };
    let schemes = match Scheme::from_toml(&toml::to_string(&table).unwrap()) {
        Ok(scheme) => vec![scheme],
        Err(findings) => {
            assert!(!findings.is_empty());
            return None;
        }
    };
    let form = any_form(input);
    // No sender signs the JSON that the bridge makes of a whole form or of a text.
    let sane = sane && !(signs_payload(&table) && (form.fields || form.text));
    Some(Kind {
        tables: vec![table],
        schemes,
        form,
        sane,
    })
}

fn any_form(input: &mut Input<'_>) -> BodyForm {
    BodyForm {
        form: input.flag().then(|| "payload".to_owned()),
        fields: input.flag(),
        multipart: input.flag().then(|| "payload".to_owned()),
        text: input.flag(),
        query: input.flag().then(|| "payload".to_owned()),
        parameters: input.flag(),
        json: vec!["a".to_owned()],
    }
}

fn signs_payload(table: &Table) -> bool {
    table
        .signed
        .as_ref()
        .is_some_and(|signed| signed.contains("{payload}"))
}

/// The secret of a source with the scheme, or the public key of its sender.
fn secret_for(table: &Table) -> String {
    if let Some((public, _)) = keys::pair(table) {
        return public.to_owned();
    }
    let Some(key) = &table.secret else {
        return SECRET.to_owned();
    };
    let text = match key.encoding.as_deref() {
        None => SECRET.to_owned(),
        Some(encoding) => encode(encoding, SECRET.as_bytes()),
    };
    format!("{}{text}", key.prefix)
}

/// The request that a sender would send.
fn signed(input: &mut Input<'_>, table: &Table, scheme: &Scheme, form: &BodyForm, secret: &str) -> Request {
    let payload = input.bytes().to_vec();
    let id = format!("msg_{}", input.byte());
    let mut headers = Vec::new();
    let body = match &form.form {
        Some(field) if input.flag() => {
            headers.push((
                "content-type".to_owned(),
                "application/x-www-form-urlencoded; charset=utf-8".to_owned(),
            ));
            let encoded: String = url::form_urlencoded::byte_serialize(&payload).collect();
            format!("a=b&{field}={encoded}").into_bytes()
        }
        _ => payload.clone(),
    };
    let path = (table.method == "path").then(|| secret.to_owned());
    let mut request = Request {
        headers,
        path: path.or(table.also.as_ref().map(|_| TOKEN.to_owned())),
        signed_path: "/hooks/x".to_owned(),
        query: if input.flag() {
            "a=b&c".to_owned()
        } else {
            String::new()
        },
        body,
        now: NOW,
    };
    if table.field.is_some() {
        carried::put_signature_into_body(table, &mut request);
        return request;
    }
    let given = Headers::new(
        request
            .headers
            .iter()
            .map(|(name, value)| (name, value.as_str()))
            .chain(
                // A header that the signature covers, and that the request therefore has.
                table.id.as_ref().map(|name| (&name.header, id.as_str())),
            ),
    );
    let unsigned = Unsigned {
        id: &id,
        now: Timestamp::from_second(NOW).unwrap(),
        target: request.target(),
        address: ADDRESS,
        headers: &given,
        body: if signs_payload(table) {
            &payload
        } else {
            &request.body
        },
    };
    let private = keys::pair(table).map_or(secret, |(_, private)| private);
    let made = sign_request(scheme, &Secret::new(private), &unsigned);
    request.headers.extend(made);
    request
}

/// Makes one change to a request.
fn touch(input: &mut Input<'_>, request: &mut Request, table: &Table, secret: &str) {
    let Request {
        headers,
        path,
        signed_path,
        query,
        body,
        now,
    } = request;
    let which = input.below(headers.len());
    match input.below(15) {
        14 => signed_path.push('x'),
        0 => drop((!headers.is_empty()).then(|| headers.remove(which))),
        1 => headers.extend(headers.get(which).cloned()),
        2 => headers.rotate_left(which),
        3 => {
            if let Some((_, value)) = headers.get_mut(which) {
                splice(input, value);
            }
        }
        4 => {
            if let Some((_, value)) = headers.get_mut(which) {
                let separator = table.list.as_ref().map_or(",", |list| list.separator.as_str());
                let other = input.text();
                *value = if input.flag() {
                    format!("{value}{separator}{other}")
                } else {
                    format!("{other}{separator}{value}")
                };
            }
        }
        5 => {
            let name = input.pick(&[
                "x-signature",
                "x-stamp",
                "x-id",
                "authorization",
                "X-Hub-Signature-256",
                "content-type",
                "x",
            ]);
            headers.push((name.to_owned(), input.text().into_owned()));
        }
        6 => {
            if let Some((name, value)) = headers.get_mut(which) {
                *name = name.to_ascii_uppercase();
                *value = if input.flag() {
                    value.to_ascii_uppercase()
                } else {
                    format!("\t {value} ")
                };
            }
        }
        12 => *query = input.text().into_owned(),
        // The body becomes the query.
        13 => *query = String::from_utf8_lossy(&std::mem::take(body)).into_owned(),
        7 => *body = input.bytes().to_vec(),
        8 => body.extend(input.bytes()),
        9 => body.truncate(input.below(body.len() + 1)),
        10 => {
            let by = [0, 1, 299, 300, 301, 172_800, 172_801, i64::from(input.byte())][input.below(8)];
            *now += if input.flag() { by } else { -by };
        }
        _ => {
            *path = match input.below(3) {
                0 => Some(input.text().into_owned()),
                1 => Some(secret.to_owned()),
                _ => None,
            }
        }
    }
}

/// Replaces a part of a text.
fn splice(input: &mut Input<'_>, text: &mut String) {
    let characters: Vec<char> = text.chars().collect();
    let from = input.below(characters.len() + 1);
    let to = (from + input.below(4)).min(characters.len());
    let (before, after) = (&characters[..from], &characters[to..]);
    *text = before
        .iter()
        .copied()
        .chain(input.text().chars())
        .chain(after.iter().copied())
        .collect();
}
