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
        view.change_lines(&mut |line| self.view_line(line));
        Cow::Owned(view)
    }

    fn view_line(&self, line: &mut Vec<Inline>) {
        for inline in std::mem::take(line) {
            let inline = match inline {
                Inline::Time(time) => Inline::Text(time.in_zone(&self.zone)),
                other => other,
            };
            match (line.last_mut(), inline) {
                (Some(Inline::Text(before)), Inline::Text(text)) => before.push_str(&text),
                (_, inline) => line.push(inline),
            }
        }
    }
}
