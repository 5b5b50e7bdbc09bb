//! The origin of a kind's files.

use std::path::PathBuf;

/// The origin of a file of a kind (a template, a sample).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Compiled into the program.
    BuiltIn,
    /// The operator's own file, at this path.
    Own(PathBuf),
}

impl Origin {
    /// Returns whether this is the operator's own file.
    pub fn is_own(&self) -> bool {
        matches!(self, Self::Own(_))
    }

    /// Returns the name of the file `name` of `kind` in findings: the path of an own file, `kind/name` of a built-in
    /// one, `_folder/name` of a built-in part that every kind may include.
    pub fn file(&self, kind: &str, name: &str) -> String {
        match self {
            Self::BuiltIn if name.contains('/') => name.to_owned(),
            Self::BuiltIn => format!("{kind}/{name}"),
            Self::Own(path) => path.display().to_string(),
        }
    }
}
