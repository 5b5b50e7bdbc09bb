//! Payloads of request bodies and queries.

mod bodies;
mod parts;
mod properties;

use bytes::Bytes;

use super::*;
use crate::headers::Headers;

const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=XX";

fn payload(content_type: &str, body: impl Into<Bytes>) -> Result<Option<Bytes>, UnreadableForm> {
    let form = BodyForm {
        form: Some("payload".to_owned()),
        multipart: Some("data".to_owned()),
        ..BodyForm::default()
    };
    form.payload(&Headers::new([("Content-Type", content_type)]), &body.into())
}
