//! Mistakes in the tags of a template (`{{#if a == "b"}}`), and how Handlebars writes what was meant.

use super::front_matter::Found;
use super::helpers::SIGNATURES;

/// Words of other languages at the start of a tag, and what to write.
const WORDS: &[(&[&str], &str)] = &[
    (
        &["elif", "elsif", "elseif", "#elif", "#elsif", "#elseif"],
        "{{else if …}}",
    ),
    (&["#else", "/else"], "{{else}}"),
    (
        &["endif", "/endif", "#endif", "end", "#end", "/end", "fi"],
        "{{/if}} or {{/each}}",
    ),
    (
        &["endfor", "/endfor", "endeach", "/endeach", "/for", "/foreach"],
        "{{/each}}",
    ),
    (
        &["#for", "for", "#foreach", "foreach", "range", "#range"],
        "{{#each list}} … {{this}} … {{/each}}",
    ),
    (&["if"], "{{#if value}} … {{/if}}"),
    (&["unless"], "{{#unless value}} … {{/unless}}"),
    (&["each"], "{{#each list}} … {{/each}}"),
    (&["#ifeq", "#ifEquals", "#compare"], "{{#if (eq a b)}} … {{/if}}"),
];

/// The tags that take a condition.
const CONDITIONAL: &[&str] = &["#if", "#unless", "else if"];

/// Operators of other languages, and the helpers that do the same. Each group binds its operands closer than those before it.
const OPERATORS: [&[(&str, &str)]; 3] = [
    &[("||", "or"), ("or", "or")],
    &[("&&", "and"), ("and", "and")],
    &[
        ("===", "eq"),
        ("==", "eq"),
        ("=", "eq"),
        ("eq", "eq"),
        ("is", "eq"),
        ("!==", "ne"),
        ("!=", "ne"),
        ("<>", "ne"),
        ("ne", "ne"),
        (">=", "gte"),
        ("<=", "lte"),
        (">", "gt"),
        ("<", "lt"),
    ],
];

/// Signs of operators, the longer ones first.
const SIGNS: &[&str] = &[
    "===", "!==", "==", "!=", "<>", ">=", "<=", "&&", "||", ">", "<", "=", "!",
];

/// Returns the first mistake in a tag of a template. `body`: without its front matter, with the lines of the file.
pub(super) fn in_tags(body: &str) -> Option<Found> {
    let tags = tags(body).into_iter();
    let mut mistakes = tags.filter_map(|(line, tag)| Some((Some(line), mistake(tag)?)));
    mistakes.next()
}

/// Returns the first block of a template that cannot be parsed which has no end, or the end of another block.
pub(super) fn in_blocks(body: &str) -> Option<Found> {
    unclosed(&tags(body))
}

/// The content of each tag, and its line. Comments are left out.
fn tags(body: &str) -> Vec<(usize, &str)> {
    let mut tags = Vec::new();
    let (mut rest, mut line) = (body, 1);
    while let Some((before, after)) = rest.split_once("{{") {
        line += before.matches('\n').count();
        if before.ends_with('\\') {
            rest = after;
            continue;
        }
        let end = if after.trim_start_matches('~').starts_with("!--") {
            "--}}"
        } else {
            "}}"
        };
        let (tag, next) = after.split_once(end).unwrap_or((after, ""));
        let content = tag.trim_matches(['~', '{', '}']).trim();
        if !content.starts_with('!') {
            tags.push((line, content));
        }
        line += tag.matches('\n').count();
        rest = next;
    }
    tags
}

fn mistake(tag: &str) -> Option<String> {
    let words = words(tag);
    let first = words.first()?.as_str();
    let is_word = |(known, _): &&(&[&str], &str)| known.contains(&first);
    if let Some((_, write)) = WORDS.iter().find(is_word) {
        let is_value = words.len() == 1 && ["if", "unless", "each", "end", "for", "range"].contains(&first);
        return (!is_value).then(|| format!("`{{{{{first} …}}}}` is no tag; write `{write}`"));
    }
    let conditional = CONDITIONAL.iter().find(|start| {
        let rest = tag.strip_prefix(**start);
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_whitespace() || c == '('))
    });
    if let Some(start) = conditional {
        let condition = self::words(tag.get(start.len()..).unwrap_or_default());
        let write = translated(&condition)?;
        return Some(format!(
            "`{{{{{tag}}}}}`: operators are helpers; write `{{{{{start} {write}}}}}`"
        ));
    }
    of_value(tag, &words)
}

