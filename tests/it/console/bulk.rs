//! Actions on all events that a filter matches.

use twake_bridge::sandbox::Fault;

use super::pages::event;
use super::{page, submit};
use crate::harness::TestSetup;

#[actix_web::test]
async fn all_dead_letters_that_match_are_put_back_once_and_in_order() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    setup.sandbox.set_fault(Some("ch-dev"), Some(Fault::TooLarge));
    for number in 0..3 {
        event(&bridge, &format!("d-{number}"), &format!("Mend pump {number}")).await;
    }
    bridge.idle().await;
    setup.sandbox.set_fault(Some("ch-dev"), None);
    let list = page(&bridge, "/console/events?source=github&state=dead").await;
    let confirm = "/console/events/bulk?source=github&amp;state=dead&amp;act=replay";
    assert!(list.contains(confirm), "{list}");
    let asked = page(&bridge, &confirm.replace("&amp;", "&")).await;
    for text in [
        "<strong>3</strong>",
        "github: 3",
        "#dev dead: 3",
        "name=\"until\"",
    ] {
        assert!(asked.contains(text), "{text} in {asked}");
    }
    for (count, what) in [(3, "all"), (0, "none twice")] {
        let fields = "act=replay&undelivered=true&source=github&state=dead";
        let after = submit(&bridge, "/console/events/bulk", fields).await;
        let expected = format!("/console/events?source=github&state=dead&done=replayed&count={count}");
        assert_eq!(after, expected, "{what}");
        bridge.idle().await;
    }
    let posted = setup.posted("ch-dev", 3).await;
    assert_eq!(posted.len(), 3);
    for (number, text) in posted.iter().enumerate() {
        assert!(text.contains(&format!("Mend pump {number}")), "{posted:?}");
    }
    let audit = page(&bridge, "/console/audit").await;
    assert_eq!(audit.matches(">replay<").count(), 6, "{audit}");
    bridge.finish().await;
}

#[actix_web::test]
async fn what_waits_is_discarded_for_all_that_match_and_nothing_else() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    event(&bridge, "d-0", "Paint the pump").await;
    bridge.idle().await;
    setup.sandbox.set_fault(Some("ch-dev"), Some(Fault::RefuseKey));
    for number in 1..4 {
        event(&bridge, &format!("d-{number}"), "Mend the pump").await;
    }
    let asked = page(&bridge, "/console/events/bulk?act=discard&channel=dev").await;
    assert!(asked.contains("#dev waiting: 3"), "{asked}");
    let after = submit(&bridge, "/console/events/bulk", "act=discard&channel=dev").await;
    let (_, done) = after.split_once("done=").unwrap();
    assert!(
        ["discarded&count=3", "discarded&count=2"].contains(&done),
        "{after}"
    );
    setup.sandbox.set_fault(Some("ch-dev"), None);
    bridge.leave().await;
}

#[actix_web::test]
async fn an_action_on_every_event_or_without_a_word_is_refused() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    event(&bridge, "d-0", "Paint the pump").await;
    bridge.idle().await;
    for (fields, text) in [
        ("act=replay", "choose events by a filter first"),
        ("act=discard&state=", "choose events by a filter first"),
        ("act=delete&state=dead", "the form cannot be read"),
        ("state=dead", "the form cannot be read"),
        ("act=replay&since=yesterday", "write 30m, 2h, 7d"),
    ] {
        let answer = bridge
            .ask("POST", "/console/events/bulk", &super::FORM, fields)
            .await;
        assert_eq!(answer.status, 400, "{fields}");
        assert!(answer.text.contains(text), "{fields}: {}", answer.text);
    }
    assert_eq!(setup.sandbox.messages("ch-dev").len(), 1);
    bridge.finish().await;
}
