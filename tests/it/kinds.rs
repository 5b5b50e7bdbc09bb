//! Signs every sample of every built-in kind as its sender would, authenticates it, decides it and renders its
//! messages.
//!
//! Each sample has one snapshot (`snapshots/`). It lists the facts that are known and, for each variant of the kind,
//! the rendered template, the plain text and the Twacode. Read a snapshot as a person in the channel would.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use twake_bridge::authentication::{Authenticator, Scheme, secret_for, sign};
use twake_bridge::condition::Condition;
use twake_bridge::config::builtin::{self, Sample};
use twake_bridge::config::{self, Config, Environment, kind_alone};
use twake_bridge::decision::{
    ChallengeResponse, Decision, answer_challenge, answer_unsigned_challenge, decide, decide_whole,
};
use twake_bridge::event::Event;
use twake_bridge::headers::Headers;
use twake_bridge::message::{Document, FollowUp, Readers, Slot, StoredMessage, plain, twacode};
use twake_bridge::payload::{BodyForm, Selection};
use twake_bridge::secret::{Secret, SourceSecret};
use twake_bridge::source::Source;
use uuid::Uuid;

/// The base of the secret of every scheme (`secret_for`). The scheme `basic` needs a user name and a password.
const SECRET: &str = "user:It's a Secret to Everybody";

/// The time at which every sample is received: shortly after most of them were sent.
const RECEIVED: &str = "2026-11-22T09:58:00Z";

/// The longest allowed message, in characters of its plain text.
const LONGEST: usize = 4_000;

#[test]
fn every_sample_renders_as_its_snapshot() {
    for kind in builtin::kinds() {
        let source = source(kind, None);
        let lively = source_with(kind, None, "", "calm = false");
        for sample in builtin::samples(kind) {
            let snapshot = format!("{kind}__{}", sample.name);
            let decision = match decided(&source, &sample) {
                Ok(decision) => decision,
                Err(reply) => {
                    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
                        insta::assert_snapshot!(snapshot, format!("{reply:#?}"));
                    });
                    continue;
                }
            };
            assert_eq!(decision.event_type, sample.event_type, "{kind}/{}", sample.name);
            let mut text = describe(&decision);
            let name = format!("{kind}/{}", sample.name);
            check(&decision, &text, &name);
            if let Ok(lively) = decided(&lively, &sample) {
                let shown = messages(&lively);
                check(&lively, &shown, &name);
                if shown != messages(&decision) {
                    write!(text, "\n--- with calm = false\n{shown}").unwrap();
                }
            }
            insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
                insta::assert_snapshot!(snapshot, text);
            });
        }
    }
}

#[test]
fn what_a_kind_reads_of_a_payload_decides_as_the_whole_payload_does() {
    let mut whole = Vec::new();
    for kind in builtin::kinds() {
        let source = source(kind, None);
        if source.selection.is_all() {
            whole.push(kind);
        }
        for sample in config::samples(kind, None).0 {
            let name = format!("{kind}/{}", sample.name);
            let decisions = [&Selection::all(), &source.selection].map(|selection| {
                let event = event_of(&source, &sample, selection);
                let answered = answer_challenge(event.clone(), &source).map(|event| decide(event, &source));
                let (mut with_facts, _) = decide_whole(event, &source);
                // Explanations quote all of a value that a condition reads in part.
                for message in &mut with_facts.messages {
                    message.when = None;
                }
                format!("{answered:#?}\n{with_facts:#?}")
            });
            assert!(
                decisions[0] == decisions[1],
                "{name}: {}\n{}",
                decisions[0],
                decisions[1]
            );
        }
    }
    // Their facts search the payload.
    assert_eq!(
        whole,
        ["cloudevents", "generic", "slack-compatible", "standard-webhooks"]
    );
}

#[test]
fn a_kind_that_is_like_another_renders_the_samples_of_both() {
    let mut inherited = 0;
    for kind in builtin::kinds() {
        let source = source(kind, None);
        let own = builtin::samples(kind);
        let (samples, _) = config::samples(kind, None);
        for sample in samples.iter().filter(|sample| !own.contains(sample)) {
            let name = format!("{kind}/{}", sample.name);
            let Ok(decision) = decided(&source, sample) else {
                continue;
            };
            assert_eq!(decision.event_type, sample.event_type, "{name}");
            check(&decision, &describe(&decision), &name);
            inherited += 1;
        }
    }
    assert!(inherited > 50, "{inherited}");
}

