//! Checks `[[challenge]]` on the samples: whether one meets it, and whether it has a response.

use serde_json::Value;

use super::findings::Where;
use super::survey::{Survey, is_of_challenge};
use crate::config::LoadedKind;
use crate::suggest::{counted, shorten};
use crate::toml_reader::Severity;

/// Inspects the challenges of an own kind.
pub(super) fn inspect_challenges(survey: &mut Survey<'_>, loaded: &LoadedKind) {
    let of_challenges = || loaded.conditions.iter().filter(|placed| is_of_challenge(placed));
    for when in of_challenges().filter(|placed| placed.is_when) {
        if survey.samples() == 0 || survey.met.contains(when.condition.text()) {
            continue;
        }
        let response = of_challenges().find(|placed| placed.owner == when.owner && !placed.is_when);
        let names = survey.observed.iter().map(|seen| seen.names.data());
        let meant: Vec<&Value> = names
            .filter(|names| when.condition.holds(names).unwrap_or_default())
            .collect();
        let (placed, severity, what) = if let (Some(response), Some(names)) = (response, meant.first()) {
            let why = match response.condition.evaluate(names) {
                Ok(Value::String(_)) => "its text is longer than 4 KiB".to_owned(),
                Ok(_) => "it gives no text".to_owned(),
                Err(error) => error.to_string(),
            };
            let text = shorten(response.condition.text(), 80);
            let what = format!(
                "`{text}` gives no response where `when` holds, so the request becomes an event: {why}"
            );
            (response, Severity::Warning, what)
        } else {
            let what = format!(
                "holds on none of {}; put such a request into {} to see the response",
                counted(survey.samples(), "sample"),
                survey.folder
            );
            (when, Severity::Note, what)
        };
        survey.find(Where::placed(placed), severity, what);
    }
}
