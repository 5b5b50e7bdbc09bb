//! Builds a document from the events of the Markdown parser, and decodes atoms.

use pulldown_cmark::{CodeBlockKind, Event, Tag};

use crate::message::atom::{Nodes, Piece, pieces};
use crate::message::{Block, Button, Document, Inline, control, plain, target_is_allowed};

/// Maximum nesting of blocks and emphasis. Deeper elements keep their content and lose their own format. Documents are
/// dropped, serialized and parsed by recursion, and fifty thousand `>` must not overflow the stack.
const DEPTH: usize = 16;

/// An open element.
struct Frame {
    element: Element,
    /// The complete blocks of a container.
    blocks: Vec<Block>,
    /// The parts of the open line. In a container: of a paragraph without a start event.
    inlines: Vec<Inline>,
    /// Whether a block was taken out of this paragraph. The rest may then be empty.
    split: bool,
}

enum Element {
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
    /// `None` if the URL is not allowed.
    Link(Option<String>),
}

#[derive(Clone, Copy)]
enum Container {
    Root,
    Quote,
    Item,
}

impl Frame {
    fn new(element: Element) -> Self {
        Self {
            element,
            blocks: Vec::new(),
            inlines: Vec::new(),
            split: false,
        }
    }

    /// Ends the open paragraph of a container.
    fn flush(&mut self) {
        if let Element::Blocks(_) = self.element {
            let content = std::mem::take(&mut self.inlines);
            push_paragraph(&mut self.blocks, content);
        }
    }
}

/// Builds a document from Markdown events.
pub(super) struct Builder {
    stack: Vec<Frame>,
    /// The open elements of Markdown, and how each is represented.
    opened: Vec<Opened>,
}

