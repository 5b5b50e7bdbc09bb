//! Events of the Markdown parser → blocks and pieces of lines, with atoms as what they stand for.

use pulldown_cmark::{CodeBlockKind, Event, Tag};

use crate::message::atom::{Nodes, Piece, pieces};
use crate::message::{Block, Button, Document, Inline, control, plain, target_is_allowed};

/// How deep blocks and emphasis may nest; what is deeper is said without its outermost form. A tree is dropped, written and
/// read back by recursion: fifty thousand `>` must not end the program.
const DEPTH: usize = 16;

/// One open element.
struct Frame {
    kind: Kind,
    /// Finished blocks (of containers).
    blocks: Vec<Block>,
    /// Pieces of the line that is open; in a container those of a paragraph that Markdown does not announce.
    inlines: Vec<Inline>,
    /// A block was taken out of this paragraph, so that what is left may be nothing.
    split: bool,
}

enum Kind {
    Blocks(Container),
    List {
        start: Option<u64>,
        items: Vec<Vec<Block>>,
    },
    Paragraph,
    Heading,
    Code {
        language: Option<String>,
        text: String,
    },
    Strong,
    Emphasis,
    Strikethrough,
    /// Unset: the target is none a link may have.
    Link(Option<String>),
}

#[derive(Clone, Copy)]
enum Container {
    Root,
    Quote,
    Item,
}

impl Frame {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            blocks: Vec::new(),
            inlines: Vec::new(),
            split: false,
        }
    }

    /// Ends the paragraph that is open in a container.
    fn flush(&mut self) {
        if let Kind::Blocks(_) = self.kind {
            let content = std::mem::take(&mut self.inlines);
            push_paragraph(&mut self.blocks, content);
        }
    }
}

/// Builds a document from Markdown's events.
pub(super) struct Builder {
    stack: Vec<Frame>,
    /// Every element Markdown opened, and what became of it.
    opened: Vec<Opened>,
}

