//! How urgent a message is: whether it passes before a digest and through quiet hours.

use serde::{Deserialize, Serialize};

/// How urgent a message is, from what can wait longest to what cannot wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// The event has no severity, or one that the bridge does not know.
    #[default]
    None,
    /// Of severity `info`, `low`, `notice` or `debug`.
    Info,
    /// Of severity `warning`, `medium` or `minor`.
    Warning,
    /// Of severity `error`, `high` or `major`.
    Error,
    /// Of severity `critical`, `page`, `fatal`, `emergency` or `disaster`.
    Critical,
    /// The condition `critical` of its source holds: somebody should notice it immediately.
    Urgent,
}

impl Urgency {
    /// The words of `below`.
    pub const SEVERITIES: [(&'static str, Self); 4] = [
        ("info", Self::Info),
        ("warning", Self::Warning),
        ("error", Self::Error),
        ("critical", Self::Critical),
    ];

    /// The urgency of an event by its fact `severity`, in lower case.
    pub fn of_severity(severity: &str) -> Self {
        match severity {
            "info" | "low" | "notice" | "debug" => Self::Info,
            "warning" | "medium" | "minor" => Self::Warning,
            "error" | "high" | "major" => Self::Error,
            "critical" | "page" | "fatal" | "emergency" | "disaster" => Self::Critical,
            _ => Self::None,
        }
    }

    /// Its number in the store: in the same order, 0 to 5.
    pub fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Info => 1,
            Self::Warning => 2,
            Self::Error => 3,
            Self::Critical => 4,
            Self::Urgent => 5,
        }
    }

    /// Whether it is [`Self::None`].
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(super) fn is_none(&self) -> bool {
        *self == Self::None
    }
}
