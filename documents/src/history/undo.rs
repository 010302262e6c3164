//! Taking back what somebody did, and leaving what others did since.
//!
//! As an editor's undo does: what was inserted is deleted, and what was deleted comes back at its place, as new content.
//! It is done on a document that was built from the log with nothing forgotten, and what comes of it is an update like
//! any other.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use platform::auth::PrincipalRef;
use platform::db::documents::DocumentRef;
use platform::db::history::{self, TakenBack};
use schema::ids::{ClientID, DocumentKind, RunId, Seq};
use schema::update::ClientRange;
use serde_json::{Value, json};
use yrs::branch::{Branch, BranchPtr};
use yrs::undo::{Options, StackItem, UndoManager};
use yrs::updates::encoder::Encode;
use yrs::{Doc, ID, IdSet, Out, ReadTxn, Snapshot, Transact};

use super::containers;
use super::deletions::Deletions;
use super::index::Index;
use super::latecomers::{self, Latecomers};
use super::parts::branch_of;
use super::region::Region;
use super::{HistoryError, state};
use crate::replica::{READER, Replica};
use crate::services::Services;

/// Updates that are gone through at once, from the first that is taken back to the last of the log.
const UPDATES_MAX: u64 = 500_000;

/// Which updates are meant: those of which all that is said is true.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Of one of these; of anybody, if none is named.
    pub principals: Vec<PrincipalRef>,
    /// Of one of these runs of agents; of any or none, if none is named.
    pub runs: Vec<RunId>,
    /// At this place of the log, or after it.
    pub from: Option<Seq>,
    /// At this place of the log, or before it.
    pub through: Option<Seq>,
    /// That came in at this time, or after it.
    pub since: Option<DateTime<Utc>>,
    /// That came in before this time.
    pub until: Option<DateTime<Utc>>,
    /// Only what concerns this part of the document: a root's name, and keys below it, parted by slashes. It may end at a
    /// plain value of a map, or at an item of a list by its `id` or place, such as a block of rich text.
    pub part: Option<String>,
}

impl Selection {
    /// What the audit log tells of it.
    pub(super) fn told(&self) -> Value {
        let principals: Vec<String> = self.principals.iter().map(PrincipalRef::to_string).collect();
        json!({
            "principals": principals, "runs": self.runs, "fromSeq": self.from, "throughSeq": self.through,
            "since": self.since, "until": self.until, "part": self.part,
        })
    }

    /// The places of the updates that are meant.
    pub(super) fn of(&self, index: &Index) -> Vec<Seq> {
        let is_meant = |(seq, entry): &(Seq, &super::entries::Entry)| {
            let actor = index.actor(entry);
            (self.principals.is_empty() || self.principals.contains(&actor.principal))
                && (self.runs.is_empty() || actor.run.is_some_and(|run| self.runs.contains(&run)))
                && self.from.is_none_or(|from| *seq >= from)
                && self.through.is_none_or(|through| *seq <= through)
                && self.since.is_none_or(|since| entry.at() >= since)
                && self.until.is_none_or(|until| entry.at() < until)
        };
        index.iter().filter(is_meant).map(|(seq, _)| seq).collect()
    }
}

/// What is to be taken back.
pub(super) struct Undoing {
    /// A document in which nothing of it is forgotten.
    replica: Replica,
    /// The client id under which it is taken back.
    client: u64,
    /// The updates, as rows of them.
    updates: Vec<RangeInclusive<Seq>>,
    insertions: IdSet,
    deletions: Deletions,
    part: Option<String>,
    /// The path of a part that holds this one, and does so when others edit beside it.
    noted_as: Option<String>,
    /// The nodes that are left, in the trash.
    latecomers: Option<Latecomers>,
}

/// How something is taken back.
pub(super) struct Undo {
    /// The edit that does it.
    pub(super) update: Bytes,
    /// What is to be noted before it is made.
    pub(super) taken: TakenBack,
}

