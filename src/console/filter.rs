//! The filter of the list of events: the query of its address, and its form.

use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

use super::failure::Failure;
use super::link;
use crate::operator::view::{EventQuery, StateWord};
use crate::operator::{Moment, OperatorService};

/// The states that can be chosen.
const STATES: [StateWord; 5] = [
    StateWord::Waiting,
    StateWord::Delivered,
    StateWord::Dead,
    StateWord::Skipped,
    StateWord::Unreadable,
];

/// The query of `/console/events`. An empty field filters nothing.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filter {
    pub(super) source: String,
    #[serde(rename = "type")]
    pub(super) event_type: String,
    pub(super) channel: String,
    pub(super) state: String,
    pub(super) secret: String,
    pub(super) since: String,
    pub(super) until: String,
    pub(super) text: String,
    pub(super) after: String,
}

impl Filter {
    /// Returns the query. Relative times count from `now`.
    pub(super) fn query(&self, now: Timestamp) -> Result<EventQuery, Failure> {
        let set = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let time = |name: &str, text: &str| {
            let moment = set(text).map(|text| Moment::parse(&text)).transpose();
            let moment = moment.map_err(|why| Failure::Malformed(format!("`{name}`: {why}")))?;
            Ok::<_, Failure>(moment.map(|moment| moment.counted_from(now)))
        };
        let state = set(&self.state).map(|word| {
            let known = STATES.into_iter().find(|state| state.word() == word);
            known.ok_or_else(|| Failure::Malformed("`state` is none of those in the list".to_owned()))
        });
        let after = set(&self.after).map(|id| id.parse::<Uuid>());
        let after = after.transpose();
        Ok(EventQuery {
            source: set(&self.source),
            event_type: set(&self.event_type),
            channel: set(&self.channel),
            state: state.transpose()?,
            secret: set(&self.secret),
            since: time("since", &self.since)?,
            until: time("until", &self.until)?,
            text: set(&self.text),
            limit: None,
            after: after.map_err(|_| Failure::Malformed("`after` is no id of an event".to_owned()))?,
        })
    }

    /// The fields with a value, without the place in the list.
    pub(super) fn fields(&self) -> Vec<(&'static str, &str)> {
        let fields = [
            ("source", self.source.as_str()),
            ("type", &self.event_type),
            ("channel", &self.channel),
            ("state", &self.state),
            ("secret", &self.secret),
            ("since", &self.since),
            ("until", &self.until),
            ("text", &self.text),
        ];
        fields
            .into_iter()
            .filter(|(_, value)| !value.trim().is_empty())
            .collect()
    }

    /// The address of the list after this event.
    pub(super) fn page_after(&self, event: Uuid) -> String {
        let after = event.to_string();
        let mut values = self.fields();
        values.push(("after", &after));
        link::events(&values)
    }

    /// The form.
    pub(super) fn form(&self, service: &OperatorService) -> Markup {
        let serving = service.serving.load();
        let sources = serving.sources.keys().map(|name| &**name);
        let channels = serving.channels.keys().map(|name| &**name);
        html! {
            form.filter method="get" action="/console/events" data-auto role="search" {
                label.wide { span { "Search " kbd { "/" } }
                    input #search type="search" name="text" value=(self.text) placeholder="title, repository, person" autocomplete="off"; }
                label { span { "Source" } (choice("source", &self.source, sources)) }
                label { span { "Type" } input name="type" value=(self.event_type) autocomplete="off"; }
                label { span { "Channel" } (choice("channel", &self.channel, channels)) }
                label { span { "State" } (choice("state", &self.state, STATES.into_iter().map(StateWord::word))) }
                label { span { "Since" }
                    input name="since" value=(self.since) list="times" placeholder="2h, 7d, 2026-11-23" autocomplete="off"; }
                label { span { "Until" }
                    input name="until" value=(self.until) list="times" placeholder="now" autocomplete="off"; }
                datalist #times { @for time in ["15m", "1h", "6h", "24h", "7d", "30d"] { option value=(time) {} } }
                @if !self.secret.is_empty() {
                    label { span { "Secret" } input name="secret" value=(self.secret) autocomplete="off"; }
                }
                div.buttons {
                    button.primary type="submit" { "Show" }
                    @if !self.fields().is_empty() { a.button href="/console/events" { "Clear" } }
                }
            }
        }
    }
}

/// A list to choose from. A value of the address that is not in it is kept.
fn choice<'a>(name: &str, chosen: &str, values: impl Iterator<Item = &'a str>) -> Markup {
    let values: Vec<&str> = values.collect();
    let other = Some(chosen).filter(|chosen| !chosen.is_empty() && !values.contains(chosen));
    html! {
        select name=(name) {
            option value="" { "all" }
            @for value in values.iter().copied().chain(other) { option value=(value) selected[value == chosen] { (value) } }
        }
    }
}
