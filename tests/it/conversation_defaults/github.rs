//! GitHub: issues, discussions, security alerts, and what a calm source leaves out.

use super::{assert_plays, play_all};

#[test]
fn issues_and_discussions_of_github() {
    assert_plays(
        "an issue",
        "github",
        &[
            (
                "issues__opened /issue/updated_at=2026-11-23T10:00:01Z",
                "post 1: Codertocat opened issue #1 Spelling error in the README file in Codertocat/Hello-World, labeled bug",
            ),
            (
                "issues__labeled /issue/updated_at=2026-11-23T10:00:02Z",
                "update 1: Codertocat's issue #1 Spelling error in the README file in Codertocat/Hello-World, labeled bug, assigned to Codertocat",
            ),
            (
                "issues__assigned /issue/updated_at=2026-11-23T10:00:03Z",
                "update 1: Codertocat's issue #1 Spelling error in the README file in Codertocat/Hello-World, labeled bug, assigned to Codertocat",
            ),
            (
                "issue_comment__created /issue/updated_at=2026-11-23T10:00:04Z",
                "reply to 1: Codertocat commented on #1",
            ),
            (
                "issues__closed-completed /issue/updated_at=2026-11-23T10:00:06Z",
                "update 1: Closed: Codertocat's issue #1 Spelling error in the README file in Codertocat/Hello-World, labeled bug, assigned to Codertocat\nreply to 1 and channel: Codertocat closed issue #1 Spelling error in the README file in Codertocat/Hello-World",
            ),
            // Late: it happened before the issue was closed.
            ("issues__labeled /issue/updated_at=2026-11-23T10:00:05Z", "older"),
            (
                "issues__reopened /issue/updated_at=2026-11-23T10:00:07Z",
                "update 1: Codertocat's issue #1 Spelling error in the README file in Codertocat/Hello-World, labeled bug, assigned to Codertocat\nreply to 1 and channel: Codertocat reopened issue #1 Spelling error in the README file in Codertocat/Hello-World, labeled bug",
            ),
            (
                "issue_comment__deleted /issue/updated_at=2026-11-23T10:00:08Z",
                "no message",
            ),
        ],
    );
    assert_plays(
        "an issue whose comment opens the conversation",
        "github",
        &[
            (
                "issues__labeled /issue/updated_at=2026-11-23T10:00:01Z",
                "not_open",
            ),
            (
                "issue_comment__created /issue/updated_at=2026-11-23T10:00:02Z",
                "post 1: Codertocat commented on #1 Spelling error in the README file in Codertocat/Hello-World",
            ),
            (
                "issues__labeled /issue/updated_at=2026-11-23T10:00:03Z",
                "unchanged",
            ),
            (
                "issues__closed-not-planned /issue/updated_at=2026-11-23T10:00:04Z",
                "reply to 1 and channel: Codertocat closed issue #1 Spelling error in the README file in Codertocat/Hello-World as not planned",
            ),
            (
                "issues__assigned /issue/updated_at=2026-11-23T10:00:05Z /issue/state=closed",
                "update 2: Closed: Codertocat's issue #1 Spelling error in the README file in Codertocat/Hello-World, labeled bug, assigned to Codertocat",
            ),
        ],
    );
    assert_plays(
        "a discussion",
        "github",
        &[
            (
                "discussion__created",
                "post 1: Codertocat started discussion #90 Welcome to discussions! in octo-org/octo-repo",
            ),
            (
                "discussion_comment__created",
                "reply to 1: Codertocat commented on #90",
            ),
            (
                "discussion__answered /discussion/number=90 /repository/full_name=octo-org/octo-repo",
                "update 1: ✅ Answered: Codertocat's discussion TEST edit in octo-org/octo-repo\nreply to 1 and channel: ✅ Codertocat marked an answer to TEST edit in octo-org/octo-repo",
            ),
            (
                "discussion__labeled /discussion/number=90 /repository/full_name=octo-org/octo-repo /discussion/updated_at=2021-03-30T23:18:00Z",
                "update 1: Codertocat's discussion TEST edit in octo-org/octo-repo",
            ),
        ],
    );
}

