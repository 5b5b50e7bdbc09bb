//! A digest: one message in place of many that wait for a channel. Pure.

use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

use crate::conversation::{self, Key, Known, Thread, Turn};
use crate::message::{Block, Conversation, Document, Inline, StoredMessage, Time, TimeForm, cutting};
use crate::twake::Act;

/// The most lines of a digest that are about single messages.
const LINES: usize = 20;

/// The most characters of such a line.
const LINE_LENGTH: usize = 200;

/// The most types of events that are counted by name.
const TYPES: usize = 10;

/// A delivery that a digest may carry.
#[derive(Clone, Copy)]
pub struct Carried<'a> {
    /// The source of its event.
    pub source: &'a str,
    /// The type of its event.
    pub event_type: &'a str,
    /// When the event was received.
    pub received: Timestamp,
    /// What the store knows of its conversation.
    pub thread: Option<&'a Thread>,
    /// Its message. Unset: its form is not known to this version.
    pub message: Option<&'a StoredMessage>,
}

impl Carried<'_> {
    fn key(&self) -> Option<Key> {
        let conversation = self.message?.conversation.as_deref()?;
        Some(conversation::thread_key(conversation))
    }
}

/// What becomes of the deliveries of one conversation.
#[derive(Default)]
struct Fate {
    /// The last delivery that brings the first message up to date, by its index.
    refresh: Option<usize>,
    /// That delivery ends the conversation.
    ended: bool,
    /// One of the deliveries posts something.
    posts: bool,
}

