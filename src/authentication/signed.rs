//! `signed`: the text a signature is over, as a kind writes it (`v0:{timestamp}:{body}`).

use super::grammar::Findings;

/// A piece of the text that is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(String),
    /// The body, byte for byte.
    Body,
    /// The payload as it was sent: the form field without its percent-encoding or the part, else the body.
    Payload,
    /// The timestamp's digits as they were sent.
    Timestamp,
    /// The id as it was sent.
    Id,
}

/// Cuts a template into its pieces.
pub(super) fn pieces(template: &str, findings: &mut Findings) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((literal, after)) = rest.split_once('{') {
        push_literal(&mut pieces, literal, findings);
        let Some((word, after)) = after.split_once('}') else {
            findings.add(format!("signed: `{{{after}` is not closed"));
            return pieces;
        };
        match word {
            "body" => pieces.push(Piece::Body),
            "payload" => pieces.push(Piece::Payload),
            "timestamp" => pieces.push(Piece::Timestamp),
            "id" => pieces.push(Piece::Id),
            other => findings.add(format!(
                "signed: there is no {{{other}}}, only {{body}}, {{payload}}, {{timestamp}} and {{id}}"
            )),
        }
        rest = after;
    }
    push_literal(&mut pieces, rest, findings);
    let bodies = pieces
        .iter()
        .filter(|piece| matches!(piece, Piece::Body | Piece::Payload));
    if bodies.count() != 1 {
        findings.add("signed: it needs {body} or {payload}, once, or it would not prove what was sent");
    }
    pieces
}

fn push_literal(pieces: &mut Vec<Piece>, literal: &str, findings: &mut Findings) {
    if literal.contains('}') {
        findings.add("signed: `}` closes nothing");
    } else if !literal.is_empty() {
        pieces.push(Piece::Literal(literal.to_owned()));
    }
}
