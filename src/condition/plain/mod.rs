//! Evaluates an expression on the JSON of the names, without the values of CEL.
//!
//! CEL makes a value of its own for every step of a path, a hash table for every literal map, and an error with its text for
//! every field that is missing. Most facts are a few such steps, and most of their expressions have no value for an event. So
//! the usual part of the language is evaluated here, at a tenth of the instructions.
//!
//! The rule: a value found here is the one that CEL finds, and where this evaluation fails, CEL fails. Where it is not sure
//! ([`Stop::Unsure`]), CEL evaluates. The tests compare both, for random expressions and for those of all kinds.

mod compile;
mod evaluate;
mod functions;
#[cfg(test)]
mod tests;
mod value;

use serde_json::Value;

use crate::steps;
use evaluate::Scope;
use functions::Function;
use value::PlainValue;
pub(super) use value::Stop;

/// An expression, or a part of one.
#[derive(Clone, Debug)]
pub(super) enum Plain {
    Literal(Value),
    /// A name of an event.
    Name(String),
    /// The variable of an enclosing loop: 0 is that of the innermost one.
    Variable(usize),
    /// `within.key`
    Member(Box<Self>, String),
    /// `within[index]`
    Index(Box<[Self; 2]>),
    /// `has(within.key)`
    Has(Box<Self>, String),
    /// `condition ? then : otherwise`
    If(Box<[Self; 3]>),
    Not(Box<Self>),
    And(Box<[Self; 2]>),
    Or(Box<[Self; 2]>),
    Equal(Box<[Self; 2]>),
    Less(Box<[Self; 2]>),
    In(Box<[Self; 2]>),
    Add(Box<[Self; 2]>),
    Call(Function, Vec<Self>),
    List(Vec<Self>),
    /// A literal map whose keys are texts, each once.
    Map(Vec<(String, Self)>),
    /// `{key: value, …}[index]`: the keys, all texts or booleans and each once, and the values.
    Choice(Vec<(Value, Self)>, Box<Self>),
    Loop(Box<Loop>),
}

/// A macro over a list, or over the names of an object's members.
#[derive(Clone, Debug)]
pub(super) struct Loop {
    range: Plain,
    round: Round,
    /// The steps of a round.
    operations: usize,
}

/// What a round does with its variable.
#[derive(Clone, Debug)]
enum Round {
    /// `map` and `filter`: the condition, and what is appended.
    Append(Option<Plain>, Plain),
    /// `exists` and `all`: the condition, and the result that ends the loop.
    Any(Plain, bool),
}

impl Plain {
    /// Evaluates the expression to JSON, as CEL would: the members of objects are sorted. `names` is the object of all names.
    pub(super) fn evaluate(&self, names: &Value) -> Result<Value, Stop> {
        self.limited(names, PlainValue::into_json)
    }

    /// Evaluates the expression to a boolean.
    pub(super) fn holds(&self, names: &Value) -> Result<bool, Stop> {
        self.limited(names, PlainValue::boolean)
    }

    fn limited<'a, T>(
        &'a self,
        names: &'a Value,
        read: impl FnOnce(PlainValue<'a>) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let (found, out_of_steps) =
            steps::limited(steps::EXPRESSION, || read(self.run(&Scope::outermost(names))?));
        if out_of_steps {
            Err(Stop::OutOfSteps)
        } else {
            found
        }
    }
}
