//! Texts with their authors, and with what changed between two places of a log.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use schema::ids::Seq;
use schema::update::ClientRange;
use yrs::types::text::{ChangeKind, Diff, YChange};
use yrs::{Any, BranchID, Doc, Out, Snapshot, Text, Transact, TransactionMut};

use super::entries::Actor;
use super::index::{Attributions, Index};
use super::parts::{Content, Part, Tree, text_of};

/// Stands for something that is no text.
const OBJECT: &str = "\u{FFFC}";
/// Edits of one author to neighbouring characters are told as one, unless more time lies between them.
const SAME_EDIT: TimeDelta = TimeDelta::seconds(60);

/// What became of something between two places of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is at both.
    Kept,
    /// It is at the second only.
    Inserted,
    /// It is at the first only.
    Deleted,
}

/// Who did something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorship {
    /// Who, and how.
    pub actor: Actor,
    /// When it began.
    pub from: DateTime<Utc>,
    /// When it was done.
    pub until: DateTime<Utc>,
    /// The first update of it.
    pub first: Seq,
    /// The last.
    pub last: Seq,
}

impl Authorship {
    /// Whether the other is of the same work.
    fn is_same_edit(&self, other: &Self) -> bool {
        self.actor == other.actor && other.from - self.until <= SAME_EDIT && self.from - other.until <= SAME_EDIT
    }

    fn join(&mut self, other: &Self) {
        self.from = self.from.min(other.from);
        self.until = self.until.max(other.until);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

/// A stretch of text of the same history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The text; U+FFFC for something else, such as a line break or an image.
    pub text: String,
    /// What became of it.
    pub change: Change,
    /// Who wrote it, where that is asked for and known.
    pub inserted: Option<Authorship>,
    /// Who deleted it, if it was.
    pub deleted: Option<Authorship>,
}

/// A block of a text, such as a paragraph: what is shown on lines of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The elements that it is inside of, itself the last. Empty for a plain text.
    pub path: Vec<String>,
    /// The attributes of the last of them, such as a heading's `level`.
    pub attributes: Vec<(String, String)>,
    /// What became of the block itself.
    pub change: Change,
    /// Its text.
    pub spans: Vec<Span>,
}

/// A text of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextHistory {
    /// Where it is: the root's name, and the keys below it, parted by slashes.
    pub part: String,
    /// Its blocks, those that were deleted too.
    pub blocks: Vec<Block>,
}

impl TextHistory {
    /// Whether anything changed.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        let is_changed =
            |block: &Block| block.change != Change::Kept || block.spans.iter().any(|span| span.change != Change::Kept);
        self.blocks.iter().any(is_changed)
    }
}

/// Tells the history of texts from a document in which nothing was forgotten.
pub(super) struct Teller<'a> {
    doc: &'a Doc,
    older: &'a Snapshot,
    newer: &'a Snapshot,
    index: &'a Index,
    insertions: Arc<Attributions>,
    deletions: Arc<Attributions>,
}

impl<'a> Teller<'a> {
    pub(super) fn new(doc: &'a Doc, older: &'a Snapshot, newer: &'a Snapshot, index: &'a Index) -> Self {
        let (insertions, deletions) = (Arc::new(index.insertions()), Arc::new(index.deletions()));
        Self { doc, older, newer, index, insertions, deletions }
    }

    /// The histories of the texts that there were before, and that there are after.
    pub(super) fn texts(&self, before: &[Part], after: &[Part]) -> Vec<TextHistory> {
        let mut txn = self.doc.transact_mut();
        let mut texts: Vec<_> = after
            .iter()
            .map(|part| {
                let old = before.iter().find(|old| old.path == part.path);
                self.text(&mut txn, old.map(|old| &old.content), Some(&part.content), &part.path)
            })
            .collect();
        let gone = before.iter().filter(|old| !after.iter().any(|part| part.path == old.path));
        texts.extend(gone.map(|old| self.text(&mut txn, Some(&old.content), None, &old.path)));
        texts
    }

