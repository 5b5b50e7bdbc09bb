//! Parses the key `signed`, the template of the text that a signature covers, such as `v0:{timestamp}:{body}`.

/// A piece of the signed text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Fixed text.
    Literal(String),
    /// The body, byte for byte.
    Body,
    /// The payload in the sender's charset: the percent-decoded form field, the multipart part, or the body.
    Payload,
    /// The timestamp's digits as they were sent.
    Timestamp,
    /// The id as it was sent.
    Id,
}

/// Splits a template into its pieces. Calls `report` with one sentence per mistake.
pub(super) fn pieces(template: &str, report: &mut dyn FnMut(String)) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((literal, after)) = rest.split_once('{') {
        push_literal(&mut pieces, literal, report);
        let Some((word, after)) = after.split_once('}') else {
            report(format!("`{{{after}` is not closed"));
            return pieces;
        };
        match word {
            "body" => pieces.push(Piece::Body),
            "payload" => pieces.push(Piece::Payload),
            "timestamp" => pieces.push(Piece::Timestamp),
            "id" => pieces.push(Piece::Id),
            other => report(format!(
                "unknown {{{other}}}, only {{body}}, {{payload}}, {{timestamp}} and {{id}} are known"
            )),
        }
        rest = after;
    }
    push_literal(&mut pieces, rest, report);
    let bodies = pieces
        .iter()
        .filter(|piece| matches!(piece, Piece::Body | Piece::Payload));
    if bodies.count() != 1 {
        report("it needs {body} or {payload} exactly once, so that the body is signed".to_owned());
    }
    pieces
}

fn push_literal(pieces: &mut Vec<Piece>, literal: &str, report: &mut dyn FnMut(String)) {
    if literal.contains('}') {
        report("`}` has no opening `{`".to_owned());
    } else if !literal.is_empty() {
        pieces.push(Piece::Literal(literal.to_owned()));
    }
}
