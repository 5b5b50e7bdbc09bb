//! Functions of conditions that are ours: those that could make a list or a text much larger than what they are given,
//! with a limit, and those that look at the start of something large.

#![expect(
    clippy::needless_pass_by_value,
    reason = "CEL gives a function its arguments by value: cel::common::functions::Function"
)]

use cel::common::traits::Iterable;
use cel::common::types::{
    CelBool, CelInt, CelList, CelString, DYN_TYPE, INT_TYPE, Kind, LIST_TYPE, MAP_TYPE, STRING_TYPE, Type,
};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::{DeclarationError, Env, ExecutionError};
use regex::{Regex, RegexBuilder};
use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;

use crate::steps::{self, OutOfSteps};

/// A list that an expression makes has at most so many items.
pub(super) const LONGEST_LIST: usize = 10_000;

/// A text that an expression puts together has at most so many bytes.
pub(super) const LONGEST_TEXT: usize = 4 * 1024 * 1024;

/// `firstField` and `firstKeys` look at so many names of an object.
pub(super) const MOST_KEYS: usize = 1_000;

/// What stands around the range of a loop, with the number of operations in the loop's body.
pub(super) const RANGE: &str = "@range";
/// What stands around a variable of an outer loop in an inner one.
pub(super) const USE: &str = "@use";
/// `+` of texts and lists.
pub(super) const ADD: &str = "@add";

/// `matches` with a literal pattern, which is compiled once; and with one that is made, which may be another at each call.
pub(super) const MATCHES: &str = "@matches";
pub(super) const MATCHES_MADE: &str = "@matchesMade";

/// The functions that [`super::limits`] replaces by ours. Ours have an `@` before their name, which no expression can
/// write.
pub(super) const REPLACED: &[(&str, &str)] =
    &[("split", "@split"), ("replace", "@replace"), ("join", "@join")];

/// Steps that a pattern which is made takes at each call, compiled before or not: an event takes the same steps whatever
/// came before it. And the memory that a compiled pattern may take, in bytes.
const PATTERN_STEPS: u64 = 20_000;
const PATTERN_SIZE: usize = 1024 * 1024;

/// Steps that one call of `matches` takes besides those for its text.
const MATCH_STEPS: u64 = 8;

/// So many compiled patterns are kept by each thread.
const PATTERNS: usize = 64;

thread_local! {
    static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::new(HashMap::new());
}

/// List items looked at natively that count as one step.
const ITEMS: usize = 8;

type Called<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;
type Function = for<'b, 'v> fn(Vec<CowVal<'b, 'v>>) -> Called<'b, 'v>;

/// Adds all of them.
pub(super) fn add_functions(env: &mut Env) -> Result<(), DeclarationError> {
    let members: [(&str, &str, Type, Vec<Type>, Function); 10] = [
        ("firstLine", "string.firstLine()", STRING_TYPE, vec![], first_line),
        (
            "@split",
            "string.@split(string)",
            STRING_TYPE,
            vec![STRING_TYPE],
            split,
        ),
        (
            "@split",
            "string.@split(string, int)",
            STRING_TYPE,
            vec![STRING_TYPE, INT_TYPE],
            split,
        ),
        (
            "@replace",
            "string.@replace(string, string)",
            STRING_TYPE,
            vec![STRING_TYPE, STRING_TYPE],
            replace,
        ),
        (
            "@replace",
            "string.@replace(string, string, int)",
            STRING_TYPE,
            vec![STRING_TYPE, STRING_TYPE, INT_TYPE],
            replace,
        ),
        ("@join", "list.@join()", LIST_TYPE, vec![], join),
        ("@join", "list.@join(string)", LIST_TYPE, vec![STRING_TYPE], join),
        (
            "firstKeys",
            "map.firstKeys(int)",
            MAP_TYPE,
            vec![INT_TYPE],
            first_keys,
        ),
        (
            MATCHES_MADE,
            "string.@matchesMade(string)",
            STRING_TYPE,
            vec![STRING_TYPE],
            matches_made,
        ),
        (
            MATCHES,
            "string.@matches(string)",
            STRING_TYPE,
            vec![STRING_TYPE],
            matches,
        ),
    ];
    for (name, id, target, arguments, run) in members {
        env.add_member_overload(name, id, target, arguments, run)?;
    }
    let globals: [(&str, Vec<Type>, Function); 8] = [
        ("firstLine", vec![STRING_TYPE], first_line),
        ("firstField", vec![MAP_TYPE, LIST_TYPE], first_field),
        ("firstKeys", vec![MAP_TYPE, INT_TYPE], first_keys),
        (RANGE, vec![DYN_TYPE, INT_TYPE], range),
        (USE, vec![DYN_TYPE], used),
        (MATCHES, vec![STRING_TYPE, STRING_TYPE], matches),
        (MATCHES_MADE, vec![STRING_TYPE, STRING_TYPE], matches_made),
        (ADD, vec![DYN_TYPE, DYN_TYPE], add),
    ];
    for (name, arguments, run) in globals {
        env.add_overload(name, &format!("{name}(…)"), arguments, run)?;
    }
    Ok(())
}

