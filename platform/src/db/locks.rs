//! Locks of nodes: who has asked the others to leave a node alone.
//!
//! A lock ends after [`Limits::lock_seconds`](crate::limits::Limits::lock_seconds) unless its holder renews it by being
//! active. It ends sooner when its holder was here on a socket and is no more. Each time that it is taken it gets a
//! greater fencing token. Times are the database's.

mod attendance;
mod list;

use chrono::{DateTime, Utc};
use schema::ids::{NodeId, ProjectId, UserId};
use serde_json::json;
use uuid::Uuid;

use super::documents::DocumentRef;
use super::events::{self, EventKind, NewEvent};
use super::notifications::{AboutNode, NotificationKind, notify};
use super::{Db, DbError, OrgTx, principal};
use crate::auth::{Principal, PrincipalRef};

pub use attendance::{abandoned, attend, end_abandoned, leave};
#[cfg(feature = "testing")]
pub(super) use list::in_project;
pub use list::{LOCKS_LISTED_MAX, LockSort, list};

/// People who wait for one lock, at most; who comes on top is not told.
const WAITERS_MAX: i64 = 100;

/// A lock that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// What is locked.
    pub node: NodeId,
    /// The project it belongs to.
    pub project: ProjectId,
    /// Who holds it.
    pub holder: PrincipalRef,
    /// The person who is the holder, or for whom the holder acts.
    pub user: Option<UserId>,
    /// What to call the holder.
    pub name: String,
    /// Greater than that of every earlier holder of the node's lock.
    pub fencing_token: i64,
    /// Whether others' edits of the node are refused.
    pub is_enforced: bool,
    /// Since when it is held.
    pub acquired_at: DateTime<Utc>,
    /// When it ends, unless it is renewed.
    pub expires_at: DateTime<Utc>,
    /// How long that is from now, in milliseconds.
    pub remaining_ms: i64,
}

/// What became of an attempt to take a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taking {
    /// The principal holds it now.
    Taken(Lock),
    /// The principal held it already; it lasts longer now.
    Renewed(Lock),
    /// Somebody else holds it.
    Held(Lock),
}

/// Whether who does not get a lock wants to be told when it is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// By a notification.
    Told,
    /// No.
    NotTold,
}

/// Why a lock is held no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseReason {
    /// Its holder gave it back.
    Released,
    /// Its holder left the node.
    Left,
    /// Its holder was inactive for too long.
    Expired,
    /// An administrator of the project took it away.
    Forced,
}

impl ReleaseReason {
    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::Left => "left",
            Self::Expired => "expired",
            Self::Forced => "forced",
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    node_id: Uuid,
    project_id: Uuid,
    holder_kind: Option<i16>,
    holder_id: Option<Uuid>,
    holder_user_id: Option<Uuid>,
    holder_name: Option<String>,
    fencing_token: i64,
    is_enforced: bool,
    acquired_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    remaining_ms: Option<i64>,
}

impl Row {
    /// The lock, if somebody holds it.
    fn read(self) -> Result<Option<Lock>, DbError> {
        let held = (self.holder_kind, self.holder_id, self.holder_name, self.acquired_at, self.expires_at);
        let (Some(kind), Some(id), Some(name), Some(acquired_at), Some(expires_at)) = held else { return Ok(None) };
        Ok(Some(Lock {
            node: self.node_id.into(),
            project: self.project_id.into(),
            holder: principal::from_row(self.node_id, kind, id)?,
            user: self.holder_user_id.map(UserId::new),
            name,
            fencing_token: self.fencing_token,
            is_enforced: self.is_enforced,
            acquired_at,
            expires_at,
            remaining_ms: self.remaining_ms.unwrap_or_default(),
        }))
    }
}

