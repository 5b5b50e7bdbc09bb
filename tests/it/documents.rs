//! The documents agree with the program and with each other: tables, the configuration in the README, links.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Component, Path, PathBuf};

use twake_bridge::http::Problem;
use twake_bridge::twake::{Api, Ends, Extent, RETRIES_WHEN_UNSURE, answers};

/// The README is one page, in bytes.
const README_SIZE: usize = 8 * 1024;

/// Folders without documents of this repository.
const SKIPPED: [&str; 3] = [".git", "node_modules", "target"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

#[test]
fn the_table_of_twakes_answers_is_the_programs() {
    let name = |extent| match extent {
        Extent::Account => "account",
        Extent::Company => "company",
    };
    let mut table = String::from("| Twake's answer | what follows | what to do |\n| --- | --- | --- |\n");
    for row in answers(Api::MessagesSave) {
        let ends = match row.ends {
            Ends::Delivered => "delivered".to_owned(),
            Ends::Retry => "**retry** up to the horizon".to_owned(),
            Ends::RetryTimes(times) => format!("**retry** {times} times, then dead letter"),
            Ends::RetryThenPost(times) => format!("**retry** {times} times, then posted as a new message"),
            Ends::Halt(extent) => format!("**halt** of the {}", name(extent)),
            Ends::Probe(extent) => format!(
                "a probe without a message: if it passes, **retry** {RETRIES_WHEN_UNSURE} times, then dead letter; if not, **halt** of the {}",
                name(extent)
            ),
            Ends::Reject => "**reject**: dead letter".to_owned(),
        };
        let twice = if row.may_be_duplicate {
            "; may be posted twice"
        } else {
            ""
        };
        writeln!(
            table,
            "| {} | {ends}{twice} (`{}`) | {} |",
            row.answer,
            row.reason.code(),
            row.hint
        )
        .unwrap();
    }
    let page = document("docs/twake.md");
    let printed = page
        .split_once("a test compares it -->\n")
        .unwrap()
        .1
        .split_once("<!-- /answers -->")
        .unwrap()
        .0;
    assert!(
        printed == table,
        "the table in docs/twake.md should be:\n\n{table}"
    );
}

#[test]
fn every_refusal_of_a_request_is_documented() {
    let page = document("docs/http.md");
    for problem in Problem::ALL {
        let (status, code) = (problem.status().as_u16(), problem.code());
        let row = page.lines().find(|line| line.contains(&format!("`{code}`")));
        assert!(
            row.is_some_and(|row| row.contains(&status.to_string())),
            "{status} {code}"
        );
    }
}

#[test]
fn the_readme_fits_on_a_page() {
    let size = document("README.md").len();
    assert!(
        size <= README_SIZE,
        "README.md has {size} bytes; move something to docs/"
    );
}

#[test]
fn the_ten_lines_are_right() {
    let readme = document("README.md");
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
    let environment = twake_bridge::config::Environment::none();
    let config = twake_bridge::config::Config::from_text(ten, folder.path(), &environment);
    let config = config.unwrap_or_else(|findings| panic!("{findings:?}"));
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut pages = BTreeMap::new();
    read_pages(root(), &mut pages);
    for expected in [
        "README.md",
        "docs/README.md",
        "deploy/README.md",
        "templates/github/README.md",
    ] {
        assert!(
            pages.contains_key(&root().join(expected)),
            "{expected} was not read"
        );
    }
    let mut broken = Vec::new();
    for (path, page) in &pages {
        for link in &page.links {
            if let Err(why) = follow(path, link, &pages) {
                broken.push(format!("{}: {link}: {why}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn an_anchor_is_made_as_github_makes_it() {
    let page = Page::parse("# 404 on *your* own `server`\n## A, b_c-d!\n## A, b_c-d!\n");
    let anchors: Vec<&str> = page.anchors.iter().map(String::as_str).collect();
    assert_eq!(anchors, ["404-on-your-own-server", "a-b_c-d", "a-b_c-d-1"]);
}

/// Where a Markdown page links to, and what can be linked to in it.
#[derive(Default)]
struct Page {
    links: Vec<String>,
    anchors: BTreeSet<String>,
}

impl Page {
    fn parse(text: &str) -> Self {
        let mut page = Self::default();
        let mut heading = None;
        for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.into_string());
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let anchor = anchor(&heading.take().unwrap());
                    let numbered = (1..).map(|number| format!("{anchor}-{number}"));
                    let mut names = std::iter::once(anchor.clone()).chain(numbered);
                    let free = names.find(|name| !page.anchors.contains(name)).unwrap();
                    page.anchors.insert(free);
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        page
    }
}

/// The name that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// Reads every Markdown page under a folder.
fn read_pages(folder: &Path, pages: &mut BTreeMap<PathBuf, Page>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !SKIPPED.contains(&name) {
            read_pages(&path, pages);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let page = Page::parse(&fs::read_to_string(&path).unwrap());
            pages.insert(path, page);
        }
    }
}

/// Follows a relative link of a page. Links to other sites are not followed.
fn follow(from: &Path, link: &str, pages: &BTreeMap<PathBuf, Page>) -> Result<(), &'static str> {
    if link.contains("://") || link.starts_with("mailto:") {
        return Ok(());
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => from.to_owned(),
        path => normalized(&from.parent().unwrap().join(path)),
    };
    if !target.starts_with(root()) || !target.exists() {
        return Err("no such file");
    }
    let anchored = anchor.is_empty()
        || pages
            .get(&target)
            .is_some_and(|page| page.anchors.contains(anchor));
    if anchored { Ok(()) } else { Err("no such heading") }
}

/// The same path without `.` and `..`.
fn normalized(path: &Path) -> PathBuf {
    let mut normalized = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(normalized.pop()),
            Component::CurDir => {}
            other => normalized.push(other),
        }
    }
    normalized
}
