//! The page of an error: what is wrong, and what to do.

use actix_web::http::StatusCode;
use actix_web::web::FormConfig;
use actix_web::{HttpResponse, ResponseError};
use maud::html;
use std::fmt;

use super::frame::{Page, html_response};
use crate::logging::chain;
use crate::operator::OperatorError;

/// Why a page or an action failed. As a response it is a page.
#[derive(Debug)]
pub(super) enum Failure {
    /// The operator service refused. Nothing was changed.
    Operator(OperatorError),
    /// A filter or a form that cannot be read.
    Malformed(String),
    /// Nothing is at this address.
    NoSuchPage,
}

impl From<OperatorError> for Failure {
    fn from(error: OperatorError) -> Self {
        Self::Operator(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator(error) => f.write_str(&chain(error)),
            Self::Malformed(why) => f.write_str(why),
            Self::NoSuchPage => f.write_str("there is no such page"),
        }
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Operator(error) => {
                StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::NoSuchPage => StatusCode::NOT_FOUND,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let content = html! {
            h1 { "This did not work" }
            p.wrong role="alert" { (self.to_string().trim_end_matches('.')) "." }
            p { "Nothing was changed. Go back to the page before, or choose one above." }
        };
        let page = Page {
            title: "Error".to_owned(),
            section: None,
            is_live: false,
            notice: None,
            content,
        };
        html_response(self.status_code(), page.render(false))
    }
}

/// The limit of a form, in bytes, and the page of one that cannot be read.
pub(super) fn forms(limit: usize) -> FormConfig {
    FormConfig::default()
        .limit(limit)
        .error_handler(|why, _| Failure::Malformed(format!("the form cannot be read: {why}")).into())
}

/// The answer to every other address under `/console`.
pub(super) async fn no_such_page() -> Result<HttpResponse, Failure> {
    Err(Failure::NoSuchPage)
}
