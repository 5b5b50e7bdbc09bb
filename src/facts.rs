//! Facts: words that mean the same for every sender.

use serde_json::{Map, Value};

use crate::condition::Condition;

/// Facts by name, each with the expressions of which the first that evaluates wins.
#[derive(Default)]
pub struct FactMap {
    /// In the order of `source.toml`.
    pub facts: Vec<(String, Vec<Condition>)>,
}

impl FactMap {
    /// Every fact of an event: the mapped ones, and the known ones that are not mapped with their empty value
    /// (`""`, `false`, `[]`). Never an error.
    pub fn evaluate(&self, _names: &Value) -> Map<String, Value> {
        unimplemented!()
    }
}