/// A mistake in a tag that shows a value.
fn of_value(tag: &str, words: &[String]) -> Option<String> {
    let plain = without_texts(tag);
    let first = plain.chars().next()?;
    let is_block = matches!(first, '#' | '/' | '>' | '*' | '&') || plain.starts_with("else");
    if matches!(first, '$' | '%')
        || (first == '.' && !plain.starts_with("..") && !plain.starts_with("./") && plain != ".")
    {
        let name = plain.trim_start_matches(['$', '%', '.']);
        return Some(format!("a name stands without `{first}`; write `{{{{{name}}}}}`"));
    }
    let bytes = plain.as_bytes();
    let index = bytes.windows(2).position(|pair| {
        matches!(pair, [before, b'['] if before.is_ascii_alphanumeric() || matches!(before, b'_' | b']'))
    });
    if index.is_some() {
        let write = tag.replace('[', ".[").replace("..[", ".[");
        return Some(format!(
            "an item of a list is written `list.[0]`; write `{{{{{write}}}}}`"
        ));
    }
    if !is_block && plain.contains('|') {
        return Some(
            "there are no filters; a helper stands before its value: `{{truncate title 80}}`".to_owned(),
        );
    }
    if !is_block && words.iter().any(|word| word == "?") {
        return Some("write `{{#if value}} … {{else}} … {{/if}}` for `? :`".to_owned());
    }
    let has_operator = words
        .iter()
        .any(|word| ["+", "-", "*", "/"].contains(&word.as_str()));
    (!is_block && has_operator).then(|| {
        "a template does not compute; write the values beside each other, `{{a}}{{b}}`, or make a fact in source.toml".to_owned()
    })
}

/// The condition with helpers in place of operators. `None`: it has none.
fn translated(words: &[String]) -> Option<String> {
    if let [only] = words {
        let inner = only.strip_prefix('(')?.strip_suffix(')')?;
        let words = self::words(inner);
        let first = words.first().filter(|first| is_helper(first) && words.len() > 1);
        let Some(first) = first else {
            return translated(&words);
        };
        // It is a call already. Its arguments may have operators.
        let is_wrong = words
            .iter()
            .skip(1)
            .any(|word| translated(std::slice::from_ref(word)).is_some());
        let arguments: Vec<String> = words
            .iter()
            .skip(1)
            .map(|word| operand(std::slice::from_ref(word)))
            .collect();
        return is_wrong.then(|| format!("({first} {})", arguments.join(" ")));
    }
    for group in OPERATORS {
        for (at, word) in words.iter().enumerate().skip(1) {
            let (left, right) = (words.get(..at)?, words.get(at + 1..)?);
            if let Some((_, helper)) = group.iter().find(|(sign, _)| sign == word)
                && !right.is_empty()
            {
                return Some(format!("({helper} {} {})", operand(left), operand(right)));
            }
        }
    }
    match words.split_first()? {
        (first, rest) if (first == "!" || first == "not") && !rest.is_empty() => {
            Some(format!("(not {})", operand(rest)))
        }
        (first, rest) if !rest.is_empty() && is_helper(first) => {
            Some(format!("({first} {})", rest.join(" ")))
        }
        _ => None,
    }
}

fn operand(words: &[String]) -> String {
    translated(words).unwrap_or_else(|| words.join(" "))
}

fn is_helper(name: &str) -> bool {
    SIGNATURES.iter().any(|known| known.name == name)
}

/// The tag with a space in place of what stands in quotes.
fn without_texts(tag: &str) -> String {
    let mut open = None;
    tag.chars()
        .map(|c| match (open, c) {
            (None, '"' | '\'') => {
                open = Some(c);
                ' '
            }
            (Some(quote), _) => {
                if c == quote {
                    open = None;
                }
                ' '
            }
            _ => c,
        })
        .collect()
}

