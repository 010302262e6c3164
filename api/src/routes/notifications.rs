//! `/users/me/notifications`: what the caller was told.

mod list;
mod mark;
mod mark_all;
mod unread;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use platform::db::notifications::{Notification, NotificationKind};
use schema::ids::{NotificationId, OrgId, ProjectId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::events::ActorBody;
use crate::Api;

/// Something that the caller was told.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Notification)]
pub(super) struct NotificationBody {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: NotificationId,
    /// The organization that it is about.
    #[schema(value_type = Uuid)]
    organization_id: OrgId,
    /// Why.
    #[serde(rename = "type")]
    kind: KindBody,
    /// What happened, in a sentence.
    #[schema(example = "“Twelve interviews” was assigned to you")]
    title: String,
    /// More words, if there are any.
    #[schema(required)]
    body: Option<String>,
    /// The project that it is about.
    #[schema(value_type = Option<Uuid>, required)]
    project_id: Option<ProjectId>,
    /// What it is about: `node`; there may be others.
    #[schema(required, example = "node")]
    resource_type: Option<String>,
    /// Which.
    #[schema(required)]
    resource_id: Option<Uuid>,
    /// Who did it.
    #[schema(value_type = Vec<ActorBody>)]
    actors: Value,
    /// When it was read.
    #[schema(required)]
    read_at: Option<DateTime<Utc>>,
    /// When it was made.
    created_at: DateTime<Utc>,
}

/// Why somebody is told something.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = NotificationType)]
enum KindBody {
    /// An agent's run is over.
    ExecutionComplete,
    /// An agent waits for a person.
    HumanInputNeeded,
    /// Somebody mentioned the person in a node's body.
    Mention,
    /// A node was assigned to the person.
    NodeAssigned,
    /// A lock for which the person waited is free.
    LockReleased,
}

impl From<NotificationKind> for KindBody {
    fn from(kind: NotificationKind) -> Self {
        match kind {
            NotificationKind::ExecutionComplete => Self::ExecutionComplete,
            NotificationKind::HumanInputNeeded => Self::HumanInputNeeded,
            NotificationKind::Mention => Self::Mention,
            NotificationKind::NodeAssigned => Self::NodeAssigned,
            NotificationKind::LockReleased => Self::LockReleased,
        }
    }
}

impl From<Notification> for NotificationBody {
    fn from(it: Notification) -> Self {
        Self {
            id: it.id,
            organization_id: it.organization_id,
            kind: it.kind.into(),
            title: it.title,
            body: it.body,
            project_id: it.project_id,
            resource_type: it.resource_type,
            resource_id: it.resource_id,
            actors: it.actors,
            read_at: it.read_at,
            created_at: it.created_at,
        }
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list::handler))
        .routes(routes!(unread::handler))
        .routes(routes!(mark_all::handler))
        .routes(routes!(mark::handler))
}
