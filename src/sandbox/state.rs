//! The state of a sandbox: channels, messages, attempts and faults, all of it bounded.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::fault::{ActiveFault, Fault};
use super::matrix::homeserver::Homeserver;
use super::page::notification;
use super::settings::{Api, Presentation, SandboxSettings};
use super::threads::tokens::Tokens;

/// A message as the sandbox keeps it.
#[derive(Clone, Debug, Serialize)]
pub struct SandboxMessage {
    /// Its number in the channel, from 1. An edit keeps it.
    pub number: u64,
    /// The chat whose object it is.
    pub api: Api,
    /// When it arrived.
    pub arrived: Timestamp,
    /// Its id: `object.id` or, in Matrix, `event_id`.
    pub id: String,
    /// The id of the message that it replies to in a thread; empty at top level.
    pub parent: String,
    /// The name of the application or person that sent it.
    pub application: String,
    /// Twake shows it to connected clients only, and does not keep it.
    pub ephemeral: bool,
    /// An edit changed it.
    pub edited: bool,
    /// It was deleted. Only a message with replies is kept then. Replies to it are shown to nobody.
    pub deleted: bool,
    /// The message object as the chat sends it, with the newest edit applied. Of `messages/save` as the server of 2021 sends
    /// it; the later server's is made from it.
    pub object: Value,
}

impl SandboxMessage {
    /// A new message at the top level.
    pub(super) fn new(api: Api, arrived: Timestamp, id: &str, application: &str, object: Value) -> Self {
        Self {
            number: 0,
            api,
            arrived,
            id: id.to_owned(),
            parent: String::new(),
            application: application.to_owned(),
            ephemeral: false,
            edited: false,
            deleted: false,
            object,
        }
    }

    /// The content that the chat has stored: `object.content`; of threads `object.blocks`.
    pub fn content(&self) -> &Value {
        match self.api {
            Api::Threads => &self.object["blocks"],
            Api::MessagesSave | Api::Matrix => &self.object["content"],
        }
    }

    /// Its notification on a phone.
    pub fn notification(&self) -> String {
        notification::text(self.api, &self.object)
    }
}

/// One call of the API.
#[derive(Clone, Debug, Serialize)]
pub struct Attempt {
    /// When it was received.
    pub at: Timestamp,
    /// Its method and path.
    pub request: String,
    /// The channel that it names, as sent.
    pub channel: Option<String>,
    /// The fault that was applied.
    pub fault: Option<&'static str>,
    /// The status of the response; unset if there was none.
    pub status: Option<u16>,
    /// The response's `error`.
    pub error: Option<String>,
    /// The message that was stored or edited.
    pub id: Option<String>,
}

/// The arrivals of a channel's messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrivals {
    /// The number of messages, including those no longer kept.
    pub total: u64,
    /// The ids of the last of them, the oldest first.
    pub ids: Vec<String>,
}

/// A channel's messages.
#[derive(Default)]
struct KeptMessages {
    messages: VecDeque<SandboxMessage>,
    ids: VecDeque<String>,
    total: u64,
}

/// The state of a sandbox.
pub(super) struct SandboxState {
    pub(super) settings: SandboxSettings,
    /// Of a demo.
    pub(super) presentation: Option<Presentation>,
    /// What only Matrix has: accounts, tokens, rooms with their members and state.
    pub(super) homeserver: Homeserver,
    /// What only threads have.
    pub(super) tokens: Tokens,
    kept: HashMap<String, KeptMessages>,
    attempts: VecDeque<Attempt>,
    faults: Vec<ActiveFault>,
    last_tick: u64,
    node: [u8; 6],
}

impl SandboxState {
    pub(super) fn new(settings: SandboxSettings) -> Self {
        let channels = settings.channels.iter();
        let kept = channels.map(|channel| (channel.id.clone(), KeptMessages::default()));
        let random = fastrand::u64(..).to_be_bytes();
        Self {
            kept: kept.collect(),
            homeserver: Homeserver::new(&settings),
            tokens: Tokens::default(),
            settings,
            presentation: None,
            attempts: VecDeque::new(),
            faults: Vec::new(),
            last_tick: 0,
            node: [random[0], random[1], random[2], random[3], random[4], random[5]],
        }
    }

    /// Whether the channel exists.
    pub(super) fn knows(&self, channel: &str) -> bool {
        self.settings.channels.iter().any(|known| known.id == channel)
    }

    /// A channel's messages in the order of their arrival.
    pub(super) fn messages(&mut self, channel: &str) -> &[SandboxMessage] {
        match self.kept.get_mut(channel) {
            Some(kept) => kept.messages.make_contiguous(),
            None => &[],
        }
    }

