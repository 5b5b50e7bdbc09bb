//! What a document looks like in Twacode.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::message::{markdown, nodes_atom, text_atom};

fn twacode(markdown: &str) -> Value {
    let document = markdown::parse(markdown).unwrap();
    serde_json::to_value(nodes(&document)).unwrap()
}

fn text(content: &str) -> Value {
    json!({"type": "text", "content": content})
}

fn br() -> Value {
    json!({"type": "br"})
}

#[test]
fn inline_forms_have_nodes_of_their_own() {
    assert_eq!(
        twacode("**b** *i* ~~s~~ `c` [l](https://e/)"),
        json!([
            {"type": "bold", "content": [text("b")]},
            text(" "),
            {"type": "italic", "content": [text("i")]},
            text(" "),
            {"type": "strikethrough", "content": [text("s")]},
            text(" "),
            {"type": "icode", "content": "c"},
            text(" "),
            {"type": "url", "url": "https://e/", "content": [text("l")]},
        ])
    );
}

#[test]
fn blocks_are_set_apart() {
    assert_eq!(
        twacode("# h\n\na\nb\n\nc\n\n> q\n\n```\n  x\n```\nd\n\n---\n"),
        json!([
            {"type": "bold", "content": [text("h")]},
            br(),
            text("a"),
            br(),
            text("b"),
            br(),
            br(),
            text("c"),
            br(),
            {"type": "mquote", "content": [text("q")]},
            {"type": "mcode", "content": "\u{2060}  x"},
            text("d"),
            br(),
            text("────────────────────"),
        ])
    );
}

#[test]
fn lists_are_lines_whose_indentation_is_seen() {
    assert_eq!(
        twacode("- a\n  b\n- c\n  1. d\n  2. e"),
        json!([
            text("• "),
            text("a"),
            br(),
            text("\u{2003}"),
            text("b"),
            br(),
            text("• "),
            text("c"),
            br(),
            text("\u{2003}1. "),
            text("d"),
            br(),
            text("\u{2003}2. "),
            text("e"),
        ])
    );
}

#[test]
fn a_quote_in_a_list_makes_no_blank_lines() {
    assert_eq!(
        twacode("- a\n\n  > q\n- b\n\n  > r\n\nc"),
        json!([
            text("• "),
            text("a"),
            br(),
            {"type": "mquote", "content": [text("q")]},
            text("• "),
            text("b"),
            br(),
            {"type": "mquote", "content": [text("r")]},
            text("c"),
        ])
    );
}

#[test]
fn a_button_leads_where_its_link_does() {
    let button = Button {
        label: "Open".to_owned(),
        url: "https://e/".to_owned(),
    };
    assert_eq!(
        twacode(&nodes_atom(Err(vec![Block::Buttons(vec![button])]))),
        json!([{"type": "url", "url": "https://e/", "content": [
            {"type": "button", "style": "default", "inline": true, "content": "Open"}
        ]}])
    );
}

#[test]
fn mail_is_an_email_node() {
    assert_eq!(
        twacode("[a@b.c](mailto:a@b.c?subject=x) [Ann](mailto:a@b.c)"),
        json!([
            {"type": "email", "content": "a@b.c"},
            text(" "),
            text("Ann"),
            text(" ("),
            {"type": "email", "content": "a@b.c"},
            text(")"),
        ])
    );
}

#[test]
fn the_scheme_that_twake_would_force_is_the_right_one() {
    assert_eq!(target("HTTPS://e/?u=http://x"), "https://e/?u=http:%2F%2Fx");
    assert_eq!(target("http://e/?u=https://x"), "http://e/?u=https://x");
}

#[test]
fn a_title_of_twakes_own_syntax_arrives_as_literal_text() {
    let title = "# <b>x</b> [a](http://e) @all :tada: (y) #42 **b** `c` main.rs aa:bb:cc";
    assert_eq!(twacode(&text_atom(title)), json!([text(title)]));
    assert_eq!(
        twacode(&format!("**{}** by x", text_atom(title))),
        json!([{"type": "bold", "content": [text(title)]}, text(" by x")])
    );
}

proptest! {
    #[test]
    fn nothing_is_ever_compiled_or_a_bare_string(markdown in "([a-c@ \\n*>`1.~-]|- |> |\\n\\n|```\\n|[b](http://e)|[b](mailto:e)){0,60}") {
        let nodes = twacode(&markdown);
        prop_assert!(nodes.as_array().unwrap().iter().all(Value::is_object));
        prop_assert!(!nodes.to_string().contains("\"compile\""));
    }
}
