//! Which template is rendered.

use super::*;

#[test]
fn the_most_specific_template_is_rendered() {
    let library = library(vec![
        file("push.hbs", "push"),
        file("push.short.hbs", "short"),
        file("default.hbs", "default"),
        file("issues.hbs", "{{payload.nope}}"),
        file("ping.hbs", "built in"),
        own("ping.hbs", "own {{payload.nope}}"),
        file("readme.md", "<b>"),
    ]);
    assert_eq!(
        library.names(),
        [
            "default.hbs",
            "issues.hbs",
            "ping.hbs",
            "push.hbs",
            "push.short.hbs"
        ]
    );
    let selected = |event: &str, variant: Option<&str>| {
        let rendering = library.render_alone(event, variant, &context());
        (
            rendering.template.map(|template| template.name),
            rendering.failed.len(),
        )
    };
    assert_eq!(selected("push", None), (Some("push.hbs".to_owned()), 0));
    assert_eq!(
        selected("push", Some("short")),
        (Some("push.short.hbs".to_owned()), 0)
    );
    assert_eq!(selected("push", Some("long")), (Some("push.hbs".to_owned()), 0));
    assert_eq!(selected("../push", None), (Some("default.hbs".to_owned()), 0));
    assert_eq!(selected("issues", None), (None, 1));
    // The own template fails, so the built-in one is rendered.
    assert_eq!(selected("ping", None), (Some("ping.hbs".to_owned()), 1));
}

#[test]
fn an_own_file_that_does_not_compile_is_reported_and_replaced_by_the_built_in_one() {
    let (library, findings) = Library::compile(
        "kind",
        vec![
            file("push.hbs", "built in"),
            own("push.hbs", "{{#if x}}"),
            own("new.hbs", "<b>"),
        ],
    );
    assert_eq!(findings.len(), 2);
    let rendering = library.render_alone("push", None, &context());
    assert!(
        rendering.failed[0]
            .1
            .starts_with("own/push.hbs, line 1: does not compile: "),
        "{:?}",
        rendering.failed
    );
    assert_eq!(plain::text(&document(rendering)), "built in");
    let rendering = library.render_alone("new", None, &context());
    assert_eq!(
        (rendering.rendered, rendering.failed.len()),
        (Rendered::NoTemplate, 1)
    );
}

#[test]
fn a_template_is_rendered_if_its_condition_is_true_or_fails() {
    let library = library(vec![
        file("yes.hbs", "+++\nwhen = 'branch == \"main\"'\n+++\nx"),
        file(
            "no.hbs",
            "+++\nwhen = 'branch != \"main\"'\n+++\n{{payload.nope}}",
        ),
        file("perhaps.hbs", "+++\nwhen = 'payload.nope == 1'\n+++\nx"),
    ]);
    let yes = library.render_alone("yes", None, &context());
    assert_eq!(
        (plain::text(&document(yes.clone())).as_str(), yes.when_failed),
        ("x", None)
    );
    let no = library.render_alone("no", None, &context());
    assert_eq!(
        no.rendered,
        Rendered::Skipped("no.hbs: its `when` does not hold".to_owned())
    );
    assert_eq!(no.template.unwrap().name, "no.hbs");
    let perhaps = library.render_alone("perhaps", None, &context());
    assert!(perhaps.when_failed.is_some());
    assert_eq!(plain::text(&document(perhaps)), "x");
    assert_eq!(found("+++\n\nwhen = '1 +'\n+++\nx").0, 3);
}

#[test]
fn a_panic_in_a_template_is_a_failure() {
    let mut library = library(vec![
        file("push.hbs", "built in"),
        own("push.hbs", "{{short_sha branch}}"),
    ]);
    let breaks = |_: &handlebars::Helper<'_>,
                  _: &Handlebars<'_>,
                  _: &Context,
                  _: &mut handlebars::RenderContext<'_, '_>,
                  _: &mut dyn handlebars::Output|
     -> handlebars::HelperResult { panic!("out of range") };
    library.engine.register_helper("short_sha", Box::new(breaks));
    let rendering = library.render_alone("push", None, &context());
    let why = "own/push.hbs: rendering panicked: out of range";
    assert_eq!(rendering.failed, [("push.hbs".to_owned(), why.to_owned())]);
    assert_eq!(plain::text(&document(rendering)), "built in");
}
