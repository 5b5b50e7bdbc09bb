//! Tests of the contract, and what the tests of the dialects share.

use serde_json::Value;

use super::http::{Response, TransportError, TransportFault};
use super::matrix::Renewal;
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

/// The recorded answer of the exchange in a folder of `tests/data/exchanges` whose file begins with `name`.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the answers of a test include errors, too"
)]
pub(super) fn recorded(folder: &str, name: &str) -> Answer {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/exchanges")
        .join(folder);
    let mut files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let file = files.find(|file| {
        file.file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with(&format!("{name}-"))
    });
    let text = std::fs::read_to_string(file.unwrap_or_else(|| panic!("no exchange {name}"))).unwrap();
    let exchange: Value = serde_json::from_str(&text).unwrap();
    let answer = &exchange["answer"];
    let body = match &answer["body"] {
        Value::String(text) => text.clone(),
        json => json.to_string(),
    };
    let retry_after = answer["headers"]["retry-after"].as_str();
    Ok(Response {
        status: answer["status"].as_u64().unwrap().try_into().unwrap(),
        body: body.into(),
        retry_after: retry_after.map(|seconds| Duration::from_secs(seconds.parse().unwrap())),
        ..Response::default()
    })
}

pub(super) fn failed(fault: TransportFault) -> Answer {
    Err(TransportError {
        fault,
        detail: String::new(),
    })
}

/// Drives an attempt to its end. What was asked, in the order of the requests, such as `GET account/whoami` below the address
/// `base`; the bodies; the verdict. The answers are used in turn; each has to be. No other address is asked.
pub(super) fn drive(
    task: Task<'_>,
    now: Duration,
    base: &str,
    answers: &[Answer],
) -> (Vec<String>, Vec<Value>, Verdict) {
    let account = task.destination().account();
    let (mut attempt, mut step) = Attempt::begin(task, now);
    let (mut asked, mut bodies) = (Vec::new(), Vec::new());
    let mut note = |asked: &mut Vec<String>, request: &Request| {
        let path = request.url.as_str().strip_prefix(base);
        let path = path.unwrap_or_else(|| panic!("asked {}", request.url));
        asked.push(format!("{} {path}", request.method));
        bodies.push(serde_json::from_slice(&request.body).unwrap_or_default());
        let answer = answers.get(asked.len() - 1);
        answer.unwrap_or_else(|| panic!("no answer to {asked:#?}"))
    };
    loop {
        step = match step {
            Step::Done(verdict) => {
                assert_eq!(asked.len(), answers.len(), "{asked:#?} {verdict:?}");
                return (asked, bodies, verdict);
            }
            Step::Send(request) => attempt.next(note(&mut asked, &request)),
            Step::Renew(used) => {
                let Account::Matrix(account) = &account else {
                    panic!("only Matrix renews tokens")
                };
                let answer = note(&mut asked, &account.renewal(&used).unwrap());
                attempt.renewed(match account.renewed(answer, now) {
                    Some(tokens) => {
                        account.use_tokens(tokens);
                        Renewal::Renewed
                    }
                    None => Renewal::Refused(answer.clone()),
                })
            }
        }
    }
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
