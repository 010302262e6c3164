//! What documents were, who made them so, and how to bring it back.
//!
//! | module | subject |
//! |---|---|
//! | `entries`, `index` | what every update did, without its content, kept beside the log |
//! | `covered` | which content was seen before |
//! | `sessions` | who worked when |
//! | `state`, `comparison` | a document at one place of its log, or at two |
//! | `parts`, `text`, `range`, `fields`, `changers` | texts with their authors, what changed in texts and values, and who changed these |
//! | `undo`, `region`, `containers`, `deletions`, `latecomers` | taking back what somebody did |
//! | `prune` | forgetting what was written and deleted again |
//! | `attribution` | who wrote what, as Yjs clients read it |
//!
//! Everything here is computed beside the living document, from the log; what changes a document goes through its room.

mod attribution;
mod changers;
mod comparison;
mod containers;
mod covered;
mod deletions;
mod entries;
mod error;
mod fields;
pub(crate) mod index;
mod latecomers;
mod parts;
mod prune;
mod range;
mod region;
mod sessions;
mod state;
mod text;
mod undo;
mod versions;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use platform::auth::{Principal, PrincipalRef};
use platform::db::audit::{self, Action, Actor as AuditedActor, ResourceKind};
use platform::db::documents::DocumentRef;
use platform::db::history::{self, Extent};
use schema::ids::{DocumentKind, Epoch, RunId, Seq};
use serde_json::{Value, json};
use tokio::sync::SemaphorePermit;

pub use attribution::EncodedAttributions;
pub(crate) use changers::authors_of_trash;
pub use entries::{Actor, Unreadable};
pub use error::HistoryError;
pub use fields::FieldChange;
pub use prune::Pruned;
pub use sessions::{Grouping, WorkSession};
pub use text::{Authorship, Block, Change, Span, TextHistory};
pub use undo::Selection;
pub(crate) use versions::SESSION_SUMMARY;
pub use versions::{Naming, WholeNode};

use self::comparison::{Comparison, now_and_never};
use self::index::Index;
use self::state::PastDocument;
use self::text::Teller;
use self::undo::{Undo, Undoing};
use crate::registry::{Documents, State};
use crate::replica::Change as Edit;
use crate::room::Edited;
use crate::services::Services;

/// Documents whose history is worked on at the same time, each on a thread and with all of a document in memory.
pub(crate) const AT_ONCE: usize = 2;

/// Client ids that Yjs draws have 32 bits.
const CLIENT_ID_BITS: u32 = 32;

/// The way to the histories of documents. Cheap to clone.
#[derive(Clone)]
pub struct History {
    documents: Documents,
    services: Arc<Services>,
    /// Where documents are to be when they are edited.
    expected: Option<(Epoch, Seq)>,
}

/// What a history has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Where the log begins and ends.
    pub extent: Extent,
    /// The places before [`Extent::trimmed`] at which the document is known. From there on it is known at every place.
    pub snapshots: Vec<Seq>,
    /// When the first update came in.
    pub started_at: Option<DateTime<Utc>>,
    /// When the last one did.
    pub ended_at: Option<DateTime<Utc>>,
}

/// How much somebody did between two places of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contribution {
    /// Who.
    pub principal: PrincipalRef,
    /// The agent's run.
    pub run: Option<RunId>,
    /// How many updates.
    pub updates: u64,
    /// Characters, and one for anything else, that were inserted.
    pub inserted: u64,
    /// Likewise, deleted.
    pub deleted: u64,
}

/// What is different between two places of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The texts that changed.
    pub texts: Vec<TextHistory>,
    /// The values that changed.
    pub fields: Vec<FieldChange>,
    /// Who worked on it.
    pub contributions: Vec<Contribution>,
}

/// What became of taking something back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undone {
    /// Where the log stands; the edit that takes back is in it, if there was something to be taken back.
    pub place: Edited,
    /// Whether the document was changed.
    pub is_changed: bool,
}

impl History {
    pub(crate) fn new(documents: Documents) -> Self {
        let services = documents.services();
        Self { documents, services, expected: None }
    }

    /// The same, but for edits: these are made only while the log of the document ends at this place, if one is said.
    /// Otherwise they fail as [`EditFailed::Moved`](crate::EditFailed::Moved).
    #[must_use]
    pub fn expecting(self, expected: Option<(Epoch, Seq)>) -> Self {
        Self { expected, ..self }
    }

    /// What the history has.
    pub async fn summary(&self, document: &DocumentRef) -> Result<Summary, HistoryError> {
        let _turn = self.turn().await?;
        let index = Index::load(&self.services, document).await?;
        let through = index.extent.trimmed;
        let snapshots = history::snapshot_places(&self.services.db, document.org, document.id, through).await?;
        let mut entries = index.iter().map(|(_, entry)| entry.at());
        let (started_at, ended_at) = (entries.next(), index.iter().next_back().map(|(_, entry)| entry.at()));
        Ok(Summary { extent: index.extent, snapshots, started_at, ended_at })
    }

