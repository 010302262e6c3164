//! `PATCH /users/me/notifications/{notificationId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::OwnAction;
use platform::db::notifications::{self, Reading};
use schema::ids::NotificationId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::NotificationBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Id};
use crate::problem::Problem;

/// What is to be changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NotificationChanges)]
pub(super) struct Request {
    /// Whether it counts as read.
    read: bool,
}

/// Mark a notification as read, or as unread
#[utoipa::path(patch, path = "/users/me/notifications/{notificationId}", tag = "notifications",
    operation_id = "markNotification",
    params(("notificationId" = Uuid, Path, description = "The notification's id.")),
    request_body = Request,
    responses((status = OK, description = "As it is now.", body = NotificationBody)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<NotificationId>,
    extract::Json(request): extract::Json<Request>,
) -> Result<Json<NotificationBody>, Problem> {
    caller.check(OwnAction::MarkRead)?;
    let reading = if request.read { Reading::Read } else { Reading::Unread };
    let marked = notifications::mark(&api.db, caller.user, id, reading).await?;
    Ok(Json(marked.ok_or_else(|| Problem::not_found("notification"))?.into()))
}
