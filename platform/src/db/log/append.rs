//! Appending to the log: one transaction for a batch, however many documents and organizations it touches.
//!
//! An append takes five round trips whatever the size of its batch: begin, lock, owners (only when there are new client
//! ids), insert, commit. What it decides is decided in [`assign`], which is pure.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use schema::ids::{Epoch, OrgId, Seq};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::in_doubt::{InDoubt, Resolution, Witness, resolve};
use super::{AppendOutcome, AppendRefusal, NewUpdate, client_from_column, client_to_column};
use super::{epoch_from_column, epoch_to_column, seq_from_column, seq_to_column};
use crate::auth::PrincipalRef;
use crate::db::{Db, DbError, principal};

const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
const COMMIT_TIMEOUT: Duration = Duration::from_secs(30);
/// How often, and after which pauses, a commit in doubt is asked after before it is given back to the caller.
const RESOLVE_PAUSES: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_secs(1),
];

/// Why a batch was not appended, or may not have been.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Nothing of the batch is in the log.
    #[error(transparent)]
    NotCommitted(#[from] DbError),
    /// The connection broke during the commit, and the database did not say yet how it ended.
    #[error("it is not known yet whether a batch was committed; ask again later")]
    Ambiguous(Box<InDoubt>),
}

impl AppendError {
    /// Tries again, without ever appending anything twice: a commit in doubt is resolved first, and its outcomes are
    /// returned if it took place. `batch` must be the batch of the call that failed.
    ///
    /// ```ignore
    /// let mut attempt = append(&db, &batch).await;
    /// while let Err(error) = attempt {
    ///     wait().await;
    ///     attempt = error.retry(&db, &batch).await;
    /// }
    /// ```
    pub async fn retry(self, db: &Db, batch: &[NewUpdate]) -> Result<Vec<AppendOutcome>, Self> {
        let in_doubt = match self {
            Self::NotCommitted(_) => return append(db, batch).await,
            Self::Ambiguous(in_doubt) => in_doubt,
        };
        match resolve(db, &in_doubt).await {
            Ok(Resolution::Committed) => Ok(in_doubt.outcomes),
            Ok(Resolution::Aborted) => append(db, batch).await,
            Ok(Resolution::InProgress) | Err(_) => Err(Self::Ambiguous(in_doubt)),
        }
    }
}

/// Appends a batch in one transaction and says, in the batch's order, what became of each update.
///
/// Of one document, updates get their places in the batch's order, without gaps. A refused update does not keep the
/// others from being committed. When the connection breaks during the commit, the outcome is looked up before this
/// returns. An error never leaves part of a batch behind; go on with [`AppendError::retry`]. Dropping the future before
/// it ends leaves open whether the batch was committed, so let it run: its duration is bounded.
pub async fn append(db: &Db, batch: &[NewUpdate]) -> Result<Vec<AppendOutcome>, AppendError> {
    let written = tokio::time::timeout(WRITE_TIMEOUT, write(db, batch))
        .await
        .map_err(|_| DbError::timed_out("an append to the log"))??;
    match written {
        Written::Nothing(outcomes) => Ok(outcomes),
        Written::Uncommitted(tx, in_doubt) => commit(db, tx, in_doubt).await,
    }
}

