//! The table of what is reported, with a clock that the test sets.

use super::*;
use crate::message::plain;
use jiff::SignedDuration;

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;

/// A bridge whose state the test sets. The settings list `ops`, then `dev`.
struct Bench {
    watcher: Watcher,
    settings: ReportSettings,
    observation: Observation,
}

impl Bench {
    fn new() -> Self {
        Self::after(Vec::new())
    }

    fn after(lines: Vec<Line>) -> Self {
        let channel = |name: &str| ChannelState {
            name: name.to_owned(),
            ..ChannelState::default()
        };
        let mut bench = Self {
            watcher: Watcher::after(lines),
            settings: ReportSettings {
                channels: vec!["ops".into(), "dev".into()],
                ..ReportSettings::default()
            },
            observation: Observation {
                now: at(0),
                channels: vec![channel("dev"), channel("ops")],
                sources: vec![SourceState {
                    name: "backup".to_owned(),
                    ..SourceState::default()
                }],
                reload: None,
            },
        };
        bench.settings.expected.insert("backup".into(), seconds(2 * HOUR));
        bench
    }

    fn channel(&mut self, name: &str) -> &mut ChannelState {
        let mut channels = self.observation.channels.iter_mut();
        channels.find(|channel| channel.name == name).unwrap()
    }

    fn source(&mut self) -> &mut SourceState {
        &mut self.observation.sources[0]
    }

    /// The channel has a message that waits since `since` and cannot be posted.
    fn block(&mut self, name: &str, since: i64) {
        let channel = self.channel(name);
        channel.waiting = 3;
        channel.oldest = Some(at(since));
        channel.blocked = Some(Blocked {
            reason: "wrong_key".to_owned(),
            hint: Some("compare the key".to_owned()),
        });
    }

    fn free(&mut self, name: &str) {
        *self.channel(name) = ChannelState {
            name: name.to_owned(),
            dead_letters: self.channel(name).dead_letters,
            ..ChannelState::default()
        };
    }

    fn die(&mut self, name: &str, count: u64) {
        let channel = self.channel(name);
        channel.dead_letters += count;
        channel.dead_letter = Some(DeadLetter {
            event: "01a208b4-88a2".to_owned(),
            source: "github".to_owned(),
            event_type: "push".to_owned(),
        });
    }

    fn reports(&mut self, now: i64) -> Vec<Report> {
        self.observation.now = at(now);
        let reports = self.watcher.observe(&self.observation, &self.settings);
        self.observation.reload = None;
        reports
    }

    /// The texts of the reports at this second, each with its channel.
    fn at(&mut self, now: i64) -> Vec<String> {
        let texts = self.reports(now).into_iter().map(|report| {
            let channel = report.channel.as_deref().unwrap_or("nowhere").to_owned();
            format!("{channel}: {}", plain::text(&document(&report.lines)))
        });
        texts.collect()
    }
}

fn at(second: i64) -> Timestamp {
    "2026-03-01T10:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(second)
}

fn seconds(count: i64) -> Duration {
    Duration::from_secs(count.unsigned_abs())
}

const NOTHING: [String; 0] = [];

#[test]
fn a_stuck_channel_is_reported_once_and_when_it_works_again() {
    let mut bench = Bench::new();
    bench.settings.expected.clear();
    bench.block("dev", 0);
    assert_eq!(bench.at(15 * MINUTE), NOTHING, "not longer than stuck_after");
    assert_eq!(
        bench.at(15 * MINUTE + 1),
        [
            "ops: ⚠️ twake-bridge: dev is stuck (wrong_key), 3 waiting, since 10:00 UTC. What to do: compare the key"
        ]
    );
    assert_eq!(bench.at(16 * MINUTE), NOTHING);
    assert_eq!(bench.at(30 * HOUR), NOTHING);
    bench.free("dev");
    assert_eq!(
        bench.at(30 * HOUR + 1),
        ["ops: ✅ twake-bridge: dev works again; it was stuck since 1 Mar 2026 10:00 UTC"]
    );
    assert_eq!(bench.at(30 * HOUR + 2), NOTHING);
}

#[test]
fn a_message_that_waits_for_its_turn_is_not_stuck() {
    let mut bench = Bench::new();
    bench.block("dev", 0);
    bench.channel("dev").blocked = None;
    assert_eq!(bench.at(10 * HOUR), NOTHING);
}

#[test]
fn a_paused_channel_is_not_reported_and_has_no_reports() {
    let mut bench = Bench::new();
    bench.settings.expected.clear();
    bench.block("ops", 0);
    bench.channel("ops").paused = true;
    assert_eq!(bench.at(HOUR), NOTHING);
    bench.die("dev", 1);
    assert_eq!(bench.at(2 * HOUR), NOTHING, "ops cannot have it now");
    bench.free("ops");
    assert!(bench.at(3 * HOUR)[0].starts_with("ops: "));
}

