//! Selection and rendering of templates, and findings.

use serde_json::json;

use super::*;
use crate::message::{Block, Document, Inline, StoredMessage, plain};
use crate::steps;

mod properties;
mod selection;

fn file(name: &str, text: &str) -> TemplateFile {
    TemplateFile {
        name: name.to_owned(),
        text: text.to_owned(),
        origin: Origin::BuiltIn,
    }
}

fn own(name: &str, text: &str) -> TemplateFile {
    TemplateFile {
        origin: Origin::Own(format!("own/{name}").into()),
        ..file(name, text)
    }
}

fn library(files: Vec<TemplateFile>) -> Library {
    let (library, findings) = Library::compile("kind", files);
    assert_eq!(findings, []);
    library
}

fn context() -> Context {
    Context::from(json!({
        "event": "push",
        "branch": "main",
        "empty": "",
        "payload": {
            "title": "# <b>x</b> [a](http://e) @all :tada: (y) #42 **b** `c` main.rs aa:bb:cc",
            "url": "https://e/?a=(b)",
            "body": "first\n> second\r\n\r\n**third**",
            "list": [{"name": "a*", "date": 1}, {"name": "b", "date": 2}, {"name": "c", "date": 3}],
            "count": 1,
            "null": null,
        },
    }))
}

fn document(rendering: Rendering) -> Document {
    match rendering.rendered {
        Rendered::Message(StoredMessage { message, .. }) => message,
        text => panic!("{text:?}, failed: {:?}", rendering.failed),
    }
}

fn blocks(template: &str) -> Vec<Block> {
    document(library(vec![file("push.hbs", template)]).render_alone("push", None, &context())).blocks
}

fn plain_text(template: &str) -> String {
    plain::text(&Document {
        blocks: blocks(template),
    })
}

/// Returns why a template fails.
fn failure(template: &str) -> String {
    let rendering = library(vec![file("push.hbs", template)]).render_alone("push", None, &context());
    assert_eq!(rendering.rendered, Rendered::NoTemplate, "{template}");
    rendering.failed[0].1.clone()
}

/// Returns the line and text of a template's finding.
fn found(template: &str) -> (usize, String) {
    let (library, findings) = Library::compile("kind", vec![own("push.hbs", template)]);
    assert!(library.names().is_empty());
    let finding = findings
        .first()
        .unwrap_or_else(|| panic!("nothing found in {template}"));
    assert_eq!(finding.file, "own/push.hbs");
    (finding.line.unwrap_or_default(), finding.what.clone())
}

fn text(text: &str) -> Inline {
    Inline::Text(text.to_owned())
}

#[test]
fn a_title_full_of_syntax_is_shown_unchanged() {
    let title = context().data()["payload"]["title"].as_str().unwrap().to_owned();
    assert_eq!(
        blocks("**{{link payload.title payload.url}}** by *{{payload.title}}*\n"),
        [Block::Paragraph(vec![
            Inline::Strong(vec![Inline::Link {
                url: "https://e/?a=(b)".to_owned(),
                label: vec![text(&title)]
            }]),
            text(" by "),
            Inline::Emphasis(vec![text(&title)]),
        ])]
    );
    assert_eq!(
        blocks("[{{payload.title}}]({{payload.url}}) {{code payload.title}}"),
        [Block::Paragraph(vec![
            Inline::Link {
                url: "https://e/?a=(b)".to_owned(),
                label: vec![text(&title)]
            },
            text(" "),
            Inline::Code(title),
        ])]
    );
}

#[test]
fn a_quote_keeps_its_lines_and_a_button_is_a_block() {
    assert_eq!(
        plain_text(
            "**new**\n{{quote payload.body}}\n{{button \"Open\" payload.url}} {{button \"No\" \"javascript:x\"}}"
        ),
        "new\n> first\n> > second\n> \n> **third**\n[Open]\nNo"
    );
}

