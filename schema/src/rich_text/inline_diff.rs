//! Edits the text of a paragraph, a heading or a code block in place.

use std::ops::Range;

use similar::DiffOp;
use yrs::types::Attrs;
use yrs::{Any, Out, Text, TransactionMut, XmlElementRef, XmlFragment, XmlTextRef};

use super::alignment::{OldChild, Step, align, diff, word_likeness};
use super::names;
use super::normalize::normalize_text;
use super::read;
use super::tree::{Inline, Marks};
use super::write::{insert_break, insert_text, mark_to_attribute, marks_to_attributes};

/// Makes a paragraph or a heading read as these pieces, which are normalized and hold no pictures.
pub(super) fn apply(element: &XmlElementRef, content: &[Inline], txn: &mut TransactionMut) {
    let children = read::children(element.as_ref(), txn);
    let old_lines = split_lines(&children);
    let old: Vec<_> = old_lines
        .iter()
        .map(|line| {
            let pieces: Vec<_> =
                atoms(&children[line.clone()], Kind::Line, txn).into_iter().map(|atom| atom.as_inline()).collect();
            OldChild { items: vec![normalize_text(&pieces)], is_blank: false }
        })
        .collect();
    let new: Vec<Vec<Inline>> = content.split(|inline| *inline == Inline::HardBreak).map(<[_]>::to_vec).collect();
    let likeness = |old: &Vec<Inline>, new: &Vec<Inline>| Some(word_likeness(&line_text(old), &line_text(new)));
    let steps = align(&old, &new, &Vec::new(), &likeness);

    let mut cursor = Cursor { element, index: 0, lines: 0 };
    let mut remaining = old_lines.into_iter();
    for step in steps {
        match step {
            Step::Keep | Step::Update(_) => {
                let Some(line) = remaining.next() else { break };
                cursor.begin_old_line(line.start > 0, txn);
                let children = &children[line];
                cursor.index += match step {
                    Step::Update(which) => apply_line(element, cursor.index, children, Kind::Line, &new[which], txn),
                    _ => length(children.len()),
                };
            }
            Step::Delete => {
                let Some(line) = remaining.next() else { break };
                let with_break = length(line.len()) + u32::from(line.start > 0);
                if with_break > 0 {
                    element.remove_range(txn, cursor.index, with_break);
                }
            }
            Step::Insert(which) => {
                cursor.begin_old_line(false, txn);
                let before = element.len(txn);
                insert_text(element, cursor.index, &new[which], txn);
                cursor.index += element.len(txn) - before;
            }
        }
    }
}

/// Makes a code block read as this text.
pub(super) fn apply_code(element: &XmlElementRef, text: &str, txn: &mut TransactionMut) {
    let children = read::children(element.as_ref(), txn);
    apply_line(element, 0, &children, Kind::Code, &[Inline::plain(text)], txn);
}

/// Where the next line goes among an element's children.
struct Cursor<'a> {
    element: &'a XmlElementRef,
    index: u32,
    lines: usize,
}

impl Cursor<'_> {
    /// Sees to the break before a line: the first has none, all others one.
    fn begin_old_line(&mut self, has_break: bool, txn: &mut TransactionMut) {
        match (self.lines, has_break) {
            (0, true) => self.element.remove(txn, self.index),
            (0, false) => {}
            (_, true) => self.index += 1,
            (_, false) => {
                insert_break(self.element, self.index, txn);
                self.index += 1;
            }
        }
        self.lines += 1;
    }
}

/// The children of each line; between two lines there is one break.
fn split_lines(children: &[Out]) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let mut start = 0;
    for (index, child) in children.iter().enumerate() {
        if is_break(child) {
            lines.push(start..index);
            start = index + 1;
        }
    }
    lines.push(start..children.len());
    lines
}

fn is_break(child: &Out) -> bool {
    matches!(child, Out::YXmlElement(element) if element.tag().as_ref() == names::HARD_BREAK)
}

