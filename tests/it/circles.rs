//! No circular imports among the files of `src/`.
//!
//! An exception: a folder's own file (`queue.rs` or `queue/mod.rs`) composes the files below it, and those may use its
//! types. Therefore an import from a file to a file below it does not count.

use std::collections::{BTreeMap, BTreeSet};

use crate::imports::{Module, modules};

/// The imports of each file: module path → module paths.
type Graph = BTreeMap<String, BTreeSet<String>>;

struct File {
    /// Paths it imports or names in code, each a list of segments.
    imports: Vec<Vec<String>>,
    /// Paths it re-exports under their last segment.
    exports: Vec<Vec<String>>,
}

fn graph(files: &BTreeMap<String, File>) -> Graph {
    let mut graph = Graph::new();
    for (name, file) in files {
        let imports = graph.entry(name.clone()).or_default();
        for path in file.imports.iter().chain(&file.exports) {
            let Some(target) = resolve(files, name, path, 0) else {
                continue;
            };
            let is_below = target.starts_with(&format!("{name}/"));
            if target != *name && !target.is_empty() && !is_below {
                imports.insert(target);
            }
        }
    }
    graph
}

/// The file that defines the item at `path`, as written in the file `from`. `None`: another crate or unknown.
fn resolve(files: &BTreeMap<String, File>, from: &str, path: &[String], depth: usize) -> Option<String> {
    let (first, mut rest) = path.split_first()?;
    let mut at = match first.as_str() {
        "crate" | "twake_bridge" => String::new(),
        "self" => from.to_owned(),
        "super" => parent(from),
        name if files.contains_key(&join(from, name)) => join(from, name),
        _ => return None,
    };
    while let Some((name, after)) = rest.split_first() {
        if name == "super" {
            at = parent(&at);
        } else if files.contains_key(&join(&at, name)) {
            at = join(&at, name);
        } else {
            let exported = files.get(&at)?.exports.iter();
            let mut exported = exported.filter(|path| path.last() == Some(name));
            // A limit against endless recursion; eight levels of re-exports do not occur.
            return exported
                .find_map(|path| (depth < 8).then(|| resolve(files, &at, path, depth + 1))?)
                .or(Some(at));
        }
        rest = after;
    }
    Some(at)
}

fn parent(path: &str) -> String {
    path.rsplit_once('/')
        .map(|(folder, _)| folder.to_owned())
        .unwrap_or_default()
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

fn files() -> BTreeMap<String, File> {
    let name = |path: &str| path.strip_suffix("/mod").unwrap_or(path).to_owned();
    let all = modules();
    let names: BTreeSet<String> = all.iter().map(|module| name(&module.path)).collect();
    let file = |Module { path, code, .. }: &Module| {
        let name = name(path);
        let file = file(code, &name, &names);
        (name, file)
    };
    all.iter().map(file).collect()
}

/// Splits the `use` items of a file from its other code. Every item begins a line, since rustfmt formats the code.
fn file(code: &str, name: &str, names: &BTreeSet<String>) -> File {
    let (mut imports, mut exports, mut other) = (Vec::new(), Vec::new(), String::new());
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let item = line.trim_start();
        let (is_public, tree) = match item.split_once("use ") {
            Some(("", tree)) => (false, tree),
            Some((visibility, tree)) if visibility.starts_with("pub") && visibility.ends_with([' ']) => {
                (true, tree)
            }
            _ => {
                other.push_str(line);
                other.push('\n');
                continue;
            }
        };
        let mut tree = tree.to_owned();
        while !tree.ends_with(';') {
            let Some(line) = lines.next() else { break };
            tree.push_str(line.trim());
        }
        let paths = expand(tree.trim_end_matches(';'));
        if is_public { &mut exports } else { &mut imports }.extend(paths);
    }
    imports.extend(paths_in_code(&other, name, names));
    File { imports, exports }
}

/// `a::{b, c::{self, D}}` as one path each.
fn expand(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    if let Some(group) = tree.strip_prefix('{').and_then(|tree| tree.strip_suffix('}')) {
        let mut depth = 0;
        let parts = group.split(|letter| {
            depth += i32::from(letter == '{') - i32::from(letter == '}');
            letter == ',' && depth == 0
        });
        return parts
            .filter(|part| !part.trim().is_empty())
            .flat_map(expand)
            .collect();
    }
    let Some((first, rest)) = tree.split_once("::") else {
        let name = tree.split(" as ").next().unwrap_or_default().trim();
        return vec![vec![name.to_owned()]];
    };
    let first = first.trim().to_owned();
    let mut paths = expand(rest);
    for path in &mut paths {
        // `a::{self, b}`: `self` is `a`.
        path.retain(|name| name != "self");
        path.insert(0, first.clone());
    }
    paths
}

/// `crate::a::b(…)`, `super::a`, and `child::f()` of a file below.
fn paths_in_code(code: &str, name: &str, names: &BTreeSet<String>) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    for (at, _) in code.match_indices("::") {
        let start = code[..at].rfind(|letter| !is_word(letter)).map_or(0, |at| at + 1);
        if code[..start].ends_with(':') {
            continue;
        }
        let end = code[at..]
            .find(|letter| !is_word(letter) && letter != ':')
            .map_or(code.len(), |end| at + end);
        let path: Vec<String> = code[start..end]
            .split("::")
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect();
        let first = path.first().map(String::as_str).unwrap_or_default();
        if ["crate", "super", "self"].contains(&first) || names.contains(&join(name, first)) {
            paths.push(path);
        }
    }
    paths
}

/// Circles, each with the files in it.
fn circles(graph: &Graph) -> Vec<BTreeSet<String>> {
    let reach = |from: &String| {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&String> = graph.get(from).into_iter().flatten().collect();
        while let Some(next) = open.pop() {
            if seen.insert(next.clone()) {
                open.extend(graph.get(next).into_iter().flatten());
            }
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<String>> = graph.keys().map(|name| (name, reach(name))).collect();
    let mut circles: Vec<BTreeSet<String>> = Vec::new();
    for (name, seen) in &reached {
        if seen.contains(*name) && !circles.iter().any(|circle| circle.contains(*name)) {
            let back = |other: &&String| reached.get(*other).is_some_and(|seen| seen.contains(*name));
            circles.push(seen.iter().filter(back).cloned().collect());
        }
    }
    circles
}

#[test]
fn no_file_imports_a_file_that_imports_it() {
    let graph = graph(&files());
    assert!(graph.len() > 100 && graph.values().any(|imports| imports.len() > 5));
    let circles = circles(&graph);
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn a_circle_through_a_re_export_is_found() {
    let names: BTreeSet<String> = ["a", "a/inner", "b", "c"].map(str::to_owned).into();
    let sources = [
        (
            "a",
            "mod inner;\npub(crate) use inner::{Thing, Other as Renamed};\n",
        ),
        ("a/inner", "use crate::b;\npub struct Thing;\n"),
        ("b", "use std::fmt;\nfn f(x: crate::a::Thing) {}\n"),
        ("c", "use crate::{a::{self, Thing}, b};\n"),
    ];
    let files: BTreeMap<String, File> = sources
        .into_iter()
        .map(|(name, code)| (name.to_owned(), file(code, name, &names)))
        .collect();
    let circles = circles(&graph(&files));
    assert_eq!(circles, [["a/inner", "b"].map(str::to_owned).into()]);
}
