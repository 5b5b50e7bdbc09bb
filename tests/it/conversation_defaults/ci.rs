//! Runs of a CI, and deployments.

use super::{assert_plays, play, play_all};

/// One run of a workflow of GitHub on the branch `main`.
const RUN: &str = "workflow_run__completed-failure";

fn run(number: u32, attempt: u32, conclusion: &str) -> String {
    format!(
        "{RUN} /workflow_run/run_number={number} /workflow_run/run_attempt={attempt} /workflow_run/conclusion={conclusion}"
    )
}

#[test]
fn failures_of_a_workflow_on_a_branch_are_one_message_until_it_recovers() {
    assert_plays(
        "runs that fail, are canceled, come late, and recover",
        "github",
        &[
            ("workflow_run__completed-success", "not_open"),
            (
                run(36, 1, "failure").as_str(),
                "post 1: ❌ CI #36 failed on main in Codertocat/Hello-World after 3 min",
            ),
            (
                run(37, 1, "failure").as_str(),
                "update 1: ❌ CI #37 failed on main in Codertocat/Hello-World after 3 min: failed 2 times since 14:15 UTC",
            ),
            (
                run(37, 2, "failure").as_str(),
                "update 1: ❌ CI #37 failed on main in Codertocat/Hello-World after 3 min, attempt 2: \
                 failed 3 times since 14:15 UTC",
            ),
            (
                run(38, 1, "timed_out").as_str(),
                "update 1: ❌ CI #38 timed out on main in Codertocat/Hello-World after 3 min: failed 4 times since 14:15 UTC\n\
                 reply to 1: ❌ CI #38 timed out on main in Codertocat/Hello-World after 3 min: failed 4 times since 14:15 UTC",
            ),
            (run(39, 1, "cancelled").as_str(), "no message"),
            // A run of an older commit says nothing about the newest one.
            (run(36, 1, "success").as_str(), "older"),
            (
                run(40, 1, "success").as_str(),
                "update 1: ✅ CI #40 recovered on main in Codertocat/Hello-World after 3 min: it had failed for 1 h\n\
                 reply to 1 and channel: ✅ CI #40 recovered on main in Codertocat/Hello-World after 3 min: it had failed for 1 h",
            ),
            (run(39, 1, "failure").as_str(), "older"),
            (run(41, 1, "success").as_str(), "not_open"),
            (
                run(42, 1, "failure").as_str(),
                "post 4: ❌ CI #42 failed on main in Codertocat/Hello-World after 3 min",
            ),
        ],
    );
}

#[test]
fn a_source_that_leaves_out_nothing_posts_each_passed_run() {
    let passed = run(41, 1, "success");
    let canceled = run(43, 1, "cancelled");
    assert_eq!(
        play_all("github", &[&passed, &run(42, 1, "success"), &canceled]),
        [
            "post 1: ✅ CI #41 passed on main in Codertocat/Hello-World after 3 min",
            "post 2: ✅ CI #42 passed on main in Codertocat/Hello-World after 3 min",
            "post 3: ⚪ CI #43 was canceled on main in Codertocat/Hello-World after 3 min",
        ]
    );
}

#[test]
fn a_run_of_a_pull_request_is_one_message_in_its_thread() {
    assert_plays(
        "checks of a pull request",
        "github",
        &[
            (
                "pull_request__opened",
                "post 1: Codertocat opened pull request #2 Update the README with new information. in Codertocat/Hello-World",
            ),
            (
                "check_run__completed-failure /check_run/conclusion=success",
                "unchanged",
            ),
            (
                "check_run__completed-failure",
                "reply to 1: ❌ Octocoders-linter failed on changes in Codertocat/Hello-World",
            ),
            (
                "check_run__completed-failure /check_run/conclusion=success",
                "update 2: ✅ Octocoders-linter passed on changes in Codertocat/Hello-World",
            ),
        ],
    );
    let pull_request = "workflow_run__completed-pull-request";
    let failed = format!("{pull_request} /workflow_run/conclusion=failure");
    assert_plays(
        "runs of a pull request without a thread",
        "github",
        &[
            (pull_request, "not_open"),
            (
                &failed,
                "post 1: ❌ test #163 failed for #2 (master) in octo-org/octo-repo",
            ),
            (
                pull_request,
                "update 1: ✅ test #163 passed for #2 (master) in octo-org/octo-repo: ci(action): update actions/setup-node digest to 8c91899",
            ),
        ],
    );
}

