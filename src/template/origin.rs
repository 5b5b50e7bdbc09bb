//! Where a file of a kind comes from.

use std::path::PathBuf;

/// Where a file of a kind (a template, a sample) comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// It is compiled into the program.
    BuiltIn,
    /// It is the operator's own file, at this path.
    Own(PathBuf),
}

impl Origin {
    /// Whether it is the operator's own file.
    pub fn is_own(&self) -> bool {
        matches!(self, Self::Own(_))
    }

    /// How findings name the file `name` of `kind`: the path of an own file, `kind/name` of a built-in one,
    /// `_folder/name` of a built-in part that every kind may include.
    pub fn file(&self, kind: &str, name: &str) -> String {
        match self {
            Self::BuiltIn if name.contains('/') => name.to_owned(),
            Self::BuiltIn => format!("{kind}/{name}"),
            Self::Own(path) => path.display().to_string(),
        }
    }
}
