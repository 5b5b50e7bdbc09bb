//! Build script. Compiles the `templates/` folder into the binary (every file by its path, samples compressed), and
//! writes the table of GitHub's emoji shortcodes.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

#[expect(
    clippy::disallowed_methods,
    reason = "cargo passes everything to a build script in environment variables"
)]
fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("templates");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed={}", root.display());
    println!("cargo::rerun-if-changed=src/build.rs");

    // The highest level takes long in an unoptimised build script.
    let level = if env::var("PROFILE")? == "release" { 19 } else { 3 };
    let mut files = Vec::new();
    walk(&root, &mut files)?;
    files.sort();

    let mut texts = String::from("pub(super) static TEXTS: &[(&str, &str)] = &[\n");
    let mut samples = String::from("pub(super) static SAMPLES: &[(&str, &[u8])] = &[\n");
    for (index, path) in files.iter().enumerate() {
        let name = path
            .strip_prefix(&root)?
            .to_str()
            .ok_or("a file name under templates/ is not UTF-8")?;
        if name.ends_with("/SOURCES") {
            continue;
        }
        if name.contains("/samples/") {
            let packed = out.join(format!("sample-{index}.zst"));
            fs::write(&packed, zstd::encode_all(fs::File::open(path)?, level)?)?;
            writeln!(samples, "    ({name:?}, include_bytes!({:?})),", packed.display())?;
        } else if name.contains('/') {
            writeln!(texts, "    ({name:?}, include_str!({:?})),", path.display())?;
        }
    }
    fs::write(out.join("templates.rs"), format!("{texts}];\n{samples}];\n"))?;
    fs::write(out.join("shortcodes.txt"), shortcodes())?;

    // Stores relative relocations as a bitmap instead of 24 bytes each, which saves a tenth of the binary's size.
    // Requires glibc 2.36 (Debian 12). Not every linker of other targets supports it.
    if (
        env::var("CARGO_CFG_TARGET_OS")?,
        env::var("CARGO_CFG_TARGET_ENV")?,
        env::var("CARGO_CFG_TARGET_ARCH")?,
    ) == ("linux".to_owned(), "gnu".to_owned(), "x86_64".to_owned())
    {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    Ok(())
}

/// One line per shortcode: the code, a space, the emoji.
fn shortcodes() -> String {
    let mut table = String::from("\n");
    for emoji in emojis::iter() {
        for code in emoji.shortcodes() {
            table.extend([code, " ", emoji.as_str(), "\n"]);
        }
    }
    table
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}
