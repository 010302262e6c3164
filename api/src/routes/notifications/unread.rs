//! `GET /users/me/notifications/unread-count`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::OwnAction;
use platform::db::notifications;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Api;
use crate::authenticate::Caller;
use crate::problem::Problem;

/// How many notifications there are.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UnreadCount {
    /// Those that were not read.
    #[schema(example = 3)]
    unread: u64,
}

/// Count my unread notifications
#[utoipa::path(get, path = "/users/me/notifications/unread-count", tag = "notifications",
    operation_id = "countUnreadNotifications",
    responses((status = OK, description = "How many there are.", body = UnreadCount)))]
pub(super) async fn handler(State(api): State<Arc<Api>>, caller: Caller) -> Result<Json<UnreadCount>, Problem> {
    caller.check(OwnAction::ReadNotifications)?;
    Ok(Json(UnreadCount { unread: notifications::unread(&api.db, caller.user).await? }))
}
