//! The document of a node, `node:<uuid>`: its body, what it works with, and what came of it.

mod examine;
mod item;
mod keys;
mod proposal;
mod question;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;
use yrs::{Array, ArrayRef, Map, MapRef, Out, ReadTxn, TransactionMut, WriteTxn, XmlFragmentRef};

pub(crate) use examine::{examine_body, examine_item, examine_list, is_body, is_id, is_text, items_of, side_of};
pub use item::{
    DATA_BYTES_MAX, DATA_DEPTH_MAX, Item, ItemChanges, ItemContent, ItemType, LABEL_CHARS_MAX, NewItem,
    PROVENANCE_BYTES_MAX, TEXT_BYTES_MAX, URL_BYTES_MAX, VERSION_MAX,
};

pub use proposal::{
    BodyEdit, NewProposal, PROPOSALS_MAX, Proposal, ProposalKind, ProposalStatus, ProposedChange, edits_of_body,
    text_of_proposal,
};
pub use question::{NewQuestion, QUESTIONS_MAX, Question, QuestionStatus};

use crate::ids::UserId;
use crate::patch::{Patch, PatchError, PatchErrorCode};
use crate::rich_text;
use crate::value::{Problem, Problems, list_values};

/// The longest body that is written, in bytes of Markdown.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// The most inputs, and the most outputs, that are written to a node.
pub const ITEMS_MAX: usize = 500;

/// What a node's document holds.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeView {
    /// The body, as Markdown.
    pub body: String,
    /// What it works with, in order.
    pub inputs: Vec<Item>,
    /// What came of it, in order.
    pub outputs: Vec<Item>,
    /// What was offered and what became of it, the oldest first.
    pub proposals: Vec<Proposal>,
    /// What agents asked and what was answered, the oldest first.
    pub questions: Vec<Question>,
    /// Who is mentioned in the body.
    #[serde(skip)]
    pub mentions: BTreeSet<UserId>,
    /// What is not as it should be.
    pub problems: Vec<Problem>,
}

/// The two lists of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// What it works with.
    Inputs,
    /// What came of it.
    Outputs,
}

impl Side {
    const fn key(self) -> &'static str {
        match self {
            Self::Inputs => keys::INPUTS,
            Self::Outputs => keys::OUTPUTS,
        }
    }
}