/// Chooses the deliveries that a digest carries, of those that wait in the order of their lane. Returns their indexes.
///
/// The others are left to be delivered by themselves: updates of what the channel shows, and with what they reply the last of
/// them; and those for which nothing would be posted, because they may not open their conversation. `destination`: where
/// conversations have their messages; unset: the channel has no conversations.
pub fn choose(waiting: &[Carried<'_>], destination: Option<&str>) -> Vec<usize> {
    let Some(destination) = destination else {
        return (0..waiting.len()).collect();
    };
    let mut fates: BTreeMap<Key, Fate> = BTreeMap::new();
    let mut silent = BTreeSet::new();
    for (index, delivery) in waiting.iter().enumerate() {
        let Some((key, message)) = delivery.key().zip(delivery.message) else {
            continue;
        };
        let fate = fates.entry(key).or_default();
        let conversation = message.conversation.as_deref();
        let is_open = |thread: &&Thread| thread.is_open(destination) && !fate.ended;
        let Some(thread) = delivery.thread.filter(is_open) else {
            fate.posts |= conversation.is_some_and(|conversation| conversation.opens);
            continue;
        };
        let refresh = conversation::refresh(message, delivery.received, thread);
        fate.posts |= refresh.is_none_or(|follow_up| follow_up.reply);
        if let Some(follow_up) = refresh {
            fate.refresh = Some(index);
            fate.ended = conversation.is_some_and(|conversation| conversation.closes);
            if !follow_up.reply {
                silent.insert(index);
            }
        }
    }
    let is_carried = |index: &usize| {
        let key = waiting.get(*index).and_then(Carried::key);
        let fate = key.and_then(|key| fates.get(&key));
        fate.is_none_or(|fate| fate.posts && fate.refresh != Some(*index)) && !silent.contains(index)
    };
    (0..waiting.len()).filter(is_carried).collect()
}

/// What the store knows of a conversation, and its events in a digest.
type Digested<'a> = (Option<&'a Thread>, Vec<(&'a Conversation, Timestamp)>);

/// What the store keeps of the conversations that a digest has ended, each with its key and the time when it may be forgotten.
pub fn ended(carried: &[Carried<'_>], destination: &str, now: Timestamp) -> Vec<(Key, Thread, Timestamp)> {
    let mut events: BTreeMap<Key, Digested<'_>> = BTreeMap::new();
    for delivery in carried {
        let conversation = delivery
            .message
            .and_then(|message| message.conversation.as_deref());
        if let Some(conversation) = conversation {
            let key = conversation::thread_key(conversation);
            let (_, events) = events.entry(key).or_insert((delivery.thread, Vec::new()));
            events.push((conversation, delivery.received));
        }
    }
    let ended = events.into_iter().filter_map(|(key, (thread, events))| {
        let thread = conversation::after_digest(thread, destination, &events)?;
        let (last, _) = events.last()?;
        Some((key, thread, conversation::expires(last, now)))
    });
    ended.collect()
}

/// A line about one message, or about all messages of a conversation.
struct Line {
    content: Vec<Inline>,
    events: usize,
}

/// The digest of deliveries, which are in the order of their lane. Messages of one conversation share a line, which shows the
/// last of them. It mentions nobody.
pub fn document(carried: &[Carried<'_>]) -> Document {
    let mut lines: Vec<Line> = Vec::new();
    let mut of_thread: BTreeMap<Key, usize> = BTreeMap::new();
    for delivery in carried {
        let content = content(delivery);
        let known = delivery.key().map(|key| {
            let next = lines.len();
            *of_thread.entry(key).or_insert(next)
        });
        match known.and_then(|index| lines.get_mut(index)) {
            Some(line) => {
                *line = Line {
                    content,
                    events: line.events + 1,
                }
            }
            None => lines.push(Line { content, events: 1 }),
        }
    }
    let more = lines.len().saturating_sub(LINES);
    let items = lines
        .into_iter()
        .take(LINES)
        .map(|line| vec![Block::Paragraph(line.into_inlines())]);
    let mut blocks = vec![
        Block::Paragraph(vec![Inline::Strong(heading(carried))]),
        Block::Paragraph(vec![text(counts(carried))]),
        Block::List {
            start: None,
            items: items.collect(),
        },
    ];
    if more > 0 {
        blocks.push(Block::Paragraph(vec![text(format!("and {more} more"))]));
    }
    Document { blocks }
}

impl Line {
    fn into_inlines(mut self) -> Vec<Inline> {
        if self.events > 1 {
            self.content.push(text(format!(" ({} events)", self.events)));
        }
        self.content
    }
}

fn text(text: impl Into<String>) -> Inline {
    Inline::Text(text.into())
}

fn heading(carried: &[Carried<'_>]) -> Vec<Inline> {
    let mut line = vec![text(format!("📦 {} events", carried.len()))];
    if let Some(at) = carried.iter().map(|delivery| delivery.received).min() {
        let form = TimeForm::Day;
        line.extend([text(" since "), Inline::Time(Time { at, form })]);
    }
    line
}

/// "github: 12 push, 3 issues · grafana: 4 alerts", the most frequent ones.
fn counts(carried: &[Carried<'_>]) -> String {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for delivery in carried {
        *counts.entry((delivery.source, delivery.event_type)).or_default() += 1;
    }
    let mut frequent: Vec<((&str, &str), usize)> = counts.into_iter().collect();
    frequent.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let others: usize = frequent.iter().skip(TYPES).map(|(_, count)| count).sum();
    frequent.truncate(TYPES);
    let mut by_source: Vec<(&str, Vec<String>)> = Vec::new();
    for ((source, event_type), count) in frequent {
        let part = format!("{count} {event_type}");
        match by_source.iter_mut().find(|(known, _)| *known == source) {
            Some((_, parts)) => parts.push(part),
            None => by_source.push((source, vec![part])),
        }
    }
    let mut parts: Vec<String> = by_source
        .iter()
        .map(|(source, parts)| format!("{source}: {}", parts.join(", ")))
        .collect();
    if others > 0 {
        parts.push(format!("{others} others"));
    }
    parts.join(" · ")
}

/// The first line of a message, with a link.
fn content(delivery: &Carried<'_>) -> Vec<Inline> {
    let Some(message) = delivery.message else {
        return vec![text(format!("{}: {}", delivery.source, delivery.event_type))];
    };
    let turn = Turn {
        destination: "",
        received: delivery.received,
        is_replay: false,
        is_superseded: false,
    };
    let whole = conversation::text(message, &Act::Post, &Known::default(), &turn);
    let target = whole.blocks.iter().find_map(link_of_block).map(str::to_owned);
    let first = Document {
        blocks: whole.blocks.iter().take(1).cloned().collect(),
    };
    let mut first = cutting::cut_lines(first, LINE_LENGTH, 1);
    first.change_lines(&mut |line| line.iter_mut().for_each(without_mention));
    let line = match first.blocks.pop() {
        Some(Block::Paragraph(line) | Block::Heading(line)) => line,
        _ => vec![text(format!("{}: {}", delivery.source, delivery.event_type))],
    };
    match target {
        Some(url) if line.iter().all(|inline| link_of(inline).is_none()) => {
            vec![Inline::Link { url, label: line }]
        }
        _ => line,
    }
}

/// Makes the login of a person text.
fn without_mention(inline: &mut Inline) {
    if let Inline::Person(person) = inline {
        *inline = text(std::mem::take(&mut person.login));
    }
}

fn link_of_block(block: &Block) -> Option<&str> {
    match block {
        Block::Paragraph(line) | Block::Heading(line) => line.iter().find_map(link_of),
        Block::Quote(blocks) => blocks.iter().find_map(link_of_block),
        Block::List { items, .. } => items.iter().flatten().find_map(link_of_block),
        Block::Buttons(buttons) => buttons.first().map(|button| button.url.as_str()),
        Block::Code { .. } | Block::Rule => None,
    }
}

fn link_of(inline: &Inline) -> Option<&str> {
    match inline {
        Inline::Link { url, .. } => Some(url),
        Inline::Strong(inside) | Inline::Emphasis(inside) | Inline::Strikethrough(inside) => {
            inside.iter().find_map(link_of)
        }
        Inline::Text(_)
        | Inline::Code(_)
        | Inline::Break
        | Inline::Time(_)
        | Inline::Person(_)
        | Inline::Conversation(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::Order;
    use crate::message::{FollowUp, Person, Readers, Slot, markdown, plain};
    use crate::twake::RemoteId;
    use crate::zone;

    fn message(markdown: &str) -> StoredMessage {
        StoredMessage::new(markdown::parse(markdown).unwrap())
    }

    fn carried<'a>(source: &'a str, event_type: &'a str, message: &'a StoredMessage) -> Carried<'a> {
        Carried {
            source,
            event_type,
            received: "2026-11-29T14:05:00Z".parse().unwrap(),
            thread: None,
            message: Some(message),
        }
    }

    /// A name, what waits, and what a digest carries of it.
    type Row<'a> = (
        &'a str,
        &'a [(&'a StoredMessage, Option<&'a Thread>)],
        &'a [usize],
    );

    /// A message of a conversation that updates its first message, and also replies if `reply`.
    fn following(key: &str, opens: bool, closes: bool, reply: bool) -> StoredMessage {
        let follow_up = FollowUp { reply, update: true };
        let conversation = Conversation {
            key: key.to_owned(),
            slot: Some(Slot::Opener),
            unchanged: follow_up,
            changed: follow_up,
            opens,
            closes,
            also_in_channel: false,
            expires: 60,
            version: None,
            state: None,
            first: BTreeMap::new(),
            reply: None,
            update: None,
            item: None,
            level: None,
        };
        StoredMessage {
            conversation: Some(Box::new(conversation)),
            ..message(key)
        }
    }

    #[test]
    fn a_digest_leaves_what_updates_the_channel_and_what_would_not_be_posted() {
        let (before, after) = ("2026-11-29T14:00:00Z", "2026-11-29T15:00:00Z");
        let thread = |shown: &str, closed| {
            let order = Order {
                version: None,
                received: shown.parse().unwrap(),
            };
            Thread {
                destination: "here".to_owned(),
                opener: RemoteId {
                    message: "m".to_owned(),
                    thread: None,
                },
                began: order.received,
                count: 1,
                closed,
                state: String::new(),
                level: None,
                first: BTreeMap::new(),
                openings: crate::conversation::Openings::default(),
                newest: order.clone(),
                shown: order,
            }
        };
        let (open, newer, closed) = (thread(before, false), thread(after, false), thread(before, true));
        let alone = message("alone");
        let fires = following("a", true, false, true);
        let repeats = following("a", true, false, false);
        let ends = following("a", false, true, true);
        let other = following("b", true, false, true);
        let rows: [Row<'_>; 10] = [
            (
                "none has a conversation",
                &[(&alone, None), (&alone, None)],
                &[0, 1],
            ),
            ("none is open", &[(&fires, None), (&ends, None)], &[0, 1]),
            ("nothing was fired", &[(&alone, None), (&ends, None)], &[0]),
            ("it is over", &[(&alone, None), (&ends, Some(&closed))], &[0]),
            (
                "the last updates it",
                &[(&fires, Some(&open)), (&fires, Some(&open))],
                &[0],
            ),
            (
                "the end updates it",
                &[(&ends, Some(&open)), (&fires, Some(&open))],
                &[1],
            ),
            (
                "only updates",
                &[(&repeats, Some(&open)), (&repeats, Some(&open))],
                &[],
            ),
            (
                "a reply, then an update",
                &[(&fires, Some(&open)), (&repeats, Some(&open))],
                &[0],
            ),
            ("older than what is shown", &[(&fires, Some(&newer))], &[0]),
            ("each for itself", &[(&fires, Some(&open)), (&other, None)], &[1]),
        ];
        for (name, waiting, chosen) in rows {
            let waiting: Vec<Carried<'_>> = waiting
                .iter()
                .map(|(message, thread)| Carried {
                    thread: *thread,
                    ..carried("grafana", "alerts", message)
                })
                .collect();
            assert_eq!(choose(&waiting, Some("here")), chosen, "{name}");
            let all: Vec<usize> = (0..waiting.len()).collect();
            assert_eq!(choose(&waiting, None), all, "{name}");
        }
    }

    #[test]
    fn a_digest_mentions_nobody() {
        let person = Inline::Person(Person {
            source: "github".to_owned(),
            login: "alice".to_owned(),
            user: None,
        });
        let asked = StoredMessage::new(Document {
            blocks: vec![Block::Paragraph(vec![
                text("Review by "),
                Inline::Strong(vec![person]),
            ])],
        });
        let carried = [carried("github", "pull_request", &asked); 2];
        let document = document(&carried);
        document.visit(&mut |inline| assert!(!matches!(inline, Inline::Person(_)), "{document:?}"));
        assert!(plain::text(&document).ends_with("• Review by alice\n• Review by alice"));
    }

    #[test]
    fn a_digest_counts_by_source_and_type_and_has_a_line_and_a_link_for_each_message() {
        let push = message("**ana** pushed to [shop](https://e/shop)\n\nand more");
        let alert = message("🔴 disk is full\nsecond line\n\n[Runbook](https://e/runbook)");
        let document = document(&[
            carried("github", "push", &push),
            carried("grafana", "alerts", &alert),
            carried("github", "push", &push),
        ]);
        assert_eq!(
            plain::text(&document),
            "📦 3 events since 29 Nov 14:05 UTC\ngithub: 2 push · grafana: 1 alerts\n\
             • ana pushed to shop\n• 🔴 disk is full…\n• ana pushed to shop"
        );
        let readers = Readers {
            zone: zone::find("Europe/Paris").unwrap(),
            ..Readers::default()
        };
        let text = plain::text(&readers.view(&document, true));
        assert!(text.starts_with("📦 3 events since 29 Nov 15:05 CET\n"), "{text}");
        let Some(Block::List { items, .. }) = document.blocks.get(2) else {
            panic!("{document:?}");
        };
        let links: Vec<Option<&str>> = items
            .iter()
            .map(|item| item.iter().find_map(link_of_block))
            .collect();
        assert_eq!(
            links,
            [
                Some("https://e/shop"),
                Some("https://e/runbook"),
                Some("https://e/shop")
            ]
        );
    }

    #[test]
    fn long_digests_are_cut_with_the_number_of_what_is_left_out() {
        let all: Vec<StoredMessage> = (0..232)
            .map(|n| message(&format!("message {n} {}", "x".repeat(5_000))))
            .collect();
        let types: Vec<String> = (0..232).map(|n| format!("type-{}", n % 30)).collect();
        let carried: Vec<Carried<'_>> = all
            .iter()
            .zip(&types)
            .map(|(message, event_type)| carried("ci", event_type, message))
            .collect();
        let text = plain::text(&document(&carried));
        assert!(text.ends_with("\nand 212 more"), "{text}");
        assert!(
            text.contains("152 others") && text.chars().count() < 6_000,
            "{text}"
        );
    }
}
