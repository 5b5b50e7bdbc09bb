//! The functions of a point in time that take a time zone: `getHours("Europe/Paris")`, `getHours("+02:00")`.
//!
//! CEL's own functions know no zone by its name, because their tables are left out (`.cargo/config.toml`). So `at.getHours(zone)`
//! becomes `@inZone(at, zone).getHours()`.

use cel::common::ast::{CallExpr, Expr, LiteralValue};
use cel::common::types::{CelTimestamp, DYN_TYPE as DYN};
use cel::common::value::CowVal;
use cel::{DeclarationError, Env, ExecutionError, IdedExpr};
use chrono::FixedOffset;
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use super::bounded::{out_of_steps, text_argument};
use super::syntax::visit_each;
use crate::{steps, zone};

/// A point in time with the offset of a zone at that time.
const IN_ZONE: &str = "@inZone";

/// The functions that take a zone. Without one they are in UTC, also for a time that is written with an offset.
const FUNCTIONS: [&str; 10] = [
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
];

/// Steps of one call.
const STEPS: u64 = 8;

pub(super) fn add_function(env: &mut Env) -> Result<(), DeclarationError> {
    env.add_overload(IN_ZONE, IN_ZONE, vec![DYN, DYN], in_zone)
}

fn takes_zone(call: &CallExpr) -> bool {
    call.target.is_some() && FUNCTIONS.contains(&call.func_name.as_str())
}

/// Refuses literal zones that do not exist.
pub(super) fn check(expression: &IdedExpr) -> Result<(), String> {
    let mut found = Ok(());
    visit_each(expression, &mut |part| {
        if let Expr::Call(call) = &part.expr
            && let [zone] = call.args.as_slice()
            && let Expr::Literal(LiteralValue::String(zone)) = &zone.expr
            && takes_zone(call)
            && found.is_ok()
        {
            let zone = zone.inner();
            if parse(zone).is_none() {
                let why = if zone.contains(':') {
                    Err("an offset is written \"+02:00\"".to_owned())
                } else {
                    zone::parse(zone).map(drop)
                };
                found = why.map_err(|why| format!("{}(): {why}", call.func_name));
            }
        }
    });
    found
}

/// Puts the zone of a call into the point in time.
pub(super) fn apply(call: &mut CallExpr) {
    if call.args.len() > 1 || !takes_zone(call) {
        return;
    }
    if let Some(at) = call.target.take() {
        let id = at.id;
        let utc = || IdedExpr {
            id,
            expr: Expr::Literal(LiteralValue::String("".into())),
        };
        let in_zone = Expr::Call(CallExpr {
            func_name: IN_ZONE.to_owned(),
            target: None,
            args: vec![*at, call.args.pop().unwrap_or_else(utc)],
        });
        call.target = Some(Box::new(IdedExpr { id, expr: in_zone }));
    }
}

/// Parses a zone: a name, an offset `[+-]HH:MM`, or nothing for UTC.
fn parse(text: &str) -> Option<TimeZone> {
    match text.split_once(':') {
        None if text.is_empty() => Some(TimeZone::UTC),
        None => zone::find(text),
        Some((hours, minutes)) => offset(hours, minutes).map(TimeZone::fixed),
    }
}

fn offset(hours: &str, minutes: &str) -> Option<Offset> {
    let sign = if hours.starts_with('-') { -1 } else { 1 };
    let hours: i32 = hours.parse().ok().filter(|hours| (-23..=23).contains(hours))?;
    let minutes: i32 = minutes
        .parse()
        .ok()
        .filter(|minutes| (0..=59).contains(minutes))?;
    Offset::from_seconds(hours * 3600 + sign * minutes * 60).ok()
}

/// The point in time with the offset of the zone. Other values, such as durations, are unchanged.
fn in_zone<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    steps::take(STEPS).map_err(out_of_steps)?;
    let zone = parse(text_argument(&arguments, 1)?).ok_or_else(|| wrong("there is none of this name"))?;
    let value = arguments.into_iter().next();
    let value = value.ok_or(ExecutionError::MissingArgumentOrTarget)?;
    let Some(at) = value.downcast_ref::<CelTimestamp>().map(CelTimestamp::inner) else {
        return Ok(value);
    };
    let instant = Timestamp::from_second(at.timestamp()).map_err(wrong)?;
    let offset = FixedOffset::east_opt(zone.to_offset(instant).seconds());
    let offset = offset.ok_or_else(|| wrong("the offset is too large"))?;
    Ok(CowVal::owned(CelTimestamp::from(at.with_timezone(&offset))))
}