#[test]
fn values_of_helpers_are_text_and_arguments() {
    assert_eq!(
        plain_text("{{truncate payload.title 8}}|{{default payload.nope \"*x*\"}}"),
        "# <b>x<…|*x*"
    );
    assert_eq!(
        plain_text("{{link (truncate payload.title 3) payload.url}}"),
        "#…"
    );
    assert_eq!(
        plain_text("{{#if payload.nope}}a{{else}}b{{/if}}{{#unless empty}}c{{/unless}}"),
        "bc"
    );
    assert_eq!(
        plain_text(
            "{{#each (first payload.list 2)}}- {{name}}\n{{/each}}{{#if (rest payload.list 2)}}\nand {{rest payload.list 2}} more{{/if}}"
        ),
        "• a*\n• b\nand 1 more"
    );
    assert_eq!(
        plain_text("{{#each (default payload.list payload.nope)}}{{@root.branch}}{{this.date}} {{/each}}"),
        "main1 main2 main3"
    );
    assert_eq!(
        plain_text("{{plural payload.count \"alert\"}}, {{plural payload.list \"alert\" \"alerts\"}}"),
        "1 alert, 3 alerts"
    );
}

#[test]
fn a_missing_value_fails_with_its_line() {
    assert_eq!(
        failure("a\n\n{{payload.nope}}"),
        "kind/push.hbs, line 3: `payload.nope` is not in this event; guard it with `{{#if}}` or `default`"
    );
    for template in [
        "{{link payload.nope payload.url}}",
        "{{truncate payload.nope 3}}",
        "{{#each payload.nope}}a{{/each}}",
        "{{#each (first payload.nope 3)}}a{{/each}}",
        "{{#if (eq payload.nope 3)}}a{{/if}}",
        "{{default payload.nope payload.nope}}",
        "{{duration payload.title}}",
    ] {
        failure(template);
    }
}

#[test]
fn an_empty_output_is_skipped() {
    for template in [
        "",
        " \n{{#if payload.nope}}x{{/if}}\n",
        "{{empty}}",
        "**{{payload.null}}**",
        "{{quote empty}}",
    ] {
        let rendering = library(vec![file("push.hbs", template)]).render_alone("push", None, &context());
        assert_eq!(
            rendering.rendered,
            Rendered::Skipped("push.hbs: it renders to nothing".to_owned()),
            "{template}"
        );
        assert_eq!(rendering.template.unwrap().name, "push.hbs");
    }
}

#[test]
fn templates_that_could_turn_values_into_syntax_do_not_compile() {
    for (template, line, what) in [
        ("a\n{{{payload.title}}}", 2, "`link`"),
        ("{{#if a}}\n{{&payload.title}}{{/if}}", 2, "`link`"),
        ("a\n\n<b>{{x}}</b>", 3, "HTML"),
        ("[{{a}}]: {{b}}", 1, "{{link label url}}"),
        ("a\u{E100}", 1, "reserved for values"),
        ("{{lnk a b}}", 1, "did you mean `{{link label url}}`?"),
        ("{{date}}", 1, "{{this.date}}"),
        ("{{truncate a}}", 1, "{{truncate text 80}}"),
        ("{{truncate (code a) 3}}", 1, "cannot be an argument"),
        ("{{#link a b}}c{{/link}}", 1, "is not a block"),
        ("{{#eq a b}}c{{/eq}}", 1, "{{#if (eq …)}}"),
        ("{{> nope}}", 1, "there is no part `_nope.hbs`"),
        ("{{#*inline \"a\"}}b{{/inline}}", 1, "not supported"),
        ("{{log a}}", 1, "there is no helper `log`"),
        ("+++\nfollow_up = \"reply\"\n+++\nx", 2, "needs `conversation`"),
        ("+++\nformat = \"twacode\"\n+++\nx", 2, "unknown key"),
        ("a\n{{#if x}}\nb", 0, ""),
        ("{{", 1, ""),
    ] {
        let (at, text) = found(template);
        assert!(text.contains(what), "{template}: {text}");
        assert!(at == line || line == 0, "{template}: {at}");
        assert!(!text.contains('\n'), "{text}");
    }
}