fn line_text(line: &[Inline]) -> String {
    line.iter().map(|inline| if let Inline::Text { text, .. } = inline { text } else { "" }).collect()
}

/// What is being edited: it decides what spaces and elements in it mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Line,
    Code,
}

/// A stretch of a line that is in one place and has the same attributes.
struct Atom {
    /// Which of the line's children it is in.
    child: usize,
    /// Where it begins in its child, in UTF-16 units.
    offset: u32,
    /// What it reads as.
    text: String,
    /// Whether it is an element or an embedded object: it stays whole or goes.
    is_opaque: bool,
    attributes: Attrs,
}

impl Atom {
    fn as_inline(&self) -> Inline {
        Inline::Text { text: self.text.clone(), marks: read::read_marks(&self.attributes) }
    }
}

fn atoms(children: &[Out], kind: Kind, txn: &TransactionMut) -> Vec<Atom> {
    let mut atoms = Vec::new();
    for (child, out) in children.iter().enumerate() {
        match out {
            Out::YXmlText(text) => text_atoms(child, text, kind, txn, &mut atoms),
            Out::YXmlElement(element) => {
                let text = match kind {
                    Kind::Line => read::inline_placeholder(element, txn),
                    Kind::Code if is_break(out) => "\n".to_owned(),
                    Kind::Code => String::new(),
                };
                atoms.push(Atom { child, offset: 0, text, is_opaque: true, attributes: Attrs::new() });
            }
            _ => {}
        }
    }
    atoms
}

fn text_atoms(child: usize, text: &XmlTextRef, kind: Kind, txn: &TransactionMut, atoms: &mut Vec<Atom>) {
    let mut offset = 0;
    for chunk in read::chunks(text, txn) {
        let is_opaque = chunk.text.is_none();
        let text = chunk.text.unwrap_or_else(|| match kind {
            Kind::Line => read::EMBED_PLACEHOLDER.to_owned(),
            Kind::Code => String::new(),
        });
        let length = if is_opaque { 1 } else { utf16_length(text.chars()) };
        atoms.push(Atom { child, offset, text, is_opaque, attributes: chunk.attributes });
        offset += length;
    }
}

fn utf16_length(characters: impl Iterator<Item = char>) -> u32 {
    length(characters.map(char::len_utf16).sum())
}

fn length(length: usize) -> u32 {
    u32::try_from(length).expect("a document is shorter than 2^32")
}

/// Makes a run of children read as new text; returns how many children there are then.
fn apply_line(
    element: &XmlElementRef,
    index: u32,
    children: &[Out],
    kind: Kind,
    new: &[Inline],
    txn: &mut TransactionMut,
) -> u32 {
    let line = Line::new(atoms(children, kind, txn), new);
    let mut plan = Plan::new(children);
    for edit in line.edits(kind) {
        plan.add(&line, &edit);
    }
    plan.carry_out(element, index, txn)
}

/// A change, in characters of the old and of the new text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Edit {
    Keep { old: Range<usize>, new: usize },
    Remove(Range<usize>),
    Insert { at: usize, new: Range<usize> },
}

/// An old line and what it is to become, character by character.
struct Line<'a> {
    atoms: Vec<Atom>,
    /// The old characters and the atoms that they are in.
    old: Vec<(char, usize)>,
    new: Vec<(char, &'a Marks)>,
}

impl<'a> Line<'a> {
    fn new(atoms: Vec<Atom>, new: &'a [Inline]) -> Self {
        let old =
            atoms.iter().enumerate().flat_map(|(index, atom)| atom.text.chars().map(move |c| (c, index))).collect();
        let new = new
            .iter()
            .filter_map(|inline| if let Inline::Text { text, marks } = inline { Some((text, marks)) } else { None })
            .flat_map(|(text, marks)| text.chars().map(move |character| (character, marks)))
            .collect();
        Self { atoms, old, new }
    }

    fn is_opaque(&self, old: usize) -> bool {
        self.atoms[self.old[old].1].is_opaque
    }

