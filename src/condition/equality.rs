//! Equality between CEL's own values and values that borrow JSON.

use cel::common::types::{CelBool, DYN_TYPE, Kind};
use cel::common::value::{CowVal, Val};
use cel::{DeclarationError, Env, ExecutionError};

/// Replaces `==` where lists or maps may be compared ([`super::syntax`]).
pub(super) const EQUAL: &str = "@equal";
/// Replaces `in` in the same way.
pub(super) const MEMBER: &str = "@member";

/// CEL's equality by capability instead of by Rust type. CEL's own lists and maps equal only their own Rust type, but a
/// list of the payload must equal a list of the expression, on either side.
pub(super) fn equal(left: &dyn Val, right: &dyn Val) -> bool {
    let (kind, other) = (left.get_type().kind(), right.get_type().kind());
    match (kind, other) {
        (Kind::List, Kind::List) => equal_lists(left, right).unwrap_or(false),
        (Kind::Map, Kind::Map) => equal_maps(left, right).unwrap_or(false),
        (Kind::List | Kind::Map, _) | (_, Kind::List | Kind::Map) => false,
        _ => left.equals(right),
    }
}

fn equal_lists(left: &dyn Val, right: &dyn Val) -> Option<bool> {
    if left.as_sizer()?.size() != right.as_sizer()?.size() {
        return Some(false);
    }
    let (mut left, mut right) = (left.as_iterable()?.iter(), right.as_iterable()?.iter());
    while let (Some(left), Some(right)) = (left.next(), right.next()) {
        if !equal(left, right) {
            return Some(false);
        }
    }
    Some(true)
}

fn equal_maps(left: &dyn Val, right: &dyn Val) -> Option<bool> {
    if left.as_sizer()?.size() != right.as_sizer()?.size() {
        return Some(false);
    }
    let (by_key, others) = (left.as_indexer()?, right.as_indexer()?);
    let mut keys = left.as_iterable()?.iter();
    while let Some(key) = keys.next() {
        match (by_key.get(key), others.get(key)) {
            (Ok(one), Ok(other)) if equal(one.as_ref(), other.as_ref()) => {}
            _ => return Some(false),
        }
    }
    Some(true)
}

/// Adds [`EQUAL`] and [`MEMBER`]. No expression can write their names.
pub(super) fn add_comparisons(env: &mut Env) -> Result<(), DeclarationError> {
    env.add_overload(EQUAL, EQUAL, vec![DYN_TYPE, DYN_TYPE], |arguments| {
        let [left, right] = arguments.as_slice() else {
            return Err(ExecutionError::invalid_argument_count(2, arguments.len()));
        };
        Ok(CowVal::owned(CelBool::from(equal(left.as_ref(), right.as_ref()))))
    })?;
    env.add_overload(MEMBER, MEMBER, vec![DYN_TYPE, DYN_TYPE], |arguments| {
        let [value, within] = arguments.as_slice() else {
            return Err(ExecutionError::invalid_argument_count(2, arguments.len()));
        };
        let types = || {
            let types = vec![
                value.get_type().name().to_owned(),
                within.get_type().name().to_owned(),
            ];
            ExecutionError::no_such_overload("@in", types)
        };
        let found = if within.get_type().kind() == Kind::List
            && matches!(value.get_type().kind(), Kind::List | Kind::Map)
        {
            let mut items = within.as_iterable().ok_or_else(types)?.iter();
            let mut found = false;
            while let Some(item) = items.next() {
                found = found || equal(item, value.as_ref());
            }
            found
        } else {
            let container = within.as_container().ok_or_else(types)?;
            container.contains(value.as_ref()).map_err(|_| types())?
        };
        Ok(CowVal::owned(CelBool::from(found)))
    })
}