/// A batch that was written and not committed yet.
enum Written {
    /// Every update was refused.
    Nothing(Vec<AppendOutcome>),
    Uncommitted(Transaction<'static, Postgres>, InDoubt),
}

async fn write(db: &Db, batch: &[NewUpdate]) -> Result<Written, DbError> {
    if batch.is_empty() {
        return Ok(Written::Nothing(Vec::new()));
    }
    let orgs: BTreeSet<OrgId> = batch.iter().map(|update| update.org).collect();
    let mut tx = db.log_of(&orgs.into_iter().collect::<Vec<_>>()).await?;
    let locked = lock_documents(&mut tx, batch).await?;
    let owners = client_owners(&mut tx, batch).await?;
    let assignment = assign(batch, locked, owners);
    let Some(witness) = witness(batch, &assignment.outcomes) else {
        return Ok(Written::Nothing(assignment.outcomes));
    };
    let xid = insert(&mut tx, batch, &assignment).await?;
    Ok(Written::Uncommitted(tx, InDoubt { xid, outcomes: assignment.outcomes, witness }))
}

async fn commit(
    db: &Db,
    tx: Transaction<'static, Postgres>,
    in_doubt: InDoubt,
) -> Result<Vec<AppendOutcome>, AppendError> {
    let failure = match tokio::time::timeout(COMMIT_TIMEOUT, tx.commit()).await {
        Ok(Ok(())) => return Ok(in_doubt.outcomes),
        Ok(Err(error)) => DbError::from(error),
        Err(_) => DbError::timed_out("a commit of the log"),
    };
    tracing::warn!(xid = in_doubt.xid, error = %failure, "a commit of the log is in doubt");
    for pause in RESOLVE_PAUSES {
        tokio::time::sleep(pause).await;
        match resolve(db, &in_doubt).await {
            Ok(Resolution::Committed) => return Ok(in_doubt.outcomes),
            Ok(Resolution::Aborted) => return Err(AppendError::NotCommitted(failure)),
            Ok(Resolution::InProgress) | Err(_) => {}
        }
    }
    Err(AppendError::Ambiguous(Box::new(in_doubt)))
}

/// What an append found of a document whose row it holds locked.
#[derive(Debug, Clone)]
struct LockedDocument {
    org: OrgId,
    epoch: Epoch,
    head: Seq,
}

/// What an append writes.
#[derive(Debug)]
struct Assignment {
    outcomes: Vec<AppendOutcome>,
    /// The new heads of the documents that got updates.
    heads: Vec<(Uuid, Seq)>,
    new_clients: Vec<NewClient>,
}

#[derive(Debug)]
struct NewClient {
    document: Uuid,
    client: u64,
    org: OrgId,
    owner: PrincipalRef,
    first: Seq,
}

/// Decides what becomes of each update, given what is stored. Documents that are gone are not in `locked`.
fn assign(
    batch: &[NewUpdate],
    mut locked: HashMap<Uuid, LockedDocument>,
    mut owners: HashMap<(Uuid, u64), PrincipalRef>,
) -> Assignment {
    let mut outcomes = Vec::with_capacity(batch.len());
    let mut written = HashSet::new();
    let mut new_clients = Vec::new();
    for update in batch {
        let Some(document) = locked.get_mut(&update.document).filter(|document| document.org == update.org) else {
            outcomes.push(AppendOutcome::Refused(AppendRefusal::DocumentGone));
            continue;
        };
        if document.epoch != update.epoch {
            outcomes.push(AppendOutcome::Refused(AppendRefusal::EpochChanged));
            continue;
        }
        let belongs_to_another =
            |client: &u64| owners.get(&(update.document, *client)).is_some_and(|owner| *owner != update.principal);
        if update.new_clients.iter().any(belongs_to_another) {
            outcomes.push(AppendOutcome::Refused(AppendRefusal::ClientTaken));
            continue;
        }
        document.head = document.head.next();
        written.insert(update.document);
        for &client in &update.new_clients {
            if let Entry::Vacant(vacant) = owners.entry((update.document, client)) {
                vacant.insert(update.principal);
                new_clients.push(NewClient {
                    document: update.document,
                    client,
                    org: update.org,
                    owner: update.principal,
                    first: document.head,
                });
            }
        }
        outcomes.push(AppendOutcome::Committed { seq: document.head });
    }
    let heads = written.into_iter().map(|id| (id, locked[&id].head)).collect();
    Assignment { outcomes, heads, new_clients }
}

fn witness(batch: &[NewUpdate], outcomes: &[AppendOutcome]) -> Option<Witness> {
    committed(batch, outcomes).next().map(|(update, seq)| Witness {
        org: update.org,
        document: update.document,
        seq,
        sender: update.principal,
        size_bytes: size_to_column(update.update.len()),
        received_at: to_stored_precision(update.received_at),
    })
}

fn committed<'a>(batch: &'a [NewUpdate], outcomes: &'a [AppendOutcome]) -> impl Iterator<Item = (&'a NewUpdate, Seq)> {
    batch.iter().zip(outcomes).filter_map(|(update, outcome)| match outcome {
        AppendOutcome::Committed { seq } => Some((update, *seq)),
        AppendOutcome::Refused(_) => None,
    })
}

