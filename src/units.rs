//! Values with units: durations `ms s m h d`, sizes `B KiB MiB GiB`, rates `N/s N/m N/h`. A number without a unit is
//! refused.

use std::time::Duration;

/// A number of messages per period, such as `30/m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The number of messages.
    pub count: u32,
    /// The period.
    pub per: Duration,
    /// How many messages need not be spaced after a time without any: 1 spaces all of them.
    pub burst: u32,
}

impl Rate {
    /// What a homeserver of Matrix allows an account by default (Synapse, `rc_message`): a message every five seconds after ten
    /// at once. People hardly read faster.
    pub const GENTLE: Self = Self {
        count: 12,
        per: Duration::from_secs(60),
        burst: 10,
    };

    /// So many messages per period, evenly spaced.
    pub const fn even(count: u32, per: Duration) -> Self {
        Self { count, per, burst: 1 }
    }
}

/// A type of value with a unit.
pub(crate) struct Unit<T> {
    /// The name of the type, with its article.
    pub(crate) what: &'static str,
    /// An example.
    pub(crate) example: &'static str,
    /// The units. The first one is suggested for a number without a unit.
    units: &'static [&'static str],
    /// Parses a value. The error says what is wrong and what to write.
    pub(crate) read: fn(&str) -> Result<T, String>,
}

pub(crate) const DURATION: Unit<Duration> = Unit {
    what: "a duration",
    example: "30s",
    units: &["s", "ms", "m", "h", "d"],
    read: duration,
};

pub(crate) const SIZE: Unit<u64> = Unit {
    what: "a size",
    example: "25MiB",
    units: &["MiB", "B", "KiB", "GiB"],
    read: size,
};

pub(crate) const RATE: Unit<Rate> = Unit {
    what: "a rate",
    example: "30/m",
    units: &["/m", "/s", "/h"],
    read: rate,
};

impl<T> Unit<T> {
    /// Returns the error for a number without a unit.
    pub(crate) fn bare(&self, number: &str) -> String {
        format!(
            "{number} has no unit: write \"{number}{}\" (units: {})",
            self.units.first().unwrap_or(&""),
            self.units.join(" ")
        )
    }

    /// The regular expression of the values, for a JSON Schema. It does not know the largest value.
    pub(crate) fn pattern(&self) -> String {
        format!("^\\s*0*[1-9][0-9]*\\s*({})\\s*$", self.units.join("|"))
    }

    fn wrong(&self, text: &str) -> String {
        let number = text.trim();
        if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
            return self.bare(number);
        }
        let shown = crate::suggest::shorten(text, 40);
        format!(
            "\"{shown}\" is not {} such as \"{}\" (units: {})",
            self.what,
            self.example,
            self.units.join(" ")
        )
    }
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn days(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}

/// Splits a text into a whole number and its unit.
fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, unit.trim_start()))
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = split(text).and_then(|(number, unit)| {
        let milliseconds: u64 = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        // The limit is a hundred years: the sum of a longer duration and a time could overflow.
        number
            .checked_mul(milliseconds)
            .filter(|all| *all <= 36_525 * 86_400_000)
    });
    match parsed {
        Some(0) => Err("must be longer than 0".to_owned()),
        Some(milliseconds) => Ok(Duration::from_millis(milliseconds)),
        None => Err(DURATION.wrong(text)),
    }
}

fn size(text: &str) -> Result<u64, String> {
    let parsed = split(text).and_then(|(number, unit)| {
        let bytes: u64 = match unit {
            "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return None,
        };
        number.checked_mul(bytes).filter(|all| *all <= 1 << 50)
    });
    match parsed {
        Some(0) => Err("must be larger than 0".to_owned()),
        Some(bytes) => Ok(bytes),
        None => Err(SIZE.wrong(text)),
    }
}

fn rate(text: &str) -> Result<Rate, String> {
    let parsed = split(text).and_then(|(number, unit)| {
        let per = match unit {
            "/s" => seconds(1),
            "/m" => seconds(60),
            "/h" => seconds(3600),
            _ => return None,
        };
        Some(Rate::even(u32::try_from(number).ok()?, per))
    });
    match parsed {
        Some(Rate { count: 0, .. }) => {
            Err("must be larger than 0; remove the route of a channel that needs no messages".to_owned())
        }
        Some(rate) => Ok(rate),
        None => Err(RATE.wrong(text)),
    }
}

/// A duration in its two largest units, for messages: "45 s", "12 min", "3 h 5 min", "2 d 4 h".
pub(crate) fn readable_duration(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let parts = |whole: u64, unit: &str, part: u64, part_unit: &str| match part {
        0 => format!("{whole} {unit}"),
        _ => format!("{whole} {unit} {part} {part_unit}"),
    };
    match (minutes, hours, days) {
        (0, ..) => format!("{seconds} s"),
        (_, 0, _) => format!("{minutes} min"),
        (.., 0) => parts(hours, "h", minutes % 60, "min"),
        _ => parts(days, "d", hours % 24, "h"),
    }
}

/// Formats a size: `512 B`, `3.1 KiB`, `2.0 GiB`.
pub(crate) fn format_size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    #[expect(clippy::cast_precision_loss, reason = "one digit after the point is shown")]
    let mut amount = bytes as f64;
    let mut unit = "B";
    for larger in units {
        if amount < 1024.0 {
            break;
        }
        amount /= 1024.0;
        unit = larger;
    }
    if unit == "B" {
        format!("{bytes} B")
    } else {
        format!("{amount:.1} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_sizes_and_rates_are_parsed() {
        for (text, milliseconds) in [
            ("1ms", 1),
            ("30s", 30_000),
            ("10m", 600_000),
            ("2 h", 7_200_000),
            ("3d", 259_200_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for (text, bytes) in [("1B", 1), ("2KiB", 2048), ("25MiB", 25 << 20), ("1GiB", 1 << 30)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for (text, count, per) in [("1/s", 1, 1), ("30/m", 30, 60), ("100/h", 100, 3600)] {
            assert_eq!(rate(text), Ok(Rate::even(count, seconds(per))), "{text}");
        }
    }

    #[test]
    fn a_number_without_a_unit_is_refused_with_an_example() {
        assert_eq!(
            duration("30"),
            Err("30 has no unit: write \"30s\" (units: s ms m h d)".to_owned())
        );
        assert_eq!(
            size("25"),
            Err("25 has no unit: write \"25MiB\" (units: MiB B KiB GiB)".to_owned())
        );
        assert_eq!(
            rate("30"),
            Err("30 has no unit: write \"30/m\" (units: /m /s /h)".to_owned())
        );
    }

    #[test]
    fn an_invalid_value_is_refused_with_an_example() {
        for text in [
            "",
            "s",
            "1x",
            "1.5h",
            "-1s",
            "1h30m",
            "99999999999999999999s",
            "99999999999d",
            "1 week",
        ] {
            assert!(duration(text).unwrap_err().contains("such as \"30s\""), "{text}");
        }
        for text in ["1MB", "1 mib", "9999999999GiB"] {
            assert!(size(text).unwrap_err().contains("such as \"25MiB\""), "{text}");
        }
        for text in ["1/d", "/m", "99999999999/s"] {
            assert!(rate(text).unwrap_err().contains("such as \"30/m\""), "{text}");
        }
        assert!(duration("0s").is_err() && size("0B").is_err() && rate("0/m").is_err());
    }

    #[test]
    fn a_size_is_formatted_with_its_largest_unit() {
        let sizes = [0, 1023, 1024, 3174, 1 << 31].map(format_size);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "3.1 KiB", "2.0 GiB"]);
    }
}
