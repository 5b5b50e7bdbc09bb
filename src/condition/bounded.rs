//! The bridge's own CEL functions. Some are standard functions with a limit, because they could return a value much
//! larger than their arguments. Others read only the start of a large value.

#![expect(
    clippy::needless_pass_by_value,
    reason = "cel::common::functions::Function takes its arguments by value"
)]

use cel::common::traits::Iterable;
use cel::common::types::{
    CelBool, CelInt, CelList, CelString, DYN_TYPE as DYN, INT_TYPE as INT, Kind, LIST_TYPE as LIST,
    MAP_TYPE as MAP, STRING_TYPE as STRING, Type,
};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::{DeclarationError, Env, ExecutionError};
use regex::{Regex, RegexBuilder};
use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;

use crate::steps::{self, OutOfSteps};

/// Maximum number of items of a list that an expression builds.
pub(super) const LONGEST_LIST: usize = 10_000;

/// Maximum length of a text that an expression builds, in bytes.
pub(super) const LONGEST_TEXT: usize = 4 * 1024 * 1024;

/// Maximum number of fields of a payload that `firstField`, `firstKeys`, `findFields` and `leaves` read.
pub(super) const MOST_KEYS: usize = 1_000;

/// Wraps the range of a loop; the second argument is the number of operations in the loop's body.
pub(super) const RANGE: &str = "@range";
/// Wraps a variable of an outer loop that an inner loop uses.
pub(super) const USE: &str = "@use";
/// `+` of texts and lists.
pub(super) const ADD: &str = "@add";

/// `matches` with a literal pattern, and with a computed pattern, which may differ at each call.
pub(super) const MATCHES: &str = "@matches";
pub(super) const MATCHES_COMPUTED: &str = "@matchesComputed";

/// The functions that [`super::limits`] replaces. The replacements start with `@`, so no expression can call them
/// directly.
pub(super) const REPLACED: &[(&str, &str)] =
    &[("split", "@split"), ("replace", "@replace"), ("join", "@join")];

/// Steps of a call with a computed pattern. A cached pattern takes as many: the steps of an event must not depend on
/// earlier events.
const PATTERN_STEPS: u64 = 20_000;
/// Maximum memory of a compiled pattern, in bytes.
const PATTERN_SIZE: usize = 1024 * 1024;

/// Steps of one call of `matches`, besides those for its text.
const MATCH_STEPS: u64 = 8;

/// Maximum number of compiled patterns that a thread caches.
const PATTERNS: usize = 64;

thread_local! {
    static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::new(HashMap::new());
}

/// List items per step, when native code reads them.
const ITEMS: usize = 8;

type CallResult<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;
type Function = for<'b, 'v> fn(Vec<CowVal<'b, 'v>>) -> CallResult<'b, 'v>;

pub(super) fn add_functions(env: &mut Env) -> Result<(), DeclarationError> {
    let members: [(&str, Type, Vec<Type>, Function); 10] = [
        ("firstLine", STRING, vec![], first_line),
        ("@split", STRING, vec![STRING], split),
        ("@split", STRING, vec![STRING, INT], split),
        ("@replace", STRING, vec![STRING, STRING], replace),
        ("@replace", STRING, vec![STRING, STRING, INT], replace),
        ("@join", LIST, vec![], join),
        ("@join", LIST, vec![STRING], join),
        ("firstKeys", MAP, vec![INT], first_keys),
        (MATCHES_COMPUTED, STRING, vec![STRING], matches_computed),
        (MATCHES, STRING, vec![STRING], matches),
    ];
    for (name, target, arguments, run) in members {
        let id = format!("value.{name}/{}", arguments.len());
        env.add_member_overload(name, &id, target, arguments, run)?;
    }
    let globals: [(&str, Vec<Type>, Function); 10] = [
        ("firstLine", vec![STRING], first_line),
        ("firstField", vec![MAP, LIST], first_field),
        ("findFields", vec![DYN, LIST, LIST], find_fields),
        ("leaves", vec![DYN], leaves),
        ("firstKeys", vec![MAP, INT], first_keys),
        (RANGE, vec![DYN, INT], take_range),
        (USE, vec![DYN], take_use),
        (MATCHES, vec![STRING, STRING], matches),
        (MATCHES_COMPUTED, vec![STRING, STRING], matches_computed),
        (ADD, vec![DYN, DYN], add),
    ];
    for (name, arguments, run) in globals {
        env.add_overload(name, &format!("{name}(…)"), arguments, run)?;
    }
    Ok(())
}

