//! Netdata's alarm-notify.sh: as it posts to Slack, and with the kind's own `custom_sender.sh`.

use std::fs;
use std::process::Command;

use super::{data, tool};
use crate::harness::{TOKEN, TestSetup};
use crate::program::output_of;

/// Runs alarm-notify.sh; returns its log.
async fn notified(setup: &TestSetup, configuration: &str, arguments: &[&str]) -> String {
    let configuration = format!("SEND_EMAIL=NO\n{configuration}");
    fs::write(setup.path("health_alarm_notify.conf"), configuration).unwrap();
    let mut bash = Command::new("bash");
    bash.arg("-c")
        .arg("\"$@\" 2>&1")
        .arg("bash")
        .arg(tool("netdata/usr/lib/netdata/plugins.d/alarm-notify.sh"))
        .args(arguments)
        .env("NETDATA_USER_CONFIG_DIR", setup.folder.path())
        .env("NETDATA_STOCK_CONFIG_DIR", tool("netdata/usr/lib/netdata/conf.d"));
    String::from_utf8(output_of(bash).await.stdout).unwrap()
}

/// The arguments that the daemon passes about a disk that fills up.
const DISK: &[&str] = &[
    "sysadmin",
    "db-1",
    "1795446000",
    "17",
    "42",
    "1795446814",
    "disk_space_usage",
    "disk_space._srv",
    "/srv",
    "CRITICAL",
    "WARNING",
    "96.4",
    "91.2",
    "12@/usr/lib/netdata/conf.d/health.d/disks.conf",
    "300",
    "900",
    "%",
    "disk /srv space & \"inode\" utilization",
    "96.4%",
    "91.2%",
    "$used * 100",
    "[ $used = 96.4 ]",
    "1",
    "2",
    "",
    "",
    "Utilization",
    "sudo edit-config health.d/disks.conf=12=db-1",
    "",
];

/// The kind's custom sender, configured as in its README.
fn custom(bridge: &str, token: &str) -> String {
    let sender = fs::read_to_string(data("../templates/netdata/custom_sender.sh")).unwrap();
    let configured = sender
        .replace("https://bridge.example.org", bridge)
        .replace("the secret of the source", token);
    assert!(configured.contains(bridge) && configured.contains(token));
    configured + "\nrole_recipients_custom[sysadmin]=twake\n"
}

#[actix_web::test]
async fn netdata_posts_to_the_bridge_as_if_it_were_slack() {
    let setup = TestSetup::new();
    let bridge = setup.bridge(
        "[sources.slack]\nkind = \"slack-compatible\"\nsecrets = [{ file = \"token\" }]\nchannels = [\"ops\"]\n",
    );
    let configuration = format!(
        "SLACK_WEBHOOK_URL={}/hooks/slack/{TOKEN}\nrole_recipients_slack[sysadmin]=\"#\"\n",
        bridge.url
    );
    let log = notified(&setup, &configuration, &["test"]).await;
    assert_eq!(log.matches("sent slack notification").count(), 3, "{log}");
    let posted = setup.posted("ch-ops", 3).await;
    for (message, state) in posted.iter().zip(["needs attention", "is critical", "recovered"]) {
        assert!(
            message.contains(state) && message.contains("test.chart"),
            "{posted:?}"
        );
    }
    bridge.finish().await;
}

#[actix_web::test]
async fn netdata_posts_with_the_custom_sender_of_the_kind() {
    let setup = TestSetup::new();
    let bridge = setup.bridge(
        "[sources.netdata]\nkind = \"netdata\"\nsecrets = [{ file = \"token\" }]\nchannels = [\"ops\"]\n",
    );
    let configuration = custom(&bridge.url, TOKEN);
    let log = notified(&setup, &configuration, &["test"]).await;
    assert!(!log.contains("did not take"), "{log}");
    notified(&setup, &configuration, DISK).await;
    // A repeated notification is not posted again.
    notified(&setup, &configuration, DISK).await;
    let posted = setup.posted("ch-ops", 6).await;
    // The first message shows the newest state of the alarm of the test. A reply also has a line in the channel.
    for (message, mark) in posted.iter().zip(["✅ Cleared", "🔴", "🔴", "✅", "✅", "🔴"]) {
        assert!(message.starts_with(mark), "{posted:#?}");
    }
    assert!(
        posted[5].contains("96.4%")
            && posted[5].contains("db-1")
            && posted[5].contains("space & \"inode\" utilization"),
        "{}",
        posted[5]
    );
    bridge.finish().await;
}

#[actix_web::test]
async fn netdata_logs_that_the_bridge_refused_it() {
    let setup = TestSetup::new();
    let bridge = setup.bridge(
        "[sources.netdata]\nkind = \"netdata\"\nsecrets = [{ file = \"token\" }]\nchannels = [\"ops\"]\n",
    );
    let log = notified(&setup, &custom(&bridge.url, "another token"), DISK).await;
    assert!(
        log.contains("twake-bridge did not take the notification"),
        "{log}"
    );
    bridge.finish().await;
}