#[derive(Clone, Copy, PartialEq)]
enum Opened {
    /// It has a frame.
    Framed,
    /// It is too deep, and its content stands as its parent's: as blocks of their own, or in the same line.
    FlatBlock,
    FlatInline,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            stack: vec![Frame::new(Kind::Blocks(Container::Root))],
            opened: Vec::new(),
        }
    }

    pub(super) fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(_) => self.end(),
            Event::Text(text) => self.text(&text),
            Event::Code(code) => {
                let code = control::one_line(&decoded(&code)).into_owned();
                self.inline(Inline::Code(code));
            }
            // A template's own text has none of it (a compile error), a value's `<` never gets here; if it does, it is text.
            Event::Html(html) | Event::InlineHtml(html) => {
                for line in html.split_inclusive('\n') {
                    self.text(line.trim_end_matches('\n'));
                    if line.ends_with('\n') {
                        self.inline(Inline::Break);
                    }
                }
            }
            Event::SoftBreak | Event::HardBreak => self.inline(Inline::Break),
            Event::Rule => self.block(Block::Rule),
            // Extensions that are not enabled.
            Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::FootnoteReference(_)
            | Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        let kind = match tag {
            Tag::Paragraph | Tag::HtmlBlock => Some(Kind::Paragraph),
            Tag::Heading { .. } => Some(Kind::Heading),
            Tag::BlockQuote(_) => Some(Kind::Blocks(Container::Quote)),
            Tag::CodeBlock(fence) => Some(Kind::Code {
                language: language(&fence),
                text: String::new(),
            }),
            Tag::List(start) => Some(Kind::List {
                start,
                items: Vec::new(),
            }),
            Tag::Item => Some(Kind::Blocks(Container::Item)),
            Tag::Emphasis => Some(Kind::Emphasis),
            Tag::Strong => Some(Kind::Strong),
            Tag::Strikethrough => Some(Kind::Strikethrough),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                let target = control::target(&decoded(&dest_url));
                // A link in a link has no place in any chat; the outer one leads.
                let free = !self.stack.iter().any(|frame| matches!(frame.kind, Kind::Link(_)));
                Some(Kind::Link(
                    Some(target).filter(|url| free && target_is_allowed(url)),
                ))
            }
            _ => None,
        };
        // The innermost elements that hold text are always there (or code would lose its lines); an item needs its list.
        let room = match &kind {
            Some(Kind::Paragraph | Kind::Heading | Kind::Code { .. }) => DEPTH,
            Some(Kind::List { .. }) => DEPTH - 2,
            Some(Kind::Blocks(Container::Item)) if !matches!(self.top().kind, Kind::List { .. }) => 0,
            _ => DEPTH - 1,
        };
        let inline = kind.as_ref().is_some_and(Kind::is_inline);
        if !inline {
            self.top().flush();
        }
        match kind.filter(|_| self.stack.len() <= room) {
            Some(kind) => {
                self.stack.push(Frame::new(kind));
                self.opened.push(Opened::Framed);
            }
            None if inline => self.opened.push(Opened::FlatInline),
            None => self.opened.push(Opened::FlatBlock),
        }
    }

    fn end(&mut self) {
        match self.opened.pop() {
            Some(Opened::Framed) => {}
            Some(Opened::FlatBlock) => return self.top().flush(),
            Some(Opened::FlatInline) | None => return,
        }
        let Some(mut frame) = self.stack.pop() else {
            return;
        };
        frame.flush();
        let Frame {
            kind,
            blocks,
            inlines,
            split,
        } = frame;
        match kind {
            Kind::Paragraph if split => {
                let mut after = unless_blank(inlines);
                if let Some(Inline::Text(text)) = after.first_mut() {
                    *text = text.trim_start().to_owned();
                }
                push_paragraph(&mut self.top().blocks, after);
            }
            Kind::Paragraph => push_paragraph(&mut self.top().blocks, inlines),
            Kind::Heading => self.block(Block::Heading(inlines)),
            Kind::Code { language, mut text } => {
                if text.ends_with('\n') {
                    text.pop();
                }
                self.block(Block::Code { language, text });
            }
            Kind::Blocks(Container::Item) => {
                if let Kind::List { items, .. } = &mut self.top().kind {
                    items.push(blocks);
                }
            }
            Kind::Blocks(_) => self.block(Block::Quote(blocks)),
            Kind::List { start, items } => self.block(Block::List { start, items }),
            Kind::Strong => self.inline(Inline::Strong(inlines)),
            Kind::Emphasis => self.inline(Inline::Emphasis(inlines)),
            Kind::Strikethrough => self.inline(Inline::Strikethrough(inlines)),
            Kind::Link(Some(url)) => self.inline(Inline::Link { url, label: inlines }),
            Kind::Link(None) => self.inlines(inlines),
        }
    }

    fn text(&mut self, text: &str) {
        for piece in pieces(text) {
            if let Kind::Code { text, .. } = &mut self.top().kind {
                text.push_str(&control::lines(&flat(piece)));
                continue;
            }
            match piece {
                Piece::Own(own) => self.plain(own),
                Piece::Value(value) => self.plain(&value),
                Piece::Nodes(Nodes::Inlines(inlines)) => {
                    let linked = self.stack.iter().any(|frame| matches!(frame.kind, Kind::Link(_)));
                    for inline in inlines {
                        match inline {
                            Inline::Link { label, .. } if linked => {
                                self.inlines(label);
                            }
                            inline => self.inline(inline),
                        }
                    }
                }
                Piece::Nodes(Nodes::Blocks(blocks)) => blocks.into_iter().for_each(|block| self.hoist(block)),
            }
        }
    }

    fn plain(&mut self, text: &str) {
        let clean = control::one_line(text).into_owned();
        self.inline(Inline::Text(clean));
    }

    fn inline(&mut self, inline: Inline) {
        let frame = self.top();
        match (frame.inlines.last_mut(), inline) {
            (Some(Inline::Text(before)), Inline::Text(text)) => before.push_str(&text),
            (_, inline) => frame.inlines.push(inline),
        }
    }

    fn inlines(&mut self, inlines: Vec<Inline>) {
        for inline in inlines {
            self.inline(inline);
        }
    }

    /// A block that Markdown made.
    fn block(&mut self, block: Block) {
        let frame = self.top();
        frame.flush();
        push_block(&mut frame.blocks, block);
    }

    /// A block that a helper made, in the middle of a line: the paragraph ends before it and goes on after it. In a heading
    /// or in emphasis there is no such place, and it is said as text.
    fn hoist(&mut self, block: Block) {
        let frame = self.top();
        match frame.kind {
            Kind::Paragraph => {
                frame.split = true;
                let before = unless_blank(std::mem::take(&mut frame.inlines));
                let parent = self.stack.len().saturating_sub(2);
                if let Some(parent) = self.stack.get_mut(parent) {
                    push_paragraph(&mut parent.blocks, before);
                    push_block(&mut parent.blocks, block);
                }
            }
            Kind::Blocks(_) => {
                let before = unless_blank(std::mem::take(&mut frame.inlines));
                push_paragraph(&mut frame.blocks, before);
                push_block(&mut frame.blocks, block);
            }
            _ => {
                for (index, line) in plain::blocks(&[block]).split('\n').enumerate() {
                    if index > 0 {
                        self.inline(Inline::Break);
                    }
                    self.plain(line);
                }
            }
        }
    }

    fn top(&mut self) -> &mut Frame {
        if self.stack.is_empty() {
            self.stack.push(Frame::new(Kind::Blocks(Container::Root)));
        }
        let last = self.stack.len() - 1;
        &mut self.stack[last]
    }

    pub(super) fn finish(mut self) -> Document {
        // Markdown closes what it opens; this is for what it never did.
        while !self.opened.is_empty() {
            self.end();
        }
        self.top().flush();
        Document {
            blocks: std::mem::take(&mut self.top().blocks),
        }
    }
}

