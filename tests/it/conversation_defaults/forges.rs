//! Forges besides GitHub: pull and merge requests, issues, vulnerabilities.

use super::assert_plays;

#[test]
fn merge_requests_issues_and_vulnerabilities_of_gitlab() {
    assert_plays(
        "a merge request",
        "gitlab",
        &[
            (
                "merge_request__opened",
                "post 1: ben opened merge request !52 Ask for one harbour by its code in harbour/tide",
            ),
            (
                "merge_request__labeled",
                "update 1: merge request !52 Ask for one harbour by its code in harbour/tide",
            ),
            (
                "merge_request__review-requested",
                "update 1: merge request !52 Ask for one harbour by its code in harbour/tide\nreply to 1: ana asked bokafor to review !52",
            ),
            (
                "merge_request__pushed-to",
                "update 1: ben's merge request !52 Ask for one harbour by its code in harbour/tide",
            ),
            ("note__merge-request", "reply to 1: ana commented on !52"),
            (
                "merge_request__approval",
                "reply to 1: ✅ ana added their approval to !52",
            ),
            (
                "merge_request__merged",
                "update 1: Merged: merge request !52 Ask for one harbour by its code in harbour/tide\nreply to 1 and channel: ana merged !52 Ask for one harbour by its code into main in harbour/tide",
            ),
            ("note__merge-request", "reply to 1: ana commented on !52"),
        ],
    );
    assert_plays(
        "an issue",
        "gitlab",
        &[
            (
                "issue__opened",
                "post 1: ana opened issue #41 Tide tables end at midnight UTC in harbour/tide, labeled bug area::ops",
            ),
            (
                "issue__assigned",
                "update 1: issue #41 Tide tables end at midnight UTC in harbour/tide, labeled bug, assigned to bokafor",
            ),
            ("note__issue", "reply to 1: ben commented on #41"),
            (
                "issue__closed",
                "update 1: Closed: issue #41 Tide tables end at midnight UTC in harbour/tide, labeled bug\nreply to 1 and channel: ben closed issue #41 Tide tables end at midnight UTC in harbour/tide",
            ),
            (
                "issue__reopened",
                "update 1: ana's issue #41 Tide tables end at midnight UTC in harbour/tide, labeled bug\nreply to 1 and channel: ana reopened issue #41 Tide tables end at midnight UTC in harbour/tide, labeled bug",
            ),
        ],
    );
    assert_plays(
        "a vulnerability",
        "gitlab",
        &[
            (
                "vulnerability__detected",
                "post 1: 🔴 New vulnerability in harbour/tide (high) – REXML DoS vulnerability",
            ),
            (
                "vulnerability__confirmed",
                "update 1: 🔴 Vulnerability confirmed in harbour/tide (critical) – Hard-coded password\nreply to 1: 🔴 Vulnerability confirmed in harbour/tide (critical) – Hard-coded password",
            ),
            (
                "vulnerability__resolved",
                "update 1: ✅ Vulnerability resolved in harbour/tide (high) – REXML DoS vulnerability\nreply to 1: ✅ Vulnerability resolved in harbour/tide (high) – REXML DoS vulnerability",
            ),
        ],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn pull_requests_and_issues_of_gitea_forgejo_and_gogs() {
    assert_plays(
        "a pull request",
        "gitea",
        &[
            (
                "pull_request__opened",
                "post 1: ben opened pull request #52 feat: ask for one harbour by its code in harbour/tide",
            ),
            (
                "pull_request__labeled",
                "update 1: ben's pull request #52 feat: ask for one harbour by its code in harbour/tide",
            ),
            (
                "pull_request__review-requested",
                "update 1: ben's pull request #52 feat: ask for one harbour by its code in harbour/tide\nreply to 1: ana asked bokafor to review #52",
            ),
            (
                "issue_comment__on-pull-request",
                "reply to 1: ana commented on #52",
            ),
            (
                "pull_request_rejected__with-text",
                "reply to 1 and channel: ✋ ana requested changes on #52 feat: ask for one harbour by its code in harbour/tide",
            ),
            (
                "pull_request__synchronized",
                "update 1: ben's pull request #52 feat: ask for one harbour by its code in harbour/tide",
            ),
            (
                "pull_request_approved__without-text",
                "reply to 1: ✅ ana approved #52",
            ),
            (
                "pull_request__closed-unmerged",
                "update 1: Closed: ben's pull request #52 feat: ask for one harbour by its code in harbour/tide\nreply to 1 and channel: ana closed ben's pull request #52 feat: ask for one harbour by its code in harbour/tide without merging",
            ),
        ],
    );
    assert_plays(
        "an issue",
        "gitea",
        &[
            (
                "issues__opened",
                "post 1: ana opened issue #41 Tide tables end at midnight UTC in harbour/tide, labeled bug area/ops",
            ),
            (
                "issues__labeled",
                "update 1: ana's issue #41 Tide tables end at midnight UTC in harbour/tide, labeled bug",
            ),
            (
                "issue_comment__created /repository/full_name=harbour/tide /issue/number=41",
                "reply to 1: octo commented on #41",
            ),
            (
                "issues__closed /repository/full_name=harbour/tide /issue/number=41 /issue/updated_at=2026-11-23T10:03:00Z",
                "update 1: Closed: octo's issue #41 Bug: <script>alert(1)</script> & more in harbour/tide\nreply to 1 and channel: octo closed issue #41 Bug: <script>alert(1)</script> & more in harbour/tide",
            ),
        ],
    );
    assert_plays(
        "a pull request",
        "forgejo",
        &[
            (
                "pull_request__opened",
                "post 1: ben opened pull request #52 Ask for one harbour by its code in harbour/tide",
            ),
            (
                "pull_request__labeled",
                "update 1: ben's pull request #52 Ask for one harbour by its code in harbour/tide",
            ),
            (
                "pull_request_approved__with-text",
                "reply to 1: ✅ ana approved #52",
            ),
            (
                "pull_request__closed-merged",
                "update 1: Merged: ben's pull request #52 Ask for one harbour by its code in harbour/tide\nreply to 1 and channel: ana merged ben's #52 Ask for one harbour by its code into main in harbour/tide",
            ),
        ],
    );
    assert_plays(
        "a pull request",
        "gogs",
        &[
            (
                "pull_request__opened",
                "post 1: ben opened pull request #52 Ask for one harbour by its code in harbour/tide",
            ),
            (
                "pull_request__labeled",
                "update 1: ben's pull request #52 Ask for one harbour by its code in harbour/tide",
            ),
            (
                "pull_request__closed-merged",
                "update 1: Merged: ben's pull request #52 Ask for one harbour by its code in harbour/tide\nreply to 1 and channel: ana merged ben's #52 Ask for one harbour by its code into main in harbour/tide",
            ),
        ],
    );
    assert_plays(
        "an issue",
        "gogs",
        &[
            (
                "issues__opened",
                "post 1: ana opened issue #41 Tide tables end at midnight UTC in harbour/tide, labeled bug",
            ),
            ("issue_comment__created", "reply to 1: ben commented on #41"),
            (
                "issues__closed",
                "update 1: Closed: ana's issue #41 Tide tables end at midnight UTC in harbour/tide, labeled bug\nreply to 1 and channel: ben closed ana's issue #41 Tide tables end at midnight UTC in harbour/tide",
            ),
        ],
    );
}

#[test]
fn pull_requests_and_issues_of_bitbucket() {
    assert_plays(
        "a pull request",
        "bitbucket-cloud",
        &[
            (
                "pullrequest_created__basic",
                "post 1: Ana Ruiz opened pull request #41 Let a basket be shared in acme/shop",
            ),
            (
                "pullrequest_updated__title",
                "update 1: Ana Ruiz's pull request #41 Let a basket be shared for a week in acme/shop",
            ),
            (
                "pullrequest_comment_created__inline",
                "reply to 1: Chen Wei commented on #41, at src/basket/share.rs, line 87",
            ),
            (
                "pullrequest_changes_request_created__basic",
                "reply to 1 and channel: ✋ Chen Wei requested changes on #41 Let a basket be shared in acme/shop",
            ),
            (
                "pullrequest_approved__basic",
                "reply to 1: ✅ Ben Okafor approved #41",
            ),
            (
                "pullrequest_fulfilled__merged",
                "update 1: Merged: Ana Ruiz's pull request #41 Let a basket be shared in acme/shop\nreply to 1 and channel: Ben Okafor merged Ana Ruiz's #41 Let a basket be shared into main in acme/shop",
            ),
        ],
    );
    assert_plays(
        "an issue",
        "bitbucket-cloud",
        &[
            (
                "issue_created__bug",
                "post 1: Chen Wei opened issue #12 Basket forgets its items in acme/shop, labeled bug checkout",
            ),
            (
                "issue_updated__assigned",
                "update 1: Chen Wei's issue #12 Basket forgets its items in acme/shop, labeled bug checkout",
            ),
            (
                "issue_comment_created__basic",
                "reply to 1: Ben Okafor commented on #12",
            ),
            (
                "issue_updated__resolved",
                "update 1: Closed as resolved: Chen Wei's issue #12 Basket forgets its items in acme/shop, labeled bug checkout\nreply to 1 and channel: Ben Okafor closed Chen Wei's issue #12 Basket forgets its items in acme/shop as resolved",
            ),
            (
                "issue_updated__reopened",
                "update 1: Chen Wei's issue #12 Basket forgets its items in acme/shop, labeled bug checkout\nreply to 1 and channel: Chen Wei reopened issue #12 Basket forgets its items in acme/shop, labeled bug checkout",
            ),
        ],
    );
    assert_plays(
        "a pull request",
        "bitbucket-datacenter",
        &[
            (
                "pr_opened__basic",
                "post 1: Ana Ruiz opened pull request #41 Let a basket be shared in WEB/shop",
            ),
            (
                "pr_modified__title",
                "update 1: Ana Ruiz's pull request #41 Let a basket be shared for a week in WEB/shop",
            ),
            (
                "pr_reviewer_updated__basic",
                "update 1: Ana Ruiz's pull request #41 Let a basket be shared in WEB/shop",
            ),
            (
                "pr_comment_added__inline",
                "reply to 1: Chen Wei commented on #41, at src/basket/share.rs, line 87",
            ),
            (
                "pr_reviewer_needs_work__basic",
                "reply to 1 and channel: ✋ Chen Wei requested changes on #41 Let a basket be shared in WEB/shop",
            ),
            (
                "pr_merged__basic",
                "update 1: Merged: Ana Ruiz's pull request #41 Let a basket be shared in WEB/shop\nreply to 1 and channel: Ben Okafor merged Ana Ruiz's #41 Let a basket be shared into main in WEB/shop",
            ),
        ],
    );
}