    /// Who worked on a document when, the last first.
    pub async fn sessions(&self, document: &DocumentRef, grouping: Grouping) -> Result<Vec<WorkSession>, HistoryError> {
        let _turn = self.turn().await?;
        let index = Index::load(&self.services, document).await?;
        beside(move || Ok(sessions::sessions(&index, grouping))).await
    }

    /// The place of the last update that had come in at a time; [`Seq::ZERO`] before the first.
    pub async fn place_at(&self, document: &DocumentRef, at: DateTime<Utc>) -> Result<Seq, HistoryError> {
        let _turn = self.turn().await?;
        let index = Index::load(&self.services, document).await?;
        let last = index.iter().rev().find(|(_, entry)| entry.at() <= at);
        Ok(last.map_or(Seq::ZERO, |(seq, _)| seq))
    }

    /// Where the log of a document ends.
    pub async fn extent(&self, document: &DocumentRef) -> Result<Extent, HistoryError> {
        history::extent(&self.services.db, document.org, document.id).await?.ok_or(HistoryError::Gone)
    }

    /// Reads a document as it was at a place.
    pub async fn read<T: Send + 'static>(
        &self,
        document: &DocumentRef,
        at: Seq,
        read: impl FnOnce(&yrs::Transaction<'_>) -> T + Send + 'static,
    ) -> Result<(T, Epoch), HistoryError> {
        let _turn = self.turn().await?;
        let mut past = PastDocument::load(&self.services, document, at).await?;
        beside(move || Ok((past.read(read)?, past.epoch))).await
    }

    /// The state of a document at a place, as one update.
    pub async fn state(&self, document: &DocumentRef, at: Seq) -> Result<State, HistoryError> {
        let _turn = self.turn().await?;
        let mut past = PastDocument::load(&self.services, document, at).await?;
        beside(move || Ok(State { epoch: past.epoch, seq: past.seq, update: past.state()? })).await
    }

    /// The texts of a document at a place, with who wrote what; only those whose path is `part`, or below it.
    pub async fn blame(
        &self,
        document: &DocumentRef,
        at: Seq,
        part: Option<String>,
    ) -> Result<Vec<TextHistory>, HistoryError> {
        let _turn = self.turn().await?;
        let mut then = PastDocument::load(&self.services, document, at).await?;
        let index = Index::load(&self.services, document).await?;
        let blame = move || {
            let mut parts = then.read(|txn| parts::parts(txn))?;
            parts.retain(|found| part.as_ref().is_none_or(|part| is_in(&found.path, part)));
            let tell = |doc: &yrs::Doc| {
                let (newer, older) = now_and_never(doc);
                Teller::new(doc, &older, &newer, &index).texts(&[], &parts)
            };
            Ok(then.work(tell)?)
        };
        beside(blame).await
    }

    /// What is different at `to`, compared with `from`.
    pub async fn diff(
        &self,
        document: &DocumentRef,
        kind: DocumentKind,
        from: Seq,
        to: Seq,
    ) -> Result<Difference, HistoryError> {
        let _turn = self.turn().await?;
        let mut comparison = Comparison::load(&self.services, document, from, to).await?;
        let index = Index::load(&self.services, document).await?;
        let mut difference = beside(move || {
            let before = comparison.before.read(|txn| (parts::parts(txn), schema::to_json(kind, txn)))?;
            let after = comparison.after.read(|txn| (parts::parts(txn), schema::to_json(kind, txn)))?;
            let mut texts = comparison
                .work(|doc, older, newer| Teller::new(doc, older, newer, &index).texts(&before.0, &after.0))?;
            texts.retain(TextHistory::has_changes);
            let fields = fields::changes(&without_texts(before.1), &without_texts(after.1));
            Ok(Difference { texts, fields, contributions: contributions(&index, from, to) })
        })
        .await?;
        changers::name(&self.services, document, kind, (from, to), &mut difference.fields).await?;
        Ok(difference)
    }

    /// Who wrote and deleted what through a place, as Yjs clients read it.
    pub async fn attributions(&self, document: &DocumentRef, at: Seq) -> Result<EncodedAttributions, HistoryError> {
        let _turn = self.turn().await?;
        let index = Index::load(&self.services, document).await?;
        beside(move || Ok(attribution::encode(&index, at))).await
    }

