//! How deep an update nests shared types. yrs and yjs delete and collect nested types by recursion: some ten thousand
//! levels overflow the stack, which ends the process and which nothing can catch.

use std::collections::BTreeMap;

use yrs::{Assoc, BranchID, ClientID, ID, ReadTxn, StickyIndex};

use super::{UpdateRefused, UpdateSummary};

/// Where an item is: what yjs derives its parent from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Base {
    /// In a root type.
    Root,
    /// In the type of this client id and clock.
    Inside(u64, u64),
    /// Beside the item of this client id and clock.
    Beside(u64, u64),
}

/// An item of an update: its clocks, where it is, and whether it holds a shared type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) client: u64,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) base: Base,
    pub(super) is_type: bool,
}

/// How many levels below something outside of the update its types reach.
pub(super) type Levels = BTreeMap<Base, usize>;

/// Follows every type of an update up to a root or out of the update. `None` when items are placed in a circle.
pub(super) fn levels(mut items: Vec<Placed>) -> Option<Levels> {
    items.sort_unstable_by_key(|item| (item.client, item.start));
    let find = |client: u64, clock: u64| {
        let index = items.partition_point(|item| (item.client, item.start) <= (client, clock)).checked_sub(1)?;
        (items[index].client == client && clock < items[index].end).then_some(index)
    };
    let mut known: Vec<Option<(Base, usize)>> = vec![None; items.len()];
    for start in 0..items.len() {
        let mut path = vec![start];
        while let Some(&index) = path.last() {
            let (next, level) = match items[index].base {
                Base::Root => (None, 0),
                Base::Inside(client, clock) => (find(client, clock), 1),
                Base::Beside(client, clock) => (find(client, clock), 0),
            };
            known[index] = match next {
                _ if known[index].is_some() => known[index],
                None => Some((items[index].base, level)),
                Some(next) => known[next].map(|(base, levels)| (base, levels + level)),
            };
            match (known[index], next) {
                (Some(_), _) => drop(path.pop()),
                (None, Some(next)) if path.len() <= items.len() => path.push(next),
                (None, _) => return None,
            }
        }
    }
    let mut deepest = Levels::new();
    for (item, known) in items.iter().zip(known) {
        if let (true, Some((base, levels))) = (item.is_type, known) {
            let deepest = deepest.entry(base).or_default();
            *deepest = levels.max(*deepest);
        }
    }
    Some(deepest)
}

/// What is known of the nesting of an update in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nesting {
    /// Within the limit.
    Within,
    /// It hangs on something that the document does not have yet, so that nobody knows. Such an update is better not
    /// kept until the rest comes, but asked for again then: inner levels sent before outer ones would pass unseen.
    Unknown,
}

/// Checks that a document would nest shared types no deeper than `nesting_max` with an update applied.
///
/// [`super::inspect`] sees one update alone; many that are each within its limit can still nest too deep together.
/// Costs nothing for updates that bring no shared types.
pub fn check_nesting<T: ReadTxn>(
    summary: &UpdateSummary,
    txn: &T,
    nesting_max: usize,
) -> Result<Nesting, UpdateRefused> {
    let mut nesting = Nesting::Within;
    for (base, levels) in &summary.levels {
        let above = match base {
            Base::Root => Some(0),
            Base::Inside(client, clock) | Base::Beside(client, clock) => above(*client, *clock, txn, nesting_max),
        };
        match above {
            Some(above) if above + levels > nesting_max => {
                return Err(UpdateRefused::OverLimit { what: "levels of nested types", limit: nesting_max });
            }
            Some(_) => {}
            None => nesting = Nesting::Unknown,
        }
    }
    Ok(nesting)
}

/// How many types an item of a document is nested in, counted up to just over the limit.
fn above<T: ReadTxn>(client: u64, clock: u64, txn: &T, nesting_max: usize) -> Option<usize> {
    let mut id = ID::new(ClientID::new(client), u32::try_from(clock).ok()?);
    for levels in 0..=nesting_max {
        match StickyIndex::from_id(id, Assoc::After).get_offset(txn)?.branch.id() {
            BranchID::Root(_) => return Some(levels),
            BranchID::Nested(parent) => id = parent,
        }
    }
    Some(nesting_max + 1)
}