#[test]
fn security_alerts_of_github() {
    assert_plays(
        "an alert",
        "github",
        &[
            (
                "dependabot_alert__created /repository/full_name=acme/shop /alert/number=20",
                "post 1: 🟠 Dependabot: medium severity in acme/shop – semver vulnerable to Regular Expression Denial of Service",
            ),
            (
                "dependabot_alert__dismissed /repository/full_name=acme/shop /alert/number=20",
                "update 1: ⚪ github dismissed a Dependabot alert in acme/shop (medium) – semver vulnerable to Regular Expression Denial of Service\nreply to 1: ⚪ github dismissed a Dependabot alert in acme/shop (medium) – semver vulnerable to Regular Expression Denial of Service",
            ),
            (
                "dependabot_alert__created /repository/full_name=acme/shop /alert/number=20 /action=reopened",
                "update 1: 🟠 Dependabot: alert reopened in acme/shop – semver vulnerable to Regular Expression Denial of Service\nreply to 1: 🟠 Dependabot: alert reopened in acme/shop – semver vulnerable to Regular Expression Denial of Service",
            ),
            (
                "dependabot_alert__fixed /repository/full_name=acme/shop /alert/number=20 /alert/updated_at=2023-06-25T00:00:00Z",
                "update 1: ✅ Dependabot alert fixed in acme/shop (medium) – Insertion of Sensitive Information into Log File in ansible\nreply to 1: ✅ Dependabot alert fixed in acme/shop (medium) – Insertion of Sensitive Information into Log File in ansible",
            ),
            (
                "dependabot_alert__created /repository/full_name=acme/shop /alert/number=20 /action=reintroduced",
                "older",
            ),
        ],
    );
    assert_plays(
        "alerts that were not posted",
        "github",
        &[
            (
                "dependabot_alert__fixed /repository/full_name=acme/shop /alert/number=20",
                "not_open",
            ),
            ("secret_scanning_alert__resolved", "not_open"),
            ("code_scanning_alert__closed-by-user", "not_open"),
        ],
    );
    assert_plays(
        "a secret",
        "github",
        &[
            (
                "secret_scanning_alert__created",
                "post 1: ⚠️ Secret scanning: new alert in Codertocat/Hello-World – GitHub Personal Access Token",
            ),
            (
                "secret_scanning_alert__resolved",
                "update 1: ⚪ Codertocat closed a secret scanning alert in Codertocat/Hello-World – GitHub Personal Access Token\nreply to 1: ⚪ Codertocat closed a secret scanning alert in Codertocat/Hello-World – GitHub Personal Access Token",
            ),
        ],
    );
}

#[test]
fn a_calm_source_leaves_out_stars_and_branches() {
    assert_plays(
        "stars and branches",
        "github",
        &[
            ("star__created", "no message"),
            (
                "push__branch-created",
                "post 1: Codertocat created branch master in Codertocat/Hello-World with 1 commit",
            ),
            ("push__branch-created /commits=[]", "no message"),
            ("push__branch-deleted", "no message"),
            // A push to another branch than the default one.
            ("push__forced", "no message"),
            (
                "push__tag",
                "post 2: Codertocat pushed tag simple-tag in Codertocat/Hello-World",
            ),
            (
                "push__one-commit",
                "post 3: Codertocat pushed e4172f8 to master in Codertocat/Hello-World: Fix the spelling of \"commit\" in the README",
            ),
        ],
    );
}

#[test]
fn a_source_that_is_not_calm_posts_all_of_it() {
    let shown = play_all(
        "github",
        &[
            "star__created",
            "issues__labeled",
            "pull_request__synchronize",
            "push__branch-deleted",
        ],
    );
    assert_eq!(
        shown,
        [
            "post 1: ⭐ Codertocat starred Codertocat/Hello-World (1 star)",
            "post 2: Codertocat/Hello-World: issue labeled by Codertocat: #1 Spelling error in the README file",
            "post 3: Codertocat/Hello-World: pull request synchronized by Codertocat: #2 Update the README with new information.",
            "post 4: Codertocat deleted branch feature/limits in Codertocat/Hello-World",
        ]
    );
}