impl Undoing {
    /// Prepares to take back what the selected updates did. `None` when there are none.
    pub(super) async fn of_selection(
        services: &Services,
        document: &DocumentRef,
        index: Arc<Index>,
        selection: &Selection,
        client: u64,
    ) -> Result<Option<Self>, HistoryError> {
        let meant = selection.of(&index);
        let Some(first) = meant.first().copied() else { return Ok(None) };
        let head = index.extent.head;
        let updates = head.get() - first.get() + 1;
        if updates > UPDATES_MAX {
            return Err(HistoryError::TooMuch { updates, limit: UPDATES_MAX });
        }
        let before = Seq::new(first.get() - 1);
        let then = state::load(services, document, before).await?;
        let since = history::updates(&services.db, document.org, document.id, first..=head).await?;
        let since: Option<Vec<Bytes>> = since.into_iter().map(|logged| logged.update).collect();
        let since = since.ok_or(HistoryError::NotKept { before: None, after: Some(index.extent.trimmed.next()) })?;
        let taken = history::taken_back(&services.db, document.org, document.id).await?;
        let part = selection.part.clone();
        let (is_canvas, now) = (document.kind == DocumentKind::Project, services.clock.now());
        let build = move || {
            let mut replica = Replica::keeping_deleted(state::parts(&then), client)?;
            since.iter().try_for_each(|update| replica.apply_logged(update).map(drop))?;
            let entries = || meant.iter().filter_map(|seq| index.get(*seq));
            let mut insertions = id_set(entries().flat_map(|entry| index.inserted(entry)));
            let mut deletions = id_set(entries().flat_map(|entry| index.deleted(entry)));
            let mut latecomers = None;
            if is_canvas {
                let made = replica.read(|txn| latecomers::made(txn, &insertions))?;
                let found = Latecomers::among(made, part.as_deref(), now);
                latecomers = Some(found.left_out_of(&mut insertions, &mut replica)?);
            }
            let noted_as = confine([&mut insertions, &mut deletions], part.as_deref(), &mut replica)?;
            let deletions = Deletions::not_back_already(deletions, &index, &taken, &meant);
            let updates = rows(&meant);
            Ok(Some(Self { replica, client, updates, insertions, deletions, part, noted_as, latecomers }))
        };
        tokio::task::spawn_blocking(build).await.map_err(|_| HistoryError::Aborted)?
    }

    /// Prepares to make a document again what it was before `since`; `old` is the state that it had then.
    pub(super) async fn all_since(
        services: &Services,
        document: &DocumentRef,
        old: Bytes,
        since: Seq,
        head: Seq,
        part: Option<String>,
        client: u64,
    ) -> Result<Self, HistoryError> {
        let present = state::load(services, document, head).await?;
        let (is_canvas, now) = (document.kind == DocumentKind::Project, services.clock.now());
        let build = move || {
            let new = Replica::from_log(state::parts(&present), READER)?.state()?;
            let mut replica = Replica::keeping_deleted(std::iter::once(&old), client)?;
            let (older, nodes) = replica.read(|txn| (txn.snapshot(), latecomers::nodes(txn)))?;
            replica.apply_logged(&new)?;
            let newer = replica.read(|txn| txn.snapshot())?;
            let mut insertions = inserted_between(&older, &newer);
            let mut deletions = newer.delete_set.diff(&older.delete_set);
            let mut latecomers = None;
            if is_canvas {
                let came = replica.read(|txn| latecomers::nodes(txn))?.into_iter().filter(|node| !nodes.contains(node));
                let found = Latecomers::among(came, part.as_deref(), now);
                latecomers = Some(found.left_out_of(&mut insertions, &mut replica)?);
            }
            let noted_as = confine([&mut insertions, &mut deletions], part.as_deref(), &mut replica)?;
            let (deletions, updates) = (Deletions::new(deletions), vec![since..=head]);
            Ok(Self { replica, client, updates, insertions, deletions, part, noted_as, latecomers })
        };
        tokio::task::spawn_blocking(build).await.map_err(|_| HistoryError::Aborted)?
    }

    /// Finds the edit that takes it back; `None` when nothing is left to be taken back.
    pub(super) fn run(self) -> Result<Option<Undo>, HistoryError> {
        let Self { mut replica, client, updates, insertions, deletions, part, noted_as, latecomers } = self;
        let noted = deletions.everywhere().encode_v1().into();
        let taken = TakenBack { client, seq: None, updates, part: noted_as, deletions: noted };
        let update = replica.work(move |doc| {
            let scopes = scopes(doc, part.as_deref())?;
            let updates = Arc::<Mutex<Vec<Bytes>>>::default();
            let told = Arc::clone(&updates);
            let observed = doc.observe_update_v1("history", move |_, event| {
                let update = Bytes::from(event.update.clone());
                told.lock().unwrap_or_else(PoisonError::into_inner).push(update);
            });
            observed.map_err(|error| crate::replica::Broken(error.to_string()))?;
            // What others put into something stays, and so does what they put it into.
            let made = containers::among(&insertions, &doc.transact());
            let plain = containers::without(insertions, &made);
            let (own, common): (Vec<&Scope>, Vec<&Scope>) =
                scopes.iter().partition(|scope| deletions.are_fewer_in(&scope.path));
            take_back(doc, &common, plain.clone(), deletions.everywhere().clone());
            for scope in own {
                take_back(doc, &[scope], plain.clone(), deletions.within(&scope.path));
            }
            let (empty, kept) = containers::divide(made, &doc.transact());
            take_back(doc, &scopes.iter().collect::<Vec<_>>(), empty, IdSet::new());
            containers::give_fields_back(&kept, &mut doc.transact_mut());
            if let Some(latecomers) = latecomers {
                latecomers.put_into_trash(&mut doc.transact_mut());
            }
            let updates = std::mem::take(&mut *updates.lock().unwrap_or_else(PoisonError::into_inner));
            merged(&updates)
        })??;
        Ok(update.map(|update| Undo { update, taken }))
    }
}

