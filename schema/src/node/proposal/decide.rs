//! Offering a change, making it, and leaving it.

use chrono::{DateTime, Utc};
use serde_json::{Map as JsonMap, Value};
use uuid::Uuid;
use yrs::{Any, Map, MapPrelim, MapRef, TransactionMut, WriteTxn, XmlFragmentPrelim};

use super::{
    BODY_PART, NewProposal, PROPOSALS_MAX, Proposal, ProposalKind, ProposalStatus, ProposedChange, edits, find, text,
};
use crate::ids::UserId;
use crate::node::{BODY_BYTES_MAX, ItemContent, LABEL_CHARS_MAX, NewItem, Side, TEXT_BYTES_MAX, add_item, keys};
use crate::patch::{PatchError, PatchErrorCode};
use crate::rich_text::{self, Block, markdown};
use crate::value::{Problems, from_time, set_or_remove};

/// Adds a proposal.
pub(in crate::node) fn propose(new: &NewProposal, txn: &mut TransactionMut<'_>) -> Result<(), PatchError> {
    check(new)?;
    if find(new.id, txn).is_some() {
        let message = "there is a proposal with this id already";
        return Err(PatchError::new(PatchErrorCode::AlreadyExists, "proposalId", message));
    }
    make_room(txn)?;
    let (kind, text) = match &new.change {
        ProposedChange::Body(edit) if edit.before.is_empty() => (ProposalKind::Insert, &edit.after),
        ProposedChange::Body(edit) => (ProposalKind::Replace, &edit.after),
        ProposedChange::Output { text } => (ProposalKind::Output, text),
    };
    let all = txn.get_or_insert_map(keys::PROPOSALS);
    let proposal = all.insert(txn, new.id.to_string(), MapPrelim::default());
    proposal.insert(txn, keys::KIND, kind.as_str());
    proposal.insert(txn, keys::STATUS, ProposalStatus::Open.as_str());
    proposal.insert(txn, keys::CREATED_AT, from_time(new.created_at));
    set_or_remove(&proposal, txn, keys::LABEL, new.label.as_deref().map(Any::from));
    set_or_remove(&proposal, txn, keys::RUN_ID, new.run.map(|run| Any::from(run.to_string())));
    if let ProposedChange::Body(edit) = &new.change {
        proposal.insert(txn, keys::PART, BODY_PART);
        proposal.insert(txn, keys::BEFORE, edit.before.as_str());
        set_or_remove(&proposal, txn, keys::PLACE, edit.place.map(edits::place));
    }
    let written = proposal.insert(txn, keys::TEXT, XmlFragmentPrelim::default());
    rich_text::set_markdown(&written, txn, text);
    Ok(())
}

fn check(new: &NewProposal) -> Result<(), PatchError> {
    if new.label.as_ref().is_some_and(|label| label.chars().count() > LABEL_CHARS_MAX) {
        return Err(PatchError::invalid("label", format!("a label has at most {LABEL_CHARS_MAX} characters")));
    }
    let (text, bytes_max) = match &new.change {
        ProposedChange::Body(edit) => (edit.before.len().max(edit.after.len()), BODY_BYTES_MAX),
        ProposedChange::Output { text } => (text.len(), TEXT_BYTES_MAX),
    };
    if text > bytes_max {
        return Err(PatchError::invalid("text", format!("a text has at most {bytes_max} bytes of Markdown")));
    }
    Ok(())
}

/// Lets go of the oldest proposals that are decided, so that there is room for one more.
fn make_room(txn: &mut TransactionMut<'_>) -> Result<(), PatchError> {
    let all = txn.get_or_insert_map(keys::PROPOSALS);
    let count = all.len(txn) as usize;
    if count < PROPOSALS_MAX {
        return Ok(());
    }
    let proposals = super::read_all(txn, &mut Problems::default());
    let decided = proposals.iter().filter(|proposal| proposal.status != ProposalStatus::Open);
    let oldest: Vec<Uuid> = decided.map(|proposal| proposal.id).take(1 + count - PROPOSALS_MAX).collect();
    if count - oldest.len() >= PROPOSALS_MAX {
        let message = format!("a node has at most {PROPOSALS_MAX}; decide on some first");
        return Err(PatchError::new(PatchErrorCode::TooMany, "proposals", message));
    }
    for id in oldest {
        all.remove(txn, &id.to_string());
    }
    Ok(())
}

