//! Where content stands in the document.

use super::list::Owner;
use super::run::DEAD;
use super::{Skeleton, Step};
use crate::update::ClientRange;

impl Skeleton {
    /// Tells of a range of content where it stands: of each part of it that is in one list the root, and the steps from
    /// there to its items, the last to the first of these. What is in no list any more is left out.
    pub fn ways(&self, range: &ClientRange, mut tell: impl FnMut(ClientRange, &str, &[Step<'_>])) {
        let Some(&client) = self.client_by_id.get(&range.client) else { return };
        let runs = &self.clients[client as usize].runs;
        let first = runs.partition_point(|run| u64::from(run.clock) <= range.start).saturating_sub(1);
        for found in runs[first..].iter().take_while(|run| u64::from(run.clock) < range.end) {
            let run = &self.runs[found.run as usize];
            let (start, end) = (range.start.max(run.start.into()), range.end.min(run.end.into()));
            if start < end
                && let Some((root, steps)) = self.way_to(found.run)
            {
                tell(ClientRange { start, end, ..*range }, root, &steps);
            }
        }
    }

    /// The root that a run is in, and the steps from there.
    fn way_to(&self, run: u32) -> Option<(&str, Vec<Step<'_>>)> {
        let mut at = &self.runs[run as usize];
        let mut steps = Vec::new();
        loop {
            if at.list == DEAD {
                return None;
            }
            let list = self.lists[at.list as usize].key;
            steps.push(match list.key {
                Some(name) => Step::Key(&self.names[name as usize]),
                None => Step::Child(self.clients[at.client as usize].id, at.start.into()),
            });
            match list.owner {
                Owner::Root(name) => {
                    steps.reverse();
                    return Some((&self.names[name as usize], steps));
                }
                Owner::Type(owner) => at = &self.runs[owner as usize],
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use yrs::{ClientID, Map, MapPrelim, Transact, WriteTxn, XmlFragment, XmlTextPrelim};

    use super::*;
    use crate::new_doc;
    use crate::update::{UpdateLimits, inspect};

    #[test]
    fn content_is_told_with_the_way_to_it() {
        let doc = new_doc(ClientID::new(7));
        let mut txn = doc.transact_mut();
        let nodes = txn.get_or_insert_map("nodes");
        let node = nodes.insert(&mut txn, "x", MapPrelim::default());
        node.insert(&mut txn, "title", "replaced");
        node.insert(&mut txn, "title", "new");
        txn.get_or_insert_xml_fragment("body").push_back(&mut txn, XmlTextPrelim::new("abc"));
        let update = txn.encode_update_v1();
        let limits = UpdateLimits::default();
        let mut skeleton = Skeleton::default();
        skeleton.integrate(&update, &inspect(&update, &limits).unwrap(), &limits).unwrap();

        let told = |start: u64, end: u64| {
            let mut told = BTreeMap::new();
            skeleton.ways(&ClientRange { client: 7, start, end }, |part, root, steps| {
                told.extend((part.start..part.end).map(|clock| (clock, (root.to_owned(), format!("{steps:?}")))));
            });
            told
        };
        let way = |root: &str, steps: &[Step<'_>]| (root.to_owned(), format!("{steps:?}"));
        let title = way("nodes", &[Step::Key("x"), Step::Key("title")]);
        let text = way("body", &[Step::Child(7, 3), Step::Child(7, 4)]);
        let expected = [
            (0, way("nodes", &[Step::Key("x")])),
            (1, title.clone()),
            (2, title.clone()),
            (3, way("body", &[Step::Child(7, 3)])),
            (4, text.clone()),
            (5, text.clone()),
            (6, text.clone()),
        ];
        assert_eq!(told(0, 7), BTreeMap::from(expected));
        assert_eq!(told(2, 3), BTreeMap::from([(2, title)]));
        assert_eq!(told(5, 9), BTreeMap::from([(5, text.clone()), (6, text)]));
        assert_eq!((told(7, 9), told(3, 3)), (BTreeMap::new(), BTreeMap::new()));
    }
}
