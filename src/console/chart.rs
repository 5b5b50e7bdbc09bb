//! What was accepted, delivered and failed in the last hours, as bars and as a table.

use jiff::Timestamp;
use maud::{Markup, html};

use crate::queue::Bucket;

/// Bars of the chart.
const BARS: usize = 48;
/// The width of a bar with the space after it, and the height of the chart, in units of the drawing.
const WIDTH: usize = 12;
const HEIGHT: u64 = 90;

/// What is drawn: a name, its class, and its number in a bucket.
type Series = (&'static str, &'static str, fn(&Bucket) -> u64);

const SERIES: [Series; 3] = [
    ("accepted", "accepted", |of| of.accepted),
    ("delivered", "delivered", |of| of.delivered),
    ("failed attempts", "failed", |of| of.failed),
];

/// The chart and the table.
pub(super) fn chart(buckets: &[Bucket]) -> Markup {
    let bars = bars(buckets);
    let highest = bars
        .iter()
        .flat_map(|of| SERIES.map(|(_, _, count)| count(of)))
        .max()
        .unwrap_or(0);
    let (Some(first), Some(last)) = (bars.first(), buckets.last()) else {
        return html! {};
    };
    let total = |count: fn(&Bucket) -> u64| bars.iter().map(count).sum::<u64>();
    html! {
        figure.chart {
            figcaption {
                @for (name, class, count) in SERIES { span class={ "key " (class) } { (name) " " strong { (total(count)) } } " " }
            }
            svg role="img" aria-labelledby="chart-title chart-text" preserveAspectRatio="none"
                viewBox={ "0 0 " (BARS * WIDTH) " " (HEIGHT) } {
                title #chart-title { "Events and messages of the last hours" }
                desc #chart-text {
                    @for (name, _, count) in SERIES { (total(count)) " " (name) ", " }
                    "at most " (highest) " in one bar."
                }
                @for (index, bar) in bars.iter().enumerate() { (group(index, bar, highest)) }
            }
            p.axis { span { (clock(first.from)) } span { "highest " (highest) } span { (clock(last.from)) " UTC" } }
        }
        details #numbers {
            summary { "The numbers" }
            table.list {
                thead { tr { th { "From (UTC)" } @for (name, _, _) in SERIES { th.number { (name) } } } }
                tbody {
                    @for bar in bars.iter().rev().filter(|bar| SERIES.iter().any(|(_, _, count)| count(bar) > 0)) {
                        tr {
                            td data-label="From" { (clock(bar.from)) }
                            @for (name, _, count) in SERIES { td.number data-label=(name) { (count(bar)) } }
                        }
                    }
                }
            }
        }
    }
}

/// The buckets, put together to as many as there are bars.
fn bars(buckets: &[Bucket]) -> Vec<Bucket> {
    let together = buckets.len().div_ceil(BARS).max(1);
    let sum = |several: &[Bucket]| {
        let mut several = several.iter().copied();
        let first = several.next()?;
        Some(several.fold(first, |sum, of| Bucket {
            from: sum.from,
            accepted: sum.accepted + of.accepted,
            delivered: sum.delivered + of.delivered,
            failed: sum.failed + of.failed,
        }))
    };
    buckets.chunks(together).filter_map(sum).collect()
}

/// The bars of one time, side by side.
fn group(index: usize, bar: &Bucket, highest: u64) -> Markup {
    let width = (WIDTH - 2) / SERIES.len();
    html! {
        @for (number, (_, class, count)) in SERIES.into_iter().enumerate() {
            @let height = (count(bar) * HEIGHT).div_ceil(highest.max(1));
            @if height > 0 {
                rect class=(class) x=(index * WIDTH + number * width) y=(HEIGHT - height) width=(width) height=(height) {}
            }
        }
    }
}

fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bar_has_the_height_of_the_chart_and_a_small_one_is_visible() {
        let bucket = |minute: i64, accepted| Bucket {
            from: Timestamp::from_second(minute * 60).unwrap(),
            accepted,
            delivered: 0,
            failed: 0,
        };
        let buckets: Vec<_> = (0..144)
            .map(|number| bucket(number * 5, u64::from(number == 3) * 10_000))
            .collect();
        assert_eq!(bars(&buckets).len(), BARS);
        let mut buckets = buckets;
        if let Some(last) = buckets.last_mut() {
            last.accepted = 1;
        }
        let html = chart(&buckets).into_string();
        assert!(
            html.contains("height=\"90\"") && html.contains("height=\"1\""),
            "{html}"
        );
        assert!(!html.contains("style="));
        assert!(chart(&[]).into_string().is_empty());
    }
}
