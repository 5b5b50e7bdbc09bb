//! The documents match the program: tables, the configuration in the README, links, the names of tests.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::imports::walk;
use twake_bridge::condition::{FUNCTIONS, MACROS};
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
fn the_documented_table_of_twakes_responses_matches_the_code() {
    let name = |extent| match extent {
        Extent::Account => "account",
        Extent::Company => "company",
        Extent::Channel => "channel",
    };
    let page = document("docs/twake.md");
    let mut rest = page.as_str();
    for (word, api) in Api::ALL {
        let table = answer_table(api, name);
        let (_, after) = rest.split_once("a test compares it -->\n").unwrap();
        let (printed, after) = after.split_once("<!-- /answers -->").unwrap();
        assert!(
            printed == table,
            "the table of {word} in docs/twake.md should be:\n\n{table}"
        );
        rest = after;
    }
}

/// The table of an API's answers, as the document has it.
fn answer_table(api: Api, name: impl Fn(Extent) -> &'static str) -> String {
    let mut table = String::from("| answer | what follows | what to do |\n| --- | --- | --- |\n");
    for row in answers(api) {
        let ends = match row.ends {
            Ends::Delivered => "delivered".to_owned(),
            Ends::Retry => "**retry** up to the horizon".to_owned(),
            Ends::RetryTimes(times) => format!("**retry** {times} times, then dead letter"),
            Ends::RetryThenPost(0) => "posted as a new message".to_owned(),
            Ends::Pause(extent) => format!(
                "**retry** up to the horizon; nothing is posted in the {} before",
                name(extent)
            ),
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
    table
}

#[test]
fn the_documented_functions_of_conditions_match_the_code() {
    let list = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        names.join(", ")
    };
    let lists = format!("Functions: {}.\n\nMacros: {}.\n", list(FUNCTIONS), list(MACROS));
    let page = document("templates/README.md");
    let printed = page
        .split_once("a test compares them -->\n")
        .unwrap()
        .1
        .split_once("<!-- /functions -->")
        .unwrap()
        .0;
    assert!(
        printed == lists,
        "the lists in templates/README.md should be:\n\n{lists}"
    );
}

#[test]
fn every_problem_code_is_documented() {
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
fn the_readme_has_at_most_8_kib() {
    let size = document("README.md").len();
    assert!(
        size <= README_SIZE,
        "README.md has {size} bytes; move something to docs/"
    );
}

#[test]
fn the_ten_lines_of_the_readme_are_a_valid_configuration() {
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
    assert_eq!(serve.status.code(), Some(78));
    assert!(serve.stdout.is_empty());
    let printed = String::from_utf8(serve.stderr).unwrap();
    assert!(
        printed.contains(ten) && printed.contains("twake-bridge demo"),
        "serve without a configuration prints other lines: {printed}"
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
    let read = |text: &str| twake_bridge::config::Config::from_text(text, folder.path(), &environment);
    let Err(findings) = read(ten) else {
        panic!("the placeholders are accepted");
    };
    assert_eq!(findings.len(), 3, "{findings:?}");
    let ids = placeholders(ten).into_iter().enumerate();
    let filled = ids.fold(ten.to_owned(), |text, (number, placeholder)| {
        text.replace(&placeholder, &format!("id-{number}"))
    });
    let config = read(&filled).unwrap_or_else(|findings| panic!("{findings:?}"));
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

/// The texts that stand for an id of Twake in a configuration, without ids made of zeros.
fn placeholders(configuration: &str) -> Vec<String> {
    const IDS: [&str; 4] = ["public_id", "group_id", "workspace_id", "channel_id"];
    fn collect(name: &str, value: &toml::Value, within: &str, found: &mut Vec<String>) {
        match value {
            toml::Value::String(text)
                if (IDS.contains(&name) || within == "channels")
                    && !text.contains("00000000-")
                    && !text.contains(':') =>
            {
                found.push(text.clone());
            }
            toml::Value::Table(table) => {
                for (key, value) in table {
                    collect(key, value, name, found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    let table: toml::Table = toml::from_str(configuration).unwrap_or_default();
    collect("", &toml::Value::Table(table), "", &mut found);
    found
}

/// Every text of a document in place of an id or of Twake's key is refused with what to write, so a copy of the document never
/// starts a bridge that posts nowhere.
#[test]
fn every_placeholder_of_the_documents_is_an_error() {
    let (mut ids, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for name in [
        "README.md",
        "deploy/README.md",
        "deploy/debian/bridge.toml",
        "docs/which-twake.md",
        "docs/twake.md",
    ] {
        let page = document(name).replace("\n#", "\n");
        let blocks = page
            .split("```toml\n")
            .skip(1)
            .map(|block| block.split("```").next().unwrap());
        let whole = if page.contains("```") { "" } else { &page };
        let lines = |text: &str| {
            text.lines()
                .map(|line| line.trim_start().to_owned() + "\n")
                .collect::<String>()
        };
        ids.extend(blocks.chain([whole]).flat_map(|text| placeholders(&lines(text))));
        for line in page
            .lines()
            .filter(|line| line.contains("secrets/twake") || line.contains("secrets/matrix"))
        {
            let command = ["printf %s ", "echo -n "]
                .into_iter()
                .find_map(|word| line.split_once(word));
            let Some((_, written)) = command else { continue };
            let quote = &written[..1];
            keys.insert(
                written[1..]
                    .split(quote.chars().next().unwrap())
                    .next()
                    .unwrap()
                    .to_owned(),
            );
        }
    }
    assert!(ids.len() >= 4 && keys.len() >= 3, "{ids:?} {keys:?}");
    let folder = tempfile::tempdir().unwrap();
    let read = |id: &str, key: &str| {
        fs::write(folder.path().join("twake"), key).unwrap();
        let text = format!(
            "[twake.main]\nurl = \"https://api.twake.app\"\npublic_id = \"{id}\"\nprivate_api_key = {{ file = \"twake\" }}\n\
             group_id = \"{id}\"\n[channels]\ndev = \"{id}\"\n"
        );
        let config = twake_bridge::config::Config::from_text(
            &text,
            folder.path(),
            &twake_bridge::config::Environment::none(),
        );
        let findings = config.err().unwrap_or_default().into_iter();
        let errors =
            findings.filter(|finding| finding.severity == twake_bridge::toml_reader::Severity::Error);
        errors.map(|error| error.to_string()).collect::<Vec<_>>()
    };
    for id in &ids {
        let found = read(id, "4c1f0a9e77b2d35586aa0b1c");
        let is_answered = |finding: &String| finding.contains("is a placeholder: write");
        assert!(
            found.len() == 3 && found.iter().all(is_answered),
            "{id}: {found:?}"
        );
    }
    for key in &keys {
        let found = read("id", key);
        assert!(
            found.len() == 1 && found[0].contains("is a placeholder"),
            "{key}: {found:?}"
        );
    }
}

#[test]
fn every_relative_link_has_a_target() {
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
fn every_documented_test_exists() {
    let mut pages = BTreeMap::new();
    read_pages(root(), &mut pages);
    let tests = BTreeMap::from([("lib", test_paths("src")), ("it", test_paths("tests/it"))]);
    let mut filters = 0;
    let mut wrong = Vec::new();
    for (path, page) in &pages {
        for command in &page.test_commands {
            let Some((target, filter)) = target_and_filter(command) else {
                continue;
            };
            filters += 1;
            let exists = |tests: &Vec<String>| tests.iter().any(|test| test.contains(filter));
            if !tests.get(target).is_some_and(exists) {
                wrong.push(format!("{}: {command}: no such test", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(filters > 30, "{filters} commands were found");
}

#[test]
fn anchors_match_those_of_github() {
    let page = Page::parse("# 404 on *your* own `server`\n## A, b_c-d!\n## A, b_c-d!\n");
    let anchors: Vec<&str> = page.anchors.iter().map(String::as_str).collect();
    assert_eq!(anchors, ["404-on-your-own-server", "a-b_c-d", "a-b_c-d-1"]);
}

/// What the tests read in a Markdown page.
#[derive(Default)]
struct Page {
    links: Vec<String>,
    anchors: BTreeSet<String>,
    /// The commands `cargo test …`.
    test_commands: Vec<String>,
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
                    let commands = text.lines().filter(|line| line.contains("cargo test "));
                    page.test_commands.extend(commands.map(str::to_owned));
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

/// The anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// The target of a `cargo test` command (`lib`, `it`) and the text by which it selects tests. `None`: it selects all.
fn target_and_filter(command: &str) -> Option<(&str, &str)> {
    let (_, arguments) = command.split_once("cargo test ")?;
    let mut words = arguments.split_whitespace().take_while(|word| *word != "--");
    let (mut target, mut filter) = ("", None);
    while let Some(word) = words.next() {
        match word {
            "--lib" => target = "lib",
            "--test" => target = words.next()?,
            option if option.starts_with("--") => {}
            name => filter = Some(name),
        }
    }
    Some((target, filter?))
}

/// The paths of the tests under a folder: `config::tests::deploy::the_file_contains_every_key`. A `mod tests` inside a
/// file is left out. In a folder `tests` every function counts, because macros make tests of functions there.
fn test_paths(folder: &str) -> Vec<String> {
    let folder = root().join(folder);
    let mut files = Vec::new();
    walk(&folder, &mut files);
    let mut paths = Vec::new();
    for file in files {
        let path = file.strip_prefix(&folder).unwrap().with_extension("");
        let names = path.iter().map(|name| name.to_str().unwrap());
        let modules: Vec<&str> = names.filter(|name| *name != "mod").collect();
        let of_tests = modules.contains(&"tests");
        let mut is_test = false;
        for line in fs::read_to_string(&file).unwrap().lines().map(str::trim) {
            if line.starts_with("#[") && line.ends_with("test]") {
                is_test = true;
            } else if let Some(name) = function_name(line)
                && (std::mem::take(&mut is_test) || of_tests)
            {
                paths.push(format!("{}::{name}", modules.join("::")));
            }
        }
    }
    paths
}

/// The name of the function that a line declares.
fn function_name(line: &str) -> Option<&str> {
    let (qualifiers, rest) = line.split_once("fn ")?;
    let is_declaration = qualifiers
        .split_whitespace()
        .all(|word| word == "async" || word.starts_with("pub"));
    is_declaration.then(|| rest.split(['(', '<']).next().unwrap_or(rest))
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

/// Checks the target of a relative link. Links to other sites are not checked.
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
