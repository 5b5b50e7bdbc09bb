//! What the README says of the program is what the program says of itself.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use twake_bridge::http::Problem;
use twake_bridge::twake::{Api, Breadth, Ends, RETRIES_WHEN_UNSURE, answers};

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

#[test]
fn the_table_of_twakes_answers_is_the_programs() {
    let mut table = String::from("| Twake's answer | what follows | what to do |\n| --- | --- | --- |\n");
    for row in answers(Api::MessagesSave) {
        let ends = match row.ends {
            Ends::Delivered => "delivered".to_owned(),
            Ends::Retry => "**retry** up to the horizon".to_owned(),
            Ends::RetryTimes(times) => format!("**retry** {times} times, then dead letter"),
            Ends::Halt(Breadth::Account) => "**halt** of the account".to_owned(),
            Ends::Halt(Breadth::Company) => "**halt** of the company".to_owned(),
            Ends::Probe(breadth) => {
                let scope = match breadth {
                    Breadth::Account => "account",
                    Breadth::Company => "company",
                };
                format!(
                    "a probe without a message: if it passes, **retry** {RETRIES_WHEN_UNSURE} times, then dead letter; if not, **halt** of the {scope}"
                )
            }
            Ends::Reject => "**reject**: dead letter".to_owned(),
        };
        let twice = if row.may_be_duplicate {
            "; may be told twice"
        } else {
            ""
        };
        writeln!(
            table,
            "| {} | {ends}{twice} (`{}`) | {} |",
            row.answer,
            row.reason.code(),
            row.advice
        )
        .unwrap();
    }
    let readme = readme();
    let printed = readme
        .split_once("a test compares it -->\n")
        .unwrap()
        .1
        .split_once("<!-- /answers -->")
        .unwrap()
        .0;
    assert!(printed == table, "the README's table should be:\n\n{table}");
}

#[test]
fn every_problem_a_sender_can_be_told_is_in_the_readme() {
    let readme = readme();
    for problem in Problem::ALL {
        let (status, code) = (problem.status().as_u16(), problem.code());
        let row = readme.lines().find(|line| line.contains(&format!("`{code}`")));
        assert!(
            row.is_some_and(|row| row.contains(&status.to_string())),
            "{status} {code}"
        );
    }
}

#[test]
fn the_ten_lines_are_right() {
    let readme = readme();
    let ten = readme
        .split_once("## Ten lines of configuration\n\n```toml\n")
        .unwrap()
        .1
        .split_once("```")
        .unwrap()
        .0;
    assert_eq!(ten.lines().count(), 10);
    let elsewhere = tempfile::tempdir().unwrap();
    let serve = crate::program::program()
        .arg("serve")
        .current_dir(elsewhere.path())
        .output()
        .unwrap();
    assert!(
        String::from_utf8(serve.stderr).unwrap().contains(ten),
        "serve without a configuration shows the same"
    );
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("secrets")).unwrap();
    for secret in ["twake", "github"] {
        fs::write(
            folder.path().join("secrets").join(secret),
            "4c1f0a9e77b2d35586aa0b1c",
        )
        .unwrap();
    }
    let surroundings = twake_bridge::config::Surroundings::none();
    let config = twake_bridge::config::Config::from_text(ten, folder.path(), &surroundings);
    let config = config.unwrap_or_else(|findings| panic!("{findings:?}"));
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}