#[test]
fn a_status_or_check_of_another_ci_is_posted_when_it_fails_and_when_it_recovers() {
    let check = "check_run__completed-failure /check_run/pull_requests=[]";
    let passed = format!("{check} /check_run/conclusion=success");
    assert_plays(
        "statuses and checks of a branch",
        "github",
        &[
            ("status__success", "not_open"),
            (
                "status__failure /context=default",
                "post 1: ❌ default failed on master in Codertocat/Hello-World",
            ),
            (
                "status__failure /context=default /id=6805126740",
                "update 1: ❌ default failed on master in Codertocat/Hello-World: failed 2 times since 14:15 UTC",
            ),
            (
                "status__success /id=6805126750",
                "update 1: ✅ default recovered on master in Codertocat/Hello-World: it had failed for 20 min\n\
                 reply to 1 and channel: ✅ default recovered on master in Codertocat/Hello-World: it had failed for 20 min",
            ),
            (
                check,
                "post 3: ❌ Octocoders-linter failed on changes in Codertocat/Hello-World",
            ),
            (
                &passed,
                "update 3: ✅ Octocoders-linter recovered on changes in Codertocat/Hello-World: it had failed for 10 min\n\
                 reply to 3 and channel: ✅ Octocoders-linter recovered on changes in Codertocat/Hello-World: it had failed for 10 min",
            ),
        ],
    );
    assert_plays(
        "builds, the last of them stopped",
        "bitbucket-cloud",
        &[
            ("repo_commit_status_updated__success", "not_open"),
            (
                "repo_commit_status_updated__failed",
                "post 1: ❌ Pipeline #318 failed on main in acme/shop",
            ),
            (
                "repo_commit_status_updated__failed",
                "update 1: ❌ Pipeline #318 failed on main in acme/shop: failed 2 times since 14:15 UTC",
            ),
            (
                "repo_commit_status_updated__success",
                "update 1: ✅ Pipeline #318 recovered on main in acme/shop: it had failed for 20 min\n\
                 reply to 1 and channel: ✅ Pipeline #318 recovered on main in acme/shop: it had failed for 20 min",
            ),
            ("repo_commit_status_updated__stopped", "no message"),
        ],
    );
}

#[test]
fn other_failed_jobs_than_before_are_a_reply() {
    assert_plays(
        "pipelines of a branch and of a merge request",
        "gitlab",
        &[
            ("pipeline__success", "not_open"),
            (
                "pipeline__failed",
                "post 1: ❌ Tests of main #3181 failed on main in harbour/tide after 3 min",
            ),
            (
                "pipeline__failed /object_attributes/id=3182",
                "update 1: ❌ Tests of main #3182 failed on main in harbour/tide after 3 min: failed 2 times since 14:15 UTC",
            ),
            (
                "pipeline__failed-many /object_attributes/id=3183",
                "update 1: ❌ Pipeline #3183 failed on main in harbour/tide after 3 min: failed 3 times since 14:15 UTC\n\
                 reply to 1: ❌ Pipeline #3183 failed on main in harbour/tide after 3 min: failed 3 times since 14:15 UTC",
            ),
            (
                "pipeline__waits /object_attributes/id=3184",
                "post 3: ✋ Pipeline #3184 is waiting for a manual action on main in harbour/tide after 3 min",
            ),
            (
                "pipeline__success /object_attributes/id=3185",
                "update 1: ✅ Pipeline #3185 recovered on main in harbour/tide after 3 min: it had failed for 40 min\n\
                 reply to 1 and channel: ✅ Pipeline #3185 recovered on main in harbour/tide after 3 min: it had failed for 40 min",
            ),
            (
                "pipeline__merge-request",
                "post 5: ❌ Pipeline #3181 failed for !52 (one-harbour) in harbour/tide after 3 min",
            ),
            (
                "pipeline__merge-request",
                "update 5: ❌ Pipeline #3181 failed for !52 (one-harbour) in harbour/tide after 3 min",
            ),
            ("pipeline__tag-canceled", "no message"),
        ],
    );
}

