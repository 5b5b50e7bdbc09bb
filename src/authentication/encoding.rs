//! How bytes are written as text: hex and base64.

/// How bytes are written as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Accepted in either case, written in lower case.
    #[default]
    Hex,
    /// The standard alphabet, with padding.
    Base64,
}

impl Encoding {
    /// Returns the name that findings use.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hex => "hex",
            Self::Base64 => "base64",
        }
    }

    pub(super) fn decode(self, text: &str) -> Option<Vec<u8>> {
        use base64::Engine;
        match self {
            Self::Hex => hex::decode(text).ok(),
            Self::Base64 => base64::engine::general_purpose::STANDARD.decode(text).ok(),
        }
    }

    pub(super) fn encode(self, bytes: &[u8]) -> String {
        use base64::Engine;
        match self {
            Self::Hex => hex::encode(bytes),
            Self::Base64 => base64::engine::general_purpose::STANDARD.encode(bytes),
        }
    }
}
