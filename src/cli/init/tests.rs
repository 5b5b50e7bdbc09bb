use super::*;
use std::os::unix::fs::PermissionsExt as _;

/// The answers, one a line.
fn answers(lines: &[&str]) -> anyhow::Result<Answers> {
    let text = lines.join("\n") + "\n";
    Answers::ask(&mut Interview::new(text.as_bytes(), Vec::new(), false), &|_| {
        false
    })
}

const MESSAGES_SAVE: &[&str] = &[
    "https://twake.example.org",
    "",
    "",
    "",
    "",
    "public",
    "company",
    "a private key",
];

fn with(more: &[&'static str]) -> Vec<&'static str> {
    [MESSAGES_SAVE, more].concat()
}

#[test]
fn the_bridge_accepts_what_init_writes_for_each_twake_and_each_kind() {
    let threads = [
        "chat.example.org",
        "n",
        "y",
        "",
        "public",
        "company",
        "workspace",
        "a private key",
        "dev",
        "ch-1",
        "",
    ];
    let matrix = [
        "https://e.org",
        "yes",
        "https://matrix.e.org",
        "syt_token",
        "",
        "#dev:e.org",
        "ops",
        "#ops:e.org",
        "",
    ];
    let mut all: Vec<Vec<&str>> = Vec::new();
    for kind in crate::config::builtin::kinds() {
        all.push([&with(&["", "ch-1", ""])[..], &[kind, ""]].concat());
    }
    all.extend([
        [&threads[..], &["", ""]].concat(),
        [&matrix[..], &["alertmanager", ""]].concat(),
    ]);
    for lines in all {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bridge.toml");
        let answers = answers(&lines).unwrap();
        let next = write(folder.path(), &file, &answers).unwrap().unwrap();
        assert!(next.contains(&format!("/hooks/{}", answers.kind)), "{next}");
        let config = Config::load(&file, &Environment::none());
        let config = config.unwrap_or_else(|findings| panic!("{lines:?} {findings:?}"));
        assert_eq!(config.warnings, [], "{lines:?}");
        assert_eq!(
            (config.sources.len(), config.channels.len()),
            (1, answers.channels.len())
        );
        for secret in fs::read_dir(folder.path().join(SECRETS)).unwrap() {
            let mode = secret.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{lines:?}");
        }
    }
}

#[test]
fn a_secret_that_is_there_is_kept_and_wrong_answers_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bridge.toml");
    let github = secret_file(folder.path(), "github");
    fs::create_dir(folder.path().join(SECRETS)).unwrap();
    fs::write(&github, "the secret of before, which is long").unwrap();
    let mut wrong = answers(&with(&["", "ch-1", "", "", ""])).unwrap();
    // A secret of several lines cannot be typed; the configuration refuses it.
    wrong.account_secret = Some(crate::secret::Secret::new("a\nb"));
    assert_eq!(write(folder.path(), &file, &wrong).unwrap().unwrap_err().len(), 1);
    assert!(!file.exists() && !secret_file(folder.path(), "twake").exists());
    let right = answers(&with(&["", "ch-1", "", "", ""])).unwrap();
    assert!(write(folder.path(), &file, &right).unwrap().is_ok());
    assert_eq!(
        fs::read_to_string(github).unwrap(),
        "the secret of before, which is long"
    );
}

#[test]
fn a_wrong_answer_is_asked_again_and_a_missing_one_ends() {
    let lines = with(&[
        "D ev",
        "dev",
        "https://e.org/c/x",
        "ch-1",
        "dev",
        "",
        "gihtub",
        "github",
        "ftp://x",
        "",
    ]);
    let right = answers(&lines).unwrap();
    assert_eq!(right.channels, [("dev".to_owned(), "ch-1".to_owned())]);
    assert_eq!(
        (right.kind.as_str(), right.public_url.as_str()),
        ("github", "https://bridge.example.org/")
    );
    for end in 0..MESSAGES_SAVE.len() {
        let error = answers(&MESSAGES_SAVE[..end]).err().unwrap().to_string();
        assert!(error.contains("nothing was written"), "{end} {error}");
    }
    let none = answers(&["https://e.org", "n", "n", "n"])
        .err()
        .unwrap()
        .to_string();
    assert!(none.contains("no Twake that the bridge knows"), "{none}");
}
