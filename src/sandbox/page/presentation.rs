//! What the page of a demo shows besides the chat: what it is, where to go on, and the channels with samples apart.

use maud::{Markup, html};

use super::channel_link;
use super::href::Href;
use crate::sandbox::settings::{Channel, Presentation};
use crate::sandbox::state::SandboxState;

/// The channels that come first, the link to the samples, and what the demo is.
pub(super) fn sidebar(
    state: &SandboxState,
    of: &Presentation,
    channels: &[Channel],
    shown: Option<&Channel>,
) -> Markup {
    let (first, samples) = parted(of, channels);
    let is_sample = shown.is_none_or(|shown| samples.iter().any(|channel| channel.id == shown.id));
    let total: u64 = samples.iter().map(|channel| state.total(&channel.id)).sum();
    html! {
        ul {
            @for channel in first {
                li { (channel_link(state, channel, shown)) }
            }
            li {
                a href=(Href::samples()) aria-current=(if shown.is_none() { "page" } else { "false" }) {
                    span.sign { "≡" }
                    span.label { "All samples" }
                    span.count { (total) }
                }
                @if is_sample {
                    ul.samples {
                        @for channel in samples {
                            li { (channel_link(state, channel, shown)) }
                        }
                    }
                }
            }
        }
        div.about {
            p { (of.about) }
            ul {
                @for (text, address) in &of.links {
                    @if let Some(href) = Href::linked(address.as_str()) {
                        li { a href=(href) { (text) } }
                    }
                }
            }
            @for (what, call) in &of.calls {
                details {
                    summary { (what) }
                    pre { code.curl { (call) } }
                }
            }
        }
    }
}

/// The page of the channels with samples.
pub(super) fn samples(state: &SandboxState, channels: &[Channel]) -> Markup {
    let samples = state.presentation.as_ref().map(|of| parted(of, channels).1);
    let samples = samples.unwrap_or_default();
    let total: u64 = samples.iter().map(|channel| state.total(&channel.id)).sum();
    html! {
        header {
            h1 { "All samples" }
            p { (samples.len()) " kinds of senders · " (total) " messages" }
        }
        p.lead {
            "Real payloads of each kind that the bridge knows, as messages. They are no sequence of events, so each is a message of its \
             own."
        }
        ul.kinds {
            @for channel in samples {
                li { (channel_link(state, channel, None)) }
            }
        }
    }
}

/// The channels that come first, and those with samples.
fn parted<'a>(of: &Presentation, channels: &'a [Channel]) -> (Vec<&'a Channel>, Vec<&'a Channel>) {
    channels
        .iter()
        .partition(|channel| of.first.contains(&channel.id))
}
