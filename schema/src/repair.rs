//! What in a canvas or a node's document is not of its shape, and the edit that puts it right.
//!
//! Clients are free to write anything; two that write at once can leave what neither wrote. What would make a reader
//! fail, show nonsense or lose content is a *violation*. It is put right by an edit like any other: only the entry that
//! offends is replaced or removed, and what somebody wrote is kept in a form that fits wherever there is one. Members
//! that are unknown, words that are unknown and whatever is missing without harm stay: a newer client may mean something
//! by them. The rules are those of SPEC D10.
//!
//! [`Spots`] collects what updates touched, so that nobody has to look through the whole document; [`violations`]
//! looks, [`repair`] edits. Both are pure, and alike for everybody who has the same document.

mod change;
mod convert;
mod copy;
mod spot;

use yrs::{ReadTxn, TransactionMut};

use crate::node;
use crate::update::{UpdateLimits, comparable};

pub(crate) use change::{Change, Fixes};
pub(crate) use convert::{Members, as_text, derived_id, right_id, shown_key, words_of};
pub(crate) use copy::Copied;
pub use spot::{Shape, Spot, Spots};

/// How often a spot is looked at anew in one repair: what was put right may have something in it.
const ROUNDS_MAX: u8 = 6;

/// Why something violates a document's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// It should be a Y.Map.
    NotAMap,
    /// It should be text.
    NotText,
    /// It should be a finite number.
    NotANumber,
    /// It is a number beyond all that can be shown.
    OutOfRange,
    /// It should be an id: a lower-case uuid with hyphens.
    NotAnId,
    /// It should be a time in the form of RFC 3339.
    NotATime,
    /// It should be a list of texts.
    NotAList,
    /// Something that is always needed is not there.
    Incomplete,
    /// Another item has the same id.
    Duplicate,
    /// It stands where rich text cannot hold it.
    NotRichText,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::NotAMap,
        Self::NotText,
        Self::NotANumber,
        Self::OutOfRange,
        Self::NotAnId,
        Self::NotATime,
        Self::NotAList,
        Self::Incomplete,
        Self::Duplicate,
        Self::NotRichText,
    ];

    /// Its word in messages and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAMap => "not_a_map",
            Self::NotText => "not_text",
            Self::NotANumber => "not_a_number",
            Self::OutOfRange => "out_of_range",
            Self::NotAnId => "not_an_id",
            Self::NotATime => "not_a_time",
            Self::NotAList => "not_a_list",
            Self::Incomplete => "incomplete",
            Self::Duplicate => "duplicate",
            Self::NotRichText => "not_rich_text",
        }
    }
}

/// Something that is not of the document's shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where: keys and ids, joined by dots; at most some 200 bytes.
    pub path: String,
    /// Why.
    pub reason: Reason,
}

/// What violates the shape at a spot, at most some thousands at once.
pub fn violations<T: ReadTxn>(spot: &Spot, txn: &T) -> Vec<Violation> {
    spot.examine(txn).into_iter().map(|(violation, _)| violation).collect()
}

/// Puts right what violates the shape at the spots, and says what that was. Nothing is edited where nothing is wrong.
pub fn repair<'a>(spots: impl IntoIterator<Item = &'a Spot>, txn: &mut TransactionMut<'_>) -> Vec<Violation> {
    let mut repaired = Vec::new();
    let mut waiting: Vec<(Spot, u8)> = spots.into_iter().map(|spot| (spot.clone(), ROUNDS_MAX)).collect();
    waiting.reverse();
    while let Some((spot, rounds_left)) = waiting.pop() {
        let fixes = spot.examine(txn);
        if fixes.is_empty() {
            continue;
        }
        let mut followed_by = Vec::new();
        // Backwards: what is fixed at an index of a list does not move what is before it.
        for (violation, change) in fixes.into_iter().rev() {
            followed_by.extend(change.make(txn));
            repaired.push(violation);
        }
        if let Spot::List(side) = spot {
            // As long as words stood among them, nobody could see them.
            followed_by.extend(node::items_of(side, txn).into_iter().filter_map(|item| Spot::item(side, &item)));
        }
        if rounds_left > 1 {
            waiting.push((spot, rounds_left - 1));
        }
        waiting.extend(followed_by.into_iter().map(|next| (next, ROUNDS_MAX)));
    }
    repaired
}

/// The Yjs client id for an edit that was drafted under another one: the same for everybody who drafts the same edit, in
/// whatever order the keys of its objects come, and another one with each attempt.
#[must_use]
pub fn client_id(draft: &[u8], attempt: u32) -> u64 {
    let same_for_all = comparable(draft, &UpdateLimits::default()).unwrap_or_else(|_| draft.to_vec());
    let id = convert::id_of_bytes(&[&same_for_all[..], &attempt.to_be_bytes()].concat());
    // Yjs draws 32 bits.
    1 + id % u64::from(u32::MAX)
}

#[cfg(test)]
mod tests;
