//! The places of a document that are looked at one by one, and which of them an update touched.

use std::collections::BTreeSet;
use std::sync::Arc;

use yrs::block::ID;
use yrs::branch::BranchID;
use yrs::{Map, MapRef, ReadTxn};

use super::Fixes;
use crate::canvas::{self, Root};
use crate::ids::{ClientID, DocumentKind};
use crate::node::{self, Side};
use crate::update::skeleton::{Deed, Skeleton, Step, Touched};
use crate::update::{UpdateLimits, UpdateSummary};

const Y_TEXT: u8 = 2;
const XML_ELEMENT: u8 = 3;
const XML_FRAGMENT: u8 = 4;
const XML_TEXT: u8 = 6;

/// Which shape a document has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// A project's canvas.
    Canvas,
    /// A node's document.
    Node,
}

impl Shape {
    /// The shape of a kind of document; free documents have none.
    #[must_use]
    pub const fn of(kind: DocumentKind) -> Option<Self> {
        match kind {
            DocumentKind::Project => Some(Self::Canvas),
            DocumentKind::Node => Some(Self::Node),
            DocumentKind::Free | DocumentKind::Scratch => None,
        }
    }

    /// Its word in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Canvas => "canvas",
            Self::Node => "node",
        }
    }
}

/// A place that is looked at by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Spot {
    /// A member of one of a canvas's maps.
    Entry(Root, Arc<str>),
    /// A node's body.
    Body,
    /// What a list of items consists of, and that no two have the same id.
    List(Side),
    /// An item of a list, by the client id and clock of its map.
    Item(Side, u64, u64),
}

impl Spot {
    /// All spots of a document.
    #[must_use]
    pub fn all<T: ReadTxn>(shape: Shape, txn: &T) -> Vec<Self> {
        match shape {
            Shape::Canvas => Root::ALL
                .into_iter()
                .flat_map(|root| {
                    let map = txn.get_map(root.key());
                    let mut keys: Vec<Arc<str>> = map.iter().flat_map(|map| map.keys(txn)).map(Arc::from).collect();
                    keys.sort_unstable();
                    keys.into_iter().map(move |key| Self::Entry(root, key))
                })
                .collect(),
            Shape::Node => {
                let mut spots = vec![Self::Body];
                for side in [Side::Inputs, Side::Outputs] {
                    spots.push(Self::List(side));
                    spots.extend(node::items_of(side, txn).into_iter().filter_map(|item| Self::item(side, &item)));
                }
                spots
            }
        }
    }

    /// The spot of an item.
    pub(crate) fn item(side: Side, item: &MapRef) -> Option<Self> {
        match item.as_ref().id() {
            BranchID::Nested(ID { client, clock }) => Some(Self::Item(side, client.get(), clock.into())),
            BranchID::Root(_) => None,
        }
    }

    /// What is to be changed here.
    pub(super) fn examine<T: ReadTxn>(&self, txn: &T) -> Fixes {
        let mut fixes = Fixes::default();
        match self {
            Self::Entry(root, key) => canvas::examine(*root, key, txn, &mut fixes),
            Self::Body => node::examine_body(txn, &mut fixes),
            Self::List(side) => node::examine_list(*side, txn, &mut fixes),
            Self::Item(side, client, clock) => {
                if let Some(item) = item_at(*client, *clock, txn) {
                    node::examine_item(*side, &item, txn, &mut fixes);
                }
            }
        }
        fixes
    }
}

/// The map that was inserted there, unless it is gone.
fn item_at<T: ReadTxn>(client: u64, clock: u64, txn: &T) -> Option<MapRef> {
    let id = ID::new(ClientID::new(client), u32::try_from(clock).ok()?);
    let branch = BranchID::Nested(id).get_branch(txn)?;
    (!branch.is_deleted()).then(|| MapRef::from(branch))
}

/// The spots that updates touched and at which something may be wrong since. To type, to split a paragraph or to delete
/// in a text touches none.
#[derive(Debug, Clone)]
pub struct Spots {
    shape: Shape,
    spots: BTreeSet<Spot>,
}

impl Spots {
    /// None yet.
    #[must_use]
    pub const fn new(shape: Shape) -> Self {
        Self { shape, spots: BTreeSet::new() }
    }

    /// Adds what an update touched that the skeleton has taken in.
    pub fn note(&mut self, skeleton: &Skeleton, update: &[u8], summary: &UpdateSummary, limits: &UpdateLimits) {
        skeleton.touched(update, summary, limits, |touched| match self.shape {
            Shape::Canvas => self.note_in_canvas(touched),
            Shape::Node => self.note_in_node(touched),
        });
    }

    /// Takes them out.
    pub fn take(&mut self) -> BTreeSet<Spot> {
        std::mem::take(&mut self.spots)
    }

    fn note_in_canvas(&mut self, touched: &Touched<'_>) {
        // What lies in a root beside its keys is nobody's, and what is deep in an entry is of any shape.
        if let (Some(root), Step::Key(key)) = (Root::of(touched.root), touched.first)
            && (touched.depth <= 2 || root == Root::Project)
            && !self.is_last(root, key)
        {
            self.spots.insert(Spot::Entry(root, key.into()));
        }
    }

    /// Whether there is nothing but this spot, as when a node is moved.
    fn is_last(&self, root: Root, key: &str) -> bool {
        self.spots.last().is_some_and(|spot| matches!(spot, Spot::Entry(r, k) if *r == root && **k == *key))
    }

    fn note_in_node(&mut self, touched: &Touched<'_>) {
        if node::is_body(touched.root) {
            if matches!(touched.first, Step::Child(..)) && is_odd_in_rich_text(touched) {
                self.spots.insert(Spot::Body);
            }
            return;
        }
        let Some(side) = node::side_of(touched.root) else { return };
        let Step::Child(client, clock) = touched.first else { return };
        match touched.second {
            None => {
                if touched.deed != Deed::Deleted {
                    self.spots.insert(Spot::List(side));
                }
                if matches!(touched.deed, Deed::Type(_)) {
                    self.spots.insert(Spot::Item(side, client, clock));
                }
            }
            Some(Step::Key(key)) => {
                let is_text = node::is_text(key);
                if touched.depth == 2 || (is_text && is_odd_in_rich_text(touched)) {
                    self.spots.insert(Spot::Item(side, client, clock));
                }
                if touched.depth == 2 && node::is_id(key) {
                    self.spots.insert(Spot::List(side));
                }
            }
            Some(Step::Child(..)) => {}
        }
    }
}

/// Whether something stands in a rich text that no editor puts there.
fn is_odd_in_rich_text(touched: &Touched<'_>) -> bool {
    match (touched.holder, touched.deed) {
        (_, Deed::Deleted) => false,
        (_, Deed::Type(_)) if touched.has_key => true,
        _ if touched.has_key => false,
        (None | Some(XML_FRAGMENT), Deed::Type(XML_ELEMENT))
        | (Some(XML_ELEMENT), Deed::Type(XML_ELEMENT | XML_TEXT))
        | (Some(XML_TEXT | Y_TEXT), Deed::Text | Deed::Format) => false,
        _ => true,
    }
}
