//! Collects the pieces of a line while it is parsed.

use super::html::{Tag, read_tag};
use crate::rich_text::tree::{Image, Inline, Mark, Marks};

/// A line under construction.
#[derive(Debug, Default)]
pub(super) struct InlineBuilder {
    content: Vec<Inline>,
    marks: Vec<Mark>,
    /// HTML marks that began: the mark, and where its tag is in `content`.
    html: Vec<(Mark, usize)>,
    /// Pictures that began; their alternative text is collected in them.
    images: Vec<Image>,
}

impl InlineBuilder {
    pub(super) fn text(&mut self, text: &str) {
        self.marked_text(text, self.marks.iter().cloned().collect());
    }

    pub(super) fn code(&mut self, text: &str) {
        self.marked_text(text, self.marks.iter().cloned().chain([Mark::Code]).collect());
    }

    fn marked_text(&mut self, text: &str, marks: Marks) {
        match self.images.last_mut() {
            Some(image) => image.alt.get_or_insert_default().push_str(text),
            None => self.content.push(Inline::Text { text: text.to_owned(), marks }),
        }
    }

    pub(super) fn hard_break(&mut self) {
        match self.images.last_mut() {
            Some(image) => image.alt.get_or_insert_default().push(' '),
            None => self.content.push(Inline::HardBreak),
        }
    }

    pub(super) fn open(&mut self, mark: Mark) {
        self.marks.push(mark);
    }

    pub(super) fn close(&mut self) {
        self.marks.pop();
    }

    pub(super) fn open_image(&mut self, src: &str, title: &str) {
        let title = (!title.is_empty()).then(|| title.to_owned());
        self.images.push(Image { src: src.to_owned(), alt: None, title });
    }

    pub(super) fn close_image(&mut self) {
        let Some(image) = self.images.pop() else { return };
        match self.images.last_mut() {
            Some(outer) => outer.alt.get_or_insert_default().push_str(image.alt.as_deref().unwrap_or_default()),
            None => self.content.push(Inline::Image(image)),
        }
    }

    /// A tag stands for its mark only when its pair is in the same line; else it is text.
    pub(super) fn html(&mut self, html: &str) {
        match read_tag(html) {
            Some(Tag::Break) => self.hard_break(),
            Some(Tag::Open(mark)) if self.images.is_empty() => {
                self.html.push((mark, self.content.len()));
                self.text(html);
            }
            Some(Tag::Close(mark)) if self.images.is_empty() => {
                match self.html.iter().rposition(|(open, _)| *open == mark) {
                    Some(place) => self.close_html(place),
                    None => self.text(html),
                }
            }
            _ => self.text(html),
        }
    }

    fn close_html(&mut self, place: usize) {
        let (mark, tag) = self.html[place].clone();
        self.html.truncate(place);
        self.content.remove(tag);
        for inline in &mut self.content[tag..] {
            if let Inline::Text { marks, .. } = inline {
                marks.insert(mark.clone());
            }
        }
    }

    pub(super) fn finish(self) -> Vec<Inline> {
        self.content
    }
}