/// No steps are left. The evaluation as a whole says so, whatever becomes of this error.
pub(super) fn out_of_steps(out: OutOfSteps) -> ExecutionError {
    ExecutionError::InternalError(out.to_string())
}

fn too_long(function: &str, what: String) -> ExecutionError {
    ExecutionError::function_error(function, what)
}

fn long_list(function: &str) -> ExecutionError {
    too_long(
        function,
        format!("it makes a list of more than {LONGEST_LIST} items"),
    )
}

fn text<'a>(arguments: &'a [CowVal<'_, '_>], index: usize) -> Result<&'a str, ExecutionError> {
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

/// A number that says how many; unset where it is left out or negative, which means all.
fn number(arguments: &[CowVal<'_, '_>], index: usize) -> Option<usize> {
    let number = arguments.get(index)?.downcast_ref::<CelInt>()?;
    usize::try_from(*number.inner()).ok()
}

fn made_text<'b, 'v>(made: String) -> CowVal<'b, 'v> {
    CowVal::owned(CelString::from(made))
}

/// Refuses a text that would be too long before it is made.
fn room_for_text(function: &str, bytes: usize) -> Result<(), ExecutionError> {
    if bytes > LONGEST_TEXT {
        let most = LONGEST_TEXT / (1024 * 1024);
        return Err(too_long(
            function,
            format!("it makes a text of more than {most} MiB"),
        ));
    }
    steps::take_text(bytes).map_err(out_of_steps)
}

/// A text up to its first line break.
fn first_line<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Called<'b, 'v> {
    let text = text(&arguments, 0)?;
    let line = text.split('\n').next().unwrap_or_default();
    Ok(made_text(line.strip_suffix('\r').unwrap_or(line).to_owned()))
}

fn split<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Called<'b, 'v> {
    let (text, separator) = (text(&arguments, 0)?, text(&arguments, 1)?);
    steps::take_text(text.len()).map_err(out_of_steps)?;
    let most = number(&arguments, 2);
    let parts: Vec<&str> = match (most, separator.is_empty()) {
        (Some(0), _) => Vec::new(),
        // Between the characters, the last part with all the rest.
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
        return Err(long_list("split"));
    }
    let part = |part: &str| Box::new(CelString::from(part.to_owned())) as Box<dyn Val>;
    let parts: Vec<Box<dyn Val>> = parts.into_iter().map(part).collect();
    Ok(CowVal::owned(CelList::from(parts)))
}

fn replace<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Called<'b, 'v> {
    let (text, from, to) = (text(&arguments, 0)?, text(&arguments, 1)?, text(&arguments, 2)?);
    let most = number(&arguments, 3).unwrap_or(usize::MAX);
    steps::take_text(text.len()).map_err(out_of_steps)?;
    // What does not grow by it needs no limit.
    if to.len() > from.len() {
        let found = text.match_indices(from).take(most).count();
        let grown = found.saturating_mul(to.len() - from.len());
        room_for_text("replace", text.len().saturating_add(grown))?;
    }
    Ok(made_text(text.replacen(from, to, most)))
}