#[derive(Clone, Copy, PartialEq)]
enum Opened {
    /// By a frame.
    Framed,
    /// Too deep: the content is added to the parent, as blocks or in the same line.
    FlatBlock,
    FlatInline,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            stack: vec![Frame::new(Element::Blocks(Container::Root))],
            opened: Vec::new(),
        }
    }

    pub(super) fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(_) => self.end(),
            Event::Text(text) => self.add_text(&text),
            Event::Code(code) => {
                let code = control::one_line(&decode_atoms(&code)).into_owned();
                self.add_inline(Inline::Code(code));
            }
            // The own text of a template contains no HTML (a compile error), and a `<` in a value is in an atom.
            // Excerpts may.
            Event::Html(html) | Event::InlineHtml(html) => {
                for line in html.split_inclusive('\n') {
                    self.add_text(line.trim_end_matches('\n'));
                    if line.ends_with('\n') {
                        self.add_inline(Inline::Break);
                    }
                }
            }
            Event::SoftBreak | Event::HardBreak => self.add_inline(Inline::Break),
            Event::Rule => self.add_block(Block::Rule),
            // Extensions that are not enabled.
            Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::FootnoteReference(_)
            | Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        let element = match tag {
            Tag::Paragraph | Tag::HtmlBlock => Some(Element::Paragraph),
            Tag::Heading { .. } => Some(Element::Heading),
            Tag::BlockQuote(_) => Some(Element::Blocks(Container::Quote)),
            Tag::CodeBlock(fence) => Some(Element::Code {
                language: fence_language(&fence),
                text: String::new(),
            }),
            Tag::List(start) => Some(Element::List {
                start,
                items: Vec::new(),
            }),
            Tag::Item => Some(Element::Blocks(Container::Item)),
            Tag::Emphasis => Some(Element::Emphasis),
            Tag::Strong => Some(Element::Strong),
            Tag::Strikethrough => Some(Element::Strikethrough),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                let target = control::target(&decode_atoms(&dest_url));
                // No chat supports a link inside a link. The outer one is kept.
                let free = !self
                    .stack
                    .iter()
                    .any(|frame| matches!(frame.element, Element::Link(_)));
                Some(Element::Link(
                    Some(target).filter(|url| free && target_is_allowed(url)),
                ))
            }
            _ => None,
        };
        // Elements that hold text get room beyond the limit (code would lose its lines), and an item needs its list.
        let room = match &element {
            Some(Element::Paragraph | Element::Heading | Element::Code { .. }) => DEPTH,
            Some(Element::List { .. }) => DEPTH - 2,
            Some(Element::Blocks(Container::Item)) if !matches!(self.top().element, Element::List { .. }) => {
                0
            }
            _ => DEPTH - 1,
        };
        let inline = element.as_ref().is_some_and(Element::is_inline);
        if !inline {
            self.top().flush();
        }
        match element.filter(|_| self.stack.len() <= room) {
            Some(element) => {
                self.stack.push(Frame::new(element));
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
            element,
            blocks,
            inlines,
            split,
        } = frame;
        match element {
            Element::Paragraph if split => {
                let mut after = without_blank(inlines);
                if let Some(Inline::Text(text)) = after.first_mut() {
                    *text = text.trim_start().to_owned();
                }
                push_paragraph(&mut self.top().blocks, after);
            }
            Element::Paragraph => push_paragraph(&mut self.top().blocks, inlines),
            Element::Heading => self.add_block(Block::Heading(inlines)),
            Element::Code { language, mut text } => {
                if text.ends_with('\n') {
                    text.pop();
                }
                self.add_block(Block::Code { language, text });
            }
            Element::Blocks(Container::Item) => {
                if let Element::List { items, .. } = &mut self.top().element {
                    items.push(blocks);
                }
            }
            Element::Blocks(_) => self.add_block(Block::Quote(blocks)),
            Element::List { start, items } => self.add_block(Block::List { start, items }),
            Element::Strong => self.add_inline(Inline::Strong(inlines)),
            Element::Emphasis => self.add_inline(Inline::Emphasis(inlines)),
            Element::Strikethrough => self.add_inline(Inline::Strikethrough(inlines)),
            Element::Link(Some(url)) => self.add_inline(Inline::Link { url, label: inlines }),
            Element::Link(None) => self.add_inlines(inlines),
        }
    }

    fn add_text(&mut self, text: &str) {
        for piece in pieces(text) {
            if let Element::Code { text, .. } = &mut self.top().element {
                text.push_str(&control::lines(&atom_text(piece)));
                continue;
            }
            match piece {
                Piece::Own(own) => self.add_plain(own),
                Piece::Value(value) => self.add_plain(&value),
                Piece::Nodes(Nodes::Inlines(inlines)) => {
                    let linked = self
                        .stack
                        .iter()
                        .any(|frame| matches!(frame.element, Element::Link(_)));
                    for inline in inlines {
                        match inline {
                            Inline::Link { label, .. } if linked => {
                                self.add_inlines(label);
                            }
                            inline => self.add_inline(inline),
                        }
                    }
                }
                Piece::Nodes(Nodes::Blocks(blocks)) => {
                    for block in blocks {
                        self.add_helper_block(block);
                    }
                }
            }
        }
    }

    fn add_plain(&mut self, text: &str) {
        let clean = control::one_line(text).into_owned();
        self.add_inline(Inline::Text(clean));
    }

    fn add_inline(&mut self, inline: Inline) {
        let frame = self.top();
        match (frame.inlines.last_mut(), inline) {
            (Some(Inline::Text(before)), Inline::Text(text)) => before.push_str(&text),
            (_, inline) => frame.inlines.push(inline),
        }
    }

    fn add_inlines(&mut self, inlines: Vec<Inline>) {
        for inline in inlines {
            self.add_inline(inline);
        }
    }

    /// Adds a block from Markdown.
    fn add_block(&mut self, block: Block) {
        let frame = self.top();
        frame.flush();
        push_block(&mut frame.blocks, block);
    }

    /// Adds a block from a helper within a line. The paragraph ends before it and continues after it. In a heading or
    /// in emphasis the block becomes text.
    fn add_helper_block(&mut self, block: Block) {
        let frame = self.top();
        match frame.element {
            Element::Paragraph => {
                frame.split = true;
                let before = without_blank(std::mem::take(&mut frame.inlines));
                let parent = self.stack.len().saturating_sub(2);
                if let Some(parent) = self.stack.get_mut(parent) {
                    push_paragraph(&mut parent.blocks, before);
                    push_block(&mut parent.blocks, block);
                }
            }
            Element::Blocks(_) => {
                let before = without_blank(std::mem::take(&mut frame.inlines));
                push_paragraph(&mut frame.blocks, before);
                push_block(&mut frame.blocks, block);
            }
            _ => {
                for (index, line) in plain::blocks(&[block]).split('\n').enumerate() {
                    if index > 0 {
                        self.add_inline(Inline::Break);
                    }
                    self.add_plain(line);
                }
            }
        }
    }

    fn top(&mut self) -> &mut Frame {
        if self.stack.is_empty() {
            self.stack.push(Frame::new(Element::Blocks(Container::Root)));
        }
        let last = self.stack.len() - 1;
        &mut self.stack[last]
    }

    pub(super) fn finish(mut self) -> Document {
        // The parser closes all elements; this handles those it did not.
        while !self.opened.is_empty() {
            self.end();
        }
        self.top().flush();
        Document {
            blocks: std::mem::take(&mut self.top().blocks),
        }
    }
}

impl Element {
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

/// Appends a block. Consecutive buttons are joined into one row.
fn push_block(blocks: &mut Vec<Block>, block: Block) {
    match (blocks.last_mut(), block) {
        (Some(Block::Buttons(row)), Block::Buttons(more)) => row.extend::<Vec<Button>>(more),
        (_, block) => blocks.push(block),
    }
}

/// Drops white space, which separates blocks of helpers in the template.
fn without_blank(content: Vec<Inline>) -> Vec<Inline> {
    let blank = content.iter().all(|inline| match inline {
        Inline::Text(text) => text.trim().is_empty(),
        other => *other == Inline::Break,
    });
    if blank { Vec::new() } else { content }
}

fn fence_language(fence: &CodeBlockKind<'_>) -> Option<String> {
    let CodeBlockKind::Fenced(info) = fence else {
        return None;
    };
    let info = decode_atoms(info);
    Some(control::one_line(&info).trim().to_owned()).filter(|language| !language.is_empty())
}

fn decode_atoms(text: &str) -> String {
    pieces(text).map(atom_text).collect()
}

fn atom_text(piece: Piece<'_>) -> String {
    match piece {
        Piece::Own(own) => own.to_owned(),
        Piece::Value(value) => value,
        Piece::Nodes(Nodes::Inlines(inlines)) => plain::blocks(&[Block::Paragraph(inlines)]),
        Piece::Nodes(Nodes::Blocks(blocks)) => plain::blocks(&blocks),
    }
}
