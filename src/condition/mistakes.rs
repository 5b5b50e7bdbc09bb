//! Words and signs of other languages in an expression, and how CEL writes what was meant. Read only after the compiler refused
//! the expression.

use super::lexical::masked;

/// Signs that are none in CEL, the longer ones first, and what to write.
const SIGNS: &[(&str, &str)] = &[
    ("{{", "an expression stands without `{{ }}`"),
    ("===", "write `==` for `===`"),
    ("!==", "write `!=` for `!==`"),
    ("<>", "write `!=` for `<>`"),
    ("=~", "write `text.matches(\"pattern\")` for `=~`"),
    ("“", "write plain quotes: \"text\""),
    ("”", "write plain quotes: \"text\""),
    ("‘", "write plain quotes: \"text\""),
    ("’", "write plain quotes: \"text\""),
    ("`", "write plain quotes: \"text\""),
    ("$", "a name stands without `$`: payload.title"),
    (";", "an expression ends without `;`"),
];

/// Words that are none in CEL, and what to write. The phrases of two words first.
const WORDS: &[(&str, &str)] = &[
    ("not in", "write `!(value in list)` for `not in`"),
    ("is not", "write `!=` for `is not`"),
    ("and", "write `&&` for `and`"),
    ("AND", "write `&&` for `AND`"),
    ("or", "write `||` for `or`"),
    ("OR", "write `||` for `OR`"),
    ("not", "write `!value` for `not value`"),
    ("NOT", "write `!value` for `NOT value`"),
    ("is", "write `==` for `is`"),
    ("equals", "write `==` for `equals`"),
    ("eq", "write `==` for `eq`"),
    ("ne", "write `!=` for `ne`"),
    ("if", "write `condition ? one : other` for `if`"),
    ("then", "write `condition ? one : other` for `then`"),
    (
        "like",
        "write `text.contains(\"part\")` or `text.matches(\"pattern\")` for `like`",
    ),
    (
        "contains",
        "write `text.contains(\"part\")`, and for a list `\"item\" in list`",
    ),
    ("matches", "write `text.matches(\"pattern\")`"),
    ("startsWith", "write `text.startsWith(\"part\")`"),
    ("endsWith", "write `text.endsWith(\"part\")`"),
];

/// Functions of other languages, and what to write.
const FUNCTIONS: &[(&str, &str)] = &[
    ("len", "size(value)"),
    ("length", "size(value)"),
    ("count", "size(value)"),
    ("lower", "text.lowerAscii()"),
    ("toLowerCase", "text.lowerAscii()"),
    ("downcase", "text.lowerAscii()"),
    ("upper", "text.upperAscii()"),
    ("toUpperCase", "text.upperAscii()"),
    ("upcase", "text.upperAscii()"),
    ("includes", "\"item\" in list, or text.contains(\"part\")"),
    ("include", "\"item\" in list, or text.contains(\"part\")"),
    ("hasPrefix", "text.startsWith(\"part\")"),
    ("startswith", "text.startsWith(\"part\")"),
    ("starts_with", "text.startsWith(\"part\")"),
    ("hasSuffix", "text.endsWith(\"part\")"),
    ("endswith", "text.endsWith(\"part\")"),
    ("ends_with", "text.endsWith(\"part\")"),
    ("match", "text.matches(\"pattern\")"),
    ("regex", "text.matches(\"pattern\")"),
    ("test", "text.matches(\"pattern\")"),
    ("any", "list.exists(x, x == …)"),
    ("some", "list.exists(x, x == …)"),
    ("every", "list.all(x, x == …)"),
    ("find", "list.filter(x, …)[0]"),
    ("str", "string(value)"),
    ("toString", "string(value)"),
    ("strip", "text.trim()"),
    ("defined", "has(payload.field)"),
    ("exists", "list.exists(x, …); for a field has(payload.field)"),
    ("default", "payload.?field.orValue(\"\")"),
    ("get", "payload.?field.orValue(\"\")"),
];

/// Names that begin with a capital, which no fact does, and what to write.
const NAMES: &[(&str, &str)] = &[
    ("True", "true"),
    ("TRUE", "true"),
    ("False", "false"),
    ("FALSE", "false"),
    ("None", "null"),
    ("NULL", "null"),
    ("Null", "null"),
];

