//! Buildbot's own HTTP reporter, with a kind written as an operator would (`tests/data/kinds/buildbot`).

use std::fs;
use std::process::Command;

use super::{Running, bridge_with_own_kinds, printed, tool};
use crate::harness::{TOKEN, TestSetup};

/// A master with one builder: it builds immediately, fails and reports to the bridge.
fn master(bridge: &str) -> String {
    format!(
        r#"
from buildbot.plugins import *
c = BuildmasterConfig = {{}}
c["buildbotNetUsageData"] = None
c["protocols"] = {{"null": {{}}}}
c["db"] = {{"db_url": "sqlite:///state.sqlite"}}
c["title"], c["titleURL"], c["buildbotURL"] = "Shop", "https://ci.example.org/", "https://ci.example.org/"
c["workers"] = [worker.LocalWorker("here")]
c["builders"] = [util.BuilderConfig(
    name="shop", workernames=["here"], factory=util.BuildFactory([steps.ShellCommand(name="tests", command=["false"])]))]
c["schedulers"] = [schedulers.Periodic(name="at once", builderNames=["shop"], periodicBuildTimer=86400)]
c["services"] = [reporters.HttpStatusPush(
    serverUrl="{bridge}/hooks/ci", headers={{"Authorization": "Bearer {TOKEN}"}})]
"#
    )
}

/// `buildbot` with these arguments.
fn buildbot(arguments: &[&str]) -> Command {
    let mut command = Command::new(tool("python/bin/python"));
    command
        .args(["-c", "from buildbot.scripts.runner import run; run()"])
        .args(arguments);
    command
}

#[actix_web::test]
async fn a_failed_build_of_buildbot_is_posted_and_its_start_is_skipped() {
    let setup = TestSetup::new();
    let bridge = bridge_with_own_kinds(
        &setup,
        "[sources.ci]\nkind = \"buildbot\"\nsecrets = [{ file = \"token\" }]\nchannels = [\"dev\"]\n",
    );
    let folder = setup.path("master");
    let path = folder.to_str().unwrap();
    printed(buildbot(&["create-master", "-q", path])).await;
    fs::write(folder.join("master.cfg"), master(&bridge.url)).unwrap();
    let _master = Running::start(&mut buildbot(&["start", "--nodaemon", path]));

    let posted = setup.posted("ch-dev", 1).await;
    assert!(
        posted[0].starts_with("❌ shop #1") && posted[0].contains("failed 'false' (failure)"),
        "{posted:?}"
    );
    bridge.finish().await;
    assert_eq!(setup.stored(), 2, "it began, it ended");
}