#[cfg(test)]
mod tests {
    use yrs::updates::decoder::Decode;
    use yrs::{Doc, Transact, Update, WriteTxn, XmlElementPrelim, XmlElementRef, XmlFragment, XmlOut};

    use super::*;
    use crate::new_doc;
    use crate::update::{UpdateLimits, inspect};

    fn deepest(doc: &Doc) -> Option<XmlElementRef> {
        let txn = doc.transact();
        let mut element = txn.get_xml_fragment("x")?.get(&txn, 0)?.into_xml_element()?;
        while let Some(XmlOut::Element(inner)) = element.get(&txn, 0) {
            element = inner;
        }
        Some(element)
    }

    /// Nests so many elements more, beside an older sibling each, and returns the update.
    fn nest(doc: &Doc, levels: usize) -> Vec<u8> {
        let mut element = deepest(doc);
        let mut txn = doc.transact_mut();
        for _ in 0..levels {
            let prelim = XmlElementPrelim::empty("blockquote");
            element = Some(match element {
                None => txn.get_or_insert_xml_fragment("x").insert(&mut txn, 0, prelim),
                Some(element) => {
                    element.push_back(&mut txn, XmlElementPrelim::empty("hardBreak"));
                    element.insert(&mut txn, 0, prelim)
                }
            });
        }
        txn.encode_update_v1()
    }

    #[test]
    fn an_update_that_nests_too_deep_is_refused() {
        let limits = UpdateLimits { nesting_max: 50, ..UpdateLimits::default() };
        let refused = UpdateRefused::OverLimit { what: "levels of nested types", limit: 50 };
        assert!(inspect(&nest(&new_doc(ClientID::new(1)), 51), &limits).is_ok(), "the outermost is in no other");
        assert_eq!(inspect(&nest(&new_doc(ClientID::new(1)), 52), &limits), Err(refused));
        assert!(inspect(&nest(&new_doc(ClientID::new(1)), 20_000), &UpdateLimits::default()).is_err());
    }

    #[test]
    fn updates_that_nest_too_deep_together_are_refused() {
        let (writer, replica) = (new_doc(ClientID::new(1)), new_doc(ClientID::new(2)));
        let mut accepted = 0;
        let refused = loop {
            let update = nest(&writer, 30);
            let summary = inspect(&update, &UpdateLimits::default()).unwrap();
            match check_nesting(&summary, &replica.transact(), 100) {
                Ok(nesting) => assert_eq!(nesting, Nesting::Within),
                Err(refused) => break refused,
            }
            replica.transact_mut().apply_update(Update::decode_v1(&update).unwrap()).unwrap();
            accepted += 30;
        };
        assert_eq!(refused, UpdateRefused::OverLimit { what: "levels of nested types", limit: 100 });
        assert_eq!(accepted, 90);
    }

    #[test]
    fn of_what_hangs_on_something_missing_nobody_knows_the_depth() {
        let writer = new_doc(ClientID::new(1));
        nest(&writer, 3);
        let summary = inspect(&nest(&writer, 3), &UpdateLimits::default()).unwrap();
        let empty = new_doc(ClientID::new(2));
        assert_eq!(check_nesting(&summary, &empty.transact(), 100), Ok(Nesting::Unknown));
    }

    #[test]
    fn items_placed_in_a_circle_are_found() {
        let item = |start, base| Placed { client: 1, start, end: start + 1, base, is_type: true };
        assert!(levels(vec![item(0, Base::Inside(1, 1)), item(1, Base::Inside(1, 0))]).is_none());
        assert!(levels(vec![item(0, Base::Beside(1, 0))]).is_none());
        assert_eq!(levels(vec![item(0, Base::Root), item(1, Base::Inside(1, 0))]), Some([(Base::Root, 1)].into()));
    }
}