    /// The old characters that count. Spaces at the ends of a line say nothing, and somebody may be typing there.
    fn compared(&self, kind: Kind) -> Range<usize> {
        if kind == Kind::Code {
            return 0..self.old.len();
        }
        let is_space = |place: &usize| self.old[*place].0 == ' ' && !self.is_opaque(*place);
        let start = (0..self.old.len()).take_while(is_space).count();
        let end = (start..self.old.len()).rev().take_while(is_space).count();
        start..self.old.len() - end
    }

    /// Where old characters of one atom are in their child: offset and length in UTF-16 units.
    fn place(&self, atom: usize, old: &Range<usize>) -> (u32, u32) {
        let Atom { offset, is_opaque, .. } = &self.atoms[atom];
        if *is_opaque {
            return (*offset, 1);
        }
        let characters = |range: Range<usize>| utf16_length(self.old[range].iter().map(|(character, _)| *character));
        let first = self.old.partition_point(|(_, other)| *other < atom);
        (offset + characters(first..old.start), characters(old.clone()))
    }

    fn edits(&self, kind: Kind) -> Vec<Edit> {
        let compared = self.compared(kind);
        let old_tokens = self.old_tokens(compared.clone());
        let new_text: String = self.new.iter().map(|(character, _)| *character).collect();
        let opaque: Vec<&str> =
            self.atoms.iter().filter(|atom| atom.is_opaque).map(|atom| atom.text.as_str()).collect();
        let new_tokens = tokens(&new_text, &opaque);
        let ends = |tokens: &[&str], start: usize| -> Vec<usize> {
            let lengths = tokens.iter().map(|token| token.chars().count());
            std::iter::once(start)
                .chain(lengths.scan(start, |end, length| {
                    *end += length;
                    Some(*end)
                }))
                .collect()
        };
        let old_tokens: Vec<&str> = old_tokens.iter().map(String::as_str).collect();
        let (old_ends, new_ends) = (ends(&old_tokens, compared.start), ends(&new_tokens, 0));
        let mut edits = Vec::new();
        for op in diff(&old_tokens, &new_tokens) {
            let (old, new) = (op.old_range(), op.new_range());
            let old = old_ends[old.start]..old_ends[old.end];
            let new = new_ends[new.start]..new_ends[new.end];
            match op {
                DiffOp::Equal { .. } => push(&mut edits, Edit::Keep { old, new: new.start }),
                _ => self.replace(old, new, &mut edits),
            }
        }
        edits
    }

    /// The common beginning and end of what is replaced stay.
    fn replace(&self, old: Range<usize>, new: Range<usize>, edits: &mut Vec<Edit>) {
        let same = |(old, new): (usize, usize)| self.old[old].0 == self.new[new].0 && !self.is_opaque(old);
        let start = old.clone().zip(new.clone()).take_while(|pair| same(*pair)).count();
        let (old_rest, new_rest) = (old.start + start..old.end, new.start + start..new.end);
        let end = old_rest.clone().rev().zip(new_rest.clone().rev()).take_while(|pair| same(*pair)).count();
        push(edits, Edit::Keep { old: old.start..old_rest.start, new: new.start });
        push(edits, Edit::Remove(old_rest.start..old_rest.end - end));
        push(edits, Edit::Insert { at: old_rest.end - end, new: new_rest.start..new_rest.end - end });
        push(edits, Edit::Keep { old: old_rest.end - end..old.end, new: new_rest.end - end });
    }

    fn old_tokens(&self, range: Range<usize>) -> Vec<String> {
        let mut result = Vec::new();
        let place = |index: usize| (self.is_opaque(index).then_some(self.old[index].1), index);
        let indexes: Vec<_> = range.map(place).collect();
        for run in indexes.chunk_by(|(a, _), (b, _)| a == b) {
            let text: String = run.iter().map(|(_, index)| self.old[*index].0).collect();
            match run[0].0 {
                Some(_) => result.push(text),
                None => result.extend(tokens(&text, &[]).into_iter().map(str::to_owned)),
            }
        }
        result
    }
}

