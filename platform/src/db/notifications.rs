//! What people are told: that they were mentioned, that something waits for them, that something they waited for is done.

mod list;

use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use schema::ids::{NodeId, NotificationId, OrgId, ProjectId, UserId};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::events::{self, EventKind, NewEvent, actors_json};
use super::{Db, DbError, OrgTx, clean};
use crate::auth::{PrincipalKind, PrincipalRef};

#[cfg(feature = "testing")]
pub(super) use list::of_person;
pub use list::{Filter, Which, list};

/// Notifications of one person in one organization that are kept: the newest.
pub const NOTIFICATIONS_KEPT: i64 = 1_000;
/// The longest title, in characters.
const TITLE_CHARS_MAX: usize = 255;
/// The longest body, in characters.
const BODY_CHARS_MAX: usize = 2_000;

/// Why somebody is told something. The names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotificationKind {
    /// An agent's run is over.
    ExecutionComplete,
    /// An agent waits for a person.
    HumanInputNeeded,
    /// Somebody mentioned the person in a node.
    Mention,
    /// A node was assigned to the person.
    NodeAssigned,
    /// A lock for which the person waited is free.
    LockReleased,
}

impl NotificationKind {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::ExecutionComplete, Self::HumanInputNeeded, Self::Mention, Self::NodeAssigned, Self::LockReleased];

    /// Its name, in the tables and in REST.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExecutionComplete => "execution_complete",
            Self::HumanInputNeeded => "human_input_needed",
            Self::Mention => "mention",
            Self::NodeAssigned => "node_assigned",
            Self::LockReleased => "lock_released",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    fn from_column(text: &str) -> Result<Self, DbError> {
        Self::from_name(text).ok_or_else(|| DbError::Invalid(format!("{text} is no kind of notification")))
    }

    /// What happened, about something with this title.
    fn sentence(self, title: &str) -> String {
        let title = if title.is_empty() { "Untitled" } else { title };
        match self {
            Self::ExecutionComplete => format!("The agent has finished with “{title}”"),
            Self::HumanInputNeeded => format!("The agent needs your input for “{title}”"),
            Self::Mention => format!("You were mentioned in “{title}”"),
            Self::NodeAssigned => format!("“{title}” was assigned to you"),
            Self::LockReleased => format!("“{title}” is free to edit"),
        }
    }
}

/// Something that people are to be told about a node.
#[derive(Debug, Clone)]
pub struct AboutNode<'a> {
    /// Why.
    pub kind: NotificationKind,
    /// The project.
    pub project: ProjectId,
    /// The node.
    pub node: NodeId,
    /// What it is called.
    pub node_title: &'a str,
    /// More words, if there are any.
    pub body: Option<&'a str>,
    /// Who did what it is about. They are not told.
    pub actors: &'a [PrincipalRef],
}

/// Something that somebody was told.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// Its id.
    pub id: NotificationId,
    /// The organization that it is about.
    pub organization_id: OrgId,
    /// Why.
    #[serde(rename = "type", serialize_with = "kind_name")]
    pub kind: NotificationKind,
    /// What happened, in a sentence.
    pub title: String,
    /// More words, if there are any.
    pub body: Option<String>,
    /// The project that it is about.
    pub project_id: Option<ProjectId>,
    /// What it is about: `node`, ….
    pub resource_type: Option<String>,
    /// Which.
    pub resource_id: Option<Uuid>,
    /// Who did it: `[{"kind", "id"}]`.
    pub actors: Value,
    /// When it was read.
    pub read_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn kind_name<S: serde::Serializer>(kind: &NotificationKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.as_str())
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    org_id: Uuid,
    kind: String,
    title: String,
    body: Option<String>,
    project_id: Option<Uuid>,
    resource_type: Option<String>,
    resource_id: Option<Uuid>,
    actors: Value,
    read_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl Row {
    fn read(self) -> Result<Notification, DbError> {
        Ok(Notification {
            id: self.id.into(),
            organization_id: self.org_id.into(),
            kind: NotificationKind::from_column(&self.kind)?,
            title: self.title,
            body: self.body,
            project_id: self.project_id.map(ProjectId::new),
            resource_type: self.resource_type,
            resource_id: self.resource_id,
            actors: self.actors,
            read_at: self.read_at,
            created_at: self.created_at,
        })
    }
}

