//! The page `/metrics`: OpenMetrics, or Prometheus' text format for clients that do not ask for OpenMetrics.

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::fmt::Write as _;

/// A format of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// Prometheus' text format 0.0.4, which `promtool check metrics` reads.
    Text,
}

impl Format {
    /// The format that a request's `Accept` prefers (RFC 9110, 12.5.1). Without a preference it is [`Format::Text`].
    pub fn preferred(accept: Option<&str>) -> Self {
        let (mut openmetrics, mut text) = (0.0_f32, 0.0_f32);
        for range in accept.unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default().to_ascii_lowercase();
            let weight = parts.find_map(|part| part.strip_prefix("q="));
            let weight = weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
            match media.as_str() {
                "application/openmetrics-text" => openmetrics = openmetrics.max(weight),
                "text/plain" | "text/*" | "*/*" => text = text.max(weight),
                _ => {}
            }
        }
        if openmetrics > 0.0 && openmetrics >= text {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }

    /// The `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    pub(super) fn page(self, registry: &Registry) -> String {
        let mut page = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut page, registry);
        match self {
            Self::OpenMetrics => page,
            Self::Text => to_text(&page),
        }
    }
}

/// Converts OpenMetrics to the text format. There a counter has its suffix in its declaration, too; an info is a gauge; and
/// there are no units and no end mark. Samples are the same.
fn to_text(openmetrics: &str) -> String {
    let mut text = String::with_capacity(openmetrics.len());
    let mut help = None;
    for line in openmetrics.lines() {
        if let Some(of) = line.strip_prefix("# HELP ") {
            help = of.split_once(' ');
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|of| of.split_once(' ')) {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                kind => ("", kind),
            };
            let help = help.take().map_or("", |(_, help)| help);
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}\n"
            );
        } else if !line.starts_with('#') {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_openmetrics_only_if_it_prefers_that() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;\
                          q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, format) in [
            (Some(prometheus), Format::OpenMetrics),
            (Some("application/openmetrics-text"), Format::OpenMetrics),
            (
                Some("Application/OpenMetrics-Text, text/plain"),
                Format::OpenMetrics,
            ),
            (
                Some("text/plain, application/openmetrics-text;q=0.9"),
                Format::Text,
            ),
            (Some("application/openmetrics-text;q=0"), Format::Text),
            (Some("application/openmetrics-text; q=x, */*"), Format::Text),
            (Some("*/*"), Format::Text),
            (Some("text/html"), Format::Text),
            (Some(""), Format::Text),
            (None, Format::Text),
        ] {
            assert_eq!(Format::preferred(accept), format, "{accept:?}");
        }
    }

    #[test]
    fn the_text_format_has_the_samples_of_openmetrics_and_its_own_declarations() {
        let openmetrics = "# HELP a A.\n# TYPE a counter\na_total{x=\"# y\"} 1\n# HELP b_seconds B.\n\
                           # TYPE b_seconds gauge\n# UNIT b_seconds seconds\nb_seconds 2.0\n# HELP c C.\n# TYPE c info\n\
                           c_info{v=\"1\"} 1\n# EOF\n";
        let text = "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"# y\"} 1\n# HELP b_seconds B.\n\
                    # TYPE b_seconds gauge\nb_seconds 2.0\n# HELP c_info C.\n# TYPE c_info gauge\nc_info{v=\"1\"} 1\n";
        assert_eq!(to_text(openmetrics), text);
    }
}
