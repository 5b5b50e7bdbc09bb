//! The readers of a channel: what a message becomes for them when it is posted.

use jiff::tz::TimeZone;
use std::borrow::Cow;

use super::{Document, Inline};

/// The readers of a channel.
#[derive(Clone, Debug)]
pub struct Readers {
    /// The zone in which times are shown.
    pub zone: TimeZone,
}

impl Default for Readers {
    fn default() -> Self {
        Self { zone: TimeZone::UTC }
    }
}

impl Readers {
    /// The document as these readers see it.
    pub fn view<'a>(&self, document: &'a Document) -> Cow<'a, Document> {
        let mut is_same = true;
        document.visit(&mut |inline| is_same &= !matches!(inline, Inline::Time(_)));
        if is_same {
            return Cow::Borrowed(document);
        }
        let mut view = document.clone();
        view.visit_mut(&mut |inline| {
            if let Inline::Time(time) = inline {
                *inline = Inline::Text(time.in_zone(&self.zone));
            }
        });
        Cow::Owned(view)
    }
}