/// The words of a tag: a text in quotes and what stands in brackets are one word, each sign of an operator is one.
fn words(tag: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let (mut quote, mut depth) = (None, 0_usize);
    let mut rest = tag;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
        match (quote, c) {
            (Some(open), _) => {
                word.push(c);
                if c == open {
                    quote = None;
                }
            }
            (None, '"' | '\'') => {
                word.push(c);
                quote = Some(c);
            }
            (None, '(' | ')') => {
                word.push(c);
                depth = if c == '(' {
                    depth + 1
                } else {
                    depth.saturating_sub(1)
                };
            }
            (None, _) if depth > 0 => word.push(c),
            (None, c) if c.is_whitespace() => words.push(std::mem::take(&mut word)),
            _ => match sign {
                Some(sign) => {
                    length = sign.len();
                    words.push(std::mem::take(&mut word));
                    words.push((*sign).to_owned());
                }
                None => word.push(c),
            },
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// The first block without its end, or the first end of another block.
fn unclosed(tags: &[(usize, &str)]) -> Option<Found> {
    let mut open: Vec<(usize, &str)> = Vec::new();
    for (line, tag) in tags {
        if let Some(block) = tag.strip_prefix('#') {
            open.push((*line, block.split_whitespace().next().unwrap_or_default()));
        } else if let Some(end) = tag.strip_prefix('/') {
            match open.pop() {
                Some((_, name)) if name == end.trim() => {}
                Some((at, name)) => {
                    let what = format!(
                        "`{{{{#{name}}}}}` of line {at} ends here with `{{{{/{end}}}}}`; write `{{{{/{name}}}}}`"
                    );
                    return Some((Some(*line), what));
                }
                None => return Some((Some(*line), format!("`{{{{/{end}}}}}` ends no block"))),
            }
        }
    }
    let (line, name) = open.pop()?;
    let what = format!("`{{{{#{name}}}}}` has no end; write `{{{{/{name}}}}}` after its content");
    Some((Some(line), what))
}

#[cfg(test)]
mod tests {
    use crate::template::{Library, Origin, TemplateFile};

    fn findings(text: &str) -> Vec<(Option<usize>, String)> {
        let file = TemplateFile {
            name: "push.hbs".to_owned(),
            text: text.to_owned(),
            origin: Origin::Own("push.hbs".into()),
        };
        let (_, findings) = Library::compile("k", vec![file]);
        findings
            .into_iter()
            .map(|finding| (finding.line, finding.what))
            .collect()
    }

    #[test]
    fn a_mistake_is_answered_with_what_to_write() {
        for (text, expected) in [
            (
                r#"{{#if outcome == "failure"}}x{{/if}}"#,
                r#"{{#if (eq outcome "failure")}}"#,
            ),
            (
                r#"{{#if outcome=="failure"}}x{{/if}}"#,
                r#"{{#if (eq outcome "failure")}}"#,
            ),
            (
                "{{#if outcome = 'failure'}}x{{/if}}",
                "{{#if (eq outcome 'failure')}}",
            ),
            (
                r#"{{#if outcome != "a b"}}x{{/if}}"#,
                r#"{{#if (ne outcome "a b")}}"#,
            ),
            (r#"{{#if outcome eq "x"}}x{{/if}}"#, r#"{{#if (eq outcome "x")}}"#),
            (r#"{{#if eq outcome "x"}}x{{/if}}"#, r#"{{#if (eq outcome "x")}}"#),
            (
                r#"{{#if (outcome == "x")}}x{{/if}}"#,
                r#"{{#if (eq outcome "x")}}"#,
            ),
            ("{{#if bot && calm}}x{{/if}}", "{{#if (and bot calm)}}"),
            ("{{#if bot and calm}}x{{/if}}", "{{#if (and bot calm)}}"),
            ("{{#if bot || calm}}x{{/if}}", "{{#if (or bot calm)}}"),
            (
                r#"{{#if bot and branch == "main" or calm}}x{{/if}}"#,
                r#"{{#if (or (and bot (eq branch "main")) calm)}}"#,
            ),
            ("{{#if !bot}}x{{/if}}", "{{#if (not bot)}}"),
            ("{{#if not bot}}x{{/if}}", "{{#if (not bot)}}"),
            (
                "{{#unless payload.n > 3}}x{{/unless}}",
                "{{#unless (gt payload.n 3)}}",
            ),
            (
                r#"{{#if bot}}x{{else if branch == "main"}}y{{/if}}"#,
                r#"{{else if (eq branch "main")}}"#,
            ),
            ("{{#if bot}}x{{elseif calm}}y{{/if}}", "write `{{else if …}}`"),
            ("{{#if bot}}x{{endif}}", "write `{{/if}}"),
            ("{{#for x in labels}}x{{/for}}", "write `{{#each list}}"),
            ("{{if bot}}x{{/if}}", "write `{{#if value}}"),
            ("{{title | upper}}", "there are no filters"),
            ("{{.payload.title}}", "write `{{payload.title}}`"),
            ("{{$title}}", "write `{{title}}`"),
            ("{{payload.commits[0].id}}", "write `{{payload.commits.[0].id}}`"),
            ("{{bot ? title : url}}", "{{else}}"),
            ("{{title + url}}", "`{{a}}{{b}}`"),
            ("{{#if bot}}x", "`{{#if}}` has no end; write `{{/if}}`"),
            ("{{#each labels}}x{{/if}}", "write `{{/each}}`"),
            ("x{{/if}}", "`{{/if}}` ends no block"),
            ("{{trunkate title 3}}", "did you mean `{{truncate"),
        ] {
            let found = findings(text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(found[0].1.contains(expected), "{text}: {found:?}");
            assert_eq!(found[0].0, Some(1), "{text}");
        }
    }

    #[test]
    fn what_is_written_as_suggested_has_no_mistake() {
        for text in [
            r#"{{#if (eq outcome "a == b")}}x{{else if (or bot (gt payload.n 3))}}y{{else}}z{{/if}}"#,
            "{{#each labels as |label|}}{{label}}{{else}}none{{/each}} {{payload.commits.[0].id}}",
            "\\{{#if a == b}} {{! a == b }} {{!-- {{#if x}} --}} {{~title~}} {{this}} {{../x}} {{default url \"a + b\"}}",
        ] {
            assert_eq!(findings(text), [], "{text}");
        }
    }
}
