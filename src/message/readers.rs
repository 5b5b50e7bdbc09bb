//! The readers of a channel: what a message becomes for them when it is posted.

use jiff::tz::TimeZone;
use std::borrow::Cow;
use std::sync::Arc;

use super::{Document, Inline, People, Person, Quiet};

/// The readers of a channel.
#[derive(Clone, Debug)]
pub struct Readers {
    /// The zone in which times are shown.
    pub zone: TimeZone,
    /// The people whom a message can notify.
    pub people: Arc<People>,
    /// When they want to see only what is urgent; unset: never.
    pub quiet: Option<Quiet>,
}

impl Default for Readers {
    fn default() -> Self {
        Self {
            zone: TimeZone::UTC,
            people: Arc::default(),
            quiet: None,
        }
    }
}

impl Readers {
    /// The document as these readers see it. `notifies`: whether it may mention people; otherwise they are text.
    pub fn view<'a>(&self, document: &'a Document, notifies: bool) -> Cow<'a, Document> {
        let mut is_same = true;
        document.visit(&mut |inline| is_same &= !matches!(inline, Inline::Time(_) | Inline::Person(_)));
        if is_same {
            return Cow::Borrowed(document);
        }
        let mut view = document.clone();
        view.change_lines(&mut |line| self.view_line(line, notifies));
        Cow::Owned(view)
    }

    fn view_line(&self, line: &mut Vec<Inline>, notifies: bool) {
        for inline in std::mem::take(line) {
            let inline = match inline {
                Inline::Time(time) => Inline::Text(time.in_zone(&self.zone)),
                Inline::Person(person) => match self.people.user(&person).filter(|_| notifies) {
                    Some(user) => Inline::Person(Person {
                        user: Some(user.clone()),
                        ..person
                    }),
                    None => Inline::Text(person.login),
                },
                other => other,
            };
            match (line.last_mut(), inline) {
                (Some(Inline::Text(before)), Inline::Text(text)) => before.push_str(&text),
                (_, inline) => line.push(inline),
            }
        }
    }
}