fn wrong(why: impl std::fmt::Display) -> ExecutionError {
    ExecutionError::function_error("time zone", why)
}

#[cfg(test)]
mod tests {
    use crate::condition::Condition;
    use serde_json::json;

    #[test]
    fn functions_of_a_time_take_a_zone_by_name_or_offset() {
        let names = json!({"payload": {
            "at": "2026-07-31T23:30:15.250Z", "winter": "2026-12-31T23:30:00Z", "local": "2026-07-31T10:00:00+05:30",
            "zone": "Europe/Paris", "offset": "-05:30", "odd": "Europe/Pariss",
        }});
        for (text, expected) in [
            ("timestamp(payload.at).getHours()", Ok(json!(23))),
            ("timestamp(payload.local).getHours()", Ok(json!(4))),
            (r#"timestamp(payload.at).getHours("")"#, Ok(json!(23))),
            (r#"timestamp(payload.at).getHours("Europe/Paris")"#, Ok(json!(1))),
            (
                r#"timestamp(payload.winter).getHours("Europe/Paris")"#,
                Ok(json!(0)),
            ),
            (
                r#"timestamp(payload.local).getHours("Europe/Paris")"#,
                Ok(json!(6)),
            ),
            ("timestamp(payload.at).getHours(payload.zone)", Ok(json!(1))),
            ("timestamp(payload.at).getHours(payload.offset)", Ok(json!(18))),
            (r#"timestamp(payload.at).getMinutes("-00:45")"#, Ok(json!(45))),
            (r#"timestamp(payload.at).getHours("05:30")"#, Ok(json!(5))),
            (
                r#"timestamp(payload.at).getMinutes("Asia/Kolkata")"#,
                Ok(json!(0)),
            ),
            (
                r#"timestamp(payload.at).getSeconds("Asia/Kolkata")"#,
                Ok(json!(15)),
            ),
            (
                r#"timestamp(payload.at).getMilliseconds("Asia/Kolkata")"#,
                Ok(json!(250)),
            ),
            (r#"timestamp(payload.at).getDate("Europe/Paris")"#, Ok(json!(1))),
            (
                r#"timestamp(payload.at).getDayOfMonth("Europe/Paris")"#,
                Ok(json!(0)),
            ),
            (r#"timestamp(payload.at).getMonth("Europe/Paris")"#, Ok(json!(7))),
            (
                r#"timestamp(payload.at).getDayOfWeek("Europe/Paris")"#,
                Ok(json!(6)),
            ),
            (
                r#"timestamp(payload.winter).getDayOfYear("Europe/Paris")"#,
                Ok(json!(0)),
            ),
            (
                r#"timestamp(payload.winter).getFullYear("Europe/Paris")"#,
                Ok(json!(2027)),
            ),
            (r#"duration("90m").getHours()"#, Ok(json!(1))),
            (
                r#"[payload.at].map(t, timestamp(t).getHours("Europe/Paris") in [0, 1])"#,
                Ok(json!([true])),
            ),
            (
                "timestamp(payload.at).getHours(payload.odd)",
                Err("there is none of this name"),
            ),
            ("timestamp(payload.at).getHours(1)", Err("a string is needed")),
            (
                r#"timestamp(payload.at).getHours("Mars/Base")"#,
                Err("getHours(): there is no time zone \"Mars/Base\""),
            ),
            (
                r#"timestamp(payload.at).getHours("Europe/Pariss")"#,
                Err("getHours(): there is no time zone \"Europe/Pariss\", did you mean \"Europe/Paris\"?"),
            ),
            (
                r#"timestamp(payload.at).getHours("24:00")"#,
                Err("an offset is written \"+02:00\""),
            ),
            (
                r#"timestamp(payload.at).getHours("+01:60")"#,
                Err("an offset is written"),
            ),
        ] {
            let value = Condition::compile(text).map_err(|error| error.to_string());
            let value =
                value.and_then(|condition| condition.evaluate(&names).map_err(|error| error.to_string()));
            match (value, expected) {
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{text}: {found}"),
                (found, expected) => assert_eq!(found, expected.map_err(str::to_owned), "{text}"),
            }
        }
    }
}
