//! The built-in kind `generic`, asked about payloads and single words.

use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::check::{Sampled, sampled};
use crate::config;
use crate::config::builtin::Sample;
use crate::decision;
use crate::route::Routes;
use crate::source::Source;
use crate::template::Origin;

/// What finds values in any payload.
pub(super) struct Generic {
    source: Source,
    /// What it was asked about single words.
    words: RefCell<BTreeMap<(&'static str, String), String>>,
}

impl Generic {
    /// Compiles the kind.
    pub(super) fn load() -> Result<Self, String> {
        let (loaded, _) = config::kind_alone("generic", None)
            .map_err(|_| "the built-in kind generic has errors".to_owned())?;
        Ok(Self {
            source: loaded.source_alone(Routes::default()),
            words: RefCell::default(),
        })
    }

    /// The facts of a payload. Empty if it cannot be read.
    pub(super) fn facts(&self, payload: &Value) -> Map<String, Value> {
        let sample = Sample {
            name: "payload".to_owned(),
            event_type: "message".to_owned(),
            body: payload.to_string().into_bytes(),
            origin: Origin::BuiltIn,
        };
        match sampled(&self.source, &sample) {
            Ok(Sampled::Event(event)) => decision::decide_whole(*event, &self.source).0.facts,
            Ok(Sampled::Challenge(_)) | Err(_) => Map::new(),
        }
    }

    /// What a word of the sender is as `outcome`: `"failed"` is `failure`. Empty if it is none.
    pub(super) fn outcome(&self, word: &str) -> String {
        self.fact("outcome", "status", word)
    }

    /// What the name of an event type is as `outcome`: `"deploy.failed"` is `failure`. Empty if it is none.
    pub(super) fn outcome_of_type(&self, event_type: &str) -> String {
        self.fact("outcome", "event", &event_type.replace('_', "."))
    }

    /// What a word of the sender is as `severity`: `"crit"` is `critical`. Empty if it is none.
    pub(super) fn severity(&self, word: &str) -> String {
        self.fact("severity", "severity", word)
    }

    /// The fact of a payload with one field.
    fn fact(&self, name: &str, field: &'static str, word: &str) -> String {
        let asked = (field, word.to_owned());
        if let Some(known) = self.words.borrow().get(&asked) {
            return known.clone();
        }
        let facts = self.facts(&json!({ field: word }));
        let text = facts
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        self.words.borrow_mut().insert(asked, text.clone());
        text
    }
}