#[test]
fn every_template_is_rendered_by_some_sample() {
    for kind in builtin::kinds() {
        let source = source_with(kind, None, "", "calm = false");
        let rendered: BTreeSet<String> = config::samples(kind, None)
            .0
            .iter()
            .filter_map(|sample| decided(&source, sample).ok())
            .flat_map(|decision| decision.messages)
            .filter_map(|message| message.message.and(Some(message.template?.name)))
            .collect();
        let has: BTreeSet<String> = templates(kind)
            .into_iter()
            .filter(|name| !name.starts_with('_'))
            .collect();
        assert_eq!(rendered, has, "{kind}");
    }
}

#[test]
fn every_scheme_authenticates_its_own_sender() {
    for kind in builtin::kinds() {
        for scheme in &source(kind, None).kind.schemes {
            // The body of SNS contains its own signature. The unit tests have messages that it signed.
            if scheme.has_public_key() && signed(scheme, "", &RECEIVED.parse().unwrap(), b"{}").is_empty() {
                continue;
            }
            let source = source(kind, Some(&scheme.name));
            assert_eq!(source.authenticator.schemes(), [scheme.name.as_str()]);
            for sample in builtin::samples(kind).iter().take(3) {
                assert_eq!(event(&source, sample).envelope.source, source.name);
            }
        }
    }
}

#[test]
fn two_samples_of_an_event_type_have_two_keys() {
    // Deliveries of GitHub differ by their id alone. The payload of a repeat is marked as a repeat.
    for kind in builtin::kinds() {
        let source = source(kind, None);
        let mut keys = BTreeSet::new();
        for sample in builtin::samples(kind) {
            let Ok(decision) = decided(&source, &sample) else {
                continue;
            };
            assert!(
                keys.insert(decision.key.0),
                "{kind}/{} has the key of another sample",
                sample.name
            );
        }
    }
}

#[test]
fn retries_and_cluster_members_send_a_notification_of_alertmanager_with_one_key() {
    let source = source("alertmanager", None);
    let key = |change: &dyn Fn(&mut Value)| {
        let mut sample = builtin::samples("alertmanager")
            .into_iter()
            .find(|sample| sample.name == "firing__several")
            .unwrap();
        let mut payload: Value = serde_json::from_slice(&sample.body).unwrap();
        change(&mut payload);
        sample.body = payload.to_string().into_bytes();
        decide(event(&source, &sample), &source).key
    };
    let first = key(&|_| {});
    let same: [&dyn Fn(&mut Value); 4] = [
        &|payload| payload["externalURL"] = "http://other.example.org:9093".into(),
        &|payload| payload["notification_reason"] = "new alerts added".into(),
        &|payload| drop(payload.as_object_mut().unwrap().remove("notification_reason")),
        &|payload| payload["alerts"].as_array_mut().unwrap().reverse(),
    ];
    for change in same {
        assert_eq!(key(change), first);
    }
    let another: [&dyn Fn(&mut Value); 6] = [
        &|payload| payload["notification_reason"] = "repeat interval elapsed".into(),
        &|payload| payload["alerts"][0]["startsAt"] = "2026-11-22T10:30:00Z".into(),
        &|payload| payload["alerts"][0]["status"] = "resolved".into(),
        &|payload| drop(payload["alerts"].as_array_mut().unwrap().pop()),
        &|payload| payload["truncatedAlerts"] = 7.into(),
        &|payload| payload["receiver"] = "other".into(),
    ];
    for change in another {
        assert_ne!(key(change), first);
    }
}

/// A public key, and its private key.
const KEY_PAIRS: [(&str, &str); 2] = [
    (
        include_str!("../data/keys/rsa.pub.pem"),
        include_str!("../data/keys/rsa.pem"),
    ),
    (
        include_str!("../data/keys/ed25519.pub.pem"),
        include_str!("../data/keys/ed25519.pem"),
    ),
];

