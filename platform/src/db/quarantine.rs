//! The quarantine: updates that were refused because they would have hurt, kept for whoever looks into them.
//!
//! Of what a principal sends in a day the first are kept and the rest is counted ([`keep`]), so that nobody fills the
//! disk with it. Operators list and look at what is there, and note what became of it; nothing is deleted but by age
//! ([`expire`]).

use bytes::Bytes;
use chrono::{DateTime, Utc};
use schema::ids::{DocumentKind, Epoch, OrgId};
use uuid::Uuid;

use super::documents::DocumentRef;
use super::log::{epoch_from_column, epoch_to_column};
use super::{Db, DbError, Page, PageRequest, principal};
use crate::auth::PrincipalRef;
use crate::limits::Limits;

/// The most updates of one organization that are kept per day, whoever sent them.
pub const KEPT_PER_ORGANIZATION_AND_DAY: i64 = 1000;
/// Rows that are deleted in one transaction.
const EXPIRE_ROWS: i64 = 500;

/// An update to keep.
#[derive(Debug, Clone)]
pub struct NewEntry {
    /// The organization that the document belongs to.
    pub org: OrgId,
    /// The document that the update was sent to.
    pub document: Uuid,
    /// The document's lineage then.
    pub epoch: Epoch,
    /// The bytes, as they came in.
    pub update: Bytes,
    /// Who sent it.
    pub sender: PrincipalRef,
    /// Why it was refused.
    pub reason: String,
    /// When it came in.
    pub received_at: DateTime<Utc>,
}

/// What became of a [`NewEntry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// It is in the quarantine.
    Kept,
    /// It is only counted: the sender, or the organization, has sent too much today.
    LeftOut,
}

/// What an operator did about an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was brought into its document after all.
    Replayed,
    /// It was looked at and is not wanted.
    Discarded,
}

impl Outcome {
    /// Its name in the table `document_quarantine`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Replayed => "replayed",
            Self::Discarded => "discarded",
        }
    }

    fn from_column(text: &str) -> Result<Self, DbError> {
        [Self::Replayed, Self::Discarded]
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
            .ok_or_else(|| DbError::Invalid(format!("{text} is no outcome of a quarantine")))
    }
}

/// That an operator has handled an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    /// What was done.
    pub outcome: Outcome,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom, as they called themselves.
    pub by: String,
    /// Why.
    pub why: String,
}

/// An update in the quarantine, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: Uuid,
    /// The organization that its document belongs to.
    pub org: OrgId,
    /// The document that it was sent to.
    pub document_id: Uuid,
    /// The same with its kind; `None` when it has been deleted since.
    pub document: Option<DocumentRef>,
    /// What the document is called: a free document's title, a scratch document's name.
    pub title: Option<String>,
    /// The document's lineage then.
    pub epoch: Epoch,
    /// How long the update is.
    pub size_bytes: u64,
    /// Who sent it.
    pub sender: PrincipalRef,
    /// Why it was refused. Parts of it may be the sender's words.
    pub reason: String,
    /// When it came in.
    pub received_at: DateTime<Utc>,
    /// What was done about it, if anything was.
    pub handled: Option<Handled>,
}

impl Entry {
    /// The document's name; `None` when it has been deleted since.
    #[must_use]
    pub fn document_name(&self) -> Option<String> {
        let kind = self.document?.kind;
        Some(match (kind, &self.title) {
            (DocumentKind::Scratch, Some(name)) => format!("{kind}:{name}"),
            _ => format!("{kind}:{}", self.document_id),
        })
    }
}

/// Which updates are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// Of one organization only.
    pub org: Option<OrgId>,
    /// Sent to one document only.
    pub document: Option<Uuid>,
    /// Received then or later only.
    pub since: Option<DateTime<Utc>>,
    /// Whether those that were handled are asked for too.
    pub handled: HandledToo,
}

/// Whether what was handled is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HandledToo {
    /// It is not.
    #[default]
    No,
    /// It is.
    Yes,
}

/// How many updates were deleted because of their age.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expired {
    /// All of them.
    pub updates: u64,
    /// Those that nobody had handled.
    pub unhandled: u64,
}