#[test]
fn parts_are_shared_and_an_own_part_changes_built_in_templates() {
    let files = || {
        vec![
            file("_item.hbs", "- {{name}}: {{> more}}\n"),
            file("_more.hbs", "{{date_of}}"),
            file("push.hbs", "{{#each payload.list}}\n{{> item}}\n{{/each}}"),
        ]
    };
    let mut with_own = files();
    with_own.push(own("_more.hbs", "*{{this.date}}*"));
    let library = library(with_own);
    assert_eq!(library.names(), ["push.hbs"]);
    let rendering = library.render_alone("push", None, &context());
    assert_eq!(plain::text(&document(rendering)), "• a*: 1\n• b: 2\n• c: 3");
    let rendering = self::library(files()).render_alone("push", None, &context());
    assert!(
        rendering.failed[0]
            .1
            .starts_with("kind/push.hbs, _more.hbs, line 1: `date_of`"),
        "{:?}",
        rendering.failed
    );
}

#[test]
fn endless_parts_are_found() {
    let (_, findings) = Library::compile(
        "kind",
        vec![
            file("_a.hbs", "{{> b}}"),
            file("_b.hbs", "{{> a}}"),
            file("push.hbs", "{{> a}}"),
        ],
    );
    assert!(
        findings
            .iter()
            .any(|finding| finding.what.contains("nested without end")),
        "{findings:?}"
    );
}

#[test]
fn too_long_output_fails() {
    let list: Vec<_> = (0..100_000).collect();
    let context = Context::from(json!({"list": list}));
    let template = format!("{{{{#each list}}}}{}\n{{{{/each}}}}", "abcdefghijkl".repeat(10));
    let rendering = library(vec![file("push.hbs", &template)]).render_alone("push", None, &context);
    assert!(
        rendering.failed[0].1.contains("longer than 1024 KiB"),
        "{:?}",
        rendering.failed
    );
}

#[test]
fn rendering_stops_at_the_step_limit() {
    let list: Vec<_> = (0..1_000).map(|number| json!({"n": number})).collect();
    let context = Context::from(json!({"list": list, "long": "x".repeat(1 << 20)}));
    for template in [
        "x{{#each list}}{{#each @root.list}}{{/each}}{{/each}}",
        "x{{#each list}}{{#each @root.list}}{{#if (eq n 1)}}{{else}}{{/if}}{{/each}}{{/each}}",
        "x{{#each list}}{{#with @root.list}}{{#each this}}{{#if this}}{{/if}}{{/each}}{{/with}}{{/each}}",
        "x{{#each list}}{{#if (first @root.list 500)}}{{/if}}{{/each}}",
        "x{{#each list}}{{#if (where @root.list \"n\" 1)}}{{/if}}{{/each}}",
        "x{{#each list}}{{#if (truncate @root.long 1000000)}}{{/if}}{{/each}}",
    ] {
        let library = library(vec![file("push.hbs", template)]);
        let (rendering, exceeded) = steps::limited(20_000, || library.render_alone("push", None, &context));
        assert!(
            exceeded && rendering.rendered == Rendered::NoTemplate,
            "{template}: {:?}",
            rendering.rendered
        );
        let why = &rendering.failed[0].1;
        assert!(why.contains("too many steps"), "{template}: {why}");
    }
    let inner = "x{{#each list}}{{#if @first}}{{@index}} {{n}}{{/if}}{{/each}}";
    let text = library(vec![file("push.hbs", inner)]).render_alone("push", None, &context);
    assert_eq!(plain::text(&document(text)), "x0 0");
}

#[test]
fn a_thousand_alerts_become_ten_lines_and_a_count() {
    let alerts: Vec<_> = (0..1000)
        .map(|index| json!({"labels": {"alertname": format!("disk_{index}"), "pad": "x".repeat(400)}}))
        .collect();
    let context = Context::from(json!({"payload": {"alerts": alerts}}));
    let library = library(vec![file(
        "firing.hbs",
        "**{{plural payload.alerts \"alert\" \"alerts\"}}**\n\n{{#each (first payload.alerts 10)}}\n- {{code labels.alertname}}\n\
         {{/each}}\n{{#if (rest payload.alerts 10)}}\n\nand {{rest payload.alerts 10}} more\n{{/if}}",
    )]);
    let text = plain::text(&document(library.render_alone("firing", None, &context)));
    assert!(text.starts_with("1000 alerts\n• disk_0\n"), "{text}");
    assert!(text.ends_with("• disk_9\nand 990 more"), "{text}");
}

#[test]
fn a_library_is_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Library>();
}
