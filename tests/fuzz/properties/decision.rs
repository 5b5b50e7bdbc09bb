//! An event → its decision → its messages → Twacode, for every built-in kind.
//!
//! An input chooses a shipped sample and a series of changes to it (so no corpus has to be kept), or is a payload
//! itself. Nothing panics, every message is rendered or skipped with a reason, and the content for Twake is valid.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Number, Value, json};
use std::sync::{Arc, LazyLock};
use twake_bridge::admission::Admission;
use twake_bridge::authentication::Authenticator;
use twake_bridge::config::{builtin, kind_alone};
use twake_bridge::decision::{self, Decision};
use twake_bridge::event::Event;
use twake_bridge::headers::Headers;
use twake_bridge::payload::Selection;
use twake_bridge::queue::to_stored;
use twake_bridge::route::{Route, RouteChannels, Routes};
use twake_bridge::source::{self, Source};
use twake_bridge::template::SourceConversations;

use super::{Input, nasty, shown};

/// The size limit of samples in bytes. Larger samples are slow here, and the ordinary tests cover them.
const LARGEST_SAMPLE: usize = 30_000;

struct Sample {
    source: Arc<Source>,
    event_type: String,
    payload: Value,
}

static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    let mut samples = Vec::new();
    for kind in builtin::kinds() {
        let source = Arc::new(source(kind));
        for sample in builtin::samples(kind) {
            if let Ok(payload) = serde_json::from_slice(&sample.body)
                && sample.body.len() <= LARGEST_SAMPLE
            {
                let (source, event_type) = (Arc::clone(&source), sample.event_type);
                samples.push(Sample {
                    source,
                    event_type,
                    payload,
                });
            }
        }
    }
    samples
});

/// A source of a kind with a channel of its own, and one for every variant.
fn source(kind: &str) -> Source {
    let (loaded, _) = kind_alone(kind, None).ok().unwrap();
    let names = loaded.kind.templates.names();
    let variants = names
        .iter()
        .filter_map(|name| Some(name.strip_suffix(".hbs")?.split_once('.')?.1));
    let routes = variants.map(|variant| Route {
        when: None,
        to: RouteChannels::Channels(vec![variant.into()]),
        continues: true,
        variant: Some(variant.into()),
    });
    let routes = Routes::new(routes.collect(), vec!["own".into()]);
    Source {
        name: kind.into(),
        authenticator: Authenticator::of_samples(loaded.kind.body.clone()),
        selection: source::selection(
            &loaded.kind,
            &loaded.facts,
            &routes,
            &SourceConversations::default(),
            None,
        ),
        routes,
        conversations: SourceConversations::default(),
        critical: None,
        calm: true,
        confirm: false,
        facts: loaded.facts,
        kind: loaded.kind,
        body_limit: 1 << 20,
        admission: Admission::default(),
        appearance: None,
    }
}

pub(crate) fn check(data: &[u8]) {
    let mut input = Input::new(data);
    let samples = &*SAMPLES;
    let sample = &samples[input.below(samples.len())];
    let mut event_type = sample.event_type.clone();
    let body = if input.below(16) == 15 {
        input.rest().to_vec()
    } else {
        let mut payload = sample.payload.clone();
        while !input.is_empty() {
            if input.below(32) == 31 {
                event_type = match input.below(2) {
                    0 => samples[input.below(samples.len())].event_type.clone(),
                    _ => nasty::text(&mut input),
                };
            } else {
                change(&mut input, &mut payload);
            }
        }
        payload.to_string().into_bytes()
    };
    let selected = event(
        &sample.source,
        &event_type,
        body.clone(),
        &sample.source.selection,
    );
    let event = event(&sample.source, &event_type, body, &Selection::all());
    let kind = sample.source.kind.name.as_str();
    // GitHub's templates quote only bodies. Templates of other kinds may quote any value.
    let may_link = quotes(kind) && (kind != "github" || body_has_a_link(&event.payload));
    let decision = decision::decide(event.clone(), &sample.source);
    check_decision(&decision, may_link);
    let of_selection = decision::decide(selected, &sample.source);
    // A smaller payload may take fewer steps.
    if decision.cut_off.is_empty() {
        assert_eq!(format!("{of_selection:?}"), format!("{decision:?}"));
    }
    let (mut again, _) = decision::decide_whole(event, &sample.source);
    // Only a whole decision explains conditions.
    for message in &mut again.messages {
        message.when = None;
    }
    assert_eq!(
        (decision.key, format!("{:?}", decision.messages)),
        (again.key, format!("{:?}", again.messages))
    );
}