/// Locks the rows of the batch's documents, always in the same order, so that two appends can't wait for each other.
async fn lock_documents(
    tx: &mut Transaction<'static, Postgres>,
    batch: &[NewUpdate],
) -> Result<HashMap<Uuid, LockedDocument>, DbError> {
    let ids: BTreeSet<Uuid> = batch.iter().map(|update| update.document).collect();
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let rows = sqlx::query!(
        "SELECT id, org_id, epoch, head_seq, deleted_at FROM documents WHERE id = ANY($1)
         ORDER BY id FOR NO KEY UPDATE",
        &ids
    )
    .fetch_all(&mut **tx)
    .await?;
    // Deletion is looked at here, not in the statement, so that it is seen as of after the wait for the lock.
    Ok(rows
        .into_iter()
        .filter(|row| row.deleted_at.is_none())
        .map(|row| {
            let document = LockedDocument {
                org: row.org_id.into(),
                epoch: epoch_from_column(row.epoch),
                head: seq_from_column(row.head_seq),
            };
            (row.id, document)
        })
        .collect())
}

/// The stored owners of those client ids that the batch brings as new.
async fn client_owners(
    tx: &mut Transaction<'static, Postgres>,
    batch: &[NewUpdate],
) -> Result<HashMap<(Uuid, u64), PrincipalRef>, DbError> {
    let (documents, clients): (Vec<Uuid>, Vec<i64>) = batch
        .iter()
        .flat_map(|update| update.new_clients.iter().map(|&client| (update.document, client_to_column(client))))
        .unzip();
    if clients.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query!(
        "SELECT c.document_id, c.client_id, c.principal_kind, c.principal_id
         FROM unnest($1::uuid[], $2::bigint[]) AS new (document_id, client_id)
         JOIN document_clients c ON c.document_id = new.document_id AND c.client_id = new.client_id",
        &documents,
        &clients
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let owner = principal::from_row(row.document_id, row.principal_kind, row.principal_id)?;
            Ok(((row.document_id, client_from_column(row.client_id)), owner))
        })
        .collect()
}

/// The columns of `document_updates`, one array each.
#[derive(Default)]
struct Columns<'a> {
    documents: Vec<Uuid>,
    seqs: Vec<i64>,
    epochs: Vec<i32>,
    orgs: Vec<Uuid>,
    updates: Vec<&'a [u8]>,
    sizes: Vec<i32>,
    principal_kinds: Vec<i16>,
    principals: Vec<Uuid>,
    runs: Vec<Option<Uuid>>,
    trace_events: Vec<Option<Uuid>>,
    provenances: Vec<&'static str>,
    /// Array literals: SQL knows no array of arrays of different lengths.
    client_ids: Vec<String>,
    received_at: Vec<DateTime<Utc>>,
}

impl<'a> FromIterator<(&'a NewUpdate, Seq)> for Columns<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a NewUpdate, Seq)>>(updates: I) -> Self {
        let mut columns = Self::default();
        for (update, seq) in updates {
            columns.documents.push(update.document);
            columns.seqs.push(seq_to_column(seq));
            columns.epochs.push(epoch_to_column(update.epoch));
            columns.orgs.push(update.org.as_uuid());
            columns.updates.push(&update.update);
            columns.sizes.push(size_to_column(update.update.len()));
            columns.principal_kinds.push(principal::kind_to_number(update.principal.kind));
            columns.principals.push(update.principal.id);
            columns.runs.push(update.run.map(|(run, _)| run.as_uuid()));
            columns.trace_events.push(update.run.and_then(|(_, event)| event));
            columns.provenances.push(update.provenance.as_str());
            columns.client_ids.push(array_literal(&update.client_ids));
            columns.received_at.push(to_stored_precision(update.received_at));
        }
        columns
    }
}

