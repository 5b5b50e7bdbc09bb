//! Properties of rendering for any value.

use proptest::prelude::*;
use serde_json::json;

use super::{document, file, library};
use crate::message::{markdown, plain, text_atom};
use crate::template::Rendered;
use handlebars::Context;

proptest! {
    #[test]
    fn any_value_is_encoded_as_an_atom(value in any::<String>()) {
        let contexts = ["a {{x}} b", "**{{x}}**", "*{{x}}*", "`{{x}}`", "```\n{{x}}\n```", "> {{x}}", "- {{x}}",
            "[{{x}}](http://e)", "[a](http://e/{{x}})", "{{x}}"];
        for template in contexts {
            let expected = markdown::parse(&template.replace("{{x}}", &text_atom(&value))).unwrap();
            let library = library(vec![file("push.hbs", template)]);
            let rendering = library.render_alone("push", None, &Context::from(json!({"x": value.clone()})));
            match rendering.rendered {
                Rendered::Message(message) => prop_assert_eq!(message.message, expected),
                text => prop_assert!(matches!(text, Rendered::Skipped(_)) && plain::text(&expected).trim().is_empty()),
            }
        }
    }

    #[test]
    fn no_value_adds_formatting_or_mentions(value in any::<String>()) {
        let context = Context::from(json!({"x": value.clone()}));
        let library = library(vec![file("push.hbs", "a{{code x}}{{link x \"http://e\"}}{{truncate x 9}}{{quote x}}{{button x x}}@all {{x}}")]);
        let plain = plain::without_mentions(&plain::text(&document(library.render_alone("push", None, &context))));
        let broken = plain.split('@').skip(1).all(|after| after.starts_with('\u{2060}'));
        prop_assert!(broken, "{:?}", plain);
    }
}
