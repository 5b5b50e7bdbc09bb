//! The log as JSON lines: one object a record, for programs that collect logs.

use jiff::Timestamp;
use log::Record;
use log::kv::{Error, Key, Value, VisitSource};
use serde_json::{Map, Value as Json};

use super::escape::{Escaped, is_active};
use crate::message::control::json_escaped;

/// Formats a record as one line: `time`, `level`, `target`, `message`, then its values. Numbers and booleans stay what they
/// are. Text is cut as in the other format.
pub(super) fn line(record: &Record<'_>, now: Timestamp) -> String {
    let mut object = Map::new();
    let time = now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    for (key, text) in [
        ("time", time),
        ("level", record.level().to_string()),
        ("target", record.target().to_owned()),
        ("message", Escaped(record.args()).to_string()),
    ] {
        object.insert(key.to_owned(), text.into());
    }
    let mut pairs = Pairs(object);
    // The values of a record are in memory: reading them cannot fail.
    let _ = record.key_values().visit(&mut pairs);
    let text = Json::Object(pairs.0).to_string();
    json_escaped(&text, is_active)
}

struct Pairs(Map<String, Json>);

impl<'kvs> VisitSource<'kvs> for Pairs {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        // The four names of every line keep their meaning.
        self.0.entry(key.as_str()).or_insert_with(|| json(&value));
        Ok(())
    }
}

fn json(value: &Value<'_>) -> Json {
    let whole = value.to_u64().map(Json::from);
    let whole = whole.or_else(|| value.to_i64().map(Json::from));
    let number = whole.or_else(|| value.to_f64().map(Json::from));
    let fixed = number.or_else(|| value.to_bool().map(Json::from));
    fixed.unwrap_or_else(|| Escaped(value).to_string().into())
}
