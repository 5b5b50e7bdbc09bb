//! Conditions: CEL over the names of an event (`event`, `source`, `headers`, `payload`, the facts).

use serde_json::Value;

/// A compiled CEL expression.
pub struct Condition {}

/// A CEL expression that does not compile.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConditionError(pub String);

/// A CEL expression that could not be evaluated (a field is missing, a type does not fit).
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct EvaluationError(pub String);

impl Condition {
    /// Compiles.
    pub fn compile(_text: &str) -> Result<Self, ConditionError> {
        unimplemented!()
    }
    /// The expression as written.
    pub fn text(&self) -> &str {
        unimplemented!()
    }
    /// Whether it holds. `names` is the object of all names; it is read by reference, never copied.
    pub fn holds(&self, _names: &Value) -> Result<bool, EvaluationError> {
        unimplemented!()
    }
    /// Its value, as JSON.
    pub fn evaluate(&self, _names: &Value) -> Result<Value, EvaluationError> {
        unimplemented!()
    }
}