    fn text(
        &self,
        txn: &mut TransactionMut<'_>,
        before: Option<&Content>,
        after: Option<&Content>,
        path: &str,
    ) -> TextHistory {
        let mut blocks = Vec::new();
        match (before, after) {
            (Some(Content::Xml(before)), Some(Content::Xml(after))) => {
                self.children(txn, before, after, &[], &mut blocks);
            }
            (before, after) => {
                for (content, change) in [(before, Change::Deleted), (after, Change::Inserted)] {
                    match content {
                        Some(Content::Xml(trees)) if change == Change::Deleted => {
                            self.children(txn, trees, &[], &[], &mut blocks);
                        }
                        Some(Content::Xml(trees)) => self.children(txn, &[], trees, &[], &mut blocks),
                        // The same text at both places is told once.
                        Some(Content::Text(_)) if change == Change::Deleted && before == after => {}
                        Some(Content::Text(id)) => {
                            let change = if before == after { Change::Kept } else { change };
                            let spans = self.spans(txn, id);
                            blocks.push(Block { path: Vec::new(), attributes: Vec::new(), change, spans });
                        }
                        None => {}
                    }
                }
            }
        }
        TextHistory { part: path.to_owned(), blocks }
    }

    fn children(
        &self,
        txn: &mut TransactionMut<'_>,
        before: &[Tree],
        after: &[Tree],
        path: &[String],
        blocks: &mut Vec<Block>,
    ) {
        // Text between blocks is a block of its own.
        let mut loose = Vec::new();
        for (old, new) in side_by_side(before, after) {
            let change = change_of(old, new);
            let Some(tree) = new.or(old) else { continue };
            match tree {
                Tree::Text(id) => loose.extend(self.spans(txn, id)),
                Tree::Element { name, attributes, .. } => {
                    flush(&mut loose, path, blocks);
                    let path = [path, std::slice::from_ref(name)].concat();
                    let (old, new) = (children_of(old), children_of(new));
                    if is_text_block(old) || is_text_block(new) || (old.is_empty() && new.is_empty()) {
                        let spans = self.inline(txn, old, new);
                        blocks.push(Block { path, attributes: attributes.clone(), change, spans });
                    } else {
                        self.children(txn, old, new, &path, blocks);
                    }
                }
            }
        }
        flush(&mut loose, path, blocks);
    }

    /// The content of a block: texts, and things between them.
    fn inline(&self, txn: &mut TransactionMut<'_>, before: &[Tree], after: &[Tree]) -> Vec<Span> {
        let mut spans = Vec::new();
        for (old, new) in side_by_side(before, after) {
            match new.or(old) {
                Some(Tree::Text(id)) => spans.extend(self.spans(txn, id)),
                Some(element) => spans.push(self.object(element, change_of(old, new))),
                None => {}
            }
        }
        join(spans)
    }

    fn object(&self, element: &Tree, change: Change) -> Span {
        let range = match element.id() {
            BranchID::Nested(id) => {
                let clock = u64::from(id.clock);
                Some(ClientRange { client: id.client.get(), start: clock, end: clock + 1 })
            }
            BranchID::Root(_) => None,
        };
        let inserted = range.filter(|_| change != Change::Kept || self.tells_all_authors());
        let inserted = inserted.and_then(|range| self.authorship(self.insertions.at(range.client, range.start)));
        let deleted = range.filter(|_| change == Change::Deleted);
        let deleted = deleted.and_then(|range| self.authorship(self.deletions.at(range.client, range.start)));
        Span { text: OBJECT.to_owned(), change, inserted, deleted }
    }

    /// Whether the whole document is told as new, to tell who wrote it.
    fn tells_all_authors(&self) -> bool {
        *self.older == Snapshot::default()
    }

    fn spans(&self, txn: &mut TransactionMut<'_>, id: &BranchID) -> Vec<Span> {
        let Some(text) = text_of(txn, id) else { return Vec::new() };
        let pieces = text.diff_range(txn, Some(self.newer), Some(self.older), YChange::identity);
        join(pieces.into_iter().flat_map(|piece| self.pieces(piece)))
    }

