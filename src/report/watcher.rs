//! What is reported and when: from observations to reports.

use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::{ChannelState, Line, Observation, ReloadState, Report, ReportSettings, SourceState, Subject};
use crate::suggest::shorten;

/// How long a trouble that was reported is not reported again.
const AGAIN: SignedDuration = SignedDuration::from_hours(1);
/// So many messages at most in [`WINDOW`]. Further lines wait and become one message.
const MESSAGES: usize = 6;
const WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// So many lines wait at most. The oldest are left out.
const PENDING: usize = 50;
/// So many lines has a message at most.
const LINES: usize = 10;
/// So many wrong requests in a row show that it is the sender's secret that is wrong.
const REFUSALS: u64 = 3;
/// The longest finding and the longest event type in a line, in characters.
const LONGEST: usize = 200;

/// Decides what is reported. It lives as long as the bridge runs.
#[derive(Default)]
pub struct Watcher {
    /// The reported troubles that are not over, and when they began.
    open: BTreeMap<Subject, Timestamp>,
    /// When each trouble was last reported.
    reported: BTreeMap<Subject, Timestamp>,
    dead_letters: BTreeMap<String, Counted>,
    sources: BTreeMap<String, Arrivals>,
    pending: VecDeque<Line>,
    /// The times of the newest messages.
    sent: VecDeque<Timestamp>,
}

/// Dead letters of a channel that are counted and not reported.
#[derive(Default)]
struct Counted {
    total: u64,
    unreported: u64,
    since: Option<Timestamp>,
}

/// What came from a source.
struct Arrivals {
    count: u64,
    /// The refusals when the last event came.
    refusals: u64,
    /// When the first refusal after that was seen.
    failing: Option<Timestamp>,
    /// When the last event came, as far as is known.
    last: Timestamp,
    /// The time from which silence counts.
    from: Timestamp,
}

impl Watcher {
    /// A watcher that knows what earlier runs of the bridge reported: the lines of stored reports, the oldest first.
    pub fn after(lines: impl IntoIterator<Item = Line>) -> Self {
        let mut watcher = Self::default();
        for line in lines {
            watcher.reported.insert(line.subject.clone(), line.at);
            match (&line.subject, line.over) {
                // A bridge that starts serves the configuration on disk. Dead letters are not over.
                (Subject::Reload | Subject::DeadLetters(_), _) => {}
                (_, true) => drop(watcher.open.remove(&line.subject)),
                (_, false) => drop(watcher.open.insert(line.subject, line.since.unwrap_or(line.at))),
            }
        }
        watcher
    }

    /// Whether a source was observed before.
    pub fn knows(&self, source: &str) -> bool {
        self.sources.contains_key(source)
    }

    /// How many dead letters of a channel were observed.
    pub fn dead_letters(&self, channel: &str) -> u64 {
        self.dead_letters.get(channel).map_or(0, |counted| counted.total)
    }

    /// Takes an observation, and returns the reports that are due.
    pub fn observe(&mut self, observation: &Observation, settings: &ReportSettings) -> Vec<Report> {
        let now = observation.now;
        for channel in &observation.channels {
            self.stuck(channel, now, settings.stuck_after);
            self.died(channel, now);
        }
        for source in &observation.sources {
            let expect = settings.expected.get(source.name.as_str());
            self.came(source, now, expect.copied());
        }
        if let Some(reload) = &observation.reload {
            self.reloaded(reload, now);
        }
        self.forget(observation);
        self.due(now, &settings.channels, &troubled(&observation.channels))
    }

    /// Takes back lines that could not be stored. They are due again in the next observation.
    pub fn put_back(&mut self, lines: Vec<Line>) {
        for line in lines.into_iter().rev() {
            self.pending.push_front(line);
        }
        self.pending.truncate(PENDING);
    }

    fn stuck(&mut self, channel: &ChannelState, now: Timestamp, after: Duration) {
        let name = &channel.name;
        let oldest = channel.oldest.filter(|oldest| is_past(*oldest, after, now));
        let subject = Subject::Stuck(name.clone());
        match (&channel.blocked, oldest) {
            _ if channel.paused => drop(self.open.remove(&subject)),
            (Some(blocked), Some(oldest)) => {
                let waiting = channel.waiting;
                let what = format!("{name} is stuck ({}), {waiting} waiting,", blocked.reason);
                self.begin(subject, now, Some(oldest), what, blocked.hint.clone());
            }
            (Some(_), None) => {}
            (None, _) => self.end(subject, now, format!("{name} works again; it was stuck")),
        }
    }