/// Writes updates, heads and new clients in one statement, and returns the transaction's id.
async fn insert(
    tx: &mut Transaction<'static, Postgres>,
    batch: &[NewUpdate],
    assignment: &Assignment,
) -> Result<u64, DbError> {
    let columns: Columns<'_> = committed(batch, &assignment.outcomes).collect();
    let (head_documents, heads): (Vec<Uuid>, Vec<i64>) =
        assignment.heads.iter().map(|(document, head)| (*document, seq_to_column(*head))).unzip();
    let clients = &assignment.new_clients;
    let xid = sqlx::query_scalar!(
        r#"WITH appended AS (
               INSERT INTO document_updates (document_id, seq, epoch, org_id, update, size_bytes, principal_kind,
                   principal_id, run_id, trace_event_id, provenance, client_ids, received_at)
               SELECT document_id, seq, epoch, org_id, update, size_bytes, principal_kind, principal_id, run_id,
                   trace_event_id, provenance, client_ids::bigint[], received_at
               FROM unnest($1::uuid[], $2::bigint[], $3::int[], $4::uuid[], $5::bytea[], $6::int[], $7::smallint[],
                   $8::uuid[], $9::uuid[], $10::uuid[], $11::text[], $12::text[], $13::timestamptz[])
                   AS new (document_id, seq, epoch, org_id, update, size_bytes, principal_kind, principal_id, run_id,
                   trace_event_id, provenance, client_ids, received_at)
           ), advanced AS (
               UPDATE documents SET head_seq = new.head
               FROM unnest($14::uuid[], $15::bigint[]) AS new (id, head) WHERE documents.id = new.id
           ), claimed AS (
               INSERT INTO document_clients (document_id, client_id, org_id, principal_kind, principal_id, first_seq)
               SELECT * FROM unnest($16::uuid[], $17::bigint[], $18::uuid[], $19::smallint[], $20::uuid[], $21::bigint[])
           )
           SELECT pg_current_xact_id()::text AS "xid!""#,
        &columns.documents,
        &columns.seqs,
        &columns.epochs,
        &columns.orgs,
        &columns.updates as &[&[u8]],
        &columns.sizes,
        &columns.principal_kinds,
        &columns.principals,
        &columns.runs as &[Option<Uuid>],
        &columns.trace_events as &[Option<Uuid>],
        &columns.provenances as &[&str],
        &columns.client_ids,
        &columns.received_at,
        &head_documents,
        &heads,
        &clients.iter().map(|new| new.document).collect::<Vec<_>>(),
        &clients.iter().map(|new| client_to_column(new.client)).collect::<Vec<_>>(),
        &clients.iter().map(|new| new.org.as_uuid()).collect::<Vec<_>>(),
        &clients.iter().map(|new| principal::kind_to_number(new.owner.kind)).collect::<Vec<_>>(),
        &clients.iter().map(|new| new.owner.id).collect::<Vec<_>>(),
        &clients.iter().map(|new| seq_to_column(new.first)).collect::<Vec<_>>()
    )
    .fetch_one(&mut **tx)
    .await?;
    xid.parse().map_err(|_| DbError::Invalid(format!("{xid} is no transaction id")))
}

/// `{1,2,3}`.
fn array_literal(clients: &[u64]) -> String {
    let clients: Vec<String> = clients.iter().map(|&client| client_to_column(client).to_string()).collect();
    format!("{{{}}}", clients.join(","))
}

/// An update is limited to far less than 2 GiB before it comes here.
fn size_to_column(bytes: usize) -> i32 {
    i32::try_from(bytes).unwrap_or(i32::MAX)
}

/// Postgres keeps microseconds; what is compared with what was stored has to be cut to them.
fn to_stored_precision(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(time.timestamp_micros()).unwrap_or(time)
}