    /// Takes back what the selected updates did, as an edit of this principal. What others did since stays. Nodes
    /// that they made on a canvas go into the trash.
    pub async fn undo(
        &self,
        document: &DocumentRef,
        principal: &Arc<Principal>,
        selection: &Selection,
        by: &AuditedActor,
    ) -> Result<Undone, HistoryError> {
        let turn = self.turn().await?;
        let index = Arc::new(Index::load(&self.services, document).await?);
        let head = index.extent.head;
        let client = self.new_client();
        let undoing = Undoing::of_selection(&self.services, document, index, selection, client).await?;
        let undo = match undoing {
            Some(undoing) => beside(move || undoing.run()).await?,
            None => None,
        };
        drop(turn);
        let audited = by.did(Action::DocumentUndone, ResourceKind::Document, document.id).with(selection.told());
        self.bring(document, principal, head, undo, audited).await
    }

    /// Makes a document, or a part of it, what it was at a place, as an edit of this principal. Nodes that a canvas did not
    /// have go into the trash.
    pub async fn restore(
        &self,
        document: &DocumentRef,
        principal: &Arc<Principal>,
        to: Seq,
        part: Option<String>,
        by: &AuditedActor,
    ) -> Result<Undone, HistoryError> {
        let old = self.state(document, to).await?.update;
        self.restore_state(document, principal, old, to, part, by).await
    }

    /// Makes a document, or a part of it, what it was at a place, when it had this state, as an edit of this principal.
    async fn restore_state(
        &self,
        document: &DocumentRef,
        principal: &Arc<Principal>,
        old: Bytes,
        to: Seq,
        part: Option<String>,
        by: &AuditedActor,
    ) -> Result<Undone, HistoryError> {
        let details = json!({"seq": to, "part": part});
        let audited = by.did(Action::DocumentRestored, ResourceKind::Document, document.id).with(details);
        let turn = self.turn().await?;
        let head = self.extent(document).await?.head;
        let client = self.new_client();
        let undoing = Undoing::all_since(&self.services, document, old, to.next(), head, part, client).await?;
        let undo = beside(move || undoing.run()).await?;
        drop(turn);
        self.bring(document, principal, head, undo, audited).await
    }

    /// Forgets, for good, content that was both written and deleted between two places of the log, these included. What
    /// the document is does not change.
    pub async fn prune(
        &self,
        document: &DocumentRef,
        first: Seq,
        last: Seq,
        by: &AuditedActor,
    ) -> Result<Pruned, HistoryError> {
        let _turn = self.turn().await?;
        prune::prune(&self.services, document, first, last, by).await
    }

    async fn bring(
        &self,
        document: &DocumentRef,
        principal: &Arc<Principal>,
        head: Seq,
        undo: Option<Undo>,
        audited: audit::Entry,
    ) -> Result<Undone, HistoryError> {
        let Some(Undo { update, taken }) = undo else {
            let epoch = self.extent(document).await?.epoch;
            return Ok(Undone { place: Edited { epoch, seq: head }, is_changed: false });
        };
        history::save_taken_back(&self.services.db, document.org, document.id, &taken).await?;
        let edited =
            self.documents.change(document, Arc::clone(principal), self.expected, Edit::Update(update)).await?;
        let (org, id) = (document.org, document.id);
        history::confirm_taken_back(&self.services.db, org, id, taken.client, edited.seq, audited).await?;
        Ok(Undone { place: edited, is_changed: true })
    }

    fn new_client(&self) -> u64 {
        1 + self.services.random.below((1 << CLIENT_ID_BITS) - 1)
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, HistoryError> {
        self.services.histories.acquire().await.map_err(|_| HistoryError::Aborted)
    }
}

/// Does work that takes long on a thread of its own.
async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, HistoryError> + Send + 'static,
) -> Result<T, HistoryError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| HistoryError::Aborted)?
}

fn is_in(path: &str, part: &str) -> bool {
    path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The values of a document without what [`TextHistory`] tells of, and without what is not as it should be.
fn without_texts(mut document: Value) -> Value {
    if let Some(object) = document.as_object_mut() {
        object.remove("body");
        object.remove("problems");
    }
    document
}

fn contributions(index: &Index, from: Seq, to: Seq) -> Vec<Contribution> {
    let mut found: BTreeMap<(PrincipalRef, Option<RunId>), Contribution> = BTreeMap::new();
    let length =
        |ranges: &[schema::update::ClientRange]| ranges.iter().map(|range| range.end - range.start).sum::<u64>();
    for (_, entry) in index.iter().filter(|(seq, _)| *seq > from && *seq <= to) {
        let actor = index.actor(entry);
        let (principal, run) = (actor.principal, actor.run);
        let nothing = Contribution { principal, run, updates: 0, inserted: 0, deleted: 0 };
        let contribution = found.entry((principal, run)).or_insert(nothing);
        contribution.updates += 1;
        contribution.inserted += length(index.inserted(entry));
        contribution.deleted += length(index.deleted(entry));
    }
    found.into_values().collect()
}
