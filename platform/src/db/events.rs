//! The stream of what happens in an organization: an outbox that is written in the transaction of what happened.
//!
//! Events of an organization are numbered in the order in which they were committed, without gaps: a reader that goes
//! on after the last number that it has misses none (`migrations/0010_events.sql`).

mod kind;
mod read;
mod retention;

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use schema::ids::{NodeId, OrgId, ProjectId, UserId};
use serde::Serialize;
use serde::ser::SerializeStruct;
use serde_json::{Value, json};
use sqlx::PgConnection;
use tokio::sync::broadcast;
use uuid::Uuid;

use super::{DbError, OrgTx, clean};
use crate::auth::PrincipalRef;

pub use kind::{EventKind, ParseEventKindError};
pub use read::{Events, Kept, Scope, after, heads, kept};
pub use retention::{Removed, remove_before};

/// The longest payload, in bytes of JSON. Of a longer one nothing is told but that it was too long.
pub const PAYLOAD_BYTES_MAX: usize = 32 * 1024;
/// Commits that wait to be heard of, at most; who is further behind looks at everything anew.
const COMMITS_WAITING: usize = 1_024;

/// An event's number in its organization's stream, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EventId(u64);

impl EventId {
    /// Before all events.
    pub const NONE: Self = Self(0);

    /// Wraps a number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number inside.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    fn from_column(number: i64) -> Self {
        Self(number.unsigned_abs())
    }

    fn to_column(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for EventId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

/// Something that is about to have happened.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    kind: EventKind,
    project: Option<ProjectId>,
    node: Option<NodeId>,
    user: Option<UserId>,
    actors: Vec<PrincipalRef>,
    payload: Value,
}

impl NewEvent {
    /// An event of the whole organization. `payload` is a JSON object.
    #[must_use]
    pub const fn new(kind: EventKind, payload: Value) -> Self {
        Self { kind, project: None, node: None, user: None, actors: Vec::new(), payload }
    }

    /// In this project: for those who may see it.
    #[must_use]
    pub const fn project(mut self, project: ProjectId) -> Self {
        self.project = Some(project);
        self
    }

    /// About this node of the project.
    #[must_use]
    pub const fn node(mut self, node: NodeId) -> Self {
        self.node = Some(node);
        self
    }

    /// For this person alone.
    #[must_use]
    pub const fn only_for(mut self, user: UserId) -> Self {
        self.user = Some(user);
        self
    }

    /// Who did it; several when it cannot be told apart.
    #[must_use]
    pub fn by(mut self, actors: impl IntoIterator<Item = PrincipalRef>) -> Self {
        self.actors.extend(actors);
        self
    }

    fn bounded_payload(&self) -> Value {
        let payload = clean::json(&self.payload);
        if payload.to_string().len() <= PAYLOAD_BYTES_MAX { payload } else { json!({"omitted": ["payload"]}) }
    }
}

/// Something that happened.
#[derive(Debug)]
pub struct Event {
    /// Its number in the organization.
    pub id: EventId,
    /// The organization.
    pub org: OrgId,
    /// What sort of thing.
    pub kind: EventKind,
    /// The project, of what happens in one.
    pub project: Option<ProjectId>,
    /// The node, of what concerns one.
    pub node: Option<NodeId>,
    /// For whom alone it is.
    pub user: Option<UserId>,
    /// Who did it: `[{"kind", "id"}]`.
    pub actors: Value,
    /// What there is to say of it; an object, by sort.
    pub payload: Value,
    /// When it was committed, or a moment before.
    pub at: DateTime<Utc>,
    encoded: [OnceLock<Bytes>; Encoding::COUNT],
}

/// The forms in which an event is sent to many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As a server-sent event.
    EventStream,
    /// On a socket, to those who watch the project.
    ProjectChannel,
    /// On a socket, to those who watch the node.
    NodeChannel,
    /// On a socket, to those who listen to nothing but the project's events.
    ProjectEvents,
    /// On a socket, to those who listen to nothing but the node's events.
    NodeEvents,
    /// On a socket, to the one it is for.
    UserChannel,
}

impl Encoding {
    const COUNT: usize = 6;
}

impl Event {
    /// The event in a form: made by whoever needs it first, the same for all others.
    pub fn encoded(&self, encoding: Encoding, encode: impl FnOnce(&Self) -> Bytes) -> Bytes {
        self.encoded[encoding as usize].get_or_init(|| encode(self)).clone()
    }
}

/// As it is in REST, in event streams and in webhooks.
impl Serialize for Event {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Event", 8)?;
        object.serialize_field("id", &self.id.to_string())?;
        object.serialize_field("type", self.kind.as_str())?;
        object.serialize_field("organizationId", &self.org)?;
        object.serialize_field("projectId", &self.project)?;
        object.serialize_field("nodeId", &self.node)?;
        object.serialize_field("actors", &self.actors)?;
        object.serialize_field("at", &self.at)?;
        object.serialize_field("payload", &self.payload)?;
        object.end()
    }
}

/// Notes an event in the transaction of what happened: both are committed, or neither is. It gets its number when the
/// transaction commits, and those who listen hear of it then.
pub fn append(tx: &mut OrgTx, event: NewEvent) {
    tx.events.push(event);
}

/// That events were committed, for those who listen in this process.
#[derive(Debug, Clone)]
pub(super) struct Commits(Arc<broadcast::Sender<(OrgId, EventId)>>);

impl Default for Commits {
    fn default() -> Self {
        Self(Arc::new(broadcast::Sender::new(COMMITS_WAITING)))
    }
}

impl Commits {
    pub(super) fn announce(&self, org: OrgId, last: EventId) {
        // Perhaps nobody listens.
        let _ = self.0.send((org, last));
    }

    pub(super) fn listen(&self) -> broadcast::Receiver<(OrgId, EventId)> {
        self.0.subscribe()
    }
}

/// Who did something, as it is stored.
pub(super) fn actors_json(actors: &[PrincipalRef]) -> Value {
    actors.iter().map(|actor| json!({"kind": actor.kind.as_str(), "id": actor.id})).collect()
}

/// Writes what a transaction has noted. Returns the last number.
pub(super) async fn write(connection: &mut PgConnection, org: OrgId, events: &[NewEvent]) -> Result<EventId, DbError> {
    let last = sqlx::query_scalar!(
        r#"SELECT append_events($1, $2, $3, $4, $5, $6, $7) AS "last!""#,
        org.as_uuid(),
        &events.iter().map(|event| event.kind.as_str().to_owned()).collect::<Vec<_>>(),
        &events.iter().map(|event| event.project.map(Uuid::from)).collect::<Vec<_>>() as &[Option<Uuid>],
        &events.iter().map(|event| event.node.map(Uuid::from)).collect::<Vec<_>>() as &[Option<Uuid>],
        &events.iter().map(|event| event.user.map(Uuid::from)).collect::<Vec<_>>() as &[Option<Uuid>],
        &events.iter().map(|event| actors_json(&event.actors)).collect::<Vec<_>>(),
        &events.iter().map(NewEvent::bounded_payload).collect::<Vec<_>>()
    )
    .fetch_one(connection)
    .await?;
    Ok(EventId::from_column(last))
}
