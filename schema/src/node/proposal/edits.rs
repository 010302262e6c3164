//! Edits of the body, block by block.

use std::ops::Range;

use yrs::{Any, Out, ReadTxn};

use super::BodyEdit;
use crate::node::keys;
use crate::rich_text::{self, Block, BlockId, markdown};
use crate::value::{Fields, from_number};

/// The edits that make the body say what `markdown` says: neighbouring blocks that differ are one. They do not depend on
/// one another, and can be made in any order.
pub fn edits_of_body<T: ReadTxn>(markdown: &str, txn: &T) -> Vec<BodyEdit> {
    let body = txn.get_xml_fragment(keys::BODY);
    let named = body.map(|body| rich_text::named(&body, txn)).unwrap_or_default();
    // Blank lines say nothing.
    let (ids, current): (Vec<_>, Vec<_>) =
        named.into_iter().filter_map(|(id, block)| Some((id, in_markdown(&block)?))).unzip();
    let target = markdown::parse(markdown);
    let edits = rich_text::differences(&current, &target).into_iter().map(|(from, to)| BodyEdit {
        place: if from.is_empty() { from.start.checked_sub(1).and_then(|before| ids[before]) } else { ids[from.start] },
        before: markdown::render(&current[from]),
        after: markdown::render(&target[to]),
    });
    edits.collect()
}

fn in_markdown(block: &Block) -> Option<Block> {
    markdown::normalized(std::slice::from_ref(block)).pop()
}

/// Which of the blocks an edit would replace. `None` when they are not what they were.
pub(super) fn replaced<T: ReadTxn>(
    blocks: &[(Option<BlockId>, Block)],
    place: Option<BlockId>,
    before: &str,
    txn: &T,
) -> Option<Range<usize>> {
    let wanted = markdown::parse(before);
    if wanted.is_empty() {
        let behind = match place.filter(|place| place.is_there(txn)) {
            Some(_) => blocks.iter().position(|(id, _)| *id == place)? + 1,
            None => place.map_or(0, |gone| place_of(gone, txn)),
        };
        return Some(behind.min(blocks.len())..behind.min(blocks.len()));
    }
    let says = |start: usize| end_of_match(blocks, start, &wanted).map(|end| start..end);
    if place.is_some_and(|place| place.is_there(txn)) {
        return says(blocks.iter().position(|(id, _)| *id == place)?);
    }
    // Somebody may have put the same words there anew.
    let expected = place.map_or(0, |gone| place_of(gone, txn));
    (0..blocks.len()).filter_map(says).min_by_key(|found| found.start.abs_diff(expected))
}

fn place_of<T: ReadTxn>(gone: BlockId, txn: &T) -> usize {
    usize::try_from(rich_text::index_behind(Some(gone), txn)).unwrap_or(0)
}

/// Up to where blocks from `start` on say what is wanted, blank lines between them aside.
fn end_of_match(blocks: &[(Option<BlockId>, Block)], start: usize, wanted: &[Block]) -> Option<usize> {
    let mut left = wanted.iter();
    for (index, (_, block)) in blocks.iter().enumerate().skip(start) {
        match in_markdown(block) {
            None if index == start => return None,
            Some(block) if Some(&block) != left.next() => return None,
            Some(_) if left.len() == 0 => return Some(index + 1),
            None | Some(_) => {}
        }
    }
    None
}

/// A place as it stands in a proposal.
pub(super) fn place(block: BlockId) -> Any {
    let (client, clock) = block.parts();
    #[expect(clippy::cast_precision_loss, reason = "a client id has 53 bits")]
    let numbers = [from_number(client as f64), from_number(f64::from(clock))];
    Any::Array(numbers.into())
}

/// Reads a place, if there is one.
pub(super) fn read_place<T: ReadTxn>(fields: &mut Fields<'_, T>) -> Option<BlockId> {
    const CLIENT_MAX: f64 = 9_007_199_254_740_991.0;
    let value = fields.raw(keys::PLACE)?;
    let numbers = match &value {
        Out::Any(Any::Array(numbers)) => numbers.iter().map(|number| match number {
            Any::Number(number) => number.as_f64(),
            _ => None,
        }),
        _ => return fields.wrong(keys::PLACE, "a client id and a clock"),
    };
    let numbers: Option<Vec<f64>> = numbers.collect();
    match numbers.as_deref() {
        Some([client, clock]) if (0.0..=CLIENT_MAX).contains(client) && (0.0..=f64::from(u32::MAX)).contains(clock) =>
        {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "they are in range")]
            Some(BlockId::from_parts(*client as u64, *clock as u32))
        }
        _ => fields.wrong(keys::PLACE, "a client id and a clock"),
    }
}