#[test]
fn a_channel_that_is_stuck_again_within_an_hour_is_reported_after_that() {
    let mut bench = Bench::new();
    bench.block("dev", 0);
    assert_eq!(bench.at(16 * MINUTE).len(), 1);
    bench.free("dev");
    assert_eq!(bench.at(17 * MINUTE).len(), 1);
    bench.block("dev", 18 * MINUTE);
    assert_eq!(bench.at(40 * MINUTE), NOTHING);
    bench.free("dev");
    assert_eq!(bench.at(41 * MINUTE), NOTHING, "its beginning was not reported");
    bench.block("dev", 42 * MINUTE);
    assert_eq!(bench.at(76 * MINUTE).len(), 1);
}

#[test]
fn the_first_dead_letter_is_reported_and_further_ones_once_an_hour() {
    let mut bench = Bench::new();
    bench.settings.expected.clear();
    assert_eq!(bench.at(0), NOTHING);
    bench.die("dev", 1);
    assert_eq!(
        bench.at(5),
        [
            "ops: ⚠️ twake-bridge: dev: a message became a dead letter (github push). What to do: twake-bridge events show 01a208b4-88a2"
        ]
    );
    bench.die("dev", 1);
    assert_eq!(bench.at(10), NOTHING);
    bench.die("dev", 4);
    assert_eq!(bench.at(30 * MINUTE), NOTHING);
    assert_eq!(
        bench.at(5 + HOUR),
        [
            "ops: ⚠️ twake-bridge: dev: 5 messages became dead letters (one of them: github push) since 10:00 UTC. What to do: \
          twake-bridge events show 01a208b4-88a2"
        ]
    );
    assert_eq!(bench.at(3 * HOUR), NOTHING);
}

#[test]
fn a_report_about_a_channel_goes_to_another_one() {
    let mut bench = Bench::new();
    bench.settings.expected.clear();
    bench.die("ops", 1);
    assert!(bench.at(0)[0].starts_with("dev: "), "not to ops itself");

    // The first of the list is in trouble: the next one has the report, also of something else.
    bench.block("ops", 0);
    bench.observation.reload = Some(ReloadState {
        applied: false,
        finding: Some("bridge.toml:3: nonsense".to_owned()),
    });
    assert_eq!(
        bench.at(5),
        [
            "dev: ⚠️ twake-bridge: a reload was refused, the previous configuration stays in use: bridge.toml:3: nonsense. What to \
          do: twake-bridge check shows all that is wrong"
        ]
    );
}

#[test]
fn a_report_waits_while_every_channel_is_in_trouble() {
    let mut bench = Bench::new();
    bench.block("dev", 0);
    bench.block("ops", 0);
    assert_eq!(bench.at(16 * MINUTE), NOTHING);
    bench.free("ops");
    // Its own beginning is left out, because its end is known.
    let reports = bench.reports(17 * MINUTE);
    let texts: Vec<&str> = reports[0].lines.iter().map(|line| line.what.as_str()).collect();
    assert_eq!(reports.len(), 1);
    assert_eq!(
        texts,
        [
            "dev is stuck (wrong_key), 3 waiting,",
            "ops works again; it was stuck"
        ]
    );
}

#[test]
fn a_report_that_no_channel_can_ever_have_is_only_logged() {
    let mut bench = Bench::new();
    bench.settings.channels = vec!["ops".into()];
    bench.die("ops", 1);
    bench.die("dev", 1);
    let channels: Vec<_> = bench
        .reports(0)
        .into_iter()
        .map(|report| report.channel)
        .collect();
    assert_eq!(channels, [Some("ops".into()), None]);
}

#[test]
fn requests_that_fail_authentication_are_reported_if_none_passes() {
    let mut bench = Bench::new();
    bench.settings.expected.clear();
    assert_eq!(bench.at(0), NOTHING);
    bench.source().refusals = 2;
    assert_eq!(bench.at(5), NOTHING, "a stranger");
    bench.source().arrivals = 1;
    assert_eq!(bench.at(10), NOTHING);
    bench.source().refusals = 4;
    assert_eq!(bench.at(15), NOTHING, "two since the last event");
    bench.source().refusals = 5;
    assert_eq!(
        bench.at(MINUTE + 20),
        [
            "ops: ⚠️ twake-bridge: backup: 3 requests failed authentication and none passed since 10:00 UTC. What to do: compare the \
          secret at the sender with the bridge's, and both clocks"
        ]
    );
    bench.source().refusals = 500;
    assert_eq!(bench.at(2 * HOUR), NOTHING);
    bench.source().arrivals = 2;
    assert_eq!(
        bench.at(3 * HOUR),
        ["ops: ✅ twake-bridge: backup: requests pass authentication again; they failed since 10:00 UTC"]
    );
}

