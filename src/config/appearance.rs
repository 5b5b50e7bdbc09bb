//! `title` and `picture` of a source.

use url::Url;

use crate::message::Appearance;
use crate::toml_reader::{Findings, Located};

/// The longest `title`, in characters.
const LONGEST_TITLE: usize = 80;

/// Resolves both, after findings about what is wrong. `path`: that of the source.
pub(super) fn resolve(
    title: Option<Located<String>>,
    picture: Option<Located<String>>,
    path: &str,
    findings: &Findings,
) -> Option<Appearance> {
    if let Some(title) = &title
        && (title.value.chars().count() > LONGEST_TITLE || title.value.contains(char::is_control))
    {
        let what = format!("is no name of one line with at most {LONGEST_TITLE} characters");
        findings.error(title.at, &format!("{path}.title"), what);
    }
    if let Some(picture) = &picture {
        let url = Url::parse(&picture.value);
        if !url.is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            let what = "is no address of a picture, such as \"https://example.org/build.png\"";
            findings.error(picture.at, &format!("{path}.picture"), what);
        }
    }
    let appearance = Appearance {
        title: title.map(|title| title.value),
        picture: picture.map(|picture| picture.value),
    };
    (appearance != Appearance::default()).then_some(appearance)
}
