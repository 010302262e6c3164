//! `POST /auth/ws-token`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use platform::rate_limiter::Whom;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Api;
use crate::authenticate::Caller;
use crate::problem::Problem;
use crate::rate_limit::{self, Standing};

/// A token for sockets.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WsToken)]
pub(super) struct Answer {
    /// To be sent as the parameter `token` of `/ws` and `/yjs`, and by the provider on `/hocuspocus`.
    #[schema(example = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln")]
    token: String,
    /// Until when it opens sockets. An open socket lasts as long as the access token it came from.
    expires_at: DateTime<Utc>,
}

/// Get a token for sockets
///
/// Addresses get into logs, and a socket's token is part of its address: this one is good for five minutes.
#[utoipa::path(post, path = "/auth/ws-token", tag = "auth", operation_id = "createWsToken",
    responses(
        (status = OK, description = "A token for sockets.", body = Answer),
        (status = TOO_MANY_REQUESTS, description = "`TOO_MANY_REQUESTS`: try again after `Retry-After` seconds.",
            body = crate::problem::ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    standing: Standing,
) -> Result<Json<Answer>, Problem> {
    let whom = Whom::Principal(caller.principal.reference());
    rate_limit::count(&api, &standing, api.limits.ws_tokens(), whom).await?;
    let token = api.authenticator.issue_ws_token(&caller.authenticated);
    Ok(Json(Answer { token: token.token.expose().to_owned(), expires_at: token.expires_at }))
}
