//! Properties of payloads for any body and any `Content-Type`.

use proptest::prelude::*;

use super::*;

fn any_text() -> impl Strategy<Value = String> {
    let bytes = prop::collection::vec(any::<u8>(), 0..200);
    bytes.prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

proptest! {
    #[test]
    fn no_body_causes_a_panic(
        content_type in prop_oneof![any_text(), "multipart/form-data; ?boundary=\"?[A-Z]{0,2}\"?;?", Just(FORM.to_owned())],
        body in prop_oneof![any_text(), "(--A(--)?|\r\n|Content-Disposition: form-data; name=\"?d\"?|=|&|d){0,20}"],
    ) {
        let form = BodyForm { form: Some("d".to_owned()), multipart: Some("d".to_owned()), ..BodyForm::default() };
        let body = Bytes::from(body);
        if let Ok(Some(payload)) = form.payload(&Headers::new([("content-type", content_type)]), &body) {
            prop_assert!(payload.len() <= body.len() * 3, "U+FFFD has three bytes");
        }
    }

    #[test]
    fn every_payload_is_json_if_forms_and_texts_are_accepted(
        content_type in prop_oneof![any_text(), Just(FORM.to_owned())],
        body in prop_oneof![any_text(), "[{}=&\"a%\\[ ]{0,12}"],
    ) {
        let form = BodyForm { fields: true, text: true, ..BodyForm::default() };
        let declares_json = content_type.to_ascii_lowercase().contains("json");
        let body = Bytes::from(body);
        let payload = form.payload(&Headers::new([("content-type", content_type)]), &body).unwrap();
        let payload = payload.unwrap_or(body);
        prop_assert!(declares_json || serde_json::from_slice::<serde_json::Value>(&payload).is_ok());
    }
}