fn push(edits: &mut Vec<Edit>, edit: Edit) {
    let is_empty = match &edit {
        Edit::Keep { old, .. } | Edit::Remove(old) => old.is_empty(),
        Edit::Insert { new, .. } => new.is_empty(),
    };
    if !is_empty {
        edits.push(edit);
    }
}

/// Words, runs of white space, single other characters, and the given texts wherever they stand.
fn tokens<'t>(text: &'t str, whole: &[&str]) -> Vec<&'t str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let class = |character: char| {
            if character.is_alphanumeric() {
                1
            } else if character.is_whitespace() {
                2
            } else {
                0
            }
        };
        let length = whole.iter().find(|whole| !whole.is_empty() && rest.starts_with(**whole)).map(|whole| whole.len());
        let length = length.unwrap_or_else(|| match class(first) {
            0 => first.len_utf8(),
            kind => {
                let end = rest.find(|character| class(character) != kind).unwrap_or(rest.len());
                // A word ends where one of the whole texts begins.
                let starts = whole.iter().filter(|whole| !whole.is_empty()).filter_map(|whole| rest[..].find(*whole));
                starts.fold(end, |end, start| end.min(start.max(first.len_utf8())))
            }
        });
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after;
    }
    tokens
}

/// A change of one Y.XmlText, with offsets as they were before any change, in UTF-16 units.
enum TextEdit {
    Format { start: u32, length: u32, change: Attrs },
    Remove { start: u32, length: u32 },
    Insert { at: u32, text: String, attributes: Attrs },
}

impl TextEdit {
    fn carry_out(self, text: &XmlTextRef, txn: &mut TransactionMut) {
        match self {
            Self::Format { start, length, change } => text.format(txn, start, length, change),
            Self::Remove { start, length } => text.remove_range(txn, start, length),
            Self::Insert { at, text: new, attributes } => text.insert_with_attributes(txn, at, &new, attributes),
        }
    }
}

/// What happens to each child of a line.
struct Plan<'c> {
    children: &'c [Out],
    /// For each child that is text, its changes from its beginning to its end.
    edits: Vec<Vec<TextEdit>>,
    removed: Vec<bool>,
    /// Text that comes before a child, or at the end.
    inserted: Vec<Vec<Inline>>,
}

impl<'c> Plan<'c> {
    fn new(children: &'c [Out]) -> Self {
        Self {
            children,
            edits: children.iter().map(|_| Vec::new()).collect(),
            removed: vec![false; children.len()],
            inserted: vec![Vec::new(); children.len() + 1],
        }
    }

    fn add(&mut self, line: &Line, edit: &Edit) {
        match edit {
            Edit::Keep { old, new } => {
                let places: Vec<_> = old.clone().zip(*new..).collect();
                let same = |a: &(usize, usize), b: &(usize, usize)| {
                    line.old[a.0].1 == line.old[b.0].1 && line.new[a.1].1 == line.new[b.1].1
                };
                for run in places.chunk_by(same) {
                    self.keep(line, run[0].0..run[0].0 + run.len(), line.new[run[0].1].1);
                }
            }
            Edit::Remove(old) => {
                let places: Vec<_> = old.clone().collect();
                for run in places.chunk_by(|a, b| line.old[*a].1 == line.old[*b].1) {
                    self.remove(line, run[0]..run[0] + run.len());
                }
            }
            Edit::Insert { at, new } => self.insert(line, *at, &line.new[new.clone()]),
        }
    }

    fn keep(&mut self, line: &Line, old: Range<usize>, marks: &Marks) {
        let index = line.old[old.start].1;
        let atom = &line.atoms[index];
        if atom.is_opaque {
            return;
        }
        if let Some(change) = mark_changes(&atom.attributes, marks) {
            let (start, length) = line.place(index, &old);
            self.edits[atom.child].push(TextEdit::Format { start, length, change });
        }
    }