/// The headers of a request that is signed as its sender signs it.
fn signed(scheme: &Scheme, id: &str, now: &Timestamp, body: &[u8]) -> Vec<(String, String)> {
    if !scheme.has_public_key() {
        return sign(scheme, &secret_for(scheme, SECRET), id, *now, body);
    }
    let mut signatures = KEY_PAIRS
        .iter()
        .map(|(_, private)| sign(scheme, &Secret::new(private), id, *now, body));
    signatures.find(|headers| !headers.is_empty()).unwrap_or_default()
}

/// The secret of a source, or the public key of its sender.
fn secret_of(scheme: &Scheme) -> String {
    let fits = |public: &&str| {
        let key = SourceSecret {
            name: "key".to_owned(),
            scheme: None,
            value: Secret::new(public),
        };
        Authenticator::new(vec![scheme.clone()], vec![key], BodyForm::default()).is_ok()
    };
    let public = KEY_PAIRS.iter().map(|(public, _)| *public).find(fits);
    public.map_or_else(|| secret_for(scheme, SECRET).expose().to_owned(), str::to_owned)
}

/// The names of a kind's templates, including those that it inherits from the kind it is like.
fn templates(kind: &str) -> BTreeSet<String> {
    let kinds = [Some(kind.to_owned()), config::builtin_like(kind)];
    let templates = kinds.iter().flatten().flat_map(|kind| builtin::templates(kind));
    templates.map(|template| template.name).collect()
}

/// A source of the kind with one route for each variant of its templates. It uses the named scheme, else the default.
pub(crate) fn source(kind: &str, scheme: Option<&str>) -> Arc<Source> {
    source_with(kind, scheme, "", "")
}

/// Such a source, with more keys of `bridge.toml` and of the source. Each is compiled once: that takes a fifth of a second.
pub(crate) fn source_with(kind: &str, scheme: Option<&str>, head: &str, keys: &str) -> Arc<Source> {
    static COMPILED: Mutex<BTreeMap<[String; 4], Arc<Source>>> = Mutex::new(BTreeMap::new());
    let asked = [kind, scheme.unwrap_or_default(), head, keys].map(str::to_owned);
    let known = COMPILED.lock().unwrap().get(&asked).cloned();
    known.unwrap_or_else(|| {
        let source = compile_source(kind, scheme, head, keys);
        COMPILED.lock().unwrap().insert(asked, Arc::clone(&source));
        source
    })
}