/// Makes the change that a proposal offers.
pub(in crate::node) fn accept(
    id: Uuid,
    by: UserId,
    at: DateTime<Utc>,
    txn: &mut TransactionMut<'_>,
) -> Result<(), PatchError> {
    let (map, proposal) = open(id, txn)?;
    match proposal.kind {
        ProposalKind::Output => add_item(Side::Outputs, &output(&proposal), txn)?,
        ProposalKind::Replace | ProposalKind::Insert => edit_body(&map, &proposal, txn)?,
    }
    decide(&map, ProposalStatus::Accepted, by, at, txn);
    Ok(())
}

/// Leaves everything as it is.
pub(in crate::node) fn reject(
    id: Uuid,
    by: UserId,
    at: DateTime<Utc>,
    txn: &mut TransactionMut<'_>,
) -> Result<(), PatchError> {
    let (map, _) = open(id, txn)?;
    decide(&map, ProposalStatus::Rejected, by, at, txn);
    Ok(())
}

fn open(id: Uuid, txn: &TransactionMut<'_>) -> Result<(MapRef, Proposal), PatchError> {
    let found = find(id, txn).and_then(|map| {
        let read = Proposal::read(id, &map, txn, keys::PROPOSALS, &mut Problems::default())?;
        Some((map, read))
    });
    match found {
        None => Err(PatchError::not_found("proposalId", "the node has no such proposal")),
        Some((_, proposal)) if proposal.status != ProposalStatus::Open => {
            let message = format!("it is {} already", proposal.status.as_str());
            Err(PatchError::new(PatchErrorCode::Stale, "proposalId", message))
        }
        Some(found) => Ok(found),
    }
}

fn decide(map: &MapRef, status: ProposalStatus, by: UserId, at: DateTime<Utc>, txn: &mut TransactionMut<'_>) {
    map.insert(txn, keys::STATUS, status.as_str());
    map.insert(txn, keys::DECIDED_BY, by.to_string());
    map.insert(txn, keys::DECIDED_AT, from_time(at));
}

/// The output that a proposal would add. It has the proposal's id, so that it cannot come twice.
fn output(proposal: &Proposal) -> NewItem {
    let provenance = proposal.run_id.map(|run| {
        let members = [("runId", run.to_string()), ("proposalId", proposal.id.to_string())];
        members.into_iter().map(|(key, id)| (key.to_owned(), Value::String(id))).collect::<JsonMap<_, _>>()
    });
    NewItem {
        id: proposal.id,
        label: proposal.label.clone(),
        metadata: JsonMap::new(),
        provenance,
        content: ItemContent::Text { text: proposal.text.clone() },
    }
}

fn edit_body(map: &MapRef, proposal: &Proposal, txn: &mut TransactionMut<'_>) -> Result<(), PatchError> {
    let body = txn.get_or_insert_xml_fragment(keys::BODY);
    let blocks = rich_text::named(&body, txn);
    let Some(replaced) = edits::replaced(&blocks, proposal.place, &proposal.before, txn) else {
        let message = "what it would replace has changed meanwhile; reject it, or have it made anew";
        return Err(PatchError::new(PatchErrorCode::Stale, "proposalId", message));
    };
    let offered = text(map, txn).map(|text| rich_text::read(&text, txn)).unwrap_or_default();
    let mut blocks: Vec<Block> = blocks.into_iter().map(|(_, block)| block).collect();
    blocks.splice(replaced, offered);
    if markdown::render(&blocks).len() > BODY_BYTES_MAX {
        return Err(PatchError::invalid("body", format!("a body has at most {BODY_BYTES_MAX} bytes of Markdown")));
    }
    rich_text::apply(&body, txn, &blocks);
    Ok(())
}
