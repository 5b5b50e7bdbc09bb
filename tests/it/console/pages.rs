//! What the pages of the console show and do.

use twake_bridge::sandbox::Fault;

use super::{PAGES, page, submit};
use crate::harness::{TestBridge, TestSetup, push};

/// A title that would do harm if it were markup.
pub(super) const HOSTILE: &str = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'><b>";

pub(super) async fn event(bridge: &TestBridge, delivery: &str, text: &str) -> String {
    let answer = bridge.github("push", delivery, &push("main", text)).await;
    answer.body["event"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn no_page_has_inline_code_or_styles_and_hostile_text_stays_text() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let id = event(&bridge, "d-1", HOSTILE).await;
    bridge.idle().await;
    let event = format!("/console/events/{id}");
    let search = "/console/events?text=%3Cscript%3E&source=%22%3E%3Cb%3E&since=1h".to_owned();
    let paths = PAGES.map(str::to_owned).into_iter().chain([event, search]);
    for path in paths {
        let page = page(&bridge, &path).await;
        for markup in ["<script>", "<img", "<b><", " style=", "<style", "javascript:"] {
            assert!(!page.contains(markup), "{markup} in {path}: {page}");
        }
        // Every tag: no attribute that is code.
        for tag in page
            .split('<')
            .filter_map(|tag| tag.split_once('>'))
            .map(|(tag, _)| tag)
        {
            assert!(!tag.contains(" on"), "{tag} in {path}");
            assert!(
                !tag.contains("src=\"http") && !tag.contains("src=\"//"),
                "{tag} in {path}"
            );
        }
        assert_eq!(page.matches("<script").count(), 1, "{path}");
        assert_eq!(page.matches("<h1").count(), 1, "{path}");
    }
    bridge.finish().await;
}

#[actix_web::test]
async fn assets_are_kept_for_good_under_the_hash_of_their_content() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let home = page(&bridge, "/console").await;
    let mut assets = home
        .split('"')
        .filter(|address| address.starts_with("/console/assets/"))
        .collect::<Vec<_>>();
    assets.sort_unstable_by_key(|asset| asset.rsplit('.').next());
    let types = ["text/css; charset=utf-8", "text/javascript; charset=utf-8"];
    assert_eq!(assets.len(), types.len(), "{assets:?}");
    for (asset, content_type) in assets.iter().zip(types) {
        let answer = bridge.ask("GET", asset, &[], "").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some(content_type));
        assert!(answer.header("cache-control").unwrap().contains("immutable"));
        let stale = asset.replace('.', "0.");
        assert_eq!(bridge.ask("GET", &stale, &[], "").await.status, 404);
    }
    let home = bridge.ask("GET", "/", &[], "").await;
    assert_eq!((home.status, home.header("location")), (303, Some("/console")));
    bridge.finish().await;
}

#[actix_web::test]
async fn a_dead_letter_is_found_with_its_cause_and_put_back() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    setup.sandbox.set_fault(Some("ch-dev"), Some(Fault::TooLarge));
    let id = event(&bridge, "d-1", "Mend the pump").await;
    bridge.idle().await;
    for path in [
        "/console",
        "/console/events?state=dead",
        "/console/events?channel=dev&state=dead&since=1h",
    ] {
        let page = page(&bridge, path).await;
        assert!(
            page.contains(&format!("href=\"/console/events/{id}\"")),
            "{path}: {page}"
        );
    }
    assert!(
        page(&bridge, "/console/events?state=delivered")
            .await
            .contains("No event matches.")
    );
    let address = format!("/console/events/{id}");
    let shown = page(&bridge, &address).await;
    for text in [
        "What to do:",
        "ch-dev",
        "Mend the pump",
        "Route 0 holds",
        "x-github-event",
        "Put back into the queue",
    ] {
        assert!(shown.contains(text), "{text} in {shown}");
    }
    setup.sandbox.set_fault(Some("ch-dev"), None);
    let after = submit(
        &bridge,
        &format!("{address}/replay"),
        "as_stored=true&channel=dev",
    )
    .await;
    assert_eq!(after, format!("{address}?done=replayed&count=1"));
    assert!(
        page(&bridge, &after)
            .await
            .contains("1 message put back into the queue.")
    );
    assert!(setup.posted("ch-dev", 1).await[0].contains("Mend the pump"));
    bridge.idle().await;
    assert!(page(&bridge, &address).await.contains("delivered"));
    bridge.finish().await;
}

