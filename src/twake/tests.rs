//! Tests of the contract, and what the tests of the dialects share.

use super::http::Response;
use super::*;
use crate::message::Inline;

mod limits;
mod people;
mod readers;

pub(super) const RETRY: VerdictKind = VerdictKind::Retry {
    after: None,
    times: None,
    pause: None,
};
pub(super) const FEW_TIMES: VerdictKind = VerdictKind::Retry {
    after: None,
    times: Some(RETRIES_WHEN_UNSURE),
    pause: None,
};

/// A document of one paragraph.
pub(super) fn hello() -> Document {
    Document {
        blocks: vec![Block::Paragraph(vec![Inline::Text("Hello".to_owned())])],
    }
}

pub(super) fn id(message: &str, thread: Option<&str>) -> RemoteId {
    RemoteId {
        message: message.to_owned(),
        thread: thread.map(str::to_owned),
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the answers of a test include errors, too"
)]
pub(super) fn response(status: u16, body: impl std::fmt::Display) -> Answer {
    Ok(Response {
        status,
        body: body.to_string().into(),
        ..Response::default()
    })
}

/// The reasons that no answer has.
const OF_THE_BRIDGE: [Reason; 4] = [
    Reason::Expired,
    Reason::Unreadable,
    Reason::Stopped,
    Reason::Discarded,
];

#[test]
fn every_reason_of_an_answer_has_one_row_in_the_table_of_an_api() {
    for reason in Reason::ALL {
        let rows = Api::ALL.map(|(_, api)| answers(api).filter(|row| row.reason == *reason).count());
        let is_known = rows.contains(&1);
        assert!(rows.iter().all(|count| *count <= 1), "{}", reason.code());
        assert_eq!(is_known, !OF_THE_BRIDGE.contains(reason), "{}", reason.code());
    }
}

#[test]
fn a_remote_id_survives_the_store() {
    for (message, thread, stored) in [
        ("5fca", None, "5fca"),
        ("$a/b", Some("$c"), r#"{"message":"$a/b","thread":"$c"}"#),
        ("{}", None, r#"{"message":"{}","thread":null}"#),
    ] {
        let id = id(message, thread);
        assert_eq!(id.to_stored(), stored);
        assert_eq!(RemoteId::from_stored(stored), id);
    }
}