fn compile_source(kind: &str, scheme: Option<&str>, head: &str, keys: &str) -> Arc<Source> {
    // A name with a dot is a variant only if the plain template exists: `push.short.hbs` is a variant of `push.hbs`,
    // and `incident.triggered.hbs` is the template of an event type with a dot in its name.
    let names: BTreeSet<String> = templates(kind)
        .into_iter()
        .filter_map(|name| Some(name.strip_suffix(".hbs")?.to_owned()))
        .collect();
    let variants: BTreeSet<String> = names
        .iter()
        .filter_map(|name| name.rsplit_once('.'))
        .filter(|(plain, _)| names.contains(*plain))
        .map(|(_, variant)| variant.to_owned())
        .collect();
    let channels = variants.iter().fold(String::new(), |mut lines, variant| {
        writeln!(lines, "{variant} = \"00000000-0000-1000-8000-000000000002\"").unwrap();
        lines
    });
    let routes = variants.iter().fold(String::new(), |mut lines, variant| {
        let route =
            format!("when = 'true'\nchannels = [\"{variant}\"]\nvariant = \"{variant}\"\ncontinue = true");
        writeln!(lines, "[[sources.{kind}.routes]]\n{route}").unwrap();
        lines
    });
    let Ok((loaded, _)) = kind_alone(kind, None) else {
        panic!("{kind} cannot be read");
    };
    let schemes = &loaded.kind.schemes;
    let chosen = match scheme {
        Some(name) => schemes.iter().find(|scheme| scheme.name == name).unwrap(),
        None => loaded.kind.scheme_with_secret().unwrap(),
    };
    let secret = secret_of(chosen);
    let scheme = scheme.map_or(String::new(), |scheme| format!(", scheme = \"{scheme}\""));
    let text = format!(
        r#"
{head}
[twake.main]
api = "messages-save"
url = "http://127.0.0.1:9"
public_id = "00000000-0000-1000-8000-000000000000"
private_api_key = {{ env = "TWAKE" }}
group_id = "00000000-0000-1000-8000-000000000000"

[channels]
plain = "00000000-0000-1000-8000-000000000001"
{channels}
[sources.{kind}]
kind = "{kind}"
secrets = [{{ env = "SECRET"{scheme} }}]
channels = ["plain"]
{keys}
{routes}"#
    );
    let environment = Environment::of(
        [("TWAKE", "key"), ("SECRET", &secret)].map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    // This folder has no own templates, so the built-in ones are used.
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let config = Config::from_text(&text, &base, &environment);
    let config = config.unwrap_or_else(|findings| panic!("{findings:#?}"));
    Arc::clone(&config.sources[kind])
}

/// The event of a sample that is sent as its sender would send it.
pub(crate) fn event(source: &Source, sample: &Sample) -> Event {
    event_of(source, sample, &Selection::all())
}

/// The same event, with the selected parts of its payload.
fn event_of(source: &Source, sample: &Sample, selection: &Selection) -> Event {
    let now: Timestamp = RECEIVED.parse().unwrap();
    let usable = source.authenticator.schemes()[0].to_owned();
    let scheme = source
        .kind
        .schemes
        .iter()
        .find(|scheme| scheme.name == usable)
        .unwrap();
    // A signed id must not contain a full stop, which separates it from the rest of the signed text.
    let id = sample.name.replace('.', "-");
    let mut headers = signed(scheme, &id, &now, &sample.body);
    // A scheme without headers has its token in the path.
    let path_token = headers.is_empty().then_some(SECRET);
    headers.push(("content-type".to_owned(), "application/json".to_owned()));
    headers.extend(headers_of(&source.kind.event_type).map(|name| (name, sample.event_type.clone())));
    for part in &source.kind.key {
        for name in headers_of(part) {
            if !headers.iter().any(|(known, _)| *known == name) {
                headers.push((name, sample.name.clone()));
            }
        }
    }
    let headers = Headers::new(headers);
    let authentic = source
        .authenticator
        .begin(&headers, path_token)
        .unwrap()
        .finish(Bytes::from(sample.body.clone()), now)
        .unwrap();
    Event::select(Uuid::nil(), Arc::clone(&source.name), now, authentic, selection)
}

/// The decision about a sample, or the challenge response if it is not an event.
fn decided(source: &Source, sample: &Sample) -> Result<Decision, ChallengeResponse> {
    let event = event(source, sample);
    if let Some(reply) = answer_unsigned_challenge(&event.envelope.headers, source) {
        return Err(reply);
    }
    Ok(decide_whole(answer_challenge(event, source)?, source).0)
}

/// The names of the headers that an expression reads.
fn headers_of(condition: &Condition) -> impl Iterator<Item = String> {
    condition
        .references()
        .paths
        .iter()
        .filter_map(|path| match path.as_slice() {
            [headers, name] if headers == "headers" => Some(name.clone()),
            _ => None,
        })
}

/// The text of a decision for its snapshot.
fn describe(decision: &Decision) -> String {
    let mut text = String::new();
    for (name, value) in &decision.facts {
        let known = match value {
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Bool(is) => *is,
            _ => true,
        };
        if known {
            writeln!(text, "{name} = {value}").unwrap();
        }
    }
    text.push_str(&messages(decision));
    text
}

/// The messages of a decision, and why there are none.
fn messages(decision: &Decision) -> String {
    let mut text = String::new();
    let mut shown = BTreeSet::new();
    for decided in decision.messages.iter().rev() {
        if let Some(skip_reason) = &decided.skip_reason {
            if shown.insert(skip_reason.as_str()) {
                writeln!(text, "\n(skipped: {skip_reason})").unwrap();
            }
            continue;
        }
        let template = decided.template.as_ref();
        let template = template.map_or("no template", |template| template.name.as_str());
        if let (Some(rendered), true) = (&decided.message, shown.insert(template)) {
            let document = rendered.document();
            writeln!(
                text,
                "\n--- {template}\n{}\n--- as Twacode",
                plain::text(document)
            )
            .unwrap();
            for node in twacode::nodes(&Readers::default().view(document, true)) {
                writeln!(text, "{}", serde_json::to_string(&node).unwrap()).unwrap();
            }
            describe_conversation(rendered, &mut text);
        }
    }
    text
}

/// What a message does in its conversation, and the texts that are not that of a post.
fn describe_conversation(message: &StoredMessage, text: &mut String) {
    let Some(conversation) = &message.conversation else {
        return;
    };
    writeln!(text, "--- in {}", conversation.key).unwrap();
    match &conversation.slot {
        Some(Slot::Opener) => writeln!(text, "message: the first one").unwrap(),
        Some(Slot::Key(key)) => writeln!(text, "message: {key}").unwrap(),
        None => {}
    }
    let words = |of: FollowUp| match (of.update, of.reply) {
        (true, true) => "update and reply",
        (true, false) => "update",
        (false, true) => "reply",
        (false, false) => "nothing",
    };
    let (same, changed) = (words(conversation.unchanged), words(conversation.changed));
    let differs = if same == changed {
        String::new()
    } else {
        format!("; if the state changes: {changed}")
    };
    writeln!(text, "later: {same}{differs}").unwrap();
    for (word, is) in [
        ("does not open", !conversation.opens),
        ("closes", conversation.closes),
        ("also in the channel", conversation.also_in_channel),
        (
            "also in the channel if the level rises",
            conversation.level.is_some_and(|level| level.also_in_channel) && !conversation.also_in_channel,
        ),
    ] {
        if is {
            writeln!(text, "{word}").unwrap();
        }
    }
    if let Some(state) = &conversation.state {
        writeln!(text, "state: {state}").unwrap();
    }
    if let Some(version) = &conversation.version {
        writeln!(text, "version: {version:?}").unwrap();
    }
    if let Some(level) = &conversation.level {
        writeln!(text, "level: {}", level.value).unwrap();
    }
    if let Some(item) = &conversation.item {
        writeln!(text, "--- item {}\n{}", item.key, plain::text(&item.text)).unwrap();
    }
    for (name, own) in [("reply", &conversation.reply), ("update", &conversation.update)] {
        if let Some(own) = own.as_ref().filter(|own| *own != message.document()) {
            let own = if own.is_empty() {
                "(nothing)".to_owned()
            } else {
                plain::text(own)
            };
            writeln!(text, "--- {name}\n{own}").unwrap();
        }
    }
}

/// Panics if a template failed, or if a message is not readable.
fn check(decision: &Decision, text: &str, sample: &str) {
    for decided in &decision.messages {
        assert_eq!(decided.failed, [], "{sample}");
        assert_eq!(decided.conversation_failed, None, "{sample}");
        let Some(message) = &decided.message else {
            continue;
        };
        assert_readable(message.document(), sample);
        let conversation = message.conversation.iter();
        let later = conversation.flat_map(|of| [&of.reply, &of.update]).flatten();
        for document in later.filter(|document| !document.is_empty()) {
            assert_readable(document, sample);
        }
    }
    assert!(!text.contains("[object]"), "{sample}: {text}");
}

/// Panics if a message is empty, too long, or contains a raw value or a broken link.
pub(crate) fn assert_readable(document: &Document, sample: &str) {
    let text = plain::text(document);
    let length = text.chars().count();
    assert!(
        length <= LONGEST,
        "{sample} has {length} characters, more than {LONGEST}"
    );
    assert!(!text.trim().is_empty(), "{sample} is empty");
    for word in text.split(|character: char| !character.is_alphanumeric()) {
        assert!(
            !["null", "undefined", "NaN", "Object"].contains(&word),
            "{sample} has {word}: {text}"
        );
    }
    assert!(
        !has_raw_timestamp(&text),
        "{sample} has a timestamp that is not formatted: {text}"
    );
    let nodes = serde_json::to_string(&twacode::nodes(document)).unwrap();
    assert!(
        !nodes.contains(r#""url":"""#),
        "{sample} has an empty link: {nodes}"
    );
    assert!(
        !nodes.contains(r#""content":"","url""#),
        "{sample} has a link without a label: {nodes}"
    );
}

/// Whether a text contains something like `2026-11-22T09:52`.
fn has_raw_timestamp(text: &str) -> bool {
    let shape: Vec<u8> = text
        .bytes()
        .map(|byte| if byte.is_ascii_digit() { b'0' } else { byte })
        .collect();
    shape.windows(13).any(|window| window == b"0000-00-00T00")
}
