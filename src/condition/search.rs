//! The search of `findFields` and `leaves`: an object and what lies up to three levels down in it.
//!
//! Every walk looks at [`MOST_KEYS`] fields at the most, whatever the payload's size. It goes level by level, so a field
//! of the object itself comes before one of an object within it. Of a list only the first item is entered, after the
//! objects of its level.

use serde_json::{Map, Value};

use super::bounded::MOST_KEYS;
use crate::steps::{self, OutOfSteps};

/// Levels below the object that are looked at.
const DEPTH: usize = 3;

/// A second name of every object with an e-mail address: `person.name` is the name of a person, whatever the object is.
const PERSON: &str = "person";

/// Longest value of a leaf, and longest name of a field, in characters. The rest is left out.
const LONGEST_LEAF: usize = 200;

/// A field that the walk met.
struct Field<'a> {
    level: usize,
    /// The names that lead to it, joined by full stops.
    path: String,
    /// Its own name as [`plain`] gives it.
    name: String,
    /// The name of the object or list that it is in, and [`PERSON`] if that has an e-mail address.
    parents: Parents,
    value: &'a Value,
}

type Parents = (String, Option<&'static str>);

/// The values of all fields with one of these names: those of the object itself first, within a level in the order of
/// the names. Values that are null, blank, a list or an object do not count. A name matches whatever its capitals, `_`
/// and `-`; `*url` matches every name that ends so, `icon*` every name that starts so, `status.name` the field `name` of an
/// object `status`, `person.name` that of an object with an e-mail address. Fields and objects whose name is in `skipped` are left out, with all that is in them.
pub(super) fn fields<'a>(
    object: &'a Map<String, Value>,
    names: &[String],
    skipped: &[String],
) -> Result<Vec<&'a Value>, OutOfSteps> {
    let (names, skipped) = (all_plain(names), all_plain(skipped));
    let mut found = Vec::new();
    for field in walk(object, &skipped)? {
        if let Some(place) = names
            .iter()
            .position(|name| is_named(&field.parents, &field.name, name))
        {
            found.push(((field.level, place), field.value));
        }
    }
    found.sort_by_key(|(order, _)| *order);
    Ok(found.into_iter().map(|(_, value)| value).collect())
}

/// The value of the first of these fields of an object that is neither null, blank nor an object. The capitals of a name do not
/// matter.
pub(super) fn first_field<'a>(object: &'a Map<String, Value>, names: &[String]) -> Option<&'a Value> {
    let is_candidate = |value: &Value| match value {
        Value::Null | Value::Object(_) => false,
        Value::String(text) => !text.trim().is_empty(),
        _ => true,
    };
    let mut found: Option<(usize, &Value)> = None;
    let fields = object.iter().take(MOST_KEYS);
    for (key, value) in fields.filter(|(_, value)| is_candidate(value)) {
        let before = found.map_or(names.len(), |(place, _)| place);
        let mut names = names.iter().take(before);
        let place = names.position(|name| name.eq_ignore_ascii_case(key));
        found = place.map(|place| (place, value)).or(found);
    }
    found.map(|(_, value)| value)
}

/// Every text, number and boolean as `path: value`.
pub(super) fn leaves(object: &Map<String, Value>) -> Result<Vec<String>, OutOfSteps> {
    let leaf = |field: Field<'_>| {
        let value = match field.value {
            Value::String(text) => text.chars().take(LONGEST_LEAF).collect(),
            value => value.to_string(),
        };
        format!("{}: {value}", field.path)
    };
    Ok(walk(object, &[])?.into_iter().map(leaf).collect())
}

fn walk<'a>(object: &'a Map<String, Value>, skipped: &[String]) -> Result<Vec<Field<'a>>, OutOfSteps> {
    let mut found = Vec::new();
    let mut left = MOST_KEYS;
    let mut level = vec![(String::new(), String::new(), object)];
    for depth in 0..=DEPTH {
        let (mut objects, mut items) = (Vec::new(), Vec::new());
        for (path, parent, object) in level {
            let has_email = object
                .keys()
                .take(left)
                .any(|key| key.eq_ignore_ascii_case("email"));
            let parents = (parent, has_email.then_some(PERSON));
            for (key, value) in object.iter().take(left) {
                left -= 1;
                let name = plain(key);
                if skipped.iter().any(|skip| is_named(&parents, &name, skip)) {
                    continue;
                }
                // Every field within an object copies the object's name, which may be as long as the payload.
                let step: String = key.chars().take(LONGEST_LEAF).collect();
                let path = if path.is_empty() {
                    step
                } else {
                    format!("{path}.{step}")
                };
                match value {
                    Value::Object(object) => objects.push((path, name, object)),
                    Value::Array(list) => {
                        let item = list.first().and_then(Value::as_object);
                        items.extend(item.map(|item| (path, name, item)));
                    }
                    Value::Null => {}
                    Value::String(text) if text.trim().is_empty() => {}
                    value => found.push(Field {
                        level: depth,
                        path,
                        name,
                        parents: parents.clone(),
                        value,
                    }),
                }
            }
        }
        objects.append(&mut items);
        level = objects;
    }
    steps::take_many(MOST_KEYS - left)?;
    Ok(found)
}

