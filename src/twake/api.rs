//! The dialects by name.

/// The dialects, by what `[twake.NAME] api` calls them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// `POST {url}/api/v1/messages/save`.
    MessagesSave,
    /// `POST {url}/api/messages/v1/companies/{company}/threads`.
    Threads,
    /// `PUT {url}/_matrix/client/v3/rooms/{room}/send/m.room.message/{transaction}`.
    Matrix,
}

impl Api {
    /// Every dialect, with the word of the configuration.
    pub const ALL: [(&str, Self); 3] = [
        ("messages-save", Self::MessagesSave),
        ("threads", Self::Threads),
        ("matrix", Self::Matrix),
    ];

    /// The word of the configuration.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, api)| *api == self);
        found.map_or("", |(name, _)| name)
    }
}
