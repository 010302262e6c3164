//! The part of a document in which something is taken back.

use schema::update::ClientRange;
use schema::update::skeleton::Step;
use yrs::branch::BranchPtr;
use yrs::{Any, Array, ArrayRef, BranchID, IdSet, Map, Out, ReadTxn, Text, XmlFragment};

use super::containers::from_xml;
use super::parts::{branch_of, typed};
use super::undo::id_set;
use crate::replica::{Broken, Replica};

/// A part of a document.
pub(super) struct Region<'a> {
    /// The shared type that it is in.
    pub(super) holder: BranchPtr,
    root: &'a str,
    /// The way from there.
    steps: Vec<Step<'a>>,
    extent: Extent,
    /// Whether it has something in it now, as far as a value can be missing.
    is_there: bool,
}

/// What a way leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// All that is in a shared type.
    Inside,
    /// A plain value of a map, or an item of a list with all that is in it.
    Whole,
}

impl<'a> Region<'a> {
    /// The part of a document at a path: the root's name, and keys below it, parted by slashes. Items of lists go by their
    /// `id`, or their place, blocks of rich text by theirs. A value that a map had once is found, too.
    pub(super) fn find(replica: &mut Replica, path: &'a str) -> Result<Option<Self>, Broken> {
        let found = replica.read(|txn| Self::at(txn, path))?;
        Ok(found.filter(|region| region.is_there || region.has_been(replica)))
    }

    /// The part at a path, whether there is or ever was something in it or not.
    pub(super) fn at<T: ReadTxn>(txn: &T, path: &'a str) -> Option<Self> {
        let mut keys = path.split('/');
        let root = keys.next()?;
        let mut value = txn.root_refs().find(|(name, _)| *name == root).map(|(_, value)| value);
        let holder = branch_of(value.clone()?)?;
        let mut region = Self { holder, root, steps: Vec::new(), extent: Extent::Inside, is_there: true };
        for key in keys {
            let shared = shared_type(txn, value?);
            let (step, next) = step(txn, &shared, key)?;
            let inner = next.clone().and_then(branch_of).filter(|_| matches!(step, Step::Key(_)));
            (region.holder, region.extent) = match inner {
                Some(inner) => (inner, Extent::Inside),
                None => (branch_of(shared)?, Extent::Whole),
            };
            region.is_there = next.is_some();
            region.steps.push(step);
            value = next;
        }
        Some(region)
    }

    /// What of a set is in it.
    pub(super) fn of(&self, set: &IdSet, replica: &Replica) -> IdSet {
        let mut found = Vec::new();
        for (client, ranges) in set.iter() {
            for range in ranges {
                let (start, end) = (range.start.into(), range.end.into());
                replica.ways(&ClientRange { client: client.get(), start, end }, |part, root, way| {
                    if self.contains(root, way) {
                        found.push(part);
                    }
                });
            }
        }
        id_set(found.iter())
    }

    /// The path of it, or of the list that it is in: items of lists may move.
    pub(super) fn lasting_path(&self) -> String {
        let key = |step: &Step<'a>| match *step {
            Step::Key(key) => Some(key),
            Step::Child(..) => None,
        };
        let path: Vec<&str> = std::iter::once(self.root).chain(self.steps.iter().map_while(key)).collect();
        path.join("/")
    }

    /// Whether there was ever something in it.
    fn has_been(&self, replica: &Replica) -> bool {
        let mut is_found = false;
        for range in replica.content() {
            replica.ways(&range, |_, root, way| is_found |= self.contains(root, way));
        }
        is_found
    }

    fn contains(&self, root: &str, way: &[Step<'_>]) -> bool {
        let is_far_enough = match self.extent {
            Extent::Inside => way.len() > self.steps.len(),
            Extent::Whole => true,
        };
        root == self.root && is_far_enough && way.starts_with(&self.steps)
    }
}

/// A root does not say of what type it is: of one that holds nothing, only the values that it had can be meant.
fn shared_type<T: ReadTxn>(txn: &T, value: Out) -> Out {
    let Out::UndefinedRef(branch) = value else { return value };
    match typed(txn, branch) {
        Out::YText(text) if text.len(txn) == 0 => Out::YMap(branch.into()),
        shared => shared,
    }
}

/// Where a key leads in a shared type, with what is there.
fn step<'a, T: ReadTxn>(txn: &T, shared: &Out, key: &'a str) -> Option<(Step<'a>, Option<Out>)> {
    let item = match shared {
        Out::YMap(map) => return Some((Step::Key(key), map.get(txn, key))),
        Out::YArray(array) => item_of(txn, array, key)?,
        Out::YXmlFragment(fragment) => from_xml(fragment.get(txn, key.parse().ok()?)?),
        Out::YXmlElement(element) => from_xml(element.get(txn, key.parse().ok()?)?),
        _ => return None,
    };
    let BranchID::Nested(id) = branch_of(item.clone())?.id() else { return None };
    Some((Step::Child(id.client.get(), id.clock.into()), Some(item)))
}

fn item_of<T: ReadTxn>(txn: &T, array: &ArrayRef, key: &str) -> Option<Out> {
    let has_id = |value: &Out| matches!(value, Out::YMap(map) if matches!(map.get(txn, "id"), Some(Out::Any(Any::String(id))) if &*id == key));
    let found = array.iter(txn).find(has_id);
    found.or_else(|| array.get(txn, key.parse().ok()?))
}
