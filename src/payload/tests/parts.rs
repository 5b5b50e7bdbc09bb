//! Parts of multipart bodies.

use super::*;

#[test]
fn parts_are_found_by_name() {
    let one = "--XX\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\n{}\r\n--XX--\r\n";
    let table = [
        (MULTIPART, one.to_owned(), "{}"),
        (
            "multipart/form-data; charset=\"a;b\"; boundary=\"XX\"",
            one.to_owned(),
            "{}",
        ),
        ("Multipart/Form-Data;boundary=XX ; x=y", one.to_owned(), "{}"),
        (MULTIPART, format!("preamble\r\n{one}epilogue"), "{}"),
        (MULTIPART, one.replace("--XX\r\n", "--XX \t\r\n"), "{}"),
        (MULTIPART, one.replace("\"data\"", "data"), "{}"),
        (
            MULTIPART,
            one.replace("form-data;", "form-data; filename=\"a\\\"; name=b;\" ;"),
            "{}",
        ),
        (
            MULTIPART,
            one.replace("Content-D", "X-Y: z\r\nContent-Type: text/plain\r\ncontent-d"),
            "{}",
        ),
        (
            MULTIPART,
            one.replace("{}", "a\r\n\r\n--X\r\n-\r--XX"),
            "a\r\n\r\n--X\r\n-\r--XX",
        ),
        (MULTIPART, one.replace("{}", ""), ""),
        (MULTIPART, one.replace("{}\r\n", ""), ""),
        (
            MULTIPART,
            format!("--XX\r\nContent-Disposition: form-data; name=other\r\n\r\nno\r\n{one}"),
            "{}",
        ),
        (MULTIPART, format!("--XX\r\n\r\nno head\r\n{one}"), "{}"),
    ];
    for (content_type, body, expected) in table {
        let found = payload(content_type, body.clone());
        assert_eq!(found, Ok(Some(Bytes::from(expected))), "{content_type}\n{body}");
    }
}

#[test]
fn malformed_multipart_bodies_are_unreadable() {
    use UnreadableForm::{Missing, Multipart, Twice};
    let part =
        |name: &str| format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{{}}\r\n");
    let long = "x".repeat(5000);
    let too_long = format!("multipart/form-data; boundary={}", "X".repeat(71));
    let table = [
        (MULTIPART, String::new(), Multipart),
        (MULTIPART, "{}".to_owned(), Multipart),
        (MULTIPART, "--XX".to_owned(), Multipart),
        (MULTIPART, "--XX--".to_owned(), Missing),
        (MULTIPART, "--XX\r\n".to_owned(), Multipart),
        (MULTIPART, "--XX\r\n\r\n".to_owned(), Multipart),
        (MULTIPART, part("data"), Multipart),
        (MULTIPART, part("other") + "--XX--", Missing),
        (MULTIPART, part("Data") + "--XX--", Missing),
        (MULTIPART, part("data") + &part("data") + "--XX--", Twice),
        (
            MULTIPART,
            part("other").repeat(64) + &part("data") + "--XX--",
            Multipart,
        ),
        (
            MULTIPART,
            format!("--XX\r\nX: {long}\r\n\r\n{{}}\r\n--XX--"),
            Multipart,
        ),
        (
            MULTIPART,
            part("data").replace("\r\n", "\n") + "--XX--",
            Multipart,
        ),
        (MULTIPART, part("da\\") + "--XX--", Missing),
        (
            "multipart/form-data; boundary=\"\"",
            (part("data") + "--XX--").replace("XX", ""),
            Multipart,
        ),
        (
            too_long.as_str(),
            (part("data") + "--XX--").replace("XX", &"X".repeat(71)),
            Multipart,
        ),
        ("multipart/form-data", part("data") + "--XX--", Multipart),
        (
            "multipart/form-data; boundary=",
            part("data") + "--XX--",
            Multipart,
        ),
        (
            "multipart/form-data; boundary=YY",
            part("data") + "--XX--",
            Multipart,
        ),
        (
            "multipart/form-data; boundary=\"X",
            part("data") + "--XX--",
            Multipart,
        ),
        (
            "multipart/form-data; boundary=\"X\rX\"",
            part("data") + "--XX--",
            Multipart,
        ),
    ];
    for (content_type, body, expected) in table {
        assert_eq!(
            payload(content_type, body.clone()),
            Err(expected),
            "{content_type}\n{body:.300}"
        );
    }
}
