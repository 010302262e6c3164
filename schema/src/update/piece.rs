//! The structs of an update, one at a time.

use std::ops::Range;

use super::reader::Reader;
use super::{Section, UpdateLimits, UpdateRefused, Walk};

/// Names one clock of one client id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id {
    pub(super) client: u64,
    pub(super) clock: u64,
}

/// One struct: the clocks `start..end` of a client id.
#[derive(Debug, Clone)]
pub(super) struct Piece<'a> {
    pub(super) client: u64,
    pub(super) start: u64,
    pub(super) end: u64,
    /// Where it begins in the update's bytes.
    pub(super) at: usize,
    pub(super) what: What<'a>,
}

#[derive(Debug, Clone)]
pub(super) enum What<'a> {
    /// Nothing: these clocks are somewhere else.
    Gap,
    /// What was deleted with its parent.
    Garbage,
    Item(Item<'a>),
}

#[derive(Debug, Clone)]
pub(super) struct Item<'a> {
    pub(super) origin: Option<Id>,
    pub(super) right_origin: Option<Id>,
    /// Where the right origin is in the update's bytes.
    pub(super) right_origin_at: Range<usize>,
    /// Present when there is no origin.
    pub(super) parent: Option<Parent<'a>>,
    pub(super) key: Option<&'a str>,
    pub(super) content: Content,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Parent<'a> {
    Root(&'a str),
    Type(Id),
}

/// What matters of an item's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Deleted, and forgotten.
    Deleted,
    Text,
    /// The begin or end of a format.
    Format,
    /// A shared type of this kind (`YArrayRefID` and so on).
    Type(u8),
    Other,
}

impl What<'_> {
    /// Whether this holds more than characters.
    pub(super) const fn holds_values(&self) -> bool {
        matches!(self, Self::Item(Item { content: Content::Format | Content::Type(_) | Content::Other, .. }))
    }

    /// What must be there before this.
    pub(super) fn needs(&self) -> impl Iterator<Item = Id> {
        let ids = match self {
            Self::Item(Item { parent: Some(Parent::Type(parent)), .. }) => [Some(*parent), None],
            Self::Item(item) => [item.origin, item.right_origin],
            Self::Gap | Self::Garbage => [None, None],
        };
        ids.into_iter().flatten()
    }
}

/// Reads the structs of one client id out of an update that [`super::inspect`] has passed.
pub(super) struct Pieces<'a> {
    walk: Walk<'a>,
    client: u64,
    clock: u64,
    left: u64,
}

impl<'a> Pieces<'a> {
    pub(super) const fn new(bytes: &'a [u8], section: &Section, limits: &'a UpdateLimits) -> Self {
        let walk = Walk { reader: Reader::at(bytes, section.offset), limits, elements: 0, keyed: Vec::new() };
        Self { walk, client: section.client, clock: section.clock, left: section.structs }
    }

    pub(super) fn next(&mut self) -> Result<Option<Piece<'a>>, UpdateRefused> {
        if self.left == 0 {
            return Ok(None);
        }
        let piece = self.walk.piece(self.client, self.clock)?;
        self.left -= 1;
        self.clock = piece.end;
        Ok(Some(piece))
    }
}
