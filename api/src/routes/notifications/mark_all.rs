//! `POST /users/me/notifications/read-all`

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

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Marked {
    /// So many notifications were unread until now.
    #[schema(example = 3)]
    marked: u64,
}

/// Mark all my notifications as read
#[utoipa::path(post, path = "/users/me/notifications/read-all", tag = "notifications",
    operation_id = "markAllNotificationsRead",
    responses((status = OK, description = "All are read now.", body = Marked)))]
pub(super) async fn handler(State(api): State<Arc<Api>>, caller: Caller) -> Result<Json<Marked>, Problem> {
    caller.check(OwnAction::MarkRead)?;
    Ok(Json(Marked { marked: notifications::mark_all_read(&api.db, caller.user).await? }))
}