#[test]
fn runs_of_gitea_and_forgejo_are_conversations_of_their_branch() {
    assert_plays(
        "runs",
        "gitea",
        &[
            ("workflow_run__completed-success", "not_open"),
            (
                "workflow_run__completed-failure",
                "post 1: ❌ Tests #88 failed on main in harbour/tide after 3 min, attempt 2",
            ),
            (
                "workflow_run__completed-success /workflow_run/run_number=89",
                "update 1: ✅ Tests #89 recovered on main in harbour/tide after 3 min: it had failed for 10 min\n\
                 reply to 1 and channel: ✅ Tests #89 recovered on main in harbour/tide after 3 min: it had failed for 10 min",
            ),
        ],
    );
    assert_plays(
        "runs",
        "forgejo",
        &[
            ("action_run_success__after-success", "not_open"),
            (
                "action_run_failure__push",
                "post 1: ❌ test.yml #88 failed on main in harbour/tide after 3 min",
            ),
            (
                "action_run_recover__push",
                "update 1: ✅ test.yml #93 recovered on main in harbour/tide after 3 min: it had failed for 10 min\n\
                 reply to 1 and channel: ✅ test.yml #93 recovered on main in harbour/tide after 3 min: it had failed for 10 min",
            ),
            (
                "action_run_failure__pull-request",
                "post 3: ❌ test.yml #89 failed for #52 in harbour/tide after 3 min",
            ),
            (
                "action_run_failure__pull-request",
                "update 3: ❌ test.yml #89 failed for #52 in harbour/tide after 3 min",
            ),
            ("action_run_success__tag", "not_open"),
        ],
    );
}

#[test]
fn a_deployment_is_one_message_and_its_end_in_production_is_seen_in_the_channel() {
    assert_plays(
        "deployments",
        "github",
        &[
            (
                "deployment_status__success /deployment_status/state=pending",
                "no message",
            ),
            (
                "deployment_status__success /deployment_status/state=in_progress",
                "post 1: ⏳ Deploying master to production in Codertocat/Hello-World (by Codertocat)",
            ),
            (
                "deployment_status__success",
                "update 1: ✅ Deployed master to production in Codertocat/Hello-World after 10 min (by Codertocat)\n\
                 reply to 1 and channel: ✅ Deployed master to production in Codertocat/Hello-World after 10 min (by Codertocat)",
            ),
            (
                "deployment_status__success /deployment_status/state=inactive",
                "not_open",
            ),
            (
                "deployment_status__failure /deployment_status/state=waiting /deployment/id=7",
                "post 3: ✋ Deployment of master to github-pages in Codertocat/Hello-World is waiting for approval (by Codertocat)",
            ),
            (
                "deployment_status__failure /deployment_status/state=in_progress /deployment/id=7",
                "update 3: ⏳ Deploying master to github-pages in Codertocat/Hello-World (by Codertocat)",
            ),
            (
                "deployment_status__failure /deployment_status/state=success /deployment/id=7",
                "update 3: ✅ Deployed master to github-pages in Codertocat/Hello-World after 20 min (by Codertocat)",
            ),
        ],
    );
    assert_plays(
        "a deployment that waits for approval",
        "gitlab",
        &[
            (
                "deployment__blocked",
                "post 1: ✋ Deployment of 9b02d997 to production in harbour/tide is waiting for approval (by ana)",
            ),
            (
                "deployment__approved",
                "reply to 1: ✅ ben approved the deployment of 9b02d997 to production in harbour/tide",
            ),
            (
                "deployment__running",
                "update 1: ⏳ Deploying 9b02d997 to production in harbour/tide (by ana)",
            ),
            (
                "deployment__success",
                "update 1: ✅ Deployed 9b02d997 to production in harbour/tide after 30 min (by ana)\n\
                 reply to 1 and channel: ✅ Deployed 9b02d997 to production in harbour/tide after 30 min (by ana)",
            ),
            (
                "deployment__failed",
                "post 4: ❌ Failed to deploy 9b02d997 to review/one-harbour in harbour/tide (by ana)",
            ),
        ],
    );
}

