//! Helpers for times. They show no relative times: a message stays in its channel for years.

use handlebars::RenderError;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Arguments, Run};
use crate::units::readable_duration;

/// Seconds before and after the message's own time within which `since` is empty.
const RECENT: i64 = 15 * 60;

pub(super) const HELPERS: &[(&str, Run<Value>)] = &[("date", date), ("duration", duration), ("since", since)];

/// `date instant`: "23 Nov 12:08 UTC". An instant is ISO 8601 text (UTC if it has no offset), or seconds since 1970
/// (milliseconds from 100,000,000,000 on). Other text is unchanged. `date instant "year"` adds the year, for times that
/// may be long ago or far ahead, such as the end of a certificate; `date instant received` adds it if the two years
/// differ. A day without a time ("2026-11-30") becomes "30 Nov".
fn date(arguments: &Arguments<'_, '_>) -> Result<Value, RenderError> {
    let given = arguments.get(0)?;
    let (day, instant_of_it) = match arguments.count() {
        1 => ("%-d %b", "%-d %b %H:%M UTC"),
        _ if arguments.text(1)? == "year" || is_of_another_year(given, arguments.get(1)?) => {
            ("%-d %b %Y", "%-d %b %Y %H:%M UTC")
        }
        _ if instant(arguments.get(1)?).is_some() => ("%-d %b", "%-d %b %H:%M UTC"),
        _ => return Err(arguments.error("accepts only \"year\" or a time as its second argument")),
    };
    let text = given.as_str().unwrap_or_default().trim();
    // The parser also accepts a date at the start of a longer text.
    if text.len() == "2026-11-30".len()
        && let Ok(date) = text.parse::<Date>()
    {
        return Ok(date.strftime(day).to_string().into());
    }
    Ok(match instant(given) {
        Some(instant) => instant.strftime(instant_of_it).to_string().into(),
        None => arguments.text(0)?.into(),
    })
}

fn is_of_another_year(given: &Value, now: &Value) -> bool {
    let year = |value: &Value| instant(value).map(|instant| instant.to_zoned(TimeZone::UTC).year());
    year(given)
        .zip(year(now))
        .is_some_and(|(given, now)| given != now)
}

/// `since start received`: "since 22 Nov 09:52 UTC", with the year if it is not the year of the message. Empty if the start
/// is within 15 minutes of the message, whose own time is enough, or unknown: no instant, or before 1970.
fn since(arguments: &Arguments<'_, '_>) -> Result<Value, RenderError> {
    let (start, received) = (arguments.get(0)?, arguments.get(1)?);
    let known = instant(start).filter(|start| start.as_second() > 0);
    let is_news = known
        .zip(instant(received))
        .is_some_and(|(start, received)| received.duration_since(start).as_secs().abs() < RECENT);
    let Some(known) = known.filter(|_| !is_news) else {
        return Ok("".into());
    };
    let format = if is_of_another_year(start, received) {
        "since %-d %b %Y %H:%M UTC"
    } else {
        "since %-d %b %H:%M UTC"
    };
    Ok(known.strftime(format).to_string().into())
}

/// `duration start end`, or `duration seconds`: "45 s", "5 min", "1 h 20 min", "2 d 3 h". A negative duration is "0 s".
fn duration(arguments: &Arguments<'_, '_>) -> Result<Value, RenderError> {
    let duration = if arguments.count() > 1 {
        let needs_instants = || arguments.error("needs two instants, or seconds");
        let start = instant(arguments.get(0)?).ok_or_else(needs_instants)?;
        let end = instant(arguments.get(1)?).ok_or_else(needs_instants)?;
        end.duration_since(start)
    } else {
        number(arguments.get(0)?)
            .and_then(|seconds| SignedDuration::try_from_secs_f64(seconds).ok())
            .ok_or_else(|| arguments.error("needs seconds, or two instants"))?
    };
    Ok(readable_duration(duration.as_secs().max(0).unsigned_abs()).into())
}

fn instant(value: &Value) -> Option<Timestamp> {
    if let Some(number) = number(value) {
        let seconds = if number.abs() >= 1e11 {
            number / 1000.0
        } else {
            number
        };
        let since = SignedDuration::try_from_secs_f64(seconds).ok()?;
        return Timestamp::from_duration(since).ok();
    }
    let text = value.as_str()?.trim();
    let text = text.strip_suffix(" UTC").unwrap_or(text);
    text.parse::<Timestamp>().ok().or_else(|| {
        let local: DateTime = text.parse().ok()?;
        Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}