#[actix_web::test]
async fn a_waiting_message_is_shown_with_its_halt_moved_and_discarded() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    setup.sandbox.set_fault(Some("ch-dev"), Some(Fault::RefuseKey));
    event(&bridge, "d-1", "Mend the pump").await;
    let other = event(&bridge, "d-2", "Oil the pump").await;
    let last = event(&bridge, "d-3", "Paint the pump").await;
    let halted = async {
        loop {
            let page = page(&bridge, "/console").await;
            if page.contains("halted</h2>") {
                return page;
            }
            actix_web::rt::task::yield_now().await;
        }
    };
    let now = crate::harness::in_time("a halt on the page", halted).await;
    assert!(now.contains("What to do:"), "{now}");
    let address = format!("/console/events/{other}");
    let after = submit(&bridge, &format!("{address}/discard"), "").await;
    assert_eq!(after, format!("{address}?done=discarded&count=1"));
    assert!(page(&bridge, &after).await.contains("1 message discarded."));
    let after = submit(&bridge, "/console/channels/move", "from=dev&to=ops").await;
    assert!(
        after.starts_with("/console/channels?done=moved&count="),
        "{after}"
    );
    assert!(
        page(&bridge, &after)
            .await
            .contains("moved to the end of the other queue.")
    );
    let shown = page(&bridge, &format!("/console/events/{last}")).await;
    assert!(shown.contains("#ops"), "{shown}");
    setup.sandbox.set_fault(Some("ch-dev"), None);
    bridge.leave().await;
}

#[actix_web::test]
async fn what_cannot_be_done_is_a_page_with_the_reason() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    for (method, path, status, text) in [
        (
            "GET",
            "/console/events/0198ffff",
            404,
            "there is no event 0198ffff",
        ),
        ("GET", "/console/events/x", 400, "is no event id"),
        ("GET", "/console/events?since=yesterday", 400, "write 30m, 2h, 7d"),
        (
            "GET",
            "/console/events?state=lost",
            400,
            "none of those in the list",
        ),
        ("GET", "/console/nowhere", 404, "there is no such page"),
        ("GET", "/console/channels/move", 404, "there is no such page"),
        (
            "POST",
            "/console/channels/move",
            404,
            "no channel nowhere is configured",
        ),
    ] {
        let body = if method == "POST" {
            "from=dev&to=nowhere"
        } else {
            ""
        };
        let answer = bridge.ask(method, path, &super::FORM, body).await;
        assert_eq!(answer.status, status, "{path} {}", answer.text);
        assert!(answer.text.contains(text), "{text} in {}", answer.text);
        assert!(answer.text.contains("<nav"), "{path} is a page");
    }
    bridge.finish().await;
}

#[actix_web::test]
async fn a_channel_and_a_source_are_paused_and_resumed_and_a_test_message_is_sent() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    for (what, name, page_of) in [
        ("channel", "dev", "/console/channels"),
        ("source", "github", "/console/sources"),
    ] {
        let after = submit(
            &bridge,
            "/console/pause",
            &format!("{what}={name}&why=%3Cb%3Erepair"),
        )
        .await;
        assert_eq!(after, format!("{page_of}?done=paused&count=0"));
        let shown = page(&bridge, page_of).await;
        assert!(shown.contains("by this machine: &lt;b&gt;repair"), "{shown}");
        submit(&bridge, "/console/resume", &format!("{what}={name}")).await;
        assert!(!page(&bridge, page_of).await.contains("repair"));
    }
    let after = submit(&bridge, "/console/channels/test", "channel=dev").await;
    assert!(after.starts_with("/console/events/"), "{after}");
    assert!(page(&bridge, &after).await.contains("A test message waits"));
    assert!(setup.posted("ch-dev", 1).await[0].contains("test message"));
    let audit = page(&bridge, "/console/audit").await;
    for word in ["pause", "resume", "test"] {
        assert!(audit.contains(&format!(">{word}<")), "{word} in {audit}");
    }
    bridge.finish().await;
}

#[actix_web::test]
async fn events_are_found_by_the_words_of_their_line() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let id = event(&bridge, "d-1", "Mend the pump").await;
    bridge.idle().await;
    let list = page(&bridge, "/console/events?text=hello-world").await;
    assert!(list.contains(&id), "{list}");
    let none = page(&bridge, "/console/events?text=nowhere").await;
    assert!(!none.contains(&id), "{none}");
    bridge.finish().await;
}
