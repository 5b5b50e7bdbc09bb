//! The console in Chromium, driven by `tests/browser/console.mjs`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use tokio::sync::mpsc;
use twake_bridge::sandbox::Fault;

use super::pages::event;
use crate::harness::{TestSetup, alert};
use crate::senders::{data, tool};

const TOKEN: &str = "operator-token-0123456789";

#[actix_web::test]
async fn a_person_finds_a_dead_letter_mends_it_and_edits_a_template_on_accessible_pages() {
    let setup = TestSetup::new();
    std::fs::write(setup.path("operator"), TOKEN).unwrap();
    let bridge = setup.bridge("[operator]\ntoken = { file = \"operator\" }\n");
    event(&bridge, "d-1", "Paint the fence").await;
    let bearer = format!("Bearer {}", crate::harness::TOKEN);
    let headers = [
        ("content-type", "application/json"),
        ("authorization", bearer.as_str()),
    ];
    bridge
        .post("/hooks/monitoring", &headers, alert("firing", "DiskFull"))
        .await;
    bridge.idle().await;
    setup.sandbox.set_fault(Some("ch-dev"), Some(Fault::TooLarge));
    event(&bridge, "d-2", "Mend the pump").await;
    bridge.idle().await;

    let mut node = Command::new("node");
    node.arg(tool("npm/console.mjs"))
        .args([chromium(), &bridge.operator, TOKEN])
        .arg(data("../target/console"));
    let (lines, mut printed) = mpsc::unbounded_channel();
    let (mended, mends) = std::sync::mpsc::channel::<()>();
    // Deliveries run on this thread, so another one waits for the browser.
    let browsing = tokio::task::spawn_blocking(move || browse(node, &lines, &mends));
    while let Some(line) = printed.recv().await {
        assert_eq!(line, "mend");
        setup.sandbox.set_fault(Some("ch-dev"), None);
        mended.send(()).unwrap();
    }
    drop(mended);
    let errors = browsing.await.unwrap();
    assert_eq!(errors, None, "{}", errors.as_deref().unwrap_or_default());
    let posted = setup.posted("ch-dev", 2).await;
    assert!(
        posted.iter().any(|text| text.contains("Mend the pump")),
        "{posted:?}"
    );
    bridge.finish().await;
}

/// Runs a program: sends each line that it prints, and answers it when that is done. Returns what it reports if it fails.
fn browse(
    mut node: Command,
    lines: &mpsc::UnboundedSender<String>,
    mends: &std::sync::mpsc::Receiver<()>,
) -> Option<String> {
    let mut child = node
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut errors = child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        errors.read_to_string(&mut text).unwrap();
        text
    });
    let mut input = child.stdin.take().unwrap();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        lines.send(line.unwrap()).unwrap();
        mends.recv().unwrap();
        input.write_all(b"\n").unwrap();
    }
    let status = child.wait().unwrap();
    let text = reader.join().unwrap();
    (!status.success()).then_some(text)
}

/// The browser that `tests/tools` installs.
pub(crate) fn chromium() -> &'static str {
    let mut known = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].into_iter();
    let found = known.find(|path| Path::new(path).exists());
    found.unwrap_or_else(|| panic!("chromium is not there: run tests/tools once (tests/run does)"))
}