#[test]
fn a_job_that_fails_again_is_not_posted_again() {
    let job = "job-completed__failed /pipeline/number=320";
    let other_job = format!("{job} /job/name=lint");
    assert_plays(
        "jobs and workflows",
        "circleci",
        &[
            (
                "job-completed__failed",
                "post 1: ❌ test of build-test-deploy #319 failed on main in acme/shop after 1 min",
            ),
            (
                "workflow-completed__failed",
                "update 1: ❌ build-test-deploy #319 failed on main in acme/shop after 5 min: failing since 14:05 UTC, \
                 first test of build-test-deploy #319",
            ),
            (job, "unchanged"),
            (
                &other_job,
                "reply to 1: ❌ lint of build-test-deploy #320 failed on main in acme/shop after 1 min",
            ),
            (
                "workflow-completed__failed /pipeline/number=320",
                "update 1: ❌ build-test-deploy #320 failed on main in acme/shop after 5 min: failing since 14:05 UTC, \
                 first test of build-test-deploy #319",
            ),
            ("workflow-completed__success", "older"),
            (
                "workflow-completed__success /pipeline/number=321",
                "update 1: ✅ build-test-deploy #321 recovered on main in acme/shop after 5 min: it had failed for 1 h\n\
                 reply to 1 and channel: ✅ build-test-deploy #321 recovered on main in acme/shop after 5 min: it had failed for 1 h",
            ),
            (
                "workflow-completed__schedule-without-vcs",
                "post 4: ❌ nightly #323 failed in acme/shop after 5 min",
            ),
        ],
    );
    assert_plays(
        "builds and their jobs",
        "buildkite",
        &[
            ("build_finished__passed", "not_open"),
            (
                "job_finished__failed",
                "post 1: ❌ RSpec of Shop #319 failed on feature/sorted in acme/shop after 2 min (exit status 1)",
            ),
            (
                "build_failing__basic",
                "update 1: ❌ Shop #319 is failing on feature/sorted in acme/shop: failing since 14:15 UTC, first RSpec of Shop #319; \
                 some jobs are still running",
            ),
            (
                "build_finished__failed",
                "update 1: ❌ Shop #319 failed on feature/sorted in acme/shop after 7 min: failing since 14:15 UTC, \
                 first RSpec of Shop #319",
            ),
            (
                "build_finished__passed /build/branch=feature/sorted /build/number=320",
                "update 1: ✅ Shop #320 recovered on feature/sorted in acme/shop after 7 min: it had failed for 30 min\n\
                 reply to 1 and channel: ✅ Shop #320 recovered on feature/sorted in acme/shop after 7 min: it had failed for 30 min",
            ),
            (
                "build_finished__blocked",
                "post 3: ✋ Shop #320 is waiting for approval on v1.8.0 in acme/shop after 7 min",
            ),
            ("build_finished__canceled", "no message"),
        ],
    );
}

#[test]
fn runs_of_jenkins_are_conversations_whose_state_is_the_failed_tests() {
    assert_plays(
        "runs of a job",
        "jenkins",
        &[
            ("finished__success", "not_open"),
            (
                "finished__unstable",
                "post 1: ⚠️ shop #318 is unstable on main in acme/shop after 3 min",
            ),
            (
                "finished__unstable",
                "update 1: ⚠️ shop #318 is unstable on main in acme/shop after 3 min: failed 2 times since 14:15 UTC",
            ),
            (
                "finished__many-failed-tests",
                "update 1: ⚠️ shop #319 is unstable on main in acme/shop after 1 h 20 min: failed 3 times since 14:15 UTC\n\
                 reply to 1: ⚠️ shop #319 is unstable on main in acme/shop after 1 h 20 min: failed 3 times since 14:15 UTC",
            ),
            ("finished__aborted", "no message"),
            (
                "finished__success",
                "update 1: ✅ shop #317 recovered on main in acme/shop after 3 min: it had failed for 40 min\n\
                 reply to 1 and channel: ✅ shop #317 recovered on main in acme/shop after 3 min: it had failed for 40 min",
            ),
        ],
    );
}

#[test]
fn a_sync_of_argo_cd_is_one_message() {
    let place = "shop (web): 1a2b3c4 of example/shop-config in namespace shop";
    let synced = [
        format!("post 1: ⏳ Syncing {place} (by ana)"),
        format!("update 1: ✅ Synced {place} after 12 s, health: Progressing"),
        format!("update 1: ✅ Deployed {place} after 20 min"),
        "post 2: 🔴 shop (web) is degraded in namespace shop at 1a2b3c4".to_owned(),
    ];
    let events = [
        "sync-running__by-a-person",
        "sync-succeeded__progressing",
        "deployed__by-a-commit",
        "health-degraded__message",
    ];
    assert_eq!(play("argocd", &events), synced);
}