/// Keeps an update, or counts it when today's room for its sender or its organization is used up.
pub async fn keep(db: &Db, limits: &Limits, new: &NewEntry) -> Result<Keeping, DbError> {
    let mut tx = db.org(new.org).await?;
    let (org, kind) = (new.org.as_uuid(), principal::kind_to_number(new.sender.kind));
    let (day, bytes) = (new.received_at.date_naive(), i64::try_from(new.update.len()).unwrap_or(i64::MAX));
    // Locks the sender's day. Two instances may exceed the organization's room by what they keep at the same moment.
    let of_sender = sqlx::query_scalar!(
        "INSERT INTO quarantine_days AS d (org_id, day, principal_kind, principal_id) VALUES ($1, $2, $3, $4)
         ON CONFLICT (org_id, day, principal_kind, principal_id) DO UPDATE SET kept = d.kept RETURNING kept",
        org,
        day,
        kind,
        new.sender.id
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    let of_organization = sqlx::query!(
        r#"SELECT sum(kept)::bigint AS "kept!", sum(kept_bytes)::bigint AS "bytes!"
           FROM quarantine_days WHERE org_id = $1 AND day = $2"#,
        org,
        day
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    let has_room = i64::from(of_sender) < i64::from(limits.quarantine_updates_per_sender)
        && of_organization.kept < KEPT_PER_ORGANIZATION_AND_DAY
        && of_organization.bytes.saturating_add(bytes) <= i64::try_from(limits.quarantine_bytes).unwrap_or(i64::MAX);
    if has_room {
        sqlx::query!(
            "INSERT INTO document_quarantine
                 (document_id, org_id, epoch, update, principal_kind, principal_id, reason, received_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            new.document,
            org,
            epoch_to_column(new.epoch),
            &new.update[..],
            kind,
            new.sender.id,
            without_nul(&new.reason),
            new.received_at
        )
        .execute(&mut *tx.inner)
        .await?;
    }
    sqlx::query!(
        "UPDATE quarantine_days SET kept = kept + CASE WHEN $5 THEN 1 ELSE 0 END,
             kept_bytes = kept_bytes + CASE WHEN $5 THEN $6::bigint ELSE 0 END,
             left_out = left_out + CASE WHEN $5 THEN 0 ELSE 1 END
         WHERE org_id = $1 AND day = $2 AND principal_kind = $3 AND principal_id = $4",
        org,
        day,
        kind,
        new.sender.id,
        has_room,
        bytes
    )
    .execute(&mut *tx.inner)
    .await?;
    tx.commit().await?;
    Ok(if has_room { Keeping::Kept } else { Keeping::LeftOut })
}

/// Postgres's text holds no NUL, and a reason may repeat what the sender wrote.
fn without_nul(reason: &str) -> String {
    reason.replace('\0', "\u{fffd}")
}

/// A page of the quarantine of all organizations, the newest first.
pub async fn list(db: &Db, filter: Filter, page: PageRequest) -> Result<Page<Entry>, DbError> {
    let mut tx = db.operator().await?;
    let (after, after_id) = page.after();
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT q.id, q.org_id, q.document_id, d.kind AS "kind?", d.project_id AS "project_id?", d.title AS "title?",
                  q.epoch, length(q.update) AS "size_bytes!", q.principal_kind, q.principal_id, q.reason, q.received_at,
                  q.outcome, q.handled_at, q.handled_by, q.handled_why
           FROM document_quarantine q
           LEFT JOIN documents d ON d.id = q.document_id AND d.org_id = q.org_id AND d.deleted_at IS NULL
           WHERE ($1::uuid IS NULL OR q.org_id = $1) AND ($2::uuid IS NULL OR q.document_id = $2)
             AND ($3::timestamptz IS NULL OR q.received_at >= $3) AND ($4 OR q.outcome IS NULL)
             AND ($5::timestamptz IS NULL OR (q.received_at, q.id) < ($5, $6::uuid))
           ORDER BY q.received_at DESC, q.id DESC LIMIT $7"#,
        filter.org.map(|org| org.as_uuid()),
        filter.document,
        filter.since,
        filter.handled == HandledToo::Yes,
        after,
        after_id,
        page.rows()
    )
    .fetch_all(&mut *tx)
    .await?;
    let entries = rows.into_iter().map(Row::read).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::of(page, entries, |entry| (entry.received_at, entry.id)))
}

/// How many updates were not kept, but counted: of one organization or all, since a day or ever.
pub async fn count_left_out(db: &Db, org: Option<OrgId>, since: Option<DateTime<Utc>>) -> Result<u64, DbError> {
    let mut tx = db.operator().await?;
    let count = sqlx::query_scalar!(
        r#"SELECT coalesce(sum(left_out), 0)::bigint AS "count!" FROM quarantine_days
           WHERE ($1::uuid IS NULL OR org_id = $1) AND ($2::date IS NULL OR day >= $2)"#,
        org.map(|org| org.as_uuid()),
        since.map(|since| since.date_naive())
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(count.unsigned_abs())
}

/// An update of the quarantine, with its bytes.
pub async fn find(db: &Db, id: Uuid) -> Result<Option<(Entry, Bytes)>, DbError> {
    let mut tx = db.operator().await?;
    let row = sqlx::query_as!(
        Row,
        r#"SELECT q.id, q.org_id, q.document_id, d.kind AS "kind?", d.project_id AS "project_id?", d.title AS "title?",
                  q.epoch, length(q.update) AS "size_bytes!", q.principal_kind, q.principal_id, q.reason, q.received_at,
                  q.outcome, q.handled_at, q.handled_by, q.handled_why
           FROM document_quarantine q
           LEFT JOIN documents d ON d.id = q.document_id AND d.org_id = q.org_id AND d.deleted_at IS NULL
           WHERE q.id = $1"#,
        id
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let update =
        sqlx::query_scalar!("SELECT update FROM document_quarantine WHERE id = $1", id).fetch_one(&mut *tx).await?;
    Ok(Some((row.read()?, update.into())))
}

/// Notes what was done about an update. False when there is none, or something was noted before.
pub async fn handle(db: &Db, id: Uuid, handled: &Handled) -> Result<bool, DbError> {
    let mut tx = db.operator().await?;
    let done = sqlx::query!(
        "UPDATE document_quarantine SET outcome = $2, handled_at = $3, handled_by = $4, handled_why = $5
         WHERE id = $1 AND outcome IS NULL",
        id,
        handled.outcome.as_str(),
        handled.at,
        handled.by,
        handled.why
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(done.rows_affected() > 0)
}

/// Deletes what was received before a moment, handled or not, and the counts of the days before it.
pub async fn expire(db: &Db, before: DateTime<Utc>) -> Result<Expired, DbError> {
    let mut expired = Expired::default();
    loop {
        let mut tx = db.operator().await?;
        let gone = sqlx::query!(
            r#"WITH gone AS (
                   DELETE FROM document_quarantine WHERE id IN
                       (SELECT id FROM document_quarantine WHERE received_at < $1 ORDER BY received_at, id LIMIT $2)
                   RETURNING outcome)
               SELECT count(*) AS "updates!", count(*) FILTER (WHERE outcome IS NULL) AS "unhandled!" FROM gone"#,
            before,
            EXPIRE_ROWS
        )
        .fetch_one(&mut *tx)
        .await?;
        if gone.updates < EXPIRE_ROWS {
            sqlx::query!("DELETE FROM quarantine_days WHERE day < $1", before.date_naive()).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        expired.updates += gone.updates.unsigned_abs();
        expired.unhandled += gone.unhandled.unsigned_abs();
        if gone.updates < EXPIRE_ROWS {
            return Ok(expired);
        }
    }
}

struct Row {
    id: Uuid,
    org_id: Uuid,
    document_id: Uuid,
    kind: Option<String>,
    project_id: Option<Uuid>,
    title: Option<String>,
    epoch: i32,
    size_bytes: i32,
    principal_kind: i16,
    principal_id: Uuid,
    reason: String,
    received_at: DateTime<Utc>,
    outcome: Option<String>,
    handled_at: Option<DateTime<Utc>>,
    handled_by: Option<String>,
    handled_why: Option<String>,
}

impl Row {
    fn read(self) -> Result<Entry, DbError> {
        let document = match &self.kind {
            Some(kind) => Some(DocumentRef {
                id: self.document_id,
                kind: kind.parse().map_err(|_| DbError::Invalid(format!("{kind} is no kind of document")))?,
                org: self.org_id.into(),
                project: self.project_id.map(Into::into),
            }),
            None => None,
        };
        let handled = match (self.outcome, self.handled_at, self.handled_by, self.handled_why) {
            (Some(outcome), Some(at), Some(by), Some(why)) => {
                Some(Handled { outcome: Outcome::from_column(&outcome)?, at, by, why })
            }
            _ => None,
        };
        Ok(Entry {
            id: self.id,
            org: self.org_id.into(),
            document_id: self.document_id,
            document,
            title: self.title,
            epoch: epoch_from_column(self.epoch),
            size_bytes: u64::from(self.size_bytes.unsigned_abs()),
            sender: principal::from_row(self.document_id, self.principal_kind, self.principal_id)?,
            reason: self.reason,
            received_at: self.received_at,
            handled,
        })
    }
}
