//! A chat, or a proxy in front of it, may echo the credentials of a request. What is kept and shown of its answer holds none.

use super::{Outbound, Verdict, VerdictKind};
use crate::secret::Secret;

/// The verdict without these secrets and the credentials of the account's proxy.
pub(super) fn redact(mut verdict: Verdict, secrets: &[Secret], outbound: &Outbound) -> Verdict {
    let proxy = outbound.proxy().and_then(|proxy| proxy.authorization());
    let proxy = proxy.map(|value| {
        let value = value.expose();
        Secret::new(
            value
                .strip_prefix("Basic ")
                .unwrap_or(value)
                .trim_end_matches('='),
        )
    });
    let hide = |text: &mut String| {
        for secret in secrets.iter().chain(&proxy) {
            *text = secret.hidden_in(text);
        }
    };
    hide(&mut verdict.detail);
    if let Some(notice) = &mut verdict.notice {
        hide(notice);
    }
    if let VerdictKind::Delivered(id) = &mut verdict.kind {
        hide(&mut id.message);
        if let Some(thread) = &mut id.thread {
            hide(thread);
        }
    }
    verdict
}