/// Ends the evaluation. [`super::Condition`] reports the missing steps even if CEL ignores this error.
pub(super) fn out_of_steps(out: OutOfSteps) -> ExecutionError {
    ExecutionError::InternalError(out.to_string())
}

fn list_too_long(function: &str) -> ExecutionError {
    ExecutionError::function_error(
        function,
        format!("the result is a list of more than {LONGEST_LIST} items"),
    )
}

pub(super) fn text_argument<'a>(
    arguments: &'a [CowVal<'_, '_>],
    index: usize,
) -> Result<&'a str, ExecutionError> {
    let argument = arguments
        .get(index)
        .ok_or_else(|| ExecutionError::invalid_argument_count(index + 1, arguments.len()))?;
    let text = argument.downcast_ref::<CelString>();
    text.map(CelString::inner)
        .ok_or_else(|| ExecutionError::UnexpectedType {
            got: argument.get_type().name().to_owned(),
            want: "string".to_owned(),
        })
}

/// Reads a count. `None` (all) if the argument is missing or negative.
fn count_argument(arguments: &[CowVal<'_, '_>], index: usize) -> Option<usize> {
    let number = arguments.get(index)?.downcast_ref::<CelInt>()?;
    usize::try_from(*number.inner()).ok()
}

fn text_value<'b, 'v>(text: String) -> CowVal<'b, 'v> {
    CowVal::owned(CelString::from(text))
}

/// Takes the steps of a text before it is built, and refuses one over the limit.
pub(super) fn take_result_text(function: &str, bytes: usize) -> Result<(), ExecutionError> {
    if bytes > LONGEST_TEXT {
        let most = LONGEST_TEXT / (1024 * 1024);
        return Err(ExecutionError::function_error(
            function,
            format!("the result is a text of more than {most} MiB"),
        ));
    }
    steps::take_text(bytes).map_err(out_of_steps)
}

fn first_line<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> CallResult<'b, 'v> {
    let line = first_line_of(text_argument(&arguments, 0)?);
    Ok(text_value(line.to_owned()))
}

/// Returns a text up to its first line break.
pub(super) fn first_line_of(text: &str) -> &str {
    let line = text.split('\n').next().unwrap_or_default();
    line.strip_suffix('\r').unwrap_or(line)
}

fn split<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> CallResult<'b, 'v> {
    let (text, separator) = (text_argument(&arguments, 0)?, text_argument(&arguments, 1)?);
    let parts = split_text(text, separator, count_argument(&arguments, 2))?;
    let part = |part: &str| Box::new(CelString::from(part.to_owned())) as Box<dyn Val>;
    let parts: Vec<Box<dyn Val>> = parts.into_iter().map(part).collect();
    Ok(CowVal::owned(CelList::from(parts)))
}

/// Splits a text into at most `most` parts.
pub(super) fn split_text<'t>(
    text: &'t str,
    separator: &str,
    most: Option<usize>,
) -> Result<Vec<&'t str>, ExecutionError> {
    steps::take_text(text.len()).map_err(out_of_steps)?;
    let parts: Vec<&str> = match (most, separator.is_empty()) {
        (Some(0), _) => Vec::new(),
        // An empty separator splits between characters. The last part holds the rest.
        (most, true) => {
            let most = most.unwrap_or(usize::MAX).min(LONGEST_LIST + 1);
            let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).take(most).collect();
            let ends = starts.iter().skip(1).copied().chain([text.len()]);
            let part = |(start, end): (&usize, usize)| text.get(*start..end);
            starts.iter().zip(ends).filter_map(part).collect()
        }
        (Some(most), false) => text.splitn(most, separator).take(LONGEST_LIST + 1).collect(),
        (None, false) => text.split(separator).take(LONGEST_LIST + 1).collect(),
    };
    if parts.len() > LONGEST_LIST {
        return Err(list_too_long("split"));
    }
    Ok(parts)
}

fn replace<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> CallResult<'b, 'v> {
    let (text, from, to) = (
        text_argument(&arguments, 0)?,
        text_argument(&arguments, 1)?,
        text_argument(&arguments, 2)?,
    );
    let most = count_argument(&arguments, 3).unwrap_or(usize::MAX);
    Ok(text_value(replace_text(text, from, to, most)?))
}

