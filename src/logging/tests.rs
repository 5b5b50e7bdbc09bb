use super::*;
use env_logger::Logger;
use jiff::Timestamp;
use proptest::prelude::*;
use std::sync::Mutex;

/// What was written.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A log of all levels in this format, its output and its clock.
fn log(lines: Format, journal: bool) -> (Limited<Logger>, Written, Clock) {
    let written = Written::default();
    let mut builder = Builder::new();
    builder
        .filter_level(log::LevelFilter::Trace)
        .format(format(lines, journal))
        .target(Target::Pipe(Box::new(written.clone())));
    let clock = Clock::manual(Timestamp::UNIX_EPOCH);
    (Limited::new(builder.build(), clock.clone()), written, clock)
}

fn line(journal: bool, message: &str, values: &[(&str, &str)]) -> String {
    formatted(Format::Text, journal, message, &values)
}

fn formatted(lines: Format, journal: bool, message: &str, values: &dyn log::kv::Source) -> String {
    let (log, written, _) = log(lines, journal);
    let mut record = Record::builder();
    record
        .level(Level::Info)
        .target("twake_bridge")
        .key_values(values);
    log.log(&record.args(format_args!("{message}")).build());
    written.text()
}

#[test]
fn text_from_outside_is_escaped_in_message_and_values() {
    for (text, message, value) in [
        ("plain", "plain", "plain"),
        ("a\n<3>forged", "a\\n<3>forged", "a\\n<3>forged"),
        (
            "\r\u{1b}[2J\u{0}\u{9b}",
            "\\r\\u{1b}[2J\\u{0}\\u{9b}",
            "\\r\\u{1b}[2J\\u{0}\\u{9b}",
        ),
        (
            "\u{2028}\u{2029}\u{85}",
            "\\u{2028}\\u{2029}\\u{85}",
            "\\u{2028}\\u{2029}\\u{85}",
        ),
        (
            "\u{202e}x\u{2066}\u{200f}",
            "\\u{202e}x\\u{2066}\\u{200f}",
            "\\u{202e}x\\u{2066}\\u{200f}",
        ),
        ("ü 日本", "ü 日本", "\"ü 日本\""),
        ("x peer=10.0.0.1", "x peer=10.0.0.1", "\"x peer=10.0.0.1\""),
        ("x\" peer=\"y", "x\" peer=\"y", "\"x\\\" peer=\\\"y\""),
        ("", "", "\"\""),
    ] {
        assert_eq!(
            line(true, text, &[("key", text)]),
            format!("<6>{message} key={value}\n")
        );
        let elsewhere = line(false, text, &[("key", text)]);
        assert!(
            elsewhere.ends_with(&format!("Z INFO ] {message} key={value}\n")),
            "{elsewhere}"
        );
    }
}

#[test]
fn messages_and_values_are_cut() {
    let line = line(true, &"x".repeat(1 << 20), &[("key", &"ü".repeat(1 << 20))]);
    assert_eq!(
        line,
        format!("<6>{}… key={}…\n", "x".repeat(4096), "ü".repeat(2048))
    );
}

#[test]
fn a_json_line_is_one_object_with_every_value() {
    let values: [(&str, log::kv::Value<'_>); 6] = [
        ("source", "a\n\"\u{202e}\u{1b}".into()),
        ("status", 404.into()),
        ("left", (-1_i64).into()),
        ("share", 0.5.into()),
        ("ready", false.into()),
        ("level", "no level".into()),
    ];
    for (journal, prefix) in [(false, ""), (true, "<6>")] {
        let line = formatted(Format::Json, journal, "re\nfused", &values);
        let object = line.strip_prefix(prefix).unwrap().strip_suffix('\n').unwrap();
        assert!(!object.contains(escape::is_active), "{object:?}");
        let mut object: serde_json::Value = serde_json::from_str(object).unwrap();
        let time = object.as_object_mut().unwrap().remove("time").unwrap();
        let time = time.as_str().unwrap();
        assert!(time.parse::<Timestamp>().is_ok() && time.len() == 24, "{time}");
        let expected = serde_json::json!({
            "level": "INFO", "target": "twake_bridge", "message": "re\\nfused",
            "source": "a\\n\"\\u{202e}\\u{1b}", "status": 404, "left": -1, "share": 0.5, "ready": false,
        });
        assert_eq!(object, expected);
    }
}

proptest! {
    #[test]
    fn any_record_is_exactly_one_line_without_active_characters(
        message in any::<String>(), value in any::<String>(), breaks in "[\n\r\u{1b}\u{85}\u{2028}\u{202e}<3> =\"a]{0,20}",
    ) {
        for journal in [true, false] {
            for (message, value) in [(&message, &value), (&breaks, &value), (&message, &breaks)] {
                let line = line(journal, message, &[("key", value), ("after", "last")]);
                let text = line.strip_suffix('\n').unwrap();
                prop_assert!(!text.contains(escape::is_active), "{text:?}");
                prop_assert!(text.ends_with(" after=last"), "{text:?}");
                if journal {
                    prop_assert!(text.starts_with("<6>"), "{text:?}");
                }
            }
        }
    }
}

fn records(log: &Limited<Logger>, target: &str, level: Level, number: usize) {
    for _ in 0..number {
        let mut record = Record::builder();
        log.log(
            &record
                .target(target)
                .level(level)
                .args(format_args!("again"))
                .build(),
        );
    }
}

#[test]
fn records_that_anybody_can_cause_are_limited_and_counted() {
    for (target, level, limited) in [
        (STRANGER, Level::Error, true),
        (STRANGER, Level::Info, true),
        ("actix_server::accept", Level::Error, true),
        ("rustls::conn", Level::Warn, true),
        ("twake_bridge::http::hooks", Level::Info, false),
        ("twake_bridge::delivery::lane", Level::Error, false),
    ] {
        let (log, written, clock) = log(Format::Text, true);
        records(&log, target, level, 50);
        let first = written.text();
        let expected = if limited { 10 } else { 50 };
        assert_eq!(first.lines().count(), expected, "{target} {first}");
        clock.advance(Duration::from_secs(1));
        records(&log, target, level, 50);
        log.flush();
        let counted = written
            .text()
            .matches("40 more like this were not logged")
            .count();
        assert_eq!(
            counted,
            if limited { 2 } else { 0 },
            "{target}: one with the next line, one at the end"
        );
    }
}

#[test]
fn malformed_requests_are_not_errors() {
    let (log, written, _) = log(Format::Text, true);
    records(&log, "actix_http::h1::dispatcher", Level::Error, 1);
    assert_eq!(written.text(), "<7>again\n");
}
