//! Why a delivery posts nothing.

/// Why a delivery posts nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// No conversation is open, and the event may not open one.
    NotOpen,
    /// A newer event of the conversation is shown.
    Older,
    /// A later delivery that waits will update the same message.
    Superseded,
    /// The event changes nothing.
    Unchanged,
}

impl Skip {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::NotOpen, Self::Older, Self::Superseded, Self::Unchanged];

    /// The code that the store keeps as the reason.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotOpen => "not_open",
            Self::Older => "older",
            Self::Superseded => "superseded",
            Self::Unchanged => "unchanged",
        }
    }

    /// What it means, for people.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::NotOpen => "no conversation is open that this event could follow",
            Self::Older => "a newer event of the conversation is shown",
            Self::Superseded => "a later event updates the same message",
            Self::Unchanged => "the event changes nothing that is shown",
        }
    }
}
