//! Helpers for times. They show no relative times: a message stays in its channel for years.

use handlebars::RenderError;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Arguments, Run};
use crate::message::{Inline, Time, TimeForm, control, nodes_atom};
use crate::units::readable_duration;

/// Seconds before and after the message's own time within which `since` is empty.
const RECENT: i64 = 15 * 60;

pub(super) const VALUES: &[(&str, Run<Value>)] = &[("duration", duration)];

pub(super) const FORMATTING: &[(&str, Run<String>)] = &[("date", date), ("since", since)];

/// `date instant`: "23 Nov 12:08 UTC", in the zone of the readers. An instant is ISO 8601 text (UTC if it has no offset), or
/// seconds since 1970 (milliseconds from 100,000,000,000 on). Other text is unchanged. `date instant "year"` adds the year, for
/// times that may be long ago or far ahead, such as the end of a certificate; `date instant received` adds it if the two years
/// differ. A day without a time ("2026-11-30") becomes "30 Nov".
fn date(arguments: &Arguments<'_, '_>) -> Result<String, RenderError> {
    let given = arguments.get(0)?;
    let form = match arguments.count() {
        1 => TimeForm::Day,
        _ if arguments.text(1)? == "year" => TimeForm::Year,
        _ => instant(arguments.get(1)?)
            .map(TimeForm::DayInYearOf)
            .ok_or_else(|| arguments.error("accepts only \"year\" or a time as its second argument"))?,
    };
    let text = given.as_str().unwrap_or_default().trim();
    let shown = if text.len() == "2026-11-30".len()
        // The parser also accepts a date at the start of a longer text.
        && let Ok(day) = text.parse::<Date>()
    {
        Inline::Text(day_in(form, day))
    } else if let Some(at) = instant(given) {
        Inline::Time(Time { at, form })
    } else {
        Inline::Text(control::one_line(&arguments.text(0)?).into_owned())
    };
    Ok(nodes_atom(Ok(vec![shown])))
}

/// Formats a day without a time, which is the same in every zone.
fn day_in(form: TimeForm, day: Date) -> String {
    let has_year = match form {
        TimeForm::Year => true,
        TimeForm::DayInYearOf(other) => other.to_zoned(TimeZone::UTC).year() != day.year(),
        TimeForm::Day | TimeForm::Clock | TimeForm::ClockOnDayOf(_) => false,
    };
    let format = if has_year { "%-d %b %Y" } else { "%-d %b" };
    day.strftime(format).to_string()
}

/// `since start received`: "since 22 Nov 09:52 UTC", with the year if it is not the year of the message. Nothing if the start
/// is within 15 minutes of the message, whose own time is enough, or unknown: no instant, or before 1970.
/// `since start received before after`: these texts are around it, unless there is nothing.
fn since(arguments: &Arguments<'_, '_>) -> Result<String, RenderError> {
    let start = instant(arguments.get(0)?).filter(|start| start.as_second() > 0);
    let received = instant(arguments.get(1)?);
    let is_news = start
        .zip(received)
        .is_some_and(|(start, received)| received.duration_since(start).as_secs().abs() < RECENT);
    let Some(at) = start.filter(|_| !is_news) else {
        return Ok(String::new());
    };
    let around = |index| {
        if index < arguments.count() {
            arguments.text(index)
        } else {
            Ok(String::new())
        }
    };
    let form = received.map_or(TimeForm::Day, TimeForm::DayInYearOf);
    Ok(nodes_atom(Ok(vec![
        Inline::Text(control::one_line(&format!("{}since ", around(2)?)).into_owned()),
        Inline::Time(Time { at, form }),
        Inline::Text(control::one_line(&around(3)?).into_owned()),
    ])))
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
