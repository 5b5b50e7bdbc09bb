//! What becomes of a message for the readers of its channel, in each dialect.

use serde_json::Value;
use std::sync::Arc;
use uuid::Uuid;

use super::*;
use crate::message::{Readers, Time, TimeForm};
use crate::secret::Secret;
use crate::zone;

/// A channel in each dialect, with these readers.
pub(super) fn channels(readers: &Readers) -> [Destination; 2] {
    let outbound = Arc::new(Outbound::default());
    let account = messages_save::Account {
        name: "old".to_owned(),
        url: "https://twake.test".parse().unwrap(),
        public_id: "app".to_owned(),
        private_api_key: Secret::new("key"),
        outbound: Arc::clone(&outbound),
    };
    let credentials = matrix::Credentials::AccessToken(Secret::new("token"));
    let url = "https://matrix.test".parse().unwrap();
    let old = messages_save::Destination {
        account: Arc::new(account),
        group_id: "company".to_owned(),
        channel_id: "channel".to_owned(),
        rate: None,
        readers: readers.clone(),
        conversations: true,
    };
    let chat = matrix::Destination {
        account: Arc::new(matrix::Account::new(
            "chat".to_owned(),
            url,
            credentials,
            outbound,
        )),
        channel: "dev".to_owned(),
        room: matrix::Room::Id("!room".to_owned()),
        notify: matrix::Notify::Critical,
        allow_unencrypted: false,
        rate: None,
        readers: readers.clone(),
        conversations: true,
    };
    [old.into(), chat.into()]
}

/// What is posted: the plain text, and what clients show.
pub(super) fn posted(job: &Job<'_>) -> (String, String) {
    let sent: Value = serde_json::from_slice(&request(job).body).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    match job.destination {
        Destination::MessagesSave(_) => {
            let content = &sent["message"]["content"];
            (text(&content["original_str"]), content["formatted"].to_string())
        }
        Destination::Threads(_) => unreachable!("no channel of this test"),
        Destination::Matrix(_) => (text(&sent["body"]), text(&sent["formatted_body"])),
    }
}

#[test]
fn times_are_posted_in_the_zone_of_the_channel() {
    let at = "2026-11-23T11:08:40Z".parse().unwrap();
    let time = |form| Inline::Time(Time { at, form });
    let message = StoredMessage::new(Document {
        blocks: vec![Block::Quote(vec![Block::Paragraph(vec![Inline::Strong(vec![
            time(TimeForm::Day),
        ])])])],
    });
    let late = Block::Paragraph(vec![time(TimeForm::Clock), Inline::Text(", late".to_owned())]);
    for (name, day, clock) in [
        ("UTC", "23 Nov 11:08 UTC", "11:08 UTC, late"),
        ("Europe/Paris", "23 Nov 12:08 CET", "12:08 CET, late"),
        ("Asia/Kathmandu", "23 Nov 16:53 +0545", "16:53 +0545, late"),
    ] {
        let readers = Readers {
            zone: zone::find(name).unwrap(),
            ..Readers::default()
        };
        for destination in channels(&readers) {
            let job = Job {
                late: Some(late.clone()),
                ..Job::post(Uuid::nil(), 1, &destination, &message)
            };
            let (plain, rich) = posted(&job);
            assert_eq!(plain, format!("> {day}\n{clock}"));
            assert!(rich.contains(day), "{rich}");
        }
    }
}