/// Replaces at most `most` occurrences of `from`.
pub(super) fn replace_text(text: &str, from: &str, to: &str, most: usize) -> Result<String, ExecutionError> {
    steps::take_text(text.len()).map_err(out_of_steps)?;
    // A replacement that is not longer cannot exceed the limit.
    if to.len() > from.len() {
        let found = text.match_indices(from).take(most).count();
        let grown = found.saturating_mul(to.len() - from.len());
        take_result_text("replace", text.len().saturating_add(grown))?;
    }
    Ok(text.replacen(from, to, most))
}

fn join<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> CallResult<'b, 'v> {
    let separator = if arguments.len() > 1 {
        text_argument(&arguments, 1)?
    } else {
        ""
    };
    let list = arguments.first().and_then(|list| list.as_iterable());
    let list: &dyn Iterable = list.ok_or(ExecutionError::MissingArgumentOrTarget)?;
    let (mut parts, mut bytes) = (Vec::new(), 0_usize);
    let mut items = list.iter();
    while let Some(item) = items.next() {
        let part = item.downcast_ref::<CelString>();
        let part = part.ok_or_else(|| ExecutionError::UnexpectedType {
            got: item.get_type().name().to_owned(),
            want: "string".to_owned(),
        })?;
        bytes = bytes.saturating_add(part.inner().len() + separator.len());
        parts.push(part.inner());
    }
    take_result_text("join", bytes)?;
    Ok(text_value(parts.join(separator)))
}

fn add<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> CallResult<'b, 'v> {
    let [left, right] = arguments.as_slice() else {
        return Err(ExecutionError::invalid_argument_count(2, arguments.len()));
    };
    match (left.get_type().kind(), right.get_type().kind()) {
        (Kind::String, Kind::String) => {
            take_result_text(
                "+",
                text_argument(&arguments, 0)?.len() + text_argument(&arguments, 1)?.len(),
            )?;
        }
        (Kind::List, Kind::List) => {
            let items = size(left.as_ref()) + size(right.as_ref());
            if items > LONGEST_LIST {
                return Err(list_too_long("+"));
            }
            steps::take_many(items).map_err(out_of_steps)?;
        }
        _ => {}
    }
    let adder = left.as_adder().ok_or_else(|| {
        let types = [left, right].map(|value| value.get_type().name().to_owned());
        ExecutionError::no_such_overload("_+_", types.to_vec())
    })?;
    Ok(CowVal::Owned(adder.add(right.as_ref())?.into_owned()))
}

/// Returns the range of a loop, after taking the steps of the whole loop.
fn take_range<'b, 'v>(mut arguments: Vec<CowVal<'b, 'v>>) -> CallResult<'b, 'v> {
    let operations = count_argument(&arguments, 1).unwrap_or(1);
    arguments.truncate(1);
    let range = arguments.pop().ok_or(ExecutionError::MissingArgumentOrTarget)?;
    steps::take_many(size(range.as_ref()).saturating_mul(operations)).map_err(out_of_steps)?;
    Ok(range)
}

/// Returns a value of an outer loop, after taking steps by its size.
fn take_use<'b, 'v>(mut arguments: Vec<CowVal<'b, 'v>>) -> CallResult<'b, 'v> {
    let value = arguments.pop().ok_or(ExecutionError::MissingArgumentOrTarget)?;
    take_value(value.as_ref())?;
    Ok(value)
}

fn take_value(value: &dyn Val) -> Result<(), ExecutionError> {
    if let Some(text) = value.downcast_ref::<CelString>() {
        steps::take_text(text.inner().len()).map_err(out_of_steps)?;
    } else if let Some(list) = value.downcast_ref::<CelList>() {
        for item in list.inner() {
            take_value(item.as_ref())?;
        }
    }
    steps::take_many(size(value) / ITEMS).map_err(out_of_steps)
}

fn matches_computed<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> CallResult<'b, 'v> {
    steps::take(PATTERN_STEPS).map_err(out_of_steps)?;
    matches(arguments)
}

fn matches<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> CallResult<'b, 'v> {
    let found = is_match(text_argument(&arguments, 0)?, text_argument(&arguments, 1)?)?;
    Ok(CowVal::owned(CelBool::from(found)))
}