#[test]
fn builds_of_drone_and_travis_are_conversations_of_their_branch() {
    let recovered =
        "✅ daily_updates #191 recovered on stable in Diesel-Net/plex after 1 min: it had failed for 20 min";
    assert_plays(
        "builds of a branch",
        "drone",
        &[
            ("build__pending", "no message"),
            ("build__success", "not_open"),
            (
                "build__failure",
                "post 1: ❌ daily_updates #189 failed on stable in Diesel-Net/plex after 1 min",
            ),
            (
                "build__failure /build/number=190",
                "update 1: ❌ daily_updates #190 failed on stable in Diesel-Net/plex after 1 min: failing since 14:25 UTC, first plex #189",
            ),
            (
                "build__success /build/number=191",
                &format!("update 1: {recovered}\nreply to 1 and channel: {recovered}"),
            ),
            ("build__killed", "no message"),
        ],
    );
    let place = "on master in lapolinar/docs-travis-ci-com after 2 min";
    let recovered = format!("✅ docs-travis-ci-com #247 recovered {place}: it had failed for 30 min");
    assert_plays(
        "builds of a branch and of a pull request",
        "travis",
        &[
            (
                "finished__failed",
                &format!("post 1: ❌ docs-travis-ci-com #245 failed {place}"),
            ),
            (
                "finished__failed /id=411619176 /number=\"246\"",
                &format!(
                    "update 1: ❌ docs-travis-ci-com #246 failed {place}: failing since 14:05 UTC, first docs-travis-ci-com #245"
                ),
            ),
            (
                "finished__pull-request-errored",
                "post 2: ❌ fhir-svn #4603 could not run on master in hl7-fhir/fhir-svn after 17 min",
            ),
            (
                "finished__failed /id=411619177 /number=\"247\" /state=passed",
                &format!("update 1: {recovered}\nreply to 1 and channel: {recovered}"),
            ),
            ("finished__canceled", "no message"),
        ],
    );
}

#[test]
fn a_deploy_of_netlify_is_one_message() {
    let deployed = "✅ Deployed objective-jepsen-35fbb2 to production from master after 3 s";
    assert_plays(
        "a deploy to production",
        "netlify",
        &[
            (
                "deploy_building__production",
                "post 1: ⏳ Deploying objective-jepsen-35fbb2 to production from master",
            ),
            (
                "deploy_created__production",
                &format!("update 1: {deployed}\nreply to 1 and channel: {deployed}"),
            ),
            (
                "deploy_failed__preview",
                "post 3: ❌ Failed to deploy objective-jepsen-35fbb2 as deploy-preview from feature/login",
            ),
            (
                "deploy_created__production /context=deploy-preview /id=1",
                "no message",
            ),
        ],
    );
}

#[test]
fn a_run_of_terraform_is_one_message_and_so_is_the_same_finding_about_a_workspace() {
    let applied = "✅ Applied tf-aws-simple of org1 after 2 min";
    assert_plays(
        "a run that a person confirms, and drift",
        "terraform-cloud",
        &[
            (
                "run_needs_attention__planned",
                "post 1: ✋ tf-aws-simple of org1 waits for a person to confirm the plan",
            ),
            (
                "run_applying__destroy",
                "update 1: ⏳ Applying tf-aws-simple of org1",
            ),
            (
                "run_completed__applied",
                &format!("update 1: {applied}\nreply to 1 and channel: {applied}"),
            ),
            ("run_completed__nothing-to-apply", "no message"),
            ("run_errored__canceled", "no message"),
            (
                "run_errored__errored",
                "post 3: ❌ The run of service-tfbuddy-dev of zapier failed after 4 s",
            ),
            (
                "assessment__drifted",
                "post 4: ⚠️ my-workspace of acme-org: 4 resources of 59 differ from the configuration",
            ),
            (
                "assessment__drifted /details/new_assessment_result/resources_drifted=5",
                "update 4: ⚠️ my-workspace of acme-org: 5 resources of 60 differ from the configuration, 2 times since 15:05 UTC",
            ),
        ],
    );
}