/// Deletes what was inserted, and brings back what was deleted.
fn take_back(doc: &Doc, scopes: &[&Scope], insertions: IdSet, deletions: IdSet) {
    if scopes.is_empty() {
        return;
    }
    let item = StackItem::with_meta(doc.guid(), deletions, insertions, ());
    // Nothing is told apart by time: there is one item.
    let options = Options { init_undo_stack: vec![item], timestamp: Arc::new(|| 0), ..Options::default() };
    let mut manager = UndoManager::with_options(options);
    for scope in scopes {
        manager.expand_scope(doc, *scope);
    }
    manager.undo_blocking();
}

/// Several updates as one; `None` when there are none.
fn merged(updates: &[Bytes]) -> Result<Option<Bytes>, HistoryError> {
    match updates {
        [] => Ok(None),
        [only] => Ok(Some(only.clone())),
        several => {
            let merged = yrs::merge_updates_v1(several).map_err(|error| crate::replica::Broken(error.to_string()))?;
            Ok(Some(merged.into()))
        }
    }
}

/// A shared type that is taken back in.
struct Scope {
    path: String,
    branch: BranchPtr,
}

impl AsRef<Branch> for Scope {
    fn as_ref(&self) -> &Branch {
        &self.branch
    }
}

/// Leaves of these what is in a part, if one is asked for. Returns the path under which that is noted.
fn confine(sets: [&mut IdSet; 2], part: Option<&str>, replica: &mut Replica) -> Result<Option<String>, HistoryError> {
    let Some(part) = part else { return Ok(None) };
    let region = Region::find(replica, part)?.ok_or_else(|| HistoryError::NoSuchPart(part.to_owned()))?;
    for set in sets {
        *set = region.of(set, replica);
    }
    Ok(Some(region.lasting_path()))
}

/// All roots, or what the one part that is asked for is in.
fn scopes(doc: &Doc, part: Option<&str>) -> Result<Vec<Scope>, HistoryError> {
    let txn = doc.transact();
    if let Some(part) = part {
        let found = Region::at(&txn, part).ok_or_else(|| HistoryError::NoSuchPart(part.to_owned()))?;
        return Ok(vec![Scope { path: part.to_owned(), branch: found.holder }]);
    }
    let scope = |(name, root): (&str, Out)| Some(Scope { path: name.to_owned(), branch: branch_of(root)? });
    Ok(txn.root_refs().filter_map(scope).collect())
}

/// Places in their order, as rows.
fn rows(places: &[Seq]) -> Vec<RangeInclusive<Seq>> {
    let mut rows: Vec<RangeInclusive<Seq>> = Vec::new();
    for place in places {
        match rows.last_mut() {
            Some(last) if last.end().next() == *place => *last = *last.start()..=*place,
            _ => rows.push(*place..=*place),
        }
    }
    rows
}

/// Ranges as a set.
pub(super) fn id_set<'a>(ranges: impl Iterator<Item = &'a ClientRange>) -> IdSet {
    let mut set = IdSet::new();
    for range in ranges {
        // Clocks have 31 bits, see `CLOCK_MAX`.
        if let (Ok(start), Ok(len)) = (u32::try_from(range.start), u32::try_from(range.end - range.start)) {
            set.insert(ID::new(ClientID::new(range.client), start), len);
        }
    }
    set
}

fn inserted_between(older: &Snapshot, newer: &Snapshot) -> IdSet {
    let ranges: Vec<_> = newer
        .state_map
        .iter()
        .map(|(client, clock)| ClientRange {
            client: client.get(),
            start: u64::from(older.state_map.get(client)),
            end: u64::from(*clock),
        })
        .filter(|range| range.start < range.end)
        .collect();
    id_set(ranges.iter())
}