    fn died(&mut self, channel: &ChannelState, now: Timestamp) {
        let name = &channel.name;
        let counted = self.dead_letters.entry(name.clone()).or_default();
        let new = channel.dead_letters.saturating_sub(counted.total);
        counted.total = channel.dead_letters;
        counted.unreported += new;
        if new > 0 {
            counted.since.get_or_insert(now);
        }
        let subject = Subject::DeadLetters(name.clone());
        let (count, since) = (counted.unreported, counted.since);
        if count == 0 || self.is_too_early(&subject, now) {
            return;
        }
        let letter = channel.dead_letter.as_ref();
        let event =
            letter.map(|letter| format!("{} {}", letter.source, shorten(&letter.event_type, LONGEST)));
        let event = event.unwrap_or_default();
        let (what, since) = match count {
            1 => (format!("{name}: a message became a dead letter ({event})"), None),
            count => {
                let what = format!("{name}: {count} messages became dead letters (one of them: {event})");
                (what, since)
            }
        };
        let hint = match letter {
            Some(letter) => format!("twake-bridge events show {}", letter.event),
            None => format!("twake-bridge events list --state dead --channel {name}"),
        };
        self.dead_letters.insert(
            name.clone(),
            Counted {
                total: channel.dead_letters,
                ..Counted::default()
            },
        );
        self.begin(subject.clone(), now, since, what, Some(hint));
        // Nothing ends it.
        self.open.remove(&subject);
    }

    fn came(&mut self, source: &SourceState, now: Timestamp, expect: Option<Duration>) {
        let name = &source.name;
        let known = self.sources.entry(name.clone()).or_insert_with(|| {
            // Silence of a time when the bridge did not run is not the sender's. Nor is an event stored that its sender
            // repeats.
            let recent = source.newest.zip(expect);
            let recent = recent.filter(|(newest, expect)| !is_past(*newest, *expect, now));
            Arrivals {
                count: 0,
                refusals: 0,
                failing: None,
                last: source.newest.unwrap_or(now),
                from: recent.map_or(now, |(newest, _)| newest),
            }
        });
        let came = source.arrivals > known.count;
        if came {
            *known = Arrivals {
                count: source.arrivals,
                refusals: source.refusals,
                failing: None,
                last: now,
                from: now,
            };
        }
        let refused = source.refusals.saturating_sub(known.refusals);
        if refused > 0 {
            known.failing.get_or_insert(now);
        }
        let (failing, last) = (known.failing, known.last);
        let is_silent = expect.is_some_and(|expect| is_past(known.from, expect, now));

        let subject = Subject::Unauthenticated(name.clone());
        if came {
            let what = format!("{name}: requests pass authentication again; they failed");
            self.end(subject, now, what);
        } else if refused >= REFUSALS {
            let what = format!("{name}: {refused} requests failed authentication and none passed");
            let hint = "compare the secret at the sender with the bridge's, and both clocks";
            self.begin(subject, now, failing, what, Some(hint.to_owned()));
        }
        let subject = Subject::Silent(name.clone());
        if expect.is_none() {
            self.open.remove(&subject);
        } else if came {
            self.end(subject, now, format!("{name}: events come again; none came"));
        } else if is_silent {
            let hint = "find out whether the sender runs and reaches the bridge";
            let what = format!("{name}: no event came");
            self.begin(subject, now, Some(last), what, Some(hint.to_owned()));
        }
    }

    fn reloaded(&mut self, reload: &ReloadState, now: Timestamp) {
        if reload.applied {
            let what = "a reload was applied; the configuration on disk was refused".to_owned();
            return self.end(Subject::Reload, now, what);
        }
        let finding = reload.finding.as_ref();
        let finding = finding.map_or_else(String::new, |finding| format!(": {}", shorten(finding, LONGEST)));
        let what = format!("a reload was refused, the previous configuration stays in use{finding}");
        let hint = "twake-bridge check shows all that is wrong".to_owned();
        self.begin(Subject::Reload, now, None, what, Some(hint));
    }