fn all_plain(names: &[String]) -> Vec<String> {
    names.iter().map(|name| plain(name)).collect()
}

/// A name without capitals, `_`, `-` and blanks: `alertName` and `alert_name` are the same. It is cut, because the fields of an
/// object copy it.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(|letter| !matches!(letter, '_' | '-' | ' '));
    let letters = letters.map(|letter| letter.to_ascii_lowercase());
    letters.take(LONGEST_LEAF).collect()
}

/// Whether a field has one of these names, as `findFields` compares them. `parent`: the name of the object that it is in.
pub(crate) fn is_named_as(parent: &str, name: &str, wanted: &str) -> bool {
    is_named(&(plain(parent), None), &plain(name), &plain(wanted))
}

fn is_named((parent, person): &Parents, name: &str, wanted: &str) -> bool {
    let is_parent = |outer| matches(parent, outer) || person.is_some_and(|person| person == outer);
    matches(name, wanted)
        || wanted
            .split_once('.')
            .is_some_and(|(outer, inner)| is_parent(outer) && matches(name, inner))
}

fn matches(name: &str, wanted: &str) -> bool {
    match (wanted.strip_prefix('*'), wanted.strip_suffix('*')) {
        (Some(end), _) => name.ends_with(end),
        (None, Some(start)) => name.starts_with(start),
        (None, None) => name == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(payload: &Value, names: &[&str], skipped: &[&str]) -> Value {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let found = fields(payload.as_object().unwrap(), &owned(names), &owned(skipped)).unwrap();
        found.into_iter().cloned().collect()
    }

    /// Panics if the search for the names, without the skipped ones, does not find these values.
    fn assert_found(payload: &Value, table: Vec<(Vec<&str>, Vec<&str>, Value)>) {
        for (names, skipped, expected) in table {
            let found = found(payload, &names, &skipped);
            assert_eq!(found, expected, "{names:?} without {skipped:?}");
        }
    }

    #[test]
    fn fields_are_found_level_by_level_and_then_in_the_order_of_their_names() {
        let payload = json!({
            "user": {"name": "ana"},
            "alert": {"ruleName": "Disk", "title": "Disk is full", "in": {"title": "deep", "in": {"title": "deeper", "in": {"title": "too deep"}}}},
            "items": [{"title": "first"}, {"title": "second"}], "new_state": {"Name": "open"},
            "NAME": "top", "subject": " ", "summary": null, "more_url": "u"
        });
        let table = vec![
            (
                vec!["title", "name"],
                vec![],
                json!(["top", "Disk is full", "first", "ana", "open", "deep", "deeper"]),
            ),
            (
                vec!["name", "title"],
                vec!["user", "newState.name"],
                json!(["top", "Disk is full", "first", "deep", "deeper"]),
            ),
            (vec!["rule-name"], vec![], json!(["Disk"])),
            (vec!["subject", "summary", "nothing"], vec![], json!([])),
            (vec!["*url"], vec![], json!(["u"])),
            (vec!["*url"], vec!["more*", "*url"], json!([])),
            (
                vec!["items.title", "*state.name", "state.name", "url.title"],
                vec![],
                json!(["first", "open"]),
            ),
        ];
        assert_found(&payload, table);
    }

    #[test]
    fn an_object_with_an_email_address_is_a_person_whatever_its_name() {
        let payload = json!({
            "full_name": "Ana", "Email": "ana@example.org", "product_name": "Chart",
            "signer": {"name": "Leo", "email": null}, "template": {"name": "Lease"}
        });
        let table = vec![
            (
                vec!["person.fullName", "person.name"],
                vec![],
                json!(["Ana", "Leo"]),
            ),
            (
                vec!["*name"],
                vec!["person.name", "person.fullName"],
                json!(["Chart", "Lease"]),
            ),
        ];
        assert_found(&payload, table);
    }

    #[test]
    fn leaves_are_the_plain_values_with_their_paths() {
        let payload = json!({"a": {"b": {"c": true, "d": {"e": {"f": 1}}}, "f": 1.5}, "g": ["h"], "i": "j"});
        let leaves = leaves(payload.as_object().unwrap()).unwrap();
        assert_eq!(leaves, ["i: j", "a.f: 1.5", "a.b.c: true"]);
    }

    #[test]
    fn a_long_name_is_cut_in_a_path() {
        let mut object = Map::new();
        object.insert("é".repeat(10 * LONGEST_LEAF), json!({"a": 1, "b": 2}));
        let name = "é".repeat(LONGEST_LEAF);
        assert_eq!(
            leaves(&object).unwrap(),
            [format!("{name}.a: 1"), format!("{name}.b: 2")]
        );
    }

    #[test]
    fn a_search_looks_at_so_many_fields_whatever_the_size() {
        let fields = (0..10 * MOST_KEYS)
            .map(|n| (format!("k{n}"), json!({"title": n})))
            .collect();
        let found = found(&Value::Object(fields), &["title", "k5000"], &[]);
        assert_eq!(found, json!([]));
    }
}