    fn remove(&mut self, line: &Line, old: Range<usize>) {
        let index = line.old[old.start].1;
        let atom = &line.atoms[index];
        if matches!(self.children[atom.child], Out::YXmlElement(_)) {
            self.removed[atom.child] = true;
            return;
        }
        let (start, length) = line.place(index, &old);
        self.edits[atom.child].push(TextEdit::Remove { start, length });
    }

    /// Text goes into the text before it, or the one behind it, or a new one between two elements.
    fn insert(&mut self, line: &Line, at: usize, new: &[(char, &Marks)]) {
        let is_text = |child: &usize| matches!(self.children[*child], Out::YXmlText(_));
        let before = at.checked_sub(1).map(|place| line.old[place].1);
        let after = line.old.get(at).map(|(_, atom)| *atom);
        let atom = |index: Option<usize>| index.map(|index| &line.atoms[index]);
        let kept = kept_attributes(atom(before), atom(after));
        let runs = new.chunk_by(|a, b| a.1 == b.1).map(|run| {
            let text: String = run.iter().map(|(character, _)| *character).collect();
            (text, run[0].1)
        });
        let target = match (before, atom(before), atom(after)) {
            (Some(index), Some(atom), _) if is_text(&atom.child) => {
                let (start, length) = line.place(index, &(at..at));
                Some((atom.child, start + length))
            }
            (_, _, Some(atom)) if is_text(&atom.child) => Some((atom.child, 0)),
            (_, None, None) => (0..self.children.len()).find(is_text).map(|child| (child, 0)),
            _ => None,
        };
        if let Some((child, at)) = target {
            self.edits[child].extend(runs.map(|(text, marks)| {
                let mut attributes = marks_to_attributes(marks);
                attributes.extend(kept.clone());
                TextEdit::Insert { at, text, attributes }
            }));
        } else {
            let place = atom(after).map(|atom| atom.child).or(atom(before).map(|atom| atom.child + 1)).unwrap_or(0);
            self.inserted[place].extend(runs.map(|(text, marks)| Inline::Text { text, marks: marks.clone() }));
        }
    }

    fn carry_out(self, element: &XmlElementRef, index: u32, txn: &mut TransactionMut) -> u32 {
        let before = element.len(txn);
        for (child, edits) in self.children.iter().zip(self.edits) {
            if let Out::YXmlText(text) = child {
                // From the end to the beginning, so that the offsets before stay as they are.
                edits.into_iter().rev().for_each(|edit| edit.carry_out(text, txn));
            }
        }
        for (place, texts) in self.inserted.into_iter().enumerate().rev() {
            let at = index + length(place);
            if self.removed.get(place) == Some(&true) {
                element.remove(txn, at);
            }
            if !texts.is_empty() {
                insert_text(element, at, &texts, txn);
            }
        }
        length(self.children.len()) + element.len(txn) - before
    }
}

/// The change of attributes that gives a text these marks; unknown attributes stay.
fn mark_changes(attributes: &Attrs, marks: &Marks) -> Option<Attrs> {
    let mut changes = Attrs::new();
    for (name, value) in attributes {
        if read::read_mark(name, value).is_some_and(|mark| !marks.contains(&mark)) {
            changes.insert(name.clone(), Any::Null);
        }
    }
    let current = read::read_marks(attributes);
    changes.extend(marks.difference(&current).map(mark_to_attribute));
    (!changes.is_empty()).then_some(changes)
}

/// Unknown attributes that go on over the place where text comes in: a comment's, say.
fn kept_attributes(before: Option<&Atom>, after: Option<&Atom>) -> Attrs {
    let (Some(before), Some(after)) = (before, after) else { return Attrs::new() };
    let is_kept = |(name, value): &(&std::sync::Arc<str>, &Any)| {
        read::read_mark(name, value).is_none() && after.attributes.get(*name) == Some(*value)
    };
    before.attributes.iter().filter(is_kept).map(|(name, value)| (name.clone(), value.clone())).collect()
}
