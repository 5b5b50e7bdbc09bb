//! Reviews with their comments, and pushes to pull requests: what is collected in one message.

use super::{assert_plays, play, texts_after};
use crate::kinds;
use twake_bridge::source::Source;

const OPENED: &str = "pull_request__opened";
const APPROVED: &str = "pull_request_review__approved";
const CHANGES: &str = "pull_request_review__changes-requested";
const FIRST: &str = "pull_request_review_comment__created /comment/id=1 /comment/body=first";
const SECOND: &str = "pull_request_review_comment__created /comment/id=2 /comment/body=second";

#[test]
fn a_review_of_github_and_its_comments_are_one_message_in_every_order() {
    let first = "\u{2022} README.md, line 265\n  > first";
    let second = "\u{2022} README.md, line 265\n  > second";
    let github = kinds::source("github", None);
    let review = "✅ Codertocat approved #2, 2 comments\n> Looks good to me :shipit:";
    for (events, comments) in [
        ([APPROVED, FIRST, SECOND], [first, second]),
        ([FIRST, APPROVED, SECOND], [first, second]),
        ([FIRST, SECOND, APPROVED], [first, second]),
        ([APPROVED, SECOND, FIRST], [second, first]),
        ([SECOND, APPROVED, FIRST], [second, first]),
        ([SECOND, FIRST, APPROVED], [second, first]),
    ] {
        let expected = [&[review], &comments[..]].concat().join("\n");
        // Each event also comes twice.
        let [one, two, three] = events;
        for events in [
            vec![OPENED, one, two, three],
            vec![OPENED, one, one, two, three, two, three],
        ] {
            let texts = texts_after(&github, "github", &events);
            assert_eq!(texts.len(), 2, "{events:?}");
            assert_eq!(texts[1], expected, "{events:?}");
        }
    }
    // A review, or a comment, that opens the conversation.
    for events in [[APPROVED, FIRST, SECOND], [FIRST, APPROVED, SECOND]] {
        let texts = texts_after(&github, "github", &events);
        assert_eq!(texts.len(), 1, "{events:?}");
        let end = [first, second].join("\n");
        assert!(texts[0].ends_with(&end), "{texts:?}");
        assert!(
            texts[0].starts_with("✅ Codertocat approved #2, 2 comments\n"),
            "{texts:?}"
        );
    }
}

#[test]
fn what_a_channel_shows_of_reviews_of_github() {
    assert_plays(
        "changes are requested after a comment, with another comment behind it",
        "github",
        &[
            (
                OPENED,
                "post 1: Codertocat opened pull request #2 Update the README with new information. in Codertocat/Hello-World",
            ),
            (
                FIRST,
                "reply to 1: Codertocat commented on #2, at README.md, line 265",
            ),
            (
                CHANGES,
                "update 2: ✋ Codertocat requested changes on #2 Update the README with new information. in Codertocat/Hello-World, 1 comment\n\
                 reply to 1 and channel: ✋ Codertocat requested changes on #2 Update the README with new information. in Codertocat/Hello-World",
            ),
            (
                SECOND,
                "update 2: ✋ Codertocat requested changes on #2 Update the README with new information. in Codertocat/Hello-World, 2 comments",
            ),
            (SECOND, "older"),
        ],
    );
    assert_plays(
        "comments without a text of the review, of two reviews, and a dismissed review",
        "github",
        &[
            (
                FIRST,
                "post 1: Codertocat commented on #2 Update the README with new information. in Codertocat/Hello-World, at README.md, line 265",
            ),
            ("pull_request_review__submitted", "no message"),
            (SECOND, "update 1: Codertocat reviewed #2, 2 comments"),
            (
                "pull_request_review_comment__created /comment/id=3 /comment/pull_request_review_id=4",
                "reply to 1: Codertocat commented on #2, at README.md, line 265",
            ),
            (
                "pull_request_review__dismissed",
                "reply to 1: Codertocat dismissed Codertocat's review of #2 Update the README with new information. in Codertocat/Hello-World",
            ),
        ],
    );
}

/// The senders of these have no notion of a review with comments, or do not send its comments.
#[test]
fn comments_of_other_forges_are_messages_of_their_own() {
    for (kind, opened, comment) in [
        ("gitlab", "merge_request__opened", "note__merge-request"),
        ("gitea", "pull_request__opened", "issue_comment__on-pull-request"),
        (
            "bitbucket-cloud",
            "pullrequest_created__basic",
            "pullrequest_comment_created__inline",
        ),
        (
            "bitbucket-datacenter",
            "pr_opened__basic",
            "pr_comment_added__inline",
        ),
    ] {
        let shown = play(kind, &[opened, comment, comment]);
        assert!(
            shown[1..].iter().all(|line| line.starts_with("reply to 1: ")),
            "{kind}: {shown:?}"
        );
    }
}

#[test]
fn the_message_of_a_pull_request_counts_its_commits_or_the_pushes_to_it() {
    let last = |source: &Source, kind: &str, events: &[&str]| {
        let texts = texts_after(source, kind, events);
        assert_eq!(texts.len(), 1, "{kind}: {texts:?}");
        texts[0].lines().nth(1).unwrap_or_default().to_owned()
    };
    // GitHub sends the number of commits.
    let push =
        "pull_request__synchronize /pull_request/commits=7 /pull_request/updated_at=2026-11-23T10:00:00Z";
    let line = last(&kinds::source("github", None), "github", &[OPENED, push]);
    assert!(line.contains(", 7 commits, +1 "), "{line}");
    let pushes = |sample: &str, at: &str, shas: &[&str]| {
        let push = |sha: &&str| format!("{sample} {at}={sha}");
        shas.iter().map(push).collect::<Vec<_>>()
    };
    for (kind, opened, sample, at) in [
        (
            "gitea",
            "pull_request__opened",
            "pull_request__synchronized",
            "/pull_request/head/sha",
        ),
        (
            "gitlab",
            "merge_request__opened",
            "merge_request__pushed-to",
            "/object_attributes/oldrev",
        ),
    ] {
        let source = kinds::source(kind, None);
        assert!(!last(&source, kind, &[opened]).contains("push"), "{kind}");
        for (shas, expected) in [(&["a1"][..], ", 1 push"), (&["a1", "b2", "b2"], ", 2 pushes")] {
            let pushes = pushes(sample, at, shas);
            let mut events = vec![opened];
            events.extend(pushes.iter().map(String::as_str));
            let line = last(&source, kind, &events);
            assert!(line.contains(expected), "{kind}: {line}");
        }
    }
}
