//! Properties that hold for any input. Each is a function of a fuzzer's bytes that panics if the property does not
//! hold. `tests/fuzz/targets` calls them with libFuzzer's inputs, `tests/it/fuzz.rs` with a few thousand fixed ones.

pub(crate) mod authentication;
pub(crate) mod conditions;
pub(crate) mod configuration;
pub(crate) mod decision;
pub(crate) mod excerpts;
pub(crate) mod forms;
mod input;
mod nasty;
mod shown;
pub(crate) mod templates;

use input::Input;
