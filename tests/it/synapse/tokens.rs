//! Tokens that expire after three seconds.

use serde_json::{Value, json};

use super::bridge::Setup;
use super::once::{numbers, post};
use super::{Homeserver, UNLIMITED};

/// Messages before each change of the test.
const PART: u64 = 100;

#[actix_web::test]
async fn messages_arrive_once_and_in_order_although_tokens_expire_and_the_bridge_is_killed() {
    let homeserver = Homeserver::start(&format!("{UNLIMITED}refreshable_access_token_lifetime: 3s\n"));
    let bot = homeserver.renewable_bot();
    let (dev, ops) = (
        homeserver.admin.public_room("12"),
        homeserver.admin.public_room("12"),
    );
    let mut setup = Setup::of(&homeserver.url, &bot);
    setup.channel("dev", "main", &dev.id);
    setup.channel("ops", "main", &ops.id);
    // As after a crash between the answer and its write: nobody has these tokens, and the configured one renews again.
    let lost: Value = bot.client("POST", "refresh", &json!({ "refresh_token": bot.refresh }));
    assert!(lost["access_token"].is_string());
    let mut bridge = setup.start();
    let parts = [0..PART, PART..2 * PART, 2 * PART..3 * PART];
    for (number, part) in parts.into_iter().enumerate() {
        post(&bridge, "dev", part.clone()).await;
        post(&bridge, "ops", part).await;
        bridge.wait(1, |line| line.contains("renewed the access token"));
        match number {
            0 => bridge.kill(),
            1 => bridge.restart(),
            _ => {}
        }
    }
    // The last delivery of each channel: they are numbered as they were posted.
    for last in [5 * PART, 6 * PART] {
        let last = format!("delivered delivery={last} ");
        bridge.wait(1, |line| line.contains(&last));
    }
    for room in [&dev, &ops] {
        assert_eq!(numbers(room), (0..3 * PART).collect::<Vec<_>>());
    }
    let kept = bridge.file("matrix-main.json");
    assert!(
        kept.contains("syt_") && !kept.contains(&bot.token),
        "the kept token is another one"
    );
    let channels = bridge.channels().await;
    assert_eq!(channels["dev"]["halted"], false);
    bridge.finish();
}
