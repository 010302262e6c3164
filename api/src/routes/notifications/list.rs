//! `GET /users/me/notifications`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::OwnAction;
use platform::db::notifications::{self, Which};
use serde::Deserialize;
use utoipa::IntoParams;

use super::NotificationBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Query;
use crate::pagination::{Page, PageQuery};
use crate::problem::Problem;

/// Which part of the list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// `nextCursor` of the page before; left out: the first page.
    cursor: Option<String>,
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Only those that were not read.
    #[param(default = false)]
    unread: Option<bool>,
}

/// List my notifications
///
/// Of all organizations that the caller belongs to, the newest first; of each, the newest 1,000 are kept.
#[utoipa::path(get, path = "/users/me/notifications", tag = "notifications", operation_id = "listNotifications",
    params(Parameters),
    responses((status = OK, description = "A page of notifications.", body = Page<NotificationBody>)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Page<NotificationBody>>, Problem> {
    caller.check(OwnAction::ReadNotifications)?;
    let Parameters { cursor, limit, unread } = parameters;
    let page = PageQuery { cursor, limit }.request()?;
    let which = if unread.unwrap_or(false) { Which::Unread } else { Which::All };
    let page = notifications::list(&api.db, caller.user, which, page).await?;
    Ok(Json(Page::of(page, NotificationBody::from)))
}
