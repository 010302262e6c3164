//! `GET /users/me`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::OwnAction;
use platform::db::users;

use super::UserBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::problem::{Code, Problem};

/// Who am I?
#[utoipa::path(get, path = "/users/me", tag = "users", operation_id = "getMe",
    responses((status = OK, description = "The person whose token it is.", body = UserBody)))]
pub(super) async fn handler(State(api): State<Arc<Api>>, caller: Caller) -> Result<Json<UserBody>, Problem> {
    caller.check(OwnAction::View)?;
    let user = users::find(&api.db, caller.user).await?;
    // A token may outlive its person.
    let user = user.ok_or_else(|| Problem::new(Code::InvalidToken))?;
    Ok(Json(user.into()))
}