fn join<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Called<'b, 'v> {
    let separator = if arguments.len() > 1 {
        text(&arguments, 1)?
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
    room_for_text("join", bytes)?;
    Ok(made_text(parts.join(separator)))
}

fn add<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Called<'b, 'v> {
    let [left, right] = arguments.as_slice() else {
        return Err(ExecutionError::invalid_argument_count(2, arguments.len()));
    };
    match (left.get_type().kind(), right.get_type().kind()) {
        (Kind::String, Kind::String) => {
            room_for_text("+", text(&arguments, 0)?.len() + text(&arguments, 1)?.len())?;
        }
        (Kind::List, Kind::List) => {
            let items = size(left.as_ref()) + size(right.as_ref());
            if items > LONGEST_LIST {
                return Err(long_list("+"));
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

/// The range of a loop. The steps of the whole loop are taken before it begins.
fn range<'b, 'v>(mut arguments: Vec<CowVal<'b, 'v>>) -> Called<'b, 'v> {
    let operations = number(&arguments, 1).unwrap_or(1);
    arguments.truncate(1);
    let range = arguments.pop().ok_or(ExecutionError::MissingArgumentOrTarget)?;
    steps::take_many(size(range.as_ref()).saturating_mul(operations)).map_err(out_of_steps)?;
    Ok(range)
}

/// A value of an outer loop, used in an inner one: each use of it counts by its size.
fn used<'b, 'v>(mut arguments: Vec<CowVal<'b, 'v>>) -> Called<'b, 'v> {
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

fn matches_made<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Called<'b, 'v> {
    steps::take(PATTERN_STEPS).map_err(out_of_steps)?;
    matches(arguments)
}

fn matches<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Called<'b, 'v> {
    let (text, pattern) = (text(&arguments, 0)?, text(&arguments, 1)?);
    steps::take(MATCH_STEPS).map_err(out_of_steps)?;
    steps::take_text(text.len()).map_err(out_of_steps)?;
    let found = COMPILED.with_borrow_mut(|compiled| {
        if let Some(known) = compiled.get(pattern) {
            return Ok(known.is_match(text));
        }
        let regex = RegexBuilder::new(pattern).size_limit(PATTERN_SIZE).build();
        let regex = regex.map_err(|error| ExecutionError::function_error("matches", error))?;
        if compiled.len() >= PATTERNS {
            compiled.clear();
        }
        Ok::<_, ExecutionError>(compiled.entry(pattern.to_owned()).or_insert(regex).is_match(text))
    })?;
    Ok(CowVal::owned(CelBool::from(found)))
}

/// The number of items of a list or map; 0 of everything else.
fn size(value: &dyn Val) -> usize {
    let sized = matches!(value.get_type().kind(), Kind::List | Kind::Map);
    let size = value
        .as_sizer()
        .filter(|_| sized)
        .map(|sizer| *sizer.size().inner());
    usize::try_from(size.unwrap_or_default()).unwrap_or(usize::MAX)
}

/// A key that stands for the first of several fields, for [`super::names`]. No expression can write one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Look {
    /// The value of the first of these fields, whatever the case of its name, that is there and neither null nor an
    /// object.
    Field(Vec<String>),
    /// So many of the object's own names.
    Keys(usize),
}

static LOOK: Type = Type::new_struct_type("look");

impl Val for Look {
    fn get_type(&self) -> &Type {
        &LOOK
    }
    fn cel_type() -> &'static Type {
        &LOOK
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

impl StaticVal for Look {}

fn first_field<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Called<'b, 'v> {
    let [object, names] = arguments.as_slice() else {
        return Err(ExecutionError::invalid_argument_count(2, arguments.len()));
    };
    let mut wanted = Vec::new();
    let mut items = names
        .as_iterable()
        .ok_or(ExecutionError::MissingArgumentOrTarget)?
        .iter();
    while let Some(name) = items.next() {
        let name = name
            .downcast_ref::<CelString>()
            .map(|name| name.inner().to_owned());
        wanted.push(name.ok_or(ExecutionError::MissingArgumentOrTarget)?);
    }
    look(object, &Look::Field(wanted))
}

fn first_keys<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Called<'b, 'v> {
    let object = arguments.first().ok_or(ExecutionError::MissingArgumentOrTarget)?;
    let most = number(&arguments, 1).unwrap_or(MOST_KEYS);
    look(object, &Look::Keys(most.min(MOST_KEYS)))
}

fn look<'b, 'v>(object: &CowVal<'b, 'v>, what: &Look) -> Called<'b, 'v> {
    let indexer = object
        .as_indexer()
        .ok_or(ExecutionError::MissingArgumentOrTarget)?;
    Ok(CowVal::Owned(indexer.get(what)?.into_owned()))
}