    /// One item's text, by the updates that wrote or deleted it.
    fn pieces(&self, piece: Diff<YChange>) -> Vec<Span> {
        let Out::Any(Any::String(text)) = piece.insert else {
            return vec![Span { text: OBJECT.to_owned(), change: Change::Kept, inserted: None, deleted: None }];
        };
        let Some(ychange) = piece.ychange else {
            return vec![Span { text: text.to_string(), change: Change::Kept, inserted: None, deleted: None }];
        };
        let change = match ychange.kind {
            ChangeKind::Added => Change::Inserted,
            ChangeKind::Removed => Change::Deleted,
        };
        let units: Vec<u16> = text.encode_utf16().collect();
        let start = u64::from(ychange.id.clock);
        let range = ClientRange { client: ychange.id.client.get(), start, end: start + units.len() as u64 };
        let by = if change == Change::Deleted { &self.deletions } else { &self.insertions };
        let mut spans = Vec::new();
        for (from, to, seq) in by.of(range) {
            let [from_unit, to_unit] = [from - start, to - start].map(|at| usize::try_from(at).unwrap_or(usize::MAX));
            let text = String::from_utf16_lossy(&units[from_unit..to_unit]);
            let (inserted, deleted) = match change {
                Change::Deleted => (self.authorship(self.insertions.at(range.client, from)), self.authorship(seq)),
                _ => (self.authorship(seq), None),
            };
            spans.push(Span { text, change, inserted, deleted });
        }
        spans
    }

    fn authorship(&self, seq: Option<Seq>) -> Option<Authorship> {
        let seq = seq?;
        let entry = self.index.get(seq)?;
        let (actor, at) = (*self.index.actor(entry), entry.at());
        Some(Authorship { actor, from: at, until: at, first: seq, last: seq })
    }
}

fn flush(loose: &mut Vec<Span>, path: &[String], blocks: &mut Vec<Block>) {
    if !loose.is_empty() {
        let spans = join(std::mem::take(loose));
        blocks.push(Block { path: path.to_vec(), attributes: Vec::new(), change: Change::Kept, spans });
    }
}

fn change_of(old: Option<&Tree>, new: Option<&Tree>) -> Change {
    match (old, new) {
        (None, Some(_)) => Change::Inserted,
        (Some(_), None) => Change::Deleted,
        _ => Change::Kept,
    }
}

fn children_of(tree: Option<&Tree>) -> &[Tree] {
    match tree {
        Some(Tree::Element { children, .. }) => children,
        _ => &[],
    }
}

fn is_text_block(children: &[Tree]) -> bool {
    children.iter().any(|child| matches!(child, Tree::Text(_)))
}

/// The children of both sides in one order: what is at both stands beside itself, and what was deleted follows what it
/// followed.
fn side_by_side<'a>(before: &'a [Tree], after: &'a [Tree]) -> Vec<(Option<&'a Tree>, Option<&'a Tree>)> {
    let kept: HashSet<&BranchID> = after.iter().map(Tree::id).collect();
    let mut old = before.iter().peekable();
    let mut pairs = Vec::with_capacity(before.len().max(after.len()));
    let known: HashSet<&BranchID> = before.iter().map(Tree::id).collect();
    for new in after {
        if !known.contains(new.id()) {
            pairs.push((None, Some(new)));
            continue;
        }
        // Items never change their order, so whatever is before it was deleted.
        while let Some(gone) = old.next_if(|old| !kept.contains(old.id())) {
            pairs.push((Some(gone), None));
        }
        pairs.push((old.next_if(|old| old.id() == new.id()), Some(new)));
    }
    pairs.extend(old.filter(|old| !kept.contains(old.id())).map(|gone| (Some(gone), None)));
    pairs
}

/// Puts together neighbours of the same history.
fn join(spans: impl IntoIterator<Item = Span>) -> Vec<Span> {
    let is_same = |one: &Option<Authorship>, other: &Option<Authorship>| match (one, other) {
        (Some(one), Some(other)) => one.is_same_edit(other),
        (None, None) => true,
        _ => false,
    };
    let mut joined: Vec<Span> = Vec::new();
    for span in spans {
        match joined.last_mut() {
            Some(last)
                if last.change == span.change
                    && is_same(&last.inserted, &span.inserted)
                    && is_same(&last.deleted, &span.deleted) =>
            {
                last.text.push_str(&span.text);
                for (one, other) in [(&mut last.inserted, &span.inserted), (&mut last.deleted, &span.deleted)] {
                    if let (Some(one), Some(other)) = (one, other) {
                        one.join(other);
                    }
                }
            }
            _ => joined.push(span),
        }
    }
    joined
}
