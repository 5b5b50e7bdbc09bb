//! CEL expressions over the names of an event (`event`, `source`, `calm`, `received`, `headers`, `payload`, the facts).
//!
//! The names are one JSON object, borrowed by the evaluation. The cost depends on what the expression reads, not on the
//! size of the payload. Measured: `payload.sender.type == "Bot"` takes 4 µs in an unoptimised build, for a payload of 1
//! kB and of 10 MB.
//!
//! A CEL error (a missing field, a wrong type) is an [`EvaluationError`]. The caller decides what it means: a route
//! does not match, a fact tries its next expression.
//!
//! An evaluation has a limited number of steps (`steps`). A loop takes the steps of all its rounds before it starts. A
//! text read from the payload takes steps by its size, and so do the results of `+`, `join`, `replace` and `split`,
//! which also have a maximum size. One call of a function on one text is not interrupted.

mod bounded;
mod equality;
mod explain;
mod json;
mod lexical;
mod limits;
mod mistakes;
mod names;
mod paths;
mod plain;
mod reads;
mod references;
mod search;
pub mod shown;
mod syntax;
mod zones;

use cel::common::types::CelBool;
use cel::common::value::{CowVal, Val};
use cel::{Context, Env, ExecutionError, IdedExpr};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::thread;

use crate::panics;
use crate::steps::{self, OutOfSteps};
use crate::suggest::shorten;

pub use explain::{ConditionTrace, Explanation, Part, lines};
use paths::Paths;
use plain::{Plain, Stop};
pub use reads::Read;
pub use references::References;
pub(crate) use search::is_named_as;
pub use syntax::{FUNCTIONS, MACROS};

/// Maximum length of an expression, in bytes.
pub const LONGEST: usize = 4096;

/// The CEL environment: the standard library, the strings extension (`split`, `replace`, `lowerAscii`, …), comparisons
/// between JSON and CEL values, and functions with limits. Building it takes about 8 µs, so it is built once.
static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    // Only a duplicate registration is an error. The tests call every function.
    let _ = env.add_extension(cel::extensions::strings);
    let _ = equality::add_comparisons(&mut env);
    let _ = bounded::add_functions(&mut env);
    let _ = zones::add_function(&mut env);
    Arc::new(env)
});

/// A compiled CEL expression.
#[derive(Clone)]
pub struct Condition {
    text: String,
    expression: IdedExpr,
    references: References,
    reads: BTreeSet<Read>,
    paths: Paths,
    /// Set if the expression can be evaluated without CEL values.
    plain: Option<Plain>,
    /// Where `&&` and `||` are in the text: the number of the part of the expression → byte.
    joints: BTreeMap<u64, usize>,
}

/// A CEL expression that does not compile.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConditionError(pub String);

/// A CEL expression that could not be evaluated (a field is missing, a type does not fit).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EvaluationError(pub String);

impl Condition {
    /// Compiles an expression.
    ///
    /// # Errors
    /// Besides syntax errors: unknown functions, invalid regular expressions, more than [`LONGEST`] bytes, and nesting
    /// so deep that evaluation might overflow the stack.
    pub fn compile(text: &str) -> Result<Self, ConditionError> {
        if text.trim().is_empty() {
            return Err(ConditionError("the expression is empty".into()));
        }
        if text.len() > LONGEST {
            return Err(ConditionError(format!(
                "the expression has {} bytes, the limit is {LONGEST}",
                text.len()
            )));
        }
        // The parser recurses for every level of nesting. The worst expression of LONGEST bytes needs 32 MiB in an
        // unoptimised build; the thread reserves this memory and does not touch it. `parse` refuses what is too deep to
        // evaluate on another thread.
        let parser = thread::Builder::new().stack_size(64 << 20);
        thread::scope(|scope| {
            let parser = parser
                .spawn_scoped(scope, || parse(text))
                .map_err(|error| format!("cannot start a thread to parse the expression: {error}"))?;
            parser
                .join()
                .map_err(|_| "the expression cannot be parsed".to_owned())?
        })
        .map_err(ConditionError)
    }

    /// Returns the expression as written, without surrounding white space.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the names that the expression uses and the paths that it reads.
    pub fn references(&self) -> &References {
        &self.references
    }

    /// Returns everything that the evaluation may read.
    pub fn reads(&self) -> impl Iterator<Item = &Read> {
        self.reads.iter()
    }

    /// Evaluates the expression to a boolean. `names` is the object of all names.
    ///
    /// # Errors
    /// The evaluation fails, or its result is not a boolean.
    pub fn holds(&self, names: &Value) -> Result<bool, EvaluationError> {
        match self.plain.as_ref().map(|plain| plain.holds(names)) {
            Some(Ok(holds)) => Ok(holds),
            Some(Err(Stop::OutOfSteps)) => Err(too_many_steps()),
            Some(Err(Stop::Fails | Stop::Unsure)) | None => {
                self.check_paths(names)?;
                with_value_of(&self.expression, names, boolean)
            }
        }
    }

    /// Evaluates the expression as [`Self::evaluate`] does, without an error: `None` if it has no value.
    pub fn value(&self, names: &Value) -> Option<Value> {
        match self.plain.as_ref().map(|plain| plain.evaluate(names)) {
            Some(Ok(value)) => return Some(value),
            Some(Err(Stop::Fails | Stop::OutOfSteps)) => return None,
            Some(Err(Stop::Unsure)) => {}
            None => self.paths.walk(names).ok()?,
        }
        self.evaluate_whole(names).ok()
    }

