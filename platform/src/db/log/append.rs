//! Appending to the log: one statement, and so one round trip and one transaction, for a batch, however many documents
//! and organizations it touches. What it decides is decided in `append_to_log` (`migrations/0008_as_stored.sql`).

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use schema::ids::{Epoch, OrgId, Seq};
use uuid::Uuid;

use super::{AppendOutcome, AppendRefusal, NewUpdate, Provenance, Relay, client_to_column, epoch_to_column};
use crate::auth::PrincipalRef;
use crate::db::{Db, DbError, principal};

const APPEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Someone who appends batches, one after the other.
#[derive(Debug)]
pub struct Writer {
    id: Uuid,
    batches: i64,
}

/// Names a batch of a writer, so that it is never appended twice.
#[derive(Debug, Clone, Copy)]
pub struct BatchId {
    writer: Uuid,
    number: i64,
}

impl Writer {
    /// A new writer; `id` must never have been used before.
    #[must_use]
    pub const fn new(id: Uuid) -> Self {
        Self { id, batches: 0 }
    }

    /// Names the next batch. The one before must have been appended, or be given up.
    pub const fn next_batch(&mut self) -> BatchId {
        self.batches += 1;
        BatchId { writer: self.id, number: self.batches }
    }
}

/// Appends a batch in one transaction and says, in the batch's order, what became of each update.
///
/// Of one document, updates get their places in the batch's order, without gaps. A refused update does not keep the
/// others from being committed. After an error it is not known whether the batch was committed: call this again with
/// the same id and the same batch, as often as it takes, and it is appended exactly once.
pub async fn append(db: &Db, id: BatchId, batch: &[NewUpdate]) -> Result<Vec<AppendOutcome>, DbError> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    tokio::time::timeout(APPEND_TIMEOUT, call(db, id, batch))
        .await
        .map_err(|_| DbError::timed_out("an append to the log"))?
}

async fn call(db: &Db, id: BatchId, batch: &[NewUpdate]) -> Result<Vec<AppendOutcome>, DbError> {
    let Columns {
        documents,
        epochs,
        orgs,
        updates,
        principal_kinds,
        principals,
        runs,
        trace_events,
        provenances,
        client_ids,
        received_at,
        claims,
        claimed_clients,
        as_stored,
    } = batch.iter().collect();
    let query = sqlx::query_scalar!(
        r#"SELECT append_to_log($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
               AS "outcomes!""#,
        id.writer,
        id.number,
        organizations(batch),
        &documents,
        &epochs,
        &orgs,
        &updates as &[&[u8]],
        &principal_kinds,
        &principals,
        &runs as &[Option<Uuid>],
        &trace_events as &[Option<Uuid>],
        &provenances as &[&str],
        &client_ids,
        &received_at,
        &claims,
        &claimed_clients,
        &as_stored
    );
    // Not fetch_one: it returns with the first row, which comes before the commit.
    let rows = query.fetch_all(db.log_pool()).await?;
    let outcomes: Vec<AppendOutcome> = rows.into_iter().flatten().map(outcome_from_column).collect::<Result<_, _>>()?;
    if outcomes.len() == batch.len() {
        Ok(outcomes)
    } else {
        Err(DbError::unexpected(format!("{} outcomes for a batch of {}", outcomes.len(), batch.len())))
    }
}

/// Tries whether the log can be written at all, by a batch that concerns no document.
pub async fn probe(db: &Db, id: BatchId, received_at: DateTime<Utc>) -> Result<(), DbError> {
    let nothing = NewUpdate {
        document: Uuid::nil(),
        org: OrgId::new(Uuid::nil()),
        epoch: Epoch::new(1),
        update: Bytes::new(),
        principal: PrincipalRef::SYSTEM,
        run: None,
        provenance: Provenance::Own,
        client_ids: Vec::new(),
        new_clients: Vec::new(),
        received_at,
        relay: Relay::ByReplica,
    };
    append(db, id, &[nothing]).await.map(drop)
}

fn outcome_from_column(outcome: i64) -> Result<AppendOutcome, DbError> {
    Ok(match outcome {
        0 => AppendOutcome::Refused(AppendRefusal::DocumentGone),
        -1 => AppendOutcome::Refused(AppendRefusal::EpochChanged),
        -2 => AppendOutcome::Refused(AppendRefusal::ClientTaken),
        seq => {
            let seq =
                u64::try_from(seq).map_err(|_| DbError::unexpected(format!("{seq} is no outcome of an append")))?;
            AppendOutcome::Committed { seq: Seq::new(seq) }
        }
    })
}

/// The organizations of a batch, as row-level security wants them. Neighbours are mostly of the same.
fn organizations(batch: &[NewUpdate]) -> String {
    let mut orgs: Vec<OrgId> = batch.iter().map(|update| update.org).collect();
    orgs.sort_unstable();
    orgs.dedup();
    orgs.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// The arguments of `append_to_log`, one array each.
#[derive(Default)]
struct Columns<'a> {
    documents: Vec<Uuid>,
    epochs: Vec<i32>,
    orgs: Vec<Uuid>,
    updates: Vec<&'a [u8]>,
    principal_kinds: Vec<i16>,
    principals: Vec<Uuid>,
    runs: Vec<Option<Uuid>>,
    trace_events: Vec<Option<Uuid>>,
    provenances: Vec<&'static str>,
    client_ids: Vec<String>,
    received_at: Vec<DateTime<Utc>>,
    claims: Vec<i32>,
    claimed_clients: Vec<i64>,
    as_stored: Vec<bool>,
}

impl<'a> FromIterator<&'a NewUpdate> for Columns<'a> {
    fn from_iter<I: IntoIterator<Item = &'a NewUpdate>>(updates: I) -> Self {
        let mut columns = Self::default();
        for (place, update) in (1..).zip(updates) {
            columns.documents.push(update.document);
            columns.epochs.push(epoch_to_column(update.epoch));
            columns.orgs.push(update.org.as_uuid());
            columns.updates.push(&update.update);
            columns.principal_kinds.push(principal::kind_to_number(update.principal.kind));
            columns.principals.push(update.principal.id);
            columns.runs.push(update.run.map(|(run, _)| run.as_uuid()));
            columns.trace_events.push(update.run.and_then(|(_, event)| event));
            columns.provenances.push(update.provenance.as_str());
            columns.client_ids.push(array_literal(&update.client_ids));
            columns.received_at.push(update.received_at);
            columns.as_stored.push(update.relay == Relay::AsStored);
            columns.claims.extend(update.new_clients.iter().map(|_| place));
            columns.claimed_clients.extend(update.new_clients.iter().map(|&client| client_to_column(client)));
        }
        columns
    }
}

/// `{1,2,3}`.
fn array_literal(clients: &[u64]) -> String {
    let clients: Vec<String> = clients.iter().map(|&client| client_to_column(client).to_string()).collect();
    format!("{{{}}}", clients.join(","))
}