    /// Reports that a trouble began, unless that is reported.
    fn begin(
        &mut self,
        subject: Subject,
        now: Timestamp,
        since: Option<Timestamp>,
        what: String,
        hint: Option<String>,
    ) {
        if self.open.contains_key(&subject) || self.is_too_early(&subject, now) {
            return;
        }
        self.open.insert(subject.clone(), since.unwrap_or(now));
        self.push(Line {
            subject,
            over: false,
            at: now,
            what,
            since,
            hint,
        });
    }

    /// Reports that a trouble is over, if it was reported.
    fn end(&mut self, subject: Subject, now: Timestamp, what: String) {
        if let Some(since) = self.open.remove(&subject) {
            // If its beginning could not be posted, its end is enough.
            self.pending.retain(|line| line.subject != subject);
            self.push(Line {
                subject,
                over: true,
                at: now,
                what,
                since: Some(since),
                hint: None,
            });
        }
    }

    fn is_too_early(&self, subject: &Subject, now: Timestamp) -> bool {
        let reported = self.reported.get(subject);
        reported.is_some_and(|reported| now.duration_since(*reported) < AGAIN)
    }

    fn push(&mut self, line: Line) {
        if !line.over {
            self.reported.insert(line.subject.clone(), line.at);
        }
        self.pending.push_back(line);
        if self.pending.len() > PENDING {
            self.pending.pop_front();
        }
    }

    /// Forgets channels and sources that are not configured any more.
    fn forget(&mut self, observation: &Observation) {
        let channels = observation.channels.iter().map(|channel| channel.name.as_str());
        let channels: BTreeSet<&str> = channels.collect();
        let sources = observation.sources.iter().map(|source| source.name.as_str());
        let sources: BTreeSet<&str> = sources.collect();
        let is_known = |subject: &Subject| match subject {
            Subject::DeadLetters(channel) | Subject::Stuck(channel) => channels.contains(channel.as_str()),
            Subject::Unauthenticated(source) | Subject::Silent(source) => sources.contains(source.as_str()),
            Subject::Reload => true,
        };
        self.open.retain(|subject, _| is_known(subject));
        self.reported.retain(|subject, _| is_known(subject));
        self.pending.retain(|line| is_known(&line.subject));
        self.dead_letters
            .retain(|channel, _| channels.contains(channel.as_str()));
        self.sources.retain(|source, _| sources.contains(source.as_str()));
    }

    /// Takes the pending lines that can be posted now, by channel.
    fn due(&mut self, now: Timestamp, channels: &[Arc<str>], troubled: &BTreeSet<&str>) -> Vec<Report> {
        let mut reports: Vec<Report> = Vec::new();
        for line in std::mem::take(&mut self.pending) {
            let of_itself = line.subject.channel().filter(|_| !line.over);
            let mut others = channels.iter().filter(|channel| of_itself != Some(channel));
            let mut free = others.clone().filter(|channel| !troubled.contains(&***channel));
            let channel = free.next().cloned();
            if channel.is_none() && others.next().is_some() {
                // Later, when one of them works again.
                self.pending.push_back(line);
                continue;
            }
            let has_room = |report: &&mut Report| report.channel == channel && report.lines.len() < LINES;
            if let Some(report) = reports.iter_mut().find(has_room) {
                report.lines.push(line);
                continue;
            }
            let is_recent = |sent: &Timestamp| now.duration_since(*sent) < WINDOW;
            self.sent.retain(is_recent);
            if self.sent.len() >= MESSAGES {
                self.pending.push_back(line);
                continue;
            }
            self.sent.push_back(now);
            let lines = vec![line];
            reports.push(Report { channel, lines });
        }
        reports
    }
}

/// The channels to which nothing can be posted now.
fn troubled(channels: &[ChannelState]) -> BTreeSet<&str> {
    let troubled = channels
        .iter()
        .filter(|channel| channel.paused || channel.blocked.is_some());
    troubled.map(|channel| channel.name.as_str()).collect()
}

/// Whether `limit` has passed since `time`.
fn is_past(time: Timestamp, limit: Duration, now: Timestamp) -> bool {
    Duration::try_from(now.duration_since(time)).is_ok_and(|age| age > limit)
}