    /// Evaluates the expression to JSON: timestamps as RFC 3339, durations in seconds (`"90s"`).
    pub fn evaluate(&self, names: &Value) -> Result<Value, EvaluationError> {
        match self.plain.as_ref().map(|plain| plain.evaluate(names)) {
            Some(Ok(value)) => Ok(value),
            Some(Err(Stop::OutOfSteps)) => Err(too_many_steps()),
            // CEL has the text of the error.
            Some(Err(Stop::Fails | Stop::Unsure)) | None => {
                self.check_paths(names)?;
                self.evaluate_whole(names)
            }
        }
    }

    /// Finds without an evaluation that a required key is missing.
    fn check_paths(&self, names: &Value) -> Result<(), EvaluationError> {
        match self.paths.walk(names) {
            Err(Some(key)) => Err(no_such_key(key)),
            // The text of the error depends on what is there instead.
            Err(None) | Ok(()) => Ok(()),
        }
    }

    fn evaluate_whole(&self, names: &Value) -> Result<Value, EvaluationError> {
        with_value_of(&self.expression, names, |value| {
            json::from_cel(value).map_err(|error| evaluation_error(&error))
        })
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.text).finish()
    }
}

/// Evaluates an expression, or a part of one.
fn with_value_of<T>(
    expression: &IdedExpr,
    names: &Value,
    read: impl FnOnce(&dyn Val) -> Result<T, EvaluationError>,
) -> Result<T, EvaluationError> {
    let resolver = names::Names(names);
    let mut context = Context::with_env(Arc::clone(&ENV));
    context.set_variable_resolver(&resolver);
    let (read, out_of_steps) = steps::limited(steps::EXPRESSION, || {
        panics::caught(|| {
            let value: CowVal<'_, '_> =
                cel::Value::resolve_val(expression, &context).map_err(|error| evaluation_error(&error))?;
            read(value.as_ref())
        })
        .unwrap_or_else(|panic| Err(EvaluationError(format!("evaluation panicked: {panic}"))))
    });
    // The result is wrong even if there is one: an iterator stops early without an error, and `||` ignores errors.
    if out_of_steps {
        return Err(too_many_steps());
    }
    read
}

fn too_many_steps() -> EvaluationError {
    EvaluationError(OutOfSteps.to_string())
}

fn boolean(value: &dyn Val) -> Result<bool, EvaluationError> {
    let held = value.downcast_ref::<CelBool>().map(|held| *held.inner());
    held.ok_or_else(|| {
        EvaluationError(format!(
            "the result is a {}, not true or false",
            value.get_type().name()
        ))
    })
}

fn parse(text: &str) -> Result<Condition, String> {
    let program = ENV
        .compile(text)
        .map_err(|errors| syntax::format_parse_error(text, &errors))?;
    let mut expression = program.expression().clone();
    syntax::check_nesting(&expression)?;
    let references = References::of(&expression);
    syntax::check_functions(&references)?;
    syntax::check_names(&references)?;
    syntax::check_patterns(&expression, evaluate_constant)?;
    zones::check(&expression)?;
    let reads = reads::of(&expression);
    let paths = Paths::of(&expression.expr);
    let plain = Plain::of(&expression.expr);
    let joints = explain::joints(text, &expression, |id| program.source_info().offset_for(id));
    syntax::use_own_comparisons(&mut expression);
    limits::apply(&mut expression);
    Ok(Condition {
        text: text.trim().to_owned(),
        expression,
        references,
        reads,
        paths,
        plain,
        joints,
    })
}

/// Evaluates an expression that uses no names and returns its error.
fn evaluate_constant(expression: &IdedExpr) -> Result<(), String> {
    let context = Context::with_env(Arc::clone(&ENV));
    match cel::Value::resolve_val(expression, &context) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

fn no_such_key(key: &str) -> EvaluationError {
    EvaluationError(shorten(&format!("there is no `{key}`"), 200))
}

/// One short line: the error may quote the payload, which may be long and of any characters.
fn evaluation_error(error: &ExecutionError) -> EvaluationError {
    let text = match error {
        ExecutionError::NoSuchKey(key) => return no_such_key(key),
        ExecutionError::UndeclaredReference(name) => format!("there is no name `{name}`"),
        ExecutionError::IndexOutOfBounds(cel::Value::Int(index)) => format!("there is no element {index}"),
        ExecutionError::ValuesNotComparable(..) => "the values cannot be compared".to_owned(),
        ExecutionError::UnsupportedBinaryOperator(operator, ..) => {
            format!("cannot {operator} values of these types")
        }
        ExecutionError::UnexpectedType { got, want } => format!("got a {got} where a {want} is needed"),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "division by zero".to_owned()
        }
        ExecutionError::NoSuchOverload(overload) => format!(
            "`{}` does not work on {}",
            syntax::operator_sign(overload.function()),
            overload.argument_types().join(" and ")
        ),
        other => other.to_string(),
    };
    EvaluationError(shorten(&text, 200))
}

#[cfg(test)]
mod tests;
