//! The properties as libFuzzer's targets call them.

#[path = "properties/mod.rs"]
mod properties;

/// See `properties/authentication.rs`.
pub fn authentication(data: &[u8]) {
    properties::authentication::check(data);
}

/// See `properties/conditions.rs`.
pub fn conditions(data: &[u8]) {
    properties::conditions::check(data);
}

/// See `properties/configuration.rs`.
pub fn configuration(data: &[u8]) {
    properties::configuration::check(data);
}

/// See `properties/excerpts.rs`.
pub fn excerpts(data: &[u8]) {
    properties::excerpts::check(data);
}

/// See `properties/forms.rs`.
pub fn forms(data: &[u8]) {
    properties::forms::check(data, Some(multer));
}

/// See `properties/decision.rs`.
pub fn decision(data: &[u8]) {
    properties::decision::check(data);
}

/// See `properties/templates.rs`.
pub fn templates(data: &[u8]) {
    properties::templates::check(data);
}

/// A multipart body as another library reads it.
fn multer(content_type: &str, body: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let boundary = multer::parse_boundary(content_type).ok()?;
    let body = bytes::Bytes::copy_from_slice(body);
    let stream = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(body)]);
    let mut multipart = multer::Multipart::new(stream, boundary);
    let mut parts = Vec::new();
    futures_util::FutureExt::now_or_never(async {
        while let Some(field) = multipart.next_field().await.ok()? {
            let name = field.name().unwrap_or_default().to_owned();
            parts.push((name, field.bytes().await.ok()?.to_vec()));
        }
        Some(parts)
    })?
}
