//! Follows templates/README.md, "Add a sender in ten minutes".

use std::fs;
use std::process::Command;

use crate::harness::TestSetup;
use crate::program::{Served, output_of, output_text, program};

const PAGE: &str = include_str!("../../templates/README.md");

/// The fenced blocks of the section in order: language, text.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let section = PAGE.split("## Add a sender in ten minutes").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let block = |block: &'static str| block.split_once('\n').unwrap();
    section.split("```").skip(1).step_by(2).map(block).collect()
}

fn block(language: &str, number: usize) -> &'static str {
    let (_, text) = blocks()
        .into_iter()
        .filter(|(of, _)| *of == language)
        .nth(number)
        .unwrap();
    text
}

#[actix_web::test]
async fn following_the_guide_adds_a_sender() {
    let setup = TestSetup::new();
    for (path, text) in [
        ("templates/acme/samples/deploy__failed.json", block("json", 0)),
        ("templates/acme/source.toml", block("toml", 0)),
        ("templates/acme/deploy.hbs", block("handlebars", 0)),
        ("secrets/acme", "a secret of acme's"),
        ("bridge.toml", &setup.config_text(block("toml", 1))),
    ] {
        let path = setup.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let run = |arguments: &[&str]| {
        let output = program()
            .current_dir(&setup.folder)
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", output_text(&output));
        output_text(&output)
    };
    let checked = run(&["check"]);
    assert!(
        checked.contains("source acme: /hooks/acme (Acme Deploy; signature, path) → dev"),
        "{checked}"
    );
    assert!(
        checked.contains("3 sources") && checked.contains("0 warnings"),
        "{checked}"
    );
    let promised = block("console", 0).split("…\n").nth(1).unwrap();
    let previewed = run(&["preview", "--kind", "acme", "--sample", "deploy__failed"]);
    assert!(previewed.contains(promised), "{promised}{previewed}");

    let mut served = Served::start(&setup.path("bridge.toml"), &setup.store());
    let script = block("sh", 0).replace("http://127.0.0.1:8080", &served.url);
    let mut shell = Command::new("sh");
    shell.args(["-ec", &script]).current_dir(&setup.folder);
    let output = output_of(shell).await;
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        answer.contains("\"channels\":[\"dev\"]"),
        "{answer}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let posted = setup.posted("ch-dev", 1).await;
    assert!(
        posted[0].starts_with("❌ shop was not deployed by ana after 3 min"),
        "{posted:?}"
    );
    served.signal("TERM");
    assert!(served.end().success());
}