/// Whether a pattern matches a part of a text.
pub(super) fn is_match(text: &str, pattern: &str) -> Result<bool, ExecutionError> {
    steps::take(MATCH_STEPS).map_err(out_of_steps)?;
    steps::take_text(text.len()).map_err(out_of_steps)?;
    COMPILED.with_borrow_mut(|compiled| {
        if let Some(known) = compiled.get(pattern) {
            return Ok(known.is_match(text));
        }
        let regex = RegexBuilder::new(pattern).size_limit(PATTERN_SIZE).build();
        let regex = regex.map_err(|error| ExecutionError::function_error("matches", error))?;
        if compiled.len() >= PATTERNS {
            compiled.clear();
        }
        Ok::<_, ExecutionError>(compiled.entry(pattern.to_owned()).or_insert(regex).is_match(text))
    })
}

/// Returns the number of items of a list or map, and 0 for other values.
fn size(value: &dyn Val) -> usize {
    let sized = matches!(value.get_type().kind(), Kind::List | Kind::Map);
    let size = value
        .as_sizer()
        .filter(|_| sized)
        .map(|sizer| *sizer.size().inner());
    usize::try_from(size.unwrap_or_default()).unwrap_or(usize::MAX)
}

/// A key for the indexer of [`super::names`] that reads the start of an object. No expression can write one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ObjectQuery {
    /// The value of the first of these fields that exists and is neither null, blank nor an object. Ignores the case of
    /// names.
    Field(Vec<String>),
    /// The first keys, up to this number.
    Keys(usize),
    /// The values of the fields with one of these names, up to three levels down, without those of the second names.
    Found(Vec<String>, Vec<String>),
    /// All plain values with their paths, up to three levels down.
    Leaves,
}

static OBJECT_QUERY: Type = Type::new_struct_type("object_query");
impl Val for ObjectQuery {
    fn get_type(&self) -> &Type {
        &OBJECT_QUERY
    }
    fn cel_type() -> &'static Type {
        &OBJECT_QUERY
    }
    fn equals(&self, other: &dyn Val) -> bool {
        other.downcast_ref::<Self>() == Some(self)
    }
    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }
    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for ObjectQuery {}

fn first_field<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> CallResult<'b, 'v> {
    let object = arguments.first().ok_or(ExecutionError::MissingArgumentOrTarget)?;
    query_object(object, &ObjectQuery::Field(texts(&arguments, 1)?))
}

fn find_fields<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> CallResult<'b, 'v> {
    let object = arguments.first().ok_or(ExecutionError::MissingArgumentOrTarget)?;
    query_object(
        object,
        &ObjectQuery::Found(texts(&arguments, 1)?, texts(&arguments, 2)?),
    )
}

fn leaves<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> CallResult<'b, 'v> {
    let object = arguments.first().ok_or(ExecutionError::MissingArgumentOrTarget)?;
    query_object(object, &ObjectQuery::Leaves)
}

/// An argument that is a list of texts.
fn texts(arguments: &[CowVal<'_, '_>], index: usize) -> Result<Vec<String>, ExecutionError> {
    let list = arguments.get(index).and_then(|list| list.as_iterable());
    let mut items = list.ok_or(ExecutionError::MissingArgumentOrTarget)?.iter();
    let mut texts = Vec::new();
    while let Some(item) = items.next() {
        let text = item
            .downcast_ref::<CelString>()
            .map(|text| text.inner().to_owned());
        texts.push(text.ok_or(ExecutionError::MissingArgumentOrTarget)?);
    }
    Ok(texts)
}

fn first_keys<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> CallResult<'b, 'v> {
    let object = arguments.first().ok_or(ExecutionError::MissingArgumentOrTarget)?;
    let most = count_argument(&arguments, 1).unwrap_or(MOST_KEYS);
    query_object(object, &ObjectQuery::Keys(most.min(MOST_KEYS)))
}

fn query_object<'b, 'v>(object: &CowVal<'b, 'v>, query: &ObjectQuery) -> CallResult<'b, 'v> {
    let indexer = object
        .as_indexer()
        .ok_or(ExecutionError::MissingArgumentOrTarget)?;
    Ok(CowVal::Owned(indexer.get(query)?.into_owned()))
}