/// Takes a node's lock for a principal, or renews it. Whether they are here on a socket is not known until that is said
/// ([`attend`]).
pub async fn take(
    db: &Db,
    document: &DocumentRef,
    principal: &Principal,
    seconds: u32,
    waiting: Waiting,
) -> Result<Taking, DbError> {
    let project = document.project.ok_or_else(|| DbError::Invalid("only nodes have locks".to_owned()))?;
    let mut tx = db.org(document.org).await?;
    let before = lock_row(&mut tx, document, project).await?;
    let holder = principal.reference();
    if let Some(held) = before.as_ref().filter(|lock| lock.holder != holder) {
        if let (Waiting::Told, Some(user)) = (waiting, principal.user) {
            add_waiter(&mut tx, document, user).await?;
        }
        let held = held.clone();
        tx.commit().await?;
        return Ok(Taking::Held(held));
    }
    let is_new = before.is_none();
    let row = sqlx::query_as!(
        Row,
        r#"UPDATE node_locks l SET holder_kind = $2, holder_id = $3, holder_user_id = $4, holder_name = $5,
               fencing_token = fencing_token + $6::boolean::int,
               acquired_at = CASE WHEN $6 THEN now() ELSE acquired_at END,
               expires_at = now() + make_interval(secs => $7), attended_until = NULL,
               is_enforced = coalesce(p.settings ->> 'lockMode' = 'enforced', false)
           FROM projects p WHERE l.node_id = $1 AND p.id = l.project_id
           RETURNING l.node_id, l.project_id, l.holder_kind, l.holder_id, l.holder_user_id, l.holder_name,
               l.fencing_token, l.is_enforced, l.acquired_at, l.expires_at,
               (extract(epoch FROM l.expires_at - now()) * 1000)::bigint AS remaining_ms"#,
        document.id,
        principal::kind_to_number(holder.kind),
        holder.id,
        principal.user.map(|user| user.as_uuid()),
        principal.name.replace('\0', ""),
        is_new,
        f64::from(seconds)
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    let lock = row.read()?.ok_or_else(|| DbError::unexpected("a lock that was taken is held by nobody".to_owned()))?;
    if let Some(user) = principal.user {
        forget_waiter(&mut tx, document, user).await?;
    }
    if is_new {
        let event = NewEvent::new(EventKind::LockAcquired, acquired_payload(&lock));
        events::append(&mut tx, event.project(project).node(lock.node).by([holder]));
    }
    tx.commit().await?;
    Ok(if is_new { Taking::Taken(lock) } else { Taking::Renewed(lock) })
}

/// What there is to say of a lock that was taken.
fn acquired_payload(lock: &Lock) -> serde_json::Value {
    json!({
        "nodeId": lock.node,
        "lockedBy": lock.user.map_or(lock.holder.id, |user| user.as_uuid()),
        "holder": {"kind": lock.holder.kind.as_str(), "id": lock.holder.id, "name": lock.name},
        "fencingToken": lock.fencing_token,
        "enforced": lock.is_enforced,
        "expiresAt": lock.expires_at,
    })
}

/// Makes a lock that its holder holds last longer. Returns the lock as it is then: somebody else may hold it by now.
pub async fn renew(
    db: &Db,
    document: &DocumentRef,
    holder: PrincipalRef,
    seconds: u32,
) -> Result<Option<Lock>, DbError> {
    let mut tx = db.org(document.org).await?;
    let row = sqlx::query_as!(
        Row,
        r#"UPDATE node_locks l SET expires_at = now() + make_interval(secs => $4),
               is_enforced = coalesce(p.settings ->> 'lockMode' = 'enforced', false)
           FROM projects p
           WHERE l.node_id = $1 AND p.id = l.project_id AND l.holder_kind = $2 AND l.holder_id = $3 AND l.expires_at > now()
           RETURNING l.node_id, l.project_id, l.holder_kind, l.holder_id, l.holder_user_id, l.holder_name,
               l.fencing_token, l.is_enforced, l.acquired_at, l.expires_at,
               (extract(epoch FROM l.expires_at - now()) * 1000)::bigint AS remaining_ms"#,
        document.id,
        principal::kind_to_number(holder.kind),
        holder.id,
        f64::from(seconds)
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let lock = match row {
        Some(row) => row.read()?,
        None => held(&mut tx, document).await?,
    };
    tx.commit().await?;
    Ok(lock)
}

/// A node's lock, if it is held.
pub async fn find(db: &Db, document: &DocumentRef) -> Result<Option<Lock>, DbError> {
    let mut tx = db.org(document.org).await?;
    held(&mut tx, document).await
}

async fn held(tx: &mut OrgTx, document: &DocumentRef) -> Result<Option<Lock>, DbError> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT node_id, project_id, holder_kind, holder_id, holder_user_id, holder_name, fencing_token, is_enforced,
               acquired_at, expires_at, (extract(epoch FROM expires_at - now()) * 1000)::bigint AS remaining_ms
           FROM node_locks WHERE node_id = $1 AND org_id = $2 AND expires_at > now()"#,
        document.id,
        document.org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    row.map_or(Ok(None), Row::read)
}

/// Ends a node's lock, if `holder` holds it; without one, whoever does. Those who waited are told. Commit afterwards.
/// `None` when there was nothing to end.
pub async fn release(
    tx: &mut OrgTx,
    document: &DocumentRef,
    holder: Option<PrincipalRef>,
    reason: ReleaseReason,
    by: PrincipalRef,
) -> Result<Option<Lock>, DbError> {
    let Some(project) = document.project else { return Ok(None) };
    let held = lock_row(tx, document, project).await?;
    let Some(lock) = held.filter(|lock| holder.is_none_or(|holder| lock.holder == holder)) else { return Ok(None) };
    end(tx, document, &lock, reason, by).await?;
    Ok(Some(lock))
}

/// A node that has a lock.
#[expect(clippy::struct_field_names, reason = "the names of the columns")]
struct NodeRow {
    node_id: Uuid,
    org_id: Uuid,
    project_id: Uuid,
}

impl From<NodeRow> for DocumentRef {
    fn from(row: NodeRow) -> Self {
        Self::node(row.org_id.into(), row.project_id.into(), row.node_id.into())
    }
}

/// A page of nodes of all organizations whose locks have run out.
pub async fn expired(db: &Db, limit: u32) -> Result<Vec<DocumentRef>, DbError> {
    let mut tx = db.maintenance().await?;
    let rows = sqlx::query_as!(
        NodeRow,
        "SELECT node_id, org_id, project_id FROM node_locks
         WHERE holder_id IS NOT NULL AND expires_at <= now() ORDER BY expires_at LIMIT $1",
        i64::from(limit)
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(rows.into_iter().map(DocumentRef::from).collect())
}

/// Ends a lock if it has run out. Whether it is held no more. Several instances may do so at the same time.
pub async fn end_expired(db: &Db, document: &DocumentRef) -> Result<bool, DbError> {
    let Some(project) = document.project else { return Ok(false) };
    let mut tx = db.org(document.org).await?;
    // The row's lock is let go of on the way.
    let is_over = lock_row(&mut tx, document, project).await?.is_none();
    tx.commit().await?;
    Ok(is_over)
}

/// Locks the row of a node's lock, which comes to be when it is first wanted. A lock that has run out ends here.
async fn lock_row(tx: &mut OrgTx, document: &DocumentRef, project: ProjectId) -> Result<Option<Lock>, DbError> {
    let org = tx.org().as_uuid();
    sqlx::query!(
        "INSERT INTO node_locks (node_id, org_id, project_id, fencing_token) VALUES ($1, $2, $3, 0) ON CONFLICT DO NOTHING",
        document.id,
        org,
        project.as_uuid()
    )
    .execute(&mut *tx.inner)
    .await?;
    let row = sqlx::query_as!(
        Row,
        r#"SELECT node_id, project_id, holder_kind, holder_id, holder_user_id, holder_name, fencing_token, is_enforced,
               acquired_at, expires_at, (extract(epoch FROM expires_at - now()) * 1000)::bigint AS remaining_ms
           FROM node_locks WHERE node_id = $1 FOR NO KEY UPDATE"#,
        document.id
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    match row.read()? {
        Some(lock) if lock.remaining_ms <= 0 => {
            end(tx, document, &lock, ReleaseReason::Expired, PrincipalRef::SYSTEM).await?;
            Ok(None)
        }
        lock => Ok(lock),
    }
}

/// Ends a lock whose row is locked, tells everybody, and those who waited by a notification.
async fn end(
    tx: &mut OrgTx,
    document: &DocumentRef,
    lock: &Lock,
    reason: ReleaseReason,
    by: PrincipalRef,
) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE node_locks SET holder_kind = NULL, holder_id = NULL, holder_user_id = NULL, holder_name = NULL,
             acquired_at = NULL, expires_at = NULL, attended_until = NULL, attended_by = '{}' WHERE node_id = $1",
        document.id
    )
    .execute(&mut *tx.inner)
    .await?;
    let waiting =
        sqlx::query_scalar!("DELETE FROM node_lock_waiters WHERE node_id = $1 RETURNING user_id", document.id)
            .fetch_all(&mut *tx.inner)
            .await?;
    tell_waiting(tx, document, lock, &waiting, by).await?;
    let payload = json!({
        "nodeId": lock.node,
        "reason": reason.as_str(),
        "fencingToken": lock.fencing_token,
        "holder": {"kind": lock.holder.kind.as_str(), "id": lock.holder.id, "name": lock.name},
    });
    let event = NewEvent::new(EventKind::LockReleased, payload);
    events::append(tx, event.project(lock.project).node(lock.node).by([by]));
    Ok(())
}

/// Tells those who waited for a lock that it is free.
async fn tell_waiting(
    tx: &mut OrgTx,
    document: &DocumentRef,
    lock: &Lock,
    waiting: &[Uuid],
    by: PrincipalRef,
) -> Result<(), DbError> {
    if waiting.is_empty() {
        return Ok(());
    }
    let org = tx.org().as_uuid();
    let title = sqlx::query_scalar!("SELECT title FROM nodes WHERE id = $1 AND org_id = $2", document.id, org)
        .fetch_optional(&mut *tx.inner)
        .await?;
    let about = AboutNode {
        kind: NotificationKind::LockReleased,
        project: lock.project,
        node: lock.node,
        node_title: title.as_deref().unwrap_or_default(),
        body: None,
        actors: &[by],
    };
    let people: Vec<UserId> = waiting.iter().copied().map(UserId::new).collect();
    notify(tx, &people, &about).await.map(drop)
}

async fn add_waiter(tx: &mut OrgTx, document: &DocumentRef, user: UserId) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO node_lock_waiters (node_id, user_id, org_id)
         SELECT $1, $2, $3 WHERE (SELECT count(*) FROM node_lock_waiters WHERE node_id = $1) < $4
         ON CONFLICT DO NOTHING",
        document.id,
        user.as_uuid(),
        tx.org().as_uuid(),
        WAITERS_MAX
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

async fn forget_waiter(tx: &mut OrgTx, document: &DocumentRef, user: UserId) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM node_lock_waiters WHERE node_id = $1 AND user_id = $2", document.id, user.as_uuid())
        .execute(&mut *tx.inner)
        .await?;
    Ok(())
}