/// Returns how to write what cannot be parsed.
pub(super) fn of_syntax(text: &str) -> Option<String> {
    let masked = masked(text);
    let of_sign = |(sign, hint): &(&str, &str)| masked.contains(sign).then(|| (*hint).to_owned());
    if let Some(hint) = SIGNS.iter().find_map(of_sign) {
        return Some(hint);
    }
    if masked.ends_with('"') && is_open(text, &masked) {
        return Some("a text is not closed: it ends with the quote that it begins with".to_owned());
    }
    let words: Vec<&str> = masked
        .split(|c: char| !c.is_alphanumeric() && c != '_' && c != '.')
        .filter(|word| !word.is_empty())
        .collect();
    let has = |phrase: &str| {
        let phrase: Vec<&str> = phrase.split(' ').collect();
        words.windows(phrase.len()).any(|window| window == phrase)
    };
    if let Some((_, hint)) = WORDS.iter().find(|(word, _)| has(word)) {
        return Some((*hint).to_owned());
    }
    single(&masked, '=', &['=', '!', '<', '>'])
        .then_some("write `==` to compare; `=` sets nothing here")
        .or_else(|| single(&masked, '&', &['&']).then_some("write `&&` for `&`"))
        .or_else(|| single(&masked, '|', &['|']).then_some("write `||` for `|`"))
        .map(str::to_owned)
}

/// Returns how to write a function that does not exist.
pub(super) fn of_function(name: &str) -> Option<&'static str> {
    FUNCTIONS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, write)| *write)
}

/// Returns what to write for a name that no event has.
pub(super) fn of_name(name: &str) -> Option<&'static str> {
    NAMES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, write)| *write)
}

/// Whether the last literal of a text has no end: a quote after it would be its end.
fn is_open(text: &str, masked_text: &str) -> bool {
    let continued = format!("{text} ");
    masked(&continued).len() > masked_text.len() && masked(&continued).ends_with('"')
}

/// Whether a sign stands alone somewhere: without one of `beside` before it, and without itself after it.
fn single(masked: &str, sign: char, beside: &[char]) -> bool {
    let characters: Vec<char> = masked.chars().collect();
    characters.iter().enumerate().any(|(at, character)| {
        let before = at.checked_sub(1).and_then(|at| characters.get(at));
        let after = characters.get(at + 1);
        *character == sign && before.is_none_or(|before| !beside.contains(before)) && after != Some(&sign)
    })
}

#[cfg(test)]
mod tests {
    use crate::condition::Condition;

    #[test]
    fn a_mistake_is_answered_with_what_to_write() {
        for (text, expected) in [
            (r#"branch == "main" and !bot"#, "write `&&` for `and`"),
            (r#"branch == "main" OR bot"#, "write `||` for `OR`"),
            ("not bot", "write `!value` for `not value`"),
            (r#"branch = "main""#, "write `==` to compare"),
            (r#"branch === "main""#, "write `==` for `===`"),
            (r#"branch !== "main""#, "write `!=` for `!==`"),
            (r#"branch <> "main""#, "write `!=` for `<>`"),
            (r#"branch is "main""#, "write `==` for `is`"),
            (r#"branch is not "main""#, "write `!=` for `is not`"),
            (r#"action not in ["opened"]"#, "write `!(value in list)`"),
            (r#"branch =~ "^v""#, r#"write `text.matches("pattern")`"#),
            ("branch == “main”", "write plain quotes"),
            (r#"{{branch}} == "main""#, "without `{{ }}`"),
            (r#"$branch == "main""#, "without `$`"),
            (r#"branch == "main";"#, "without `;`"),
            ("bot & calm", "write `&&` for `&`"),
            ("bot | calm", "write `||` for `|`"),
            (r#"branch == "main"#, "a text is not closed"),
            ("if bot then calm", "write `condition ? one : other`"),
            (r#"title like "%x%""#, "text.contains"),
            (r#"title contains "x""#, "text.contains"),
            ("len(labels) > 1", "write `size(value)`"),
            (r#"branch.toLowerCase() == "x""#, "write `text.lowerAscii()`"),
            (r#"labels.includes("bug")"#, r#"write `"item" in list"#),
            (r#"branch.startswith("x")"#, r#"write `text.startsWith("part")`"#),
            (r#"labels.any(l, l == "x")"#, "list.exists(x"),
            ("bot == True", "there is no name `True`; write `true`"),
            ("payload.x == None", "there is no name `None`; write `null`"),
            (r#"branch.contians("x")"#, "did you mean `contains`?"),
        ] {
            let found = Condition::compile(text).map(drop).unwrap_err().to_string();
            assert!(found.contains(expected), "{text}: {found}");
        }
    }

    #[test]
    fn a_word_in_a_text_is_no_mistake() {
        for text in [
            r#"title == "this and that = ; $x""#,
            "title == 'a or b'",
            "payload.or == 1 || payload.is",
        ] {
            assert!(Condition::compile(text).is_ok(), "{text}");
        }
        let found = Condition::compile(r#"title == "a and b" )"#)
            .unwrap_err()
            .to_string();
        assert!(!found.contains("&&"), "{found}");
    }
}