    pub(super) fn arrivals(&self, channel: &str) -> Arrivals {
        self.kept
            .get(channel)
            .map_or_else(Arrivals::default, |kept| Arrivals {
                total: kept.total,
                ids: kept.ids.iter().cloned().collect(),
            })
    }

    /// How many messages arrived in a channel.
    pub(super) fn total(&self, channel: &str) -> u64 {
        self.kept.get(channel).map_or(0, |kept| kept.total)
    }

    pub(super) fn find(&mut self, channel: &str, id: &str) -> Option<&mut SandboxMessage> {
        let kept = self.kept.get_mut(channel)?;
        kept.messages.iter_mut().rev().find(|message| message.id == id)
    }

    /// The channel that holds a message with this id.
    pub(super) fn channel_of(&self, id: &str) -> Option<&str> {
        let holds = |kept: &KeptMessages| kept.messages.iter().any(|message| message.id == id);
        let found = self.kept.iter().find(|(_, kept)| holds(kept));
        found.map(|(channel, _)| channel.as_str())
    }

    /// Adds a message, and removes the oldest one beyond the limit.
    pub(super) fn append(&mut self, channel: &str, mut message: SandboxMessage) {
        let limits = self.settings.limits;
        if !self.kept.contains_key(channel)
            && self.kept.len() >= self.settings.channels.len() + limits.unknown_channels
        {
            return;
        }
        let kept = self.kept.entry(channel.to_owned()).or_default();
        kept.total += 1;
        message.number = kept.total;
        kept.ids.push_back(message.id.clone());
        kept.messages.push_back(message);
        while kept.messages.len() > limits.messages {
            kept.messages.pop_front();
        }
        while kept.ids.len() > limits.ids {
            kept.ids.pop_front();
        }
    }

    /// Removes a message from its channel. Its id stays among the arrivals.
    pub(super) fn take(&mut self, channel: &str, id: &str) {
        if let Some(kept) = self.kept.get_mut(channel) {
            kept.messages.retain(|message| message.id != id);
        }
    }

    /// A new id as Twake makes it: a uuid of version 1, later than all before it even while the clock stands.
    pub(super) fn new_id(&mut self, now: Timestamp) -> String {
        /// Seconds from 1582-10-15, the epoch of such uuids, to 1970.
        const EPOCH: i128 = 12_219_292_800;
        let ticks = now.as_nanosecond() / 100 + EPOCH * 10_000_000;
        self.last_tick = u64::try_from(ticks).unwrap_or(0).max(self.last_tick + 1);
        let timestamp = uuid::Timestamp::from_gregorian_time(self.last_tick, 0);
        Uuid::new_v1(timestamp, &self.node).to_string()
    }

    pub(super) fn record(&mut self, attempt: Attempt) {
        self.attempts.push_back(attempt);
        while self.attempts.len() > self.settings.limits.attempts {
            self.attempts.pop_front();
        }
    }

    /// The attempts for a channel, or all.
    pub(super) fn attempts(&self, channel: Option<&str>) -> Vec<Attempt> {
        let wanted = |attempt: &&Attempt| channel.is_none() || attempt.channel.as_deref() == channel;
        self.attempts.iter().filter(wanted).cloned().collect()
    }

    pub(super) fn faults(&self) -> &[ActiveFault] {
        &self.faults
    }

    /// Sets a fault. It replaces that of the same channel.
    pub(super) fn set_fault(&mut self, fault: ActiveFault) {
        self.clear_fault(fault.channel.as_deref());
        if fault.times != Some(0) {
            self.faults.push(fault);
        }
    }

    pub(super) fn clear_fault(&mut self, channel: Option<&str>) {
        self.faults.retain(|fault| fault.channel.as_deref() != channel);
    }

    pub(super) fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// The fault for a call of this channel: the channel's own before that of all channels. Counts down its calls. `stores`:
    /// the call stores a message, else a fault that acts on a message is left for the next call.
    pub(super) fn next_fault(&mut self, channel: Option<&str>, stores: bool) -> Option<Fault> {
        let of = |wanted: Option<&str>| {
            self.faults
                .iter()
                .position(|set| set.channel.as_deref() == wanted && (stores || !set.fault.needs_message()))
        };
        let index = channel.and_then(|id| of(Some(id))).or_else(|| of(None))?;
        let active = self.faults.get_mut(index)?;
        let fault = active.fault.clone();
        if let Some(times) = &mut active.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.faults.remove(index);
            }
        }
        Some(fault)
    }
}