/// One change of a node's document.
#[derive(Debug, Clone, PartialEq)]
pub enum NodePatch {
    /// Makes the body read as this Markdown, by the smallest edit that does.
    SetBody {
        /// The new body.
        markdown: String,
    },
    /// Adds an input or output at the end of its list.
    AddItem {
        /// Which list.
        side: Side,
        /// What it holds.
        item: NewItem,
    },
    /// Changes an input or output.
    UpdateItem {
        /// Which list.
        side: Side,
        /// Which item.
        id: Uuid,
        /// What changes.
        changes: Box<ItemChanges>,
    },
    /// Puts all inputs or outputs into another order.
    OrderItems {
        /// Which list.
        side: Side,
        /// All ids of the list, in their new order.
        ids: Vec<Uuid>,
    },
    /// Removes an input or output.
    RemoveItem {
        /// Which list.
        side: Side,
        /// Which item.
        id: Uuid,
    },
    /// Offers a change, which somebody may accept or reject.
    Propose(Box<NewProposal>),
    /// Makes the change that was offered.
    AcceptProposal {
        /// Which.
        id: Uuid,
        /// Who accepts it.
        by: UserId,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Leaves everything as it is.
    RejectProposal {
        /// Which.
        id: Uuid,
        /// Who rejects it.
        by: UserId,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Asks people.
    Ask(Box<NewQuestion>),
    /// Notes what was answered.
    AnswerQuestion {
        /// Which.
        id: Uuid,
        /// The answer.
        answer: String,
        /// Who answered; `None`: nobody did in time.
        by: Option<UserId>,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Nobody has to answer it any more.
    WithdrawQuestion {
        /// Which.
        id: Uuid,
    },
}

/// Reads a node's document. It may hold anything: what is not as it should be is listed and left out.
pub fn read<T: ReadTxn>(txn: &T) -> NodeView {
    let mut problems = Problems::default();
    let blocks = txn.get_xml_fragment(keys::BODY).map(|body| rich_text::read(&body, txn)).unwrap_or_default();
    let (body, mentions) = (rich_text::markdown::render(&blocks), rich_text::mentions(&blocks));
    let inputs = read_items(Side::Inputs, txn, &mut problems);
    let outputs = read_items(Side::Outputs, txn, &mut problems);
    let proposals = proposal::read_all(txn, &mut problems);
    let questions = question::read_all(txn, &mut problems);
    NodeView { body, inputs, outputs, proposals, questions, mentions, problems: problems.into_inner() }
}

/// Makes a change. An error says that nothing was changed.
pub fn apply(patch: &NodePatch, txn: &mut TransactionMut<'_>) -> Result<(), PatchError> {
    match patch {
        NodePatch::SetBody { markdown } => set_body(txn, markdown),
        NodePatch::AddItem { side, item } => add_item(*side, item, txn),
        NodePatch::UpdateItem { side, id, changes } => {
            let (_, map) = find(*side, *id, txn)?;
            let item = Item::read(&map, txn, side.key(), &mut Problems::default());
            changes.check(&item.ok_or_else(no_such_item)?)?;
            changes.write(&map, txn);
            Ok(())
        }
        NodePatch::OrderItems { side, ids } => order_items(*side, ids, txn),
        NodePatch::RemoveItem { side, id } => {
            let (index, _) = find(*side, *id, txn)?;
            txn.get_or_insert_array(side.key()).remove(txn, index);
            Ok(())
        }
        NodePatch::Propose(new) => proposal::propose(new, txn),
        NodePatch::AcceptProposal { id, by, at } => proposal::accept(*id, *by, *at, txn),
        NodePatch::RejectProposal { id, by, at } => proposal::reject(*id, *by, *at, txn),
        NodePatch::Ask(new) => question::ask(new, txn),
        NodePatch::AnswerQuestion { id, answer, by, at } => question::answer(*id, answer, *by, *at, txn),
        NodePatch::WithdrawQuestion { id } => question::withdraw(*id, txn),
    }
}

/// Whether this Markdown is not too long for a body.
///
/// # Errors
/// Says how long it may be.
pub fn check_body(text: &str) -> Result<(), PatchError> {
    if text.len() > BODY_BYTES_MAX {
        return Err(PatchError::invalid("body", format!("a body has at most {BODY_BYTES_MAX} bytes of Markdown")));
    }
    Ok(())
}

/// Makes the body read as this Markdown, by the smallest edit that does.
pub fn set_body(txn: &mut TransactionMut<'_>, text: &str) -> Result<(), PatchError> {
    check_body(text)?;
    let body = txn.get_or_insert_xml_fragment(keys::BODY);
    rich_text::set_markdown(&body, txn, text);
    Ok(())
}

/// The body, for whoever writes in it while others do.
pub fn body(txn: &mut TransactionMut<'_>) -> XmlFragmentRef {
    txn.get_or_insert_xml_fragment(keys::BODY)
}

/// The text of an input or output; `None` when it is gone, or no rich text.
pub fn text_of(txn: &TransactionMut<'_>, side: Side, id: Uuid) -> Option<XmlFragmentRef> {
    let (_, item) = find(side, id, txn).ok()?;
    match item.get(txn, keys::TEXT) {
        Some(Out::YXmlFragment(text)) => Some(text),
        _ => None,
    }
}

fn add_item(side: Side, item: &NewItem, txn: &mut TransactionMut<'_>) -> Result<(), PatchError> {
    item.check()?;
    let list = txn.get_or_insert_array(side.key());
    if list.len(txn) as usize >= ITEMS_MAX {
        return Err(PatchError::new(PatchErrorCode::TooMany, side.key(), format!("a node has at most {ITEMS_MAX}")));
    }
    if find(side, item.id, txn).is_ok() {
        return Err(PatchError::new(PatchErrorCode::AlreadyExists, "itemId", "there is an item with this id already"));
    }
    let orders = read_items(side, txn, &mut Problems::default()).into_iter().map(|item| item.sort_order);
    item.write(&list, orders.max().map_or(0, |highest| highest.saturating_add(1)), txn);
    Ok(())
}

fn order_items(side: Side, ids: &[Uuid], txn: &mut TransactionMut<'_>) -> Result<(), PatchError> {
    let present: BTreeSet<Uuid> = read_items(side, txn, &mut Problems::default()).iter().map(|item| item.id).collect();
    let asked: BTreeSet<Uuid> = ids.iter().copied().collect();
    if asked != present || asked.len() < ids.len() {
        let message = "needs every id that the list has now, once; read it again";
        return Err(PatchError::new(PatchErrorCode::AlreadyExists, "ids", message));
    }
    for (id, order) in ids.iter().zip(0..) {
        let (_, map) = find(side, *id, txn)?;
        let changes = ItemChanges { sort_order: Patch::Set(order), ..ItemChanges::default() };
        changes.write(&map, txn);
    }
    Ok(())
}

/// The items of a list in the order that people see: by sort order, then by place.
fn read_items<T: ReadTxn>(side: Side, txn: &T, problems: &mut Problems) -> Vec<Item> {
    let Some(list) = txn.get_array(side.key()) else { return Vec::new() };
    let mut items: Vec<Item> = maps(&list, txn)
        .filter_map(|(index, map)| {
            let path = format!("{}.{index}", side.key());
            Item::read(&map, txn, &path, problems)
        })
        .collect();
    items.sort_by_key(|item| item.sort_order);
    items
}

fn maps<T: ReadTxn>(list: &ArrayRef, txn: &T) -> impl Iterator<Item = (u32, MapRef)> {
    list_values(list, txn).into_iter().zip(0..).filter_map(|(value, index)| match value {
        Out::YMap(map) => Some((index, map)),
        _ => None,
    })
}

fn find(side: Side, id: Uuid, txn: &TransactionMut<'_>) -> Result<(u32, MapRef), PatchError> {
    let id = id.to_string();
    let list = txn.get_array(side.key());
    let found = list.and_then(|list| {
        maps(&list, txn).find(|(_, map)| map.get(txn, keys::ID).is_some_and(|value| value.to_string(txn) == id))
    });
    found.ok_or_else(no_such_item)
}

fn no_such_item() -> PatchError {
    PatchError::not_found("itemId", "the node has no such item")
}

#[cfg(test)]
mod tests;
