//! `[[authentication]]`, of a kind or of a source that overrides its kind's.

use serde::Deserialize;
use toml::de::DeValue;

use super::finding::Findings;
use crate::authentication::{Authenticator, BodyForm, RawScheme, Scheme};
use crate::secret::SourceSecret;

/// Schemes as they are written.
#[derive(Clone, Debug, Default)]
pub(super) struct Schemes {
    /// The default first.
    pub(super) list: Vec<Scheme>,
    /// Whether one of them lets everybody in, so that no secret is needed.
    pub(super) open: bool,
}

impl Schemes {
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|scheme| scheme.name.as_str())
    }
}

/// Reads a list of schemes; what is wrong is found.
pub(super) fn read(value: &DeValue<'_>, path: &str, at: usize, findings: &Findings) -> Schemes {
    let mut schemes = Schemes::default();
    let Some(list) = value.as_array().filter(|list| !list.is_empty()) else {
        findings.error(at, path, format!("a list of tables was expected: [[{path}]]"));
        return schemes;
    };
    for (number, item) in list.iter().enumerate() {
        let (at, path) = (item.span().start, format!("{path}[{number}]"));
        let open = item
            .get_ref()
            .get("method")
            .and_then(|method| method.get_ref().as_str())
            == Some("none");
        match scheme(item.clone()) {
            Ok(scheme) => {
                schemes.list.push(scheme);
                schemes.open |= open;
            }
            Err(wrong) => wrong.into_iter().for_each(|what| findings.error(at, &path, what)),
        }
    }
    schemes
}

/// One table as a scheme; the errors begin with the key.
fn scheme(table: toml::Spanned<DeValue<'_>>) -> Result<Scheme, Vec<String>> {
    let raw = RawScheme::deserialize(toml::de::ValueDeserializer::from(table));
    raw.map_err(|error| vec![error.message().replace('\n', ", ")])?
        .check()
}

/// A source's authenticator; the errors are sentences.
pub(super) fn authenticator(
    schemes: &Schemes,
    secrets: Vec<SourceSecret>,
    form: BodyForm,
) -> Result<Authenticator, Vec<String>> {
    Authenticator::new(schemes.list.clone(), secrets, form)
}
