//! Changes that are offered rather than made: `proposals`, a Y.Map of id → Y.Map.
//!
//! | member | what it is |
//! |---|---|
//! | `kind` | `replace` (blocks of a text), `insert` (between its blocks), `output` (a new output) |
//! | `part` | which text: `body`. Not with `output` |
//! | `before` | the Markdown of the blocks that it would replace |
//! | `place` | `[client, clock]`: the first block that it would replace, or the one behind which it would insert; absent for the beginning |
//! | `text` | Y.XmlFragment: what it would put there. It may be written still, and anybody may edit it |
//! | `label` | what to call it |
//! | `runId` | the run that offers it |
//! | `status` | `open`, `accepted`, `rejected` |
//! | `createdAt`, `decidedAt`, `decidedBy` | times, and a person's id |

mod decide;
mod edits;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;
use yrs::{Map, MapRef, Out, ReadTxn, XmlFragmentRef};

use super::keys;
use crate::ids::{RunId, UserId};
use crate::rich_text::{self, BlockId};
use crate::value::{Fields, Problems};

pub(super) use decide::{accept, propose, reject};
pub use edits::edits_of_body;

/// The most proposals that a node keeps. The oldest that are decided go when others come.
pub const PROPOSALS_MAX: usize = 200;

/// The text that proposals are made for.
const BODY_PART: &str = "body";

/// A change that was offered.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proposal {
    /// Unique in its node.
    pub id: Uuid,
    /// What would become of it.
    pub kind: ProposalKind,
    /// The run that offers it.
    pub run_id: Option<RunId>,
    /// What to call it.
    pub label: Option<String>,
    /// The Markdown of the blocks that it would replace.
    pub before: String,
    /// What it would put there, as Markdown.
    pub text: String,
    /// What became of it.
    pub status: ProposalStatus,
    /// Since when there is it.
    pub created_at: Option<DateTime<Utc>>,
    /// Who decided.
    pub decided_by: Option<UserId>,
    /// When that was.
    pub decided_at: Option<DateTime<Utc>>,
    #[serde(skip)]
    place: Option<BlockId>,
}

/// What a proposal would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProposalKind {
    /// Replace blocks of the body.
    Replace,
    /// Insert blocks into the body.
    Insert,
    /// Add an output.
    Output,
}

impl ProposalKind {
    const ALL: [Self; 3] = [Self::Replace, Self::Insert, Self::Output];

    /// The word in documents and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Insert => "insert",
            Self::Output => "output",
        }
    }
}

/// What became of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProposalStatus {
    /// Nobody has decided yet.
    Open,
    /// The change was made.
    Accepted,
    /// It was not.
    Rejected,
}

impl ProposalStatus {
    const ALL: [Self; 3] = [Self::Open, Self::Accepted, Self::Rejected];

    /// The word in documents and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
        }
    }
}

/// A change to offer.
#[derive(Debug, Clone, PartialEq)]
pub struct NewProposal {
    /// Unique in its node.
    pub id: Uuid,
    /// The run that offers it.
    pub run: Option<RunId>,
    /// At most [`super::LABEL_CHARS_MAX`].
    pub label: Option<String>,
    /// Now.
    pub created_at: DateTime<Utc>,
    /// What it would do.
    pub change: ProposedChange,
}

/// What a new proposal would do.
#[derive(Debug, Clone, PartialEq)]
pub enum ProposedChange {
    /// Change the body.
    Body(BodyEdit),
    /// Add an output with this Markdown. More can be written into [`text_of_proposal`].
    Output {
        /// At most [`super::TEXT_BYTES_MAX`].
        text: String,
    },
}

/// A change of some neighbouring blocks of the body. See [`edits_of_body`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyEdit {
    /// The first block that goes, or the block behind which others come; `None` for the beginning.
    pub place: Option<BlockId>,
    /// The Markdown of the blocks that go; empty if none does.
    pub before: String,
    /// The Markdown of those that come; empty if none does.
    pub after: String,
}

/// The text of a proposal that nobody has decided on, for writing into it.
pub fn text_of_proposal<T: ReadTxn>(id: Uuid, txn: &T) -> Option<XmlFragmentRef> {
    let map = find(id, txn)?;
    let status = map.get(txn, keys::STATUS)?.to_string(txn);
    if status != ProposalStatus::Open.as_str() {
        return None;
    }
    text(&map, txn)
}

/// All proposals that can be read, the oldest first.
pub(super) fn read_all<T: ReadTxn>(txn: &T, problems: &mut Problems) -> Vec<Proposal> {
    let Some(all) = txn.get_map(keys::PROPOSALS) else { return Vec::new() };
    let mut entries: Vec<_> = all.iter(txn).collect();
    entries.sort_by_key(|(key, _)| *key);
    let mut read: Vec<Proposal> = Vec::new();
    for (key, value) in entries {
        let path = format!("{}.{}", keys::PROPOSALS, crate::repair::shown_key(key));
        match (Uuid::try_parse(key), value) {
            (Ok(id), Out::YMap(map)) => read.extend(Proposal::read(id, &map, txn, &path, problems)),
            (Ok(_), _) => problems.add(&path, "expected a map"),
            (Err(_), _) => problems.add(&path, "expected a uuid as its key"),
        }
    }
    read.sort_by_key(|proposal| (proposal.created_at, proposal.id));
    read
}

impl Proposal {
    fn read<T: ReadTxn>(id: Uuid, map: &MapRef, txn: &T, path: &str, problems: &mut Problems) -> Option<Self> {
        let text = text(map, txn).map(|text| rich_text::to_markdown(&text, txn));
        let mut fields = Fields::new(map, txn, path, problems);
        let kind = word(&mut fields, keys::KIND, |text| ProposalKind::ALL.into_iter().find(|it| it.as_str() == text))?;
        let status =
            word(&mut fields, keys::STATUS, |text| ProposalStatus::ALL.into_iter().find(|it| it.as_str() == text))?;
        if kind != ProposalKind::Output {
            word(&mut fields, keys::PART, |text| (text == BODY_PART).then_some(()))?;
        }
        let Some(text) = text else { return fields.wrong(keys::TEXT, "rich text") };
        Some(Self {
            id,
            kind,
            run_id: fields.id(keys::RUN_ID),
            label: fields.text(keys::LABEL),
            before: fields.text(keys::BEFORE).unwrap_or_default(),
            text,
            status,
            created_at: fields.time(keys::CREATED_AT),
            decided_by: fields.id(keys::DECIDED_BY),
            decided_at: fields.time(keys::DECIDED_AT),
            place: edits::read_place(&mut fields),
        })
    }
}

/// A word that a proposal cannot do without.
fn word<T: ReadTxn, V>(fields: &mut Fields<'_, T>, key: &str, parse: impl FnOnce(&str) -> Option<V>) -> Option<V> {
    if fields.raw(key).is_none() {
        return fields.wrong(key, "one of its words");
    }
    fields.parsed(key, "one of its words", parse)
}

fn find<T: ReadTxn>(id: Uuid, txn: &T) -> Option<MapRef> {
    match txn.get_map(keys::PROPOSALS)?.get(txn, &id.to_string())? {
        Out::YMap(map) => Some(map),
        _ => None,
    }
}

fn text<T: ReadTxn>(map: &MapRef, txn: &T) -> Option<XmlFragmentRef> {
    match map.get(txn, keys::TEXT)? {
        Out::YXmlFragment(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