/// The event of an authenticated request.
fn event(source: &Source, event_type: &str, body: Vec<u8>, selection: &Selection) -> Event {
    let headers = source.kind.sample_headers.iter();
    let headers =
        headers.map(|(name, value)| (name, value.replace("{event}", event_type).replace("{id}", "id")));
    let headers = Headers::new(headers);
    let authentic = source
        .authenticator
        .begin(&headers, None)
        .unwrap()
        .finish(Bytes::from(body), Timestamp::UNIX_EPOCH)
        .unwrap();
    let name = Arc::clone(&source.name);
    Event::select(
        uuid::Uuid::nil(),
        name,
        Timestamp::UNIX_EPOCH,
        authentic,
        selection,
    )
}

/// Whether a kind renders markup from payloads, so that links in the markup become links.
fn quotes(kind: &str) -> bool {
    let templates = builtin::templates(kind);
    let mut texts = templates.iter().map(|template| &template.text);
    texts.any(|text| text.contains("{{excerpt ") || text.contains("{{slack "))
}

fn body_has_a_link(payload: &Value) -> bool {
    match payload {
        Value::Array(items) => items.iter().any(body_has_a_link),
        Value::Object(members) => members.iter().any(|(name, value)| {
            let quoted = name == "body" && value.to_string().contains("evil.example");
            quoted || body_has_a_link(value)
        }),
        _ => false,
    }
}

/// Checks that a decision is complete, and that each of its messages can be sent.
pub(crate) fn check_decision(decision: &Decision, may_link: bool) {
    assert!(decision.event_type.chars().count() <= 100 && !decision.event_type.is_empty());
    for decided in &decision.messages {
        assert!(
            decided.message.is_some() != decided.skip_reason.is_some(),
            "neither a message nor a reason: {decided:?}"
        );
        decided
            .message
            .iter()
            .for_each(|message| shown::check(message, may_link));
    }
    for delivery in &decision.deliveries {
        assert!(decision.messages[delivery.message].message.is_some());
    }
    let (_, messages, deliveries) = to_stored(decision);
    assert_eq!(deliveries.len(), decision.deliveries.len());
    assert!(
        deliveries
            .iter()
            .all(|delivery| delivery.message < messages.len())
    );
    assert_eq!(decision.skip_reason().is_none(), !deliveries.is_empty());
}

/// Makes one change somewhere in a payload.
fn change(input: &mut Input<'_>, payload: &mut Value) {
    let kind = input.below(14);
    let other = if kind == 13 {
        at(input, payload).clone()
    } else {
        Value::Null
    };
    let place = at(input, payload);
    match kind {
        0 | 1 => *place = nasty::text(input).into(),
        2 => *place = Value::Null,
        3 => *place = input.flag().into(),
        4 => *place = number(input),
        5 => {
            *place =
                [json!([]), json!({}), json!(""), json!([null]), json!({"": ""})][input.below(5)].clone();
        }
        6 => {
            for _ in 0..input.below(100) {
                *place = Value::Array(vec![place.take()]);
            }
        }
        7 => {
            let text = nasty::text(input);
            let times = 1 << input.below(17);
            *place = text.repeat(times.min((1 << 17) / text.len().max(1))).into();
        }
        8 | 9 => {
            let added = nasty::text(input);
            if let Value::String(text) = place {
                *text = if kind == 8 {
                    format!("{added}{text}")
                } else {
                    format!("{text}{added}")
                };
            }
        }
        10 => {
            let times = input.below(40);
            if let Value::Array(items) = place
                && let Some(item) = items
                    .last()
                    .filter(|item| item.to_string().len() < 2_000)
                    .cloned()
            {
                items.extend(std::iter::repeat_n(item, times));
            }
        }
        11 => {
            if let Value::Object(members) = place {
                let name = members.keys().nth(input.below(members.len())).cloned();
                name.and_then(|name| members.shift_remove(&name));
            }
        }
        12 => {
            let (name, value) = (nasty::text(input), nasty::text(input));
            match place {
                Value::Object(members) => drop(members.insert(name, value.into())),
                other => *other = Value::Object(Map::from_iter([(name, value.into())])),
            }
        }
        _ => *place = other,
    }
}

/// A value of the payload, at any depth.
fn at<'v>(input: &mut Input<'_>, value: &'v mut Value) -> &'v mut Value {
    let count = match value {
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        _ => 0,
    };
    let which = if count == 0 { count } else { input.below(count + 1) };
    if which == count {
        return value;
    }
    match value {
        Value::Array(items) => at(input, &mut items[which]),
        Value::Object(members) => at(input, members.values_mut().nth(which).unwrap()),
        _ => unreachable!("it has members"),
    }
}

fn number(input: &mut Input<'_>) -> Value {
    match input.below(8) {
        0 => i64::MIN.into(),
        1 => u64::MAX.into(),
        2 => Number::from_f64(1e308).into(),
        3 => Number::from_f64(-0.0).into(),
        4 => Number::from_f64(5e-324).into(),
        5 => i64::MAX.into(),
        6 => i64::from(input.byte()).into(),
        _ => (-1).into(),
    }
}