impl Kind {
    fn is_inline(&self) -> bool {
        matches!(
            self,
            Self::Strong | Self::Emphasis | Self::Strikethrough | Self::Link(_)
        )
    }
}

fn push_paragraph(blocks: &mut Vec<Block>, mut content: Vec<Inline>) {
    let start = content
        .iter()
        .position(|inline| *inline != Inline::Break)
        .unwrap_or(content.len());
    content.drain(..start);
    while content.last() == Some(&Inline::Break) {
        content.pop();
    }
    if !content.is_empty() {
        blocks.push(Block::Paragraph(content));
    }
}

/// Buttons that follow each other stand in one row.
fn push_block(blocks: &mut Vec<Block>, block: Block) {
    match (blocks.last_mut(), block) {
        (Some(Block::Buttons(row)), Block::Buttons(more)) => row.extend::<Vec<Button>>(more),
        (_, block) => blocks.push(block),
    }
}

/// What is between two blocks that helpers made, unless it is only what separated them in the template.
fn unless_blank(content: Vec<Inline>) -> Vec<Inline> {
    let blank = content.iter().all(|inline| match inline {
        Inline::Text(text) => text.trim().is_empty(),
        other => *other == Inline::Break,
    });
    if blank { Vec::new() } else { content }
}

fn language(fence: &CodeBlockKind<'_>) -> Option<String> {
    let CodeBlockKind::Fenced(info) = fence else {
        return None;
    };
    let info = decoded(info);
    Some(control::one_line(&info).trim().to_owned()).filter(|language| !language.is_empty())
}

fn decoded(text: &str) -> String {
    pieces(text).map(flat).collect()
}

fn flat(piece: Piece<'_>) -> String {
    match piece {
        Piece::Own(own) => own.to_owned(),
        Piece::Value(value) => value,
        Piece::Nodes(Nodes::Inlines(inlines)) => plain::blocks(&[Block::Paragraph(inlines)]),
        Piece::Nodes(Nodes::Blocks(blocks)) => plain::blocks(&blocks),
    }
}
