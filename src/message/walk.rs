//! Visits the parts of the lines of a document.

use super::{Block, Document, Inline};

impl Document {
    /// Visits every part of every line, the outer one before those within it.
    pub(crate) fn visit<'a>(&'a self, visit: &mut impl FnMut(&'a Inline)) {
        blocks(&self.blocks, visit);
    }

    /// Visits like [`Self::visit`], and may replace a part. What replaces it is visited within, too.
    pub(crate) fn visit_mut(&mut self, visit: &mut impl FnMut(&mut Inline)) {
        blocks_mut(&mut self.blocks, visit);
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
            Inline::Text(_) | Inline::Code(_) | Inline::Time(_) | Inline::Break => {}
        }
    }
}

fn blocks_mut(of: &mut [Block], visit: &mut impl FnMut(&mut Inline)) {
    for block in of {
        match block {
            Block::Paragraph(content) | Block::Heading(content) => inlines_mut(content, visit),
            Block::Quote(content) => blocks_mut(content, visit),
            Block::List { items, .. } => items.iter_mut().for_each(|item| blocks_mut(item, visit)),
            Block::Code { .. } | Block::Buttons(_) | Block::Rule => {}
        }
    }
}

fn inlines_mut(of: &mut [Inline], visit: &mut impl FnMut(&mut Inline)) {
    for inline in of {
        visit(inline);
        match inline {
            Inline::Strong(inner) | Inline::Emphasis(inner) | Inline::Strikethrough(inner) => {
                inlines_mut(inner, visit);
            }
            Inline::Link { label, .. } => inlines_mut(label, visit),
            Inline::Text(_) | Inline::Code(_) | Inline::Time(_) | Inline::Break => {}
        }
    }
}