#[test]
fn a_silent_source_is_reported_and_when_it_comes_again() {
    let mut bench = Bench::new();
    bench.source().newest = Some(at(-HOUR));
    assert_eq!(bench.at(0), NOTHING);
    assert_eq!(bench.at(HOUR), NOTHING);
    assert_eq!(
        bench.at(HOUR + 1),
        [
            "ops: ⚠️ twake-bridge: backup: no event came since 09:00 UTC. What to do: find out whether the sender runs and reaches \
          the bridge"
        ]
    );
    bench.source().arrivals = 1;
    assert_eq!(
        bench.at(5 * HOUR),
        ["ops: ✅ twake-bridge: backup: events come again; none came since 09:00 UTC"]
    );
    assert_eq!(bench.at(7 * HOUR), NOTHING);
    assert_eq!(bench.at(7 * HOUR + 1).len(), 1);
}

#[test]
fn silence_counts_from_the_start_if_the_newest_event_is_older() {
    for newest in [None, Some(at(-50 * HOUR))] {
        let mut bench = Bench::new();
        bench.source().newest = newest;
        assert_eq!(bench.at(0), NOTHING, "{newest:?}");
        assert_eq!(bench.at(2 * HOUR), NOTHING, "{newest:?}");
        assert_eq!(bench.at(2 * HOUR + 1).len(), 1, "{newest:?}");
    }
}

#[test]
fn a_restarted_bridge_knows_what_it_has_reported() {
    let mut bench = Bench::new();
    bench.block("dev", 0);
    let mut lines = Vec::new();
    for now in [0, 3 * HOUR] {
        lines.extend(bench.reports(now).into_iter().flat_map(|report| report.lines));
    }
    assert_eq!(lines.len(), 2, "dev is stuck, backup is silent");
    let lines: Vec<Line> = serde_json::from_str(&serde_json::to_string(&lines).unwrap()).unwrap();

    let mut bench = Bench::after(lines);
    bench.block("dev", 0);
    bench.source().newest = Some(at(-HOUR));
    assert_eq!(bench.at(6 * HOUR), NOTHING);
    assert_eq!(bench.at(9 * HOUR), NOTHING);
    bench.free("dev");
    bench.source().arrivals = 1;
    let reports = bench.reports(9 * HOUR + 5);
    assert!(reports[0].lines.iter().all(|line| line.over), "{reports:?}");
    assert_eq!(reports[0].lines.len(), 2);
}

#[test]
fn lines_are_grouped_and_messages_are_limited() {
    let mut bench = Bench::new();
    bench.settings.channels = vec!["ops".into()];
    bench.settings.expected.clear();
    let channel = |number: usize| ChannelState {
        name: format!("c{number:02}"),
        ..ChannelState::default()
    };
    bench.observation.channels.extend((0..40).map(channel));
    assert_eq!(bench.at(0), NOTHING);
    // At the same time: at most ten lines a message.
    for number in 0..12 {
        bench.die(&format!("c{number:02}"), 1);
    }
    let lines =
        |reports: &[Report]| -> Vec<usize> { reports.iter().map(|report| report.lines.len()).collect() };
    assert_eq!(lines(&bench.reports(5)), [10, 2]);
    // One after the other: at most six messages in ten minutes. The rest is one message after that.
    let mut messages = 2;
    for number in 12..30_u8 {
        bench.die(&format!("c{number:02}"), 1);
        messages += bench.reports(i64::from(number) * 10).len();
    }
    assert_eq!(messages, 6);
    assert_eq!(lines(&bench.reports(10 * MINUTE + 10)), [10, 4]);
}

#[test]
fn lines_that_could_not_be_stored_are_due_again() {
    let mut bench = Bench::new();
    bench.die("dev", 1);
    let lines = bench.reports(0).remove(0).lines;
    bench.watcher.put_back(lines.clone());
    assert_eq!(bench.reports(5)[0].lines, lines);
}

#[test]
fn what_is_not_configured_any_more_is_forgotten() {
    let mut bench = Bench::new();
    bench.block("dev", 0);
    assert_eq!(bench.at(16 * MINUTE).len(), 1);
    bench.observation.channels.retain(|channel| channel.name != "dev");
    assert_eq!(bench.at(17 * MINUTE), NOTHING);
}
