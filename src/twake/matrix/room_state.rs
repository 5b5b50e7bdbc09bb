//! Reads events of a room: whether a message is shown, and what an account may do.

use serde_json::Value;

/// Whether an event has content. A deleted one has none. The server takes replies to it, and clients do not show them.
pub(super) fn is_shown(event: &Value) -> bool {
    let content = event.get("content").and_then(Value::as_object);
    content.is_some_and(|content| !content.is_empty())
}

/// The user who sent an event.
pub(super) fn sender(event: &Value) -> Option<&str> {
    event.get("sender")?.as_str()
}

/// Whether the power levels of a room let a user post.
pub(super) fn may_post(levels: &Value, user: Option<&str>) -> bool {
    let number = |value: Option<&Value>| {
        // Old rooms have texts of numbers.
        value.and_then(|value| value.as_i64().or_else(|| value.as_str()?.trim().parse().ok()))
    };
    let of = |table: &str, key: &str| number(levels.get(table).and_then(|table| table.get(key)));
    let own = user.and_then(|user| of("users", user));
    let own = own.or_else(|| number(levels.get("users_default")));
    let needed = of("events", "m.room.message");
    let needed = needed.or_else(|| number(levels.get("events_default")));
    own.unwrap_or(0) >= needed.unwrap_or(0)
}

/// Whether a user has created a room of version 12 or later. Such a creator has every power, and no level.
pub(super) fn has_created(creation: &Value, user: Option<&str>) -> bool {
    let content = creation.get("content");
    let version = content.and_then(|content| content.get("room_version")?.as_str()?.parse::<u32>().ok());
    let more = content.and_then(|content| content.get("additional_creators")?.as_array());
    let more = more.into_iter().flatten().filter_map(Value::as_str);
    let mut creators = sender(creation).into_iter().chain(more);
    version >= Some(12) && creators.any(|creator| Some(creator) == user)
}
