//! Tries a condition on lists whose items lack an optional field.
//!
//! One item without a field that `filter`, `map` or `exists` reads makes the whole expression fail, so a fact is empty
//! although most of its items are there.

use serde_json::Value;

use super::shape::{ANY, Shape};
use crate::condition::Condition;
use crate::condition::shown::written;
use crate::suggest::shorten;

/// Returns what is wrong with a condition that can be evaluated on a sample, and no longer when a list in it has one more
/// item that lacks an optional field: one that some items of the samples have, and others do not.
pub(super) fn unguarded(condition: &Condition, samples: &[&Value], shape: &Shape) -> Option<String> {
    condition.references().paths.iter().find_map(|path| {
        let list = path.iter().position(|step| step == ANY)?;
        let field = path.get(list + 1)?;
        let list = path.get(..list)?;
        let fails = |names: &&&Value| {
            condition.evaluate(names).is_ok()
                && with_item_without(names, list, field).is_some_and(|names| condition.evaluate(&names).is_err())
        };
        (shape.is_optional(list, field) && samples.iter().any(|names| fails(&names))).then(|| {
            format!(
                "`{}` fails for the whole list if one item of `{}` has no `{field}`, as in some samples; guard it with \
                 `has(item.{field}) && …`",
                shorten(condition.text(), 80),
                written(list)
            )
        })
    })
}

/// The names with one more item in the middle of the list, which has no `field`: expressions that read the first or the
/// last item still see a whole one. None if there is no such list, or it is empty.
fn with_item_without(names: &Value, list: &[String], field: &str) -> Option<Value> {
    let mut names = names.clone();
    let list = list.iter().try_fold(&mut names, |at, step| at.get_mut(step))?;
    let items = list.as_array_mut()?;
    let whole = items.first()?.clone();
    let mut item = whole.clone();
    item.as_object_mut()?.remove(field)?;
    items.splice(1..1, [item, whole]);
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::super::survey::Survey;
    use super::*;
    use crate::config;
    use crate::route::Routes;
    use serde_json::json;

    #[test]
    fn a_field_that_some_items_lack_needs_a_guard() {
        let samples = [
            json!({"payload": {"jobs": [{"state": "failed", "optional": false}]}}),
            json!({"payload": {"jobs": [{"state": "failed"}]}}),
        ];
        let mut shape = Shape::default();
        for names in &samples {
            shape.observe(names);
        }
        let samples: Vec<&Value> = samples.iter().collect();
        for (text, is_found) in [
            ("payload.jobs.filter(j, j.state == 'failed' && !j.optional)", true),
            (
                "payload.jobs.filter(j, j.state == 'failed' && !(has(j.optional) && j.optional))",
                false,
            ),
            ("payload.jobs.map(j, j.optional)", true),
            ("payload.jobs[0].optional", false),
            // Every item has it.
            ("payload.jobs.map(j, j.state)", false),
            ("payload.jobs.size()", false),
        ] {
            let found = unguarded(&Condition::compile(text).unwrap(), &samples, &shape);
            assert_eq!(found.is_some(), is_found, "{text}: {found:?}");
        }
    }

    #[test]
    fn the_facts_of_forges_are_guarded() {
        for kind in [
            "github",
            "gitlab",
            "gitea",
            "forgejo",
            "gogs",
            "bitbucket-cloud",
            "bitbucket-datacenter",
        ] {
            let Ok((loaded, _)) = config::kind_alone(kind, None) else {
                panic!("{kind}");
            };
            let source = loaded.source_alone(Routes::default());
            let (samples, _) = config::samples(kind, None);
            let survey = Survey::new(&source, &samples, None);
            let names: Vec<&Value> = survey.observed.iter().map(|seen| seen.names.data()).collect();
            let expressions = loaded.facts.facts.iter().flat_map(|(_, expressions)| expressions);
            let found: Vec<String> = expressions
                .filter_map(|expression| unguarded(expression, &names, &survey.shape))
                .collect();
            assert_eq!(found, Vec::<String>::new(), "{kind}");
        }
    }
}
