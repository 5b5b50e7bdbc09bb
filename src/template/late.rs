//! Values of the conversation that are known only when the message is posted: `{{conversation.count}}`. A template writes such a
//! value as a node, and the node gets its text at the claim of the delivery.
//!
//! The node comes from a path in the template's own text, which is changed to a call of a helper when the template is compiled. No
//! template can write that call, and no value of an event takes part in it.

use handlebars::template::{HelperTemplate, Parameter};

use super::conversation::NAME;
use crate::message::ConversationField;
use crate::suggest::nearest;

/// The name of the helper that writes the node. No template can write it.
pub(super) const HELPER: &str = "conversation ";

/// The values that templates read as any other, and the late ones.
const KNOWN: &[&str] = &["open", "act"];
const LATE: &[&str] = &["count", "began", "duration", "previous"];

/// Changes the expression of a late value to a call of the helper. `is_scoped`: whether it is in a block that changes what a name
/// means; there it is written with `@root`.
pub(super) fn rewrite(call: &mut HelperTemplate, is_scoped: bool) {
    let Some(path) = call.name.as_name() else { return };
    let path = path
        .strip_prefix("@root.")
        .unwrap_or(if is_scoped { "" } else { path });
    let Some(field) = path.strip_prefix(NAME).and_then(|path| path.strip_prefix('.')) else {
        return;
    };
    if field_of(field).is_some() {
        call.params = vec![Parameter::Literal(field.into())];
        call.name = Parameter::Name(HELPER.to_owned());
    }
}

/// The late value that a call of the helper writes. `None`: another call.
pub(super) fn field_of_call(call: &HelperTemplate) -> Option<ConversationField> {
    match (&call.name, call.params.as_slice()) {
        (Parameter::Name(name), [Parameter::Literal(field)]) if name == HELPER => field_of(field.as_str()?),
        _ => None,
    }
}

/// The late value with this name: `count`, `first.title`.
pub(super) fn field_of(name: &str) -> Option<ConversationField> {
    Some(match name {
        "count" => ConversationField::Count,
        "began" => ConversationField::Began,
        "duration" => ConversationField::Duration,
        "previous" => ConversationField::Previous,
        name => {
            let fact = name.strip_prefix("first.")?;
            let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            if fact.is_empty() || !fact.bytes().all(is_name) {
                return None;
            }
            ConversationField::First(fact.to_owned())
        }
    })
}

/// What is wrong with a path to a value of the conversation that is still a path after [`rewrite`]. `None`: nothing.
pub(super) fn wrong_path(path: &[String]) -> Option<String> {
    let [name, rest @ ..] = path else { return None };
    if name != NAME {
        return None;
    }
    let field = rest.join(".");
    if KNOWN.contains(&field.as_str()) {
        return None;
    }
    if field_of(&field).is_some() {
        return Some(format!(
            "`{NAME}.{field}` is known only when the message is posted: write `{{{{{NAME}.{field}}}}}` by itself, in a block \
             `{{{{@root.{NAME}.{field}}}}}`; conditions can read `{NAME}.open` and `{NAME}.act`"
        ));
    }
    let known = || KNOWN.iter().chain(LATE).copied();
    Some(match nearest(&field, known()).filter(|_| !field.is_empty()) {
        Some(near) => format!("there is no `{NAME}.{field}`; did you mean `{NAME}.{near}`?"),
        None => format!(
            "a conversation has {}, and first with a fact: `{{{{{NAME}.first.title}}}}`",
            known().collect::<Vec<_>>().join(", ")
        ),
    })
}
