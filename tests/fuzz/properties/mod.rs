//! What holds whatever comes in: one property a door, each a function of a fuzzer's bytes that panics when it does not
//! hold. `tests/fuzz/targets` hands them libFuzzer's inputs, `tests/it/fuzz.rs` a few thousand that are always the same.

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
