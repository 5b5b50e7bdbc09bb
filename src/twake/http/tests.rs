use super::*;

#[test]
fn a_transport_fault_has_its_reason_and_one_short_line() {
    for (fault, reason, ends, may_be_duplicate) in [
        (TransportFault::Unresolved, Reason::Unresolved, Ends::Retry, false),
        (
            TransportFault::Unreachable,
            Reason::Unreachable,
            Ends::Retry,
            false,
        ),
        (TransportFault::Tls, Reason::Tls, Ends::Retry, false),
        (
            TransportFault::CertificateRefused,
            Reason::CertificateRefused,
            Ends::Halt(Extent::Account),
            false,
        ),
        (TransportFault::Proxy, Reason::Proxy, Ends::Retry, false),
        (
            TransportFault::ProxyRefused,
            Reason::ProxyRefused,
            Ends::Halt(Extent::Account),
            false,
        ),
        (TransportFault::TimedOut, Reason::TimedOut, Ends::Retry, true),
        (TransportFault::Broken, Reason::Broken, Ends::Retry, true),
        (
            TransportFault::Garbled,
            Reason::Garbled,
            Ends::Probe(Extent::Account),
            true,
        ),
    ] {
        let detail = format!("os\nerror{}", "x".repeat(1_000));
        let finding = TransportError { fault, detail }.finding();
        assert_eq!(finding.reason, reason);
        assert!(finding.detail.starts_with("oserrorx") && finding.detail.len() == 200);
        let row = ANSWERS.iter().find(|row| row.reason == reason).unwrap();
        assert_eq!((row.ends, row.may_be_duplicate), (ends, may_be_duplicate));
    }
}

#[test]
fn a_status_is_shown_with_the_beginning_of_its_body() {
    for (status, body, reason, detail) in [
        (403, "", Reason::Forbidden, "status 403"),
        (
            403,
            "  <h1>No\n way</h1>",
            Reason::Forbidden,
            "status 403; <h1>No way</h1>",
        ),
        (
            502,
            "Authorization: Basic YXBw",
            Reason::ServerError,
            "status 502; (not shown: it repeats credentials)",
        ),
        (
            400,
            "<title>400 The SSL certificate error</title>",
            Reason::CertificateRefused,
            "400 The SSL certificate error",
        ),
        (
            403,
            "<title>SSL certificate</title>",
            Reason::Forbidden,
            "status 403; <title>SSL certificate</title>",
        ),
    ] {
        let response = Response {
            status,
            body: body.into(),
            ..Response::default()
        };
        assert_eq!(
            response.finding(),
            Finding {
                reason,
                detail: detail.to_owned()
            }
        );
    }
}

#[test]
fn retry_after_is_parsed_in_both_forms() {
    let now = "2026-03-01T10:00:00Z".parse().unwrap();
    let week = LONGEST_RETRY_AFTER.as_secs();
    for (text, seconds) in [
        ("0", Some(0)),
        ("120", Some(120)),
        (" 7 ", Some(7)),
        ("99999999999999999999999999", Some(week)),
        ("Sun, 01 Mar 2026 10:02:00 GMT", Some(120)),
        ("Sun, 01 Mar 2026 09:00:00 GMT", Some(0)),
        ("Sun, 01 Mar 2099 10:00:00 GMT", Some(week)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
    ] {
        let expected = seconds.map(Duration::from_secs);
        assert_eq!(parse_retry_after(text, now), expected, "{text:?}");
    }
}