/// Tells people something about a node, in the transaction in which it happens: those who may see the project, and are not
/// the ones who did it. Returns whom.
pub async fn notify(tx: &mut OrgTx, people: &[UserId], about: &AboutNode<'_>) -> Result<Vec<UserId>, DbError> {
    let is_actor = |user: &UserId| {
        about.actors.iter().any(|actor| actor.kind == PrincipalKind::User && actor.id == user.as_uuid())
    };
    let mut people: Vec<Uuid> = people.iter().filter(|user| !is_actor(user)).map(UserId::as_uuid).collect();
    people.sort_unstable();
    people.dedup();
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let title = clean::text(&about.kind.sentence(about.node_title), TITLE_CHARS_MAX);
    let rows = sqlx::query!(
        "INSERT INTO notifications (org_id, user_id, kind, title, body, project_id, resource_type, resource_id, actors)
         SELECT $1, m.user_id, $3, $4, $5, $6, 'node', $7, $8
         FROM org_members m
         WHERE m.org_id = $1 AND m.user_id = ANY($2) AND (m.role <> 'guest' OR EXISTS (
             SELECT FROM project_members p WHERE p.project_id = $6 AND p.user_id = m.user_id))
         RETURNING id, user_id, title, body, created_at",
        tx.org().as_uuid(),
        &people,
        about.kind.as_str(),
        title,
        about.body.map(|body| clean::text(body, BODY_CHARS_MAX)),
        about.project.as_uuid(),
        about.node.as_uuid(),
        actors_json(about.actors)
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let told: Vec<Uuid> = rows.iter().map(|row| row.user_id).collect();
    for row in rows {
        let notification = Notification {
            id: row.id.into(),
            organization_id: tx.org(),
            kind: about.kind,
            title: row.title,
            body: row.body,
            project_id: Some(about.project),
            resource_type: Some("node".to_owned()),
            resource_id: Some(about.node.as_uuid()),
            actors: actors_json(about.actors),
            read_at: None,
            created_at: row.created_at,
        };
        let event = NewEvent::new(EventKind::Notification, json!({"notification": notification}));
        let event = event.project(about.project).node(about.node).by(about.actors.iter().copied());
        events::append(tx, event.only_for(row.user_id.into()));
    }
    forget_oldest(tx, &told).await?;
    Ok(told.into_iter().map(UserId::new).collect())
}

/// Keeps [`NOTIFICATIONS_KEPT`] of each.
async fn forget_oldest(tx: &mut OrgTx, people: &[Uuid]) -> Result<(), DbError> {
    sqlx::query!(
        "DELETE FROM notifications USING (
             SELECT old.id FROM unnest($2::uuid[]) AS person (id) CROSS JOIN LATERAL (
                 SELECT n.id FROM notifications n WHERE n.org_id = $1 AND n.user_id = person.id
                 ORDER BY n.created_at DESC, n.id DESC OFFSET $3) AS old
         ) AS oldest WHERE notifications.id = oldest.id AND notifications.org_id = $1",
        tx.org().as_uuid(),
        people,
        NOTIFICATIONS_KEPT
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// Lets go of the words of what people were told in that time about the nodes of a project, or about this one alone. That
/// they were told stays.
pub(super) async fn forget_words(
    tx: &mut OrgTx,
    project: Uuid,
    node: Option<Uuid>,
    times: RangeInclusive<DateTime<Utc>>,
) -> Result<(), DbError> {
    let (kinds, sentences) = wordless();
    sqlx::query!(
        "UPDATE notifications n SET title = wordless.sentence, body = NULL
         FROM unnest($6::text[], $7::text[]) AS wordless (kind, sentence)
         WHERE n.project_id = $1 AND n.org_id = $2 AND n.created_at BETWEEN $3 AND $4
           AND ($5::uuid IS NULL OR n.resource_id = $5) AND n.kind = wordless.kind",
        project,
        tx.org().as_uuid(),
        times.start(),
        times.end(),
        node,
        &kinds,
        &sentences
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// Lets go of the words of what people were told since then of what these runs did in a project.
pub(super) async fn forget_words_of(
    tx: &mut OrgTx,
    project: Uuid,
    runs: &[String],
    since: DateTime<Utc>,
) -> Result<(), DbError> {
    let (kinds, sentences) = wordless();
    sqlx::query!(
        "UPDATE notifications n SET title = wordless.sentence, body = NULL
         FROM unnest($5::text[], $6::text[]) AS wordless (kind, sentence)
         WHERE n.project_id = $1 AND n.org_id = $2 AND n.created_at >= $3 AND n.kind = wordless.kind
           AND EXISTS (SELECT FROM jsonb_array_elements(n.actors) AS actor WHERE actor ->> 'id' = ANY($4))",
        project,
        tx.org().as_uuid(),
        since,
        runs,
        &kinds,
        &sentences
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// What there is to tell people of, and how it is said without naming anything.
fn wordless() -> (Vec<String>, Vec<String>) {
    NotificationKind::ALL.iter().map(|kind| (kind.as_str().to_owned(), kind.sentence(""))).unzip()
}

/// How many notifications a person has not read.
pub async fn unread(db: &Db, user: UserId) -> Result<u64, DbError> {
    let mut tx = db.user(user).await?;
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM notifications WHERE user_id = $1 AND read_at IS NULL"#,
        user.as_uuid()
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    Ok(count.unsigned_abs())
}

/// Whether something counts as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// It was read.
    Read,
    /// It was not, or is to be looked at again.
    Unread,
}

/// Marks one of a person's notifications. `None` when there is no such one.
pub async fn mark(
    db: &Db,
    user: UserId,
    id: NotificationId,
    reading: Reading,
) -> Result<Option<Notification>, DbError> {
    let mut tx = db.user(user).await?;
    let org = sqlx::query_scalar!(
        "SELECT org_id FROM notifications WHERE id = $1 AND user_id = $2",
        id.as_uuid(),
        user.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    drop(tx);
    let Some(org) = org else { return Ok(None) };
    let mut tx = db.org(org.into()).await?;
    let is_read = reading == Reading::Read;
    let row = sqlx::query!(
        r#"UPDATE notifications SET read_at = CASE WHEN $3 THEN coalesce(notifications.read_at, now()) END
           FROM notifications old
           WHERE notifications.id = $1 AND notifications.user_id = $2 AND old.id = notifications.id
           RETURNING notifications.id, notifications.org_id, notifications.kind, notifications.title, notifications.body,
               notifications.project_id, notifications.resource_type, notifications.resource_id, notifications.actors,
               notifications.read_at, notifications.created_at, (old.read_at IS NOT NULL) <> $3 AS "has_changed!""#,
        id.as_uuid(),
        user.as_uuid(),
        is_read
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if row.has_changed {
        let payload = json!({"ids": [id], "read": is_read});
        events::append(&mut tx, NewEvent::new(EventKind::NotificationsRead, payload).only_for(user));
    }
    tx.commit().await?;
    let row = Row {
        id: row.id,
        org_id: row.org_id,
        kind: row.kind,
        title: row.title,
        body: row.body,
        project_id: row.project_id,
        resource_type: row.resource_type,
        resource_id: row.resource_id,
        actors: row.actors,
        read_at: row.read_at,
        created_at: row.created_at,
    };
    row.read().map(Some)
}

/// Marks all of a person's notifications as read. Returns how many were not.
pub async fn mark_all_read(db: &Db, user: UserId) -> Result<u64, DbError> {
    let mut tx = db.user(user).await?;
    let orgs = sqlx::query_scalar!(
        "SELECT DISTINCT org_id FROM notifications WHERE user_id = $1 AND read_at IS NULL",
        user.as_uuid()
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    drop(tx);
    let mut marked = 0;
    for org in orgs {
        let mut tx = db.org(org.into()).await?;
        let of_org = sqlx::query!(
            "UPDATE notifications SET read_at = now() WHERE org_id = $1 AND user_id = $2 AND read_at IS NULL",
            org,
            user.as_uuid()
        )
        .execute(&mut *tx.inner)
        .await?
        .rows_affected();
        if of_org > 0 {
            let payload = json!({"ids": null, "read": true});
            events::append(&mut tx, NewEvent::new(EventKind::NotificationsRead, payload).only_for(user));
        }
        tx.commit().await?;
        marked += of_org;
    }
    Ok(marked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_by_its_name_and_has_a_sentence() {
        for kind in NotificationKind::ALL {
            assert_eq!(NotificationKind::from_column(kind.as_str()).unwrap(), *kind);
            assert!(kind.sentence("").contains("Untitled"));
        }
        assert!(NotificationKind::from_column("spam").is_err());
    }
}
