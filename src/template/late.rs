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
const LATE: &[&str] = &["count", "began", DURATION, "previous", "items", ITEM_COUNT, AGAIN];
const DURATION: &str = "duration";
const ITEM_COUNT: &str = "item_count";
const AGAIN: &str = "again";

/// Changes the expression of a late value to a call of the helper: a path, or `conversation "again" ", "` with arguments.
/// `is_scoped`: whether it is in a block that changes what a name means; there a path is written with `@root`. False: it is no
/// expression of a late value.
///
/// # Errors
/// How the value is written, if its arguments are wrong.
pub(super) fn rewrite(call: &mut HelperTemplate, is_scoped: bool) -> Result<bool, String> {
    let Some(path) = call.name.as_name() else {
        return Ok(false);
    };
    if path == NAME && !call.params.is_empty() {
        if field_of_literals(call).is_none() {
            return Err(wrong_call(call.params.first().and_then(literal)));
        }
        call.name = Parameter::Name(HELPER.to_owned());
        return Ok(true);
    }
    let path = path
        .strip_prefix("@root.")
        .unwrap_or(if is_scoped { "" } else { path });
    let Some(field) = path.strip_prefix(NAME).and_then(|path| path.strip_prefix('.')) else {
        return Ok(false);
    };
    let is_whole = call.params.is_empty() && field_of(field, &[]).is_some();
    if is_whole {
        call.params = vec![Parameter::Literal(field.into())];
        call.name = Parameter::Name(HELPER.to_owned());
    }
    Ok(is_whole)
}

fn field_of_literals(call: &HelperTemplate) -> Option<ConversationField> {
    let texts: Vec<&str> = call.params.iter().map(literal).collect::<Option<_>>()?;
    let (field, arguments) = texts.split_first()?;
    field_of(field, arguments).filter(|_| call.hash.is_empty())
}

/// What is wrong with a call that names no late value, or has other arguments than that takes.
fn wrong_call(field: Option<&str>) -> String {
    match field.filter(|field| is_late(field)) {
        Some(field) => format!("`{NAME}.{field}` is written as `{}`", example(field)),
        None => format!(
            "`{NAME}` with arguments is written as `{}`, `{}` or `{{{{{NAME} \"{DURATION}\" \" after \"}}}}`",
            example(ITEM_COUNT),
            example(AGAIN)
        ),
    }
}

fn literal(parameter: &Parameter) -> Option<&str> {
    match parameter {
        Parameter::Literal(text) => text.as_str(),
        _ => None,
    }
}

fn example(field: &str) -> String {
    match field {
        ITEM_COUNT => format!(r#"{{{{{NAME} "{ITEM_COUNT}" ", " "comment" "comments"}}}}"#),
        AGAIN => format!(r#"{{{{{NAME} "{AGAIN}" ", "}}}}"#),
        field => format!("{{{{{NAME}.{field}}}}}"),
    }
}

/// The late value that a call of the helper writes. `None`: another call.
pub(super) fn field_of_call(call: &HelperTemplate) -> Option<ConversationField> {
    (call.name.as_name() == Some(HELPER)).then(|| field_of_literals(call))?
}

fn is_late(name: &str) -> bool {
    LATE.contains(&name) || field_of(name, &[]).is_some()
}

/// The late value with this name and these arguments: `count`, `first.title`, `again` with the text before it.
pub(super) fn field_of(name: &str, arguments: &[&str]) -> Option<ConversationField> {
    Some(match (name, arguments) {
        ("count", []) => ConversationField::Count,
        ("began", []) => ConversationField::Began,
        (DURATION, []) => ConversationField::Duration,
        (DURATION, [before]) => ConversationField::Lasted {
            before: (*before).to_owned(),
        },
        ("previous", []) => ConversationField::Previous,
        ("items", []) => ConversationField::Items,
        (ITEM_COUNT, [before, one, many]) => ConversationField::ItemCount {
            before: (*before).to_owned(),
            one: (*one).to_owned(),
            many: (*many).to_owned(),
        },
        (AGAIN, [] | [_]) => ConversationField::Again {
            before: arguments.concat(),
        },
        (name, []) => {
            let fact = name.strip_prefix("first.")?;
            let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            if fact.is_empty() || !fact.bytes().all(is_name) {
                return None;
            }
            ConversationField::First(fact.to_owned())
        }
        _ => return None,
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
    if is_late(&field) {
        let written = example(&field);
        let in_block = written.replacen(&format!("{NAME}."), &format!("@root.{NAME}."), 1);
        return Some(format!(
            "`{NAME}.{field}` is known only when the message is posted: write `{written}` by itself, in a block `{in_block}`; conditions can read `{NAME}.open` and `{NAME}.act`"
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
