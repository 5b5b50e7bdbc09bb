//! Visits and changes the lines of a document.

use super::{Block, Document, Inline};

impl Document {
    /// Visits every part of every line, the outer one before those within it.
    pub(crate) fn visit<'a>(&'a self, visit: &mut impl FnMut(&'a Inline)) {
        blocks(&self.blocks, visit);
    }

    /// Changes every line, and the line in every part of a line, the inner ones first.
    pub(crate) fn change_lines(&mut self, change: &mut impl FnMut(&mut Vec<Inline>)) {
        change_blocks(&mut self.blocks, change);
    }
}

fn blocks<'a>(of: &'a [Block], visit: &mut impl FnMut(&'a Inline)) {
    for block in of {
        match block {
            Block::Paragraph(content) | Block::Heading(content) => inlines(content, visit),
            Block::Quote(content) => blocks(content, visit),
            Block::List { items, .. } => items.iter().for_each(|item| blocks(item, visit)),
            Block::Code { .. } | Block::Buttons(_) | Block::Rule => {}
        }
    }
}

fn inlines<'a>(of: &'a [Inline], visit: &mut impl FnMut(&'a Inline)) {
    for inline in of {
        visit(inline);
        match inline {
            Inline::Strong(inner) | Inline::Emphasis(inner) | Inline::Strikethrough(inner) => {
                inlines(inner, visit);
            }
            Inline::Link { label, .. } => inlines(label, visit),
            Inline::Text(_)
            | Inline::Code(_)
            | Inline::Time(_)
            | Inline::Person(_)
            | Inline::Conversation(_)
            | Inline::Break => {}
        }
    }
}

fn change_blocks(of: &mut [Block], change: &mut impl FnMut(&mut Vec<Inline>)) {
    for block in of {
        match block {
            Block::Paragraph(content) | Block::Heading(content) => change_line(content, change),
            Block::Quote(content) => change_blocks(content, change),
            Block::List { items, .. } => items.iter_mut().for_each(|item| change_blocks(item, change)),
            Block::Code { .. } | Block::Buttons(_) | Block::Rule => {}
        }
    }
}

fn change_line(of: &mut Vec<Inline>, change: &mut impl FnMut(&mut Vec<Inline>)) {
    for inline in of.iter_mut() {
        match inline {
            Inline::Strong(inner) | Inline::Emphasis(inner) | Inline::Strikethrough(inner) => {
                change_line(inner, change);
            }
            Inline::Link { label, .. } => change_line(label, change),
            Inline::Text(_)
            | Inline::Code(_)
            | Inline::Time(_)
            | Inline::Person(_)
            | Inline::Conversation(_)
            | Inline::Break => {}
        }
    }
    change(of);
}
