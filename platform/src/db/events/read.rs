//! Reading the stream.

use std::collections::HashMap;
use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use schema::ids::{NodeId, OrgId, ProjectId, UserId};
use serde_json::Value;
use uuid::Uuid;

use super::{Event, EventId, EventKind};
use crate::db::{Db, DbError};

/// Which part of an organization's stream is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All of it, what is for single persons too: for the server itself.
    Everything,
    /// All that is for everybody or for this person.
    Organization(UserId),
    /// What happens in a project.
    Project(ProjectId),
    /// What concerns a node.
    Node(NodeId),
    /// What is for this person alone.
    Person(UserId),
}

impl Scope {
    /// Whether an event is in this part.
    #[must_use]
    pub fn holds(self, event: &Event) -> bool {
        match self {
            Self::Everything => true,
            Self::Organization(user) => event.user.is_none_or(|only| only == user),
            Self::Project(project) => event.project == Some(project) && event.user.is_none(),
            Self::Node(node) => event.node == Some(node) && event.user.is_none(),
            Self::Person(user) => event.user == Some(user),
        }
    }
}

/// How far an organization's stream reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kept {
    /// Through here events are no longer kept.
    pub trimmed: EventId,
    /// The last event.
    pub last: EventId,
}

impl Kept {
    /// Whether a reader who has everything up to here can go on without missing anything.
    #[must_use]
    pub fn reaches_back_to(self, id: EventId) -> bool {
        self.trimmed <= id && id <= self.last
    }
}

struct EventRow {
    id: i64,
    kind: String,
    project_id: Option<Uuid>,
    node_id: Option<Uuid>,
    user_id: Option<Uuid>,
    actors: Value,
    payload: Value,
    at: DateTime<Utc>,
}

impl EventRow {
    /// An instance of the version after this one may have written sorts that are not known here: they are left out.
    fn read(self, org: OrgId) -> Option<Event> {
        Some(Event {
            id: EventId::from_column(self.id),
            org,
            kind: self.kind.parse::<EventKind>().ok()?,
            project: self.project_id.map(ProjectId::new),
            node: self.node_id.map(NodeId::new),
            user: self.user_id.map(UserId::new),
            actors: self.actors,
            payload: self.payload,
            at: self.at,
            encoded: std::array::from_fn(|_| OnceLock::new()),
        })
    }
}

/// Some events after a number.
#[derive(Debug)]
pub struct Events {
    /// In their order.
    pub items: Vec<Event>,
    /// Up to here nothing else of this scope and these sorts is in the stream, as far as was looked.
    pub through: EventId,
    /// Whether there may be more.
    pub has_more: bool,
}

/// Up to `limit` events of a scope after a number, in their order; of all sorts when `kinds` is empty.
pub async fn after(
    db: &Db,
    org: OrgId,
    scope: Scope,
    kinds: &[EventKind],
    after: EventId,
    limit: u32,
) -> Result<Events, DbError> {
    let kinds: Vec<String> = kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
    let mut tx = db.org_snapshot(org).await?;
    // Read first of all: what is found below reaches at least so far.
    let last = last_id(&mut tx).await?;
    let (org_id, after_id, rows) = (org.as_uuid(), after.to_column(), i64::from(limit));
    let rows = match scope {
        Scope::Everything | Scope::Organization(_) => {
            let user = if let Scope::Organization(user) = scope { Some(user.as_uuid()) } else { None };
            sqlx::query_as!(
                EventRow,
                "SELECT id, kind, project_id, node_id, user_id, actors, payload, at FROM events
                 WHERE org_id = $1 AND id > $2 AND ($3::uuid IS NULL OR user_id IS NULL OR user_id = $3)
                   AND (kind = ANY($4) OR cardinality($4::text[]) = 0)
                 ORDER BY id LIMIT $5",
                org_id,
                after_id,
                user,
                &kinds,
                rows
            )
            .fetch_all(&mut *tx.inner)
            .await?
        }
        Scope::Project(project) => {
            sqlx::query_as!(
                EventRow,
                "SELECT id, kind, project_id, node_id, user_id, actors, payload, at FROM events
                 WHERE project_id = $3 AND org_id = $1 AND id > $2 AND user_id IS NULL
                   AND (kind = ANY($4) OR cardinality($4::text[]) = 0)
                 ORDER BY id LIMIT $5",
                org_id,
                after_id,
                project.as_uuid(),
                &kinds,
                rows
            )
            .fetch_all(&mut *tx.inner)
            .await?
        }
        Scope::Node(node) => {
            sqlx::query_as!(
                EventRow,
                "SELECT id, kind, project_id, node_id, user_id, actors, payload, at FROM events
                 WHERE node_id = $3 AND org_id = $1 AND id > $2 AND user_id IS NULL
                   AND (kind = ANY($4) OR cardinality($4::text[]) = 0)
                 ORDER BY id LIMIT $5",
                org_id,
                after_id,
                node.as_uuid(),
                &kinds,
                rows
            )
            .fetch_all(&mut *tx.inner)
            .await?
        }
        Scope::Person(user) => {
            sqlx::query_as!(
                EventRow,
                "SELECT id, kind, project_id, node_id, user_id, actors, payload, at FROM events
                 WHERE user_id = $3 AND org_id = $1 AND id > $2
                   AND (kind = ANY($4) OR cardinality($4::text[]) = 0)
                 ORDER BY id LIMIT $5",
                org_id,
                after_id,
                user.as_uuid(),
                &kinds,
                rows
            )
            .fetch_all(&mut *tx.inner)
            .await?
        }
    };
    let has_more = rows.len() >= limit as usize;
    let through = match rows.last() {
        Some(row) if has_more => EventId::from_column(row.id),
        _ => last.max(after),
    };
    Ok(Events { items: rows.into_iter().filter_map(|row| row.read(org)).collect(), through, has_more })
}

async fn last_id(tx: &mut crate::db::OrgTx) -> Result<EventId, DbError> {
    let org = tx.org().as_uuid();
    let last = sqlx::query_scalar!("SELECT last_id FROM event_heads WHERE org_id = $1", org)
        .fetch_optional(&mut *tx.inner)
        .await?;
    Ok(last.map_or(EventId::NONE, EventId::from_column))
}

/// How far an organization's stream reaches.
pub async fn kept(db: &Db, org: OrgId) -> Result<Kept, DbError> {
    let mut tx = db.org(org).await?;
    let row = sqlx::query!("SELECT last_id, trimmed_id FROM event_heads WHERE org_id = $1", org.as_uuid())
        .fetch_optional(&mut *tx.inner)
        .await?;
    Ok(row.map_or_else(Kept::default, |row| Kept {
        trimmed: EventId::from_column(row.trimmed_id),
        last: EventId::from_column(row.last_id),
    }))
}

/// The last events of these organizations, of those that have any.
pub async fn heads(db: &Db, orgs: &[OrgId]) -> Result<HashMap<OrgId, EventId>, DbError> {
    let ids: Vec<Uuid> = orgs.iter().copied().map(Uuid::from).collect();
    let mut tx = db.maintenance().await?;
    let rows = sqlx::query!("SELECT org_id, last_id FROM event_heads WHERE org_id = ANY($1)", &ids)
        .fetch_all(&mut *tx)
        .await?;
    Ok(rows.into_iter().map(|row| (row.org_id.into(), EventId::from_column(row.last_id))).collect())
}
