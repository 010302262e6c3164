//! `POST /auth/dev-token`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use platform::auth::Principal;
use platform::config::Mode;
use platform::db::users::{self, Identity};
use platform::rate_limiter::Whom;
use schema::ids::UserId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::fields::{Fields, NAME_LENGTH_MAX};
use crate::problem::{Code, Problem};
use crate::rate_limit::{self, From, Standing};
use crate::routes::users::UserBody;
use crate::{Api, demo, extract};

/// Who signs in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DevTokenRequest)]
pub(super) struct Request {
    /// The address; whoever signs in with it is the same person.
    #[schema(example = "ada@example.com")]
    email: String,
    /// What to call the person; left out: as before, or the first part of the address.
    #[schema(example = "Ada")]
    name: Option<String>,
}

/// A token, and whose it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DevToken)]
pub(super) struct Answer {
    /// The access token.
    #[schema(example = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln")]
    token: String,
    /// When it runs out.
    expires_at: DateTime<Utc>,
    /// Who signed in.
    user: UserBody,
}

/// Sign in without a password (development mode only)
///
/// In production mode this endpoint does not exist: people sign in with the configured issuer.
#[utoipa::path(post, path = "/auth/dev-token", tag = "auth", operation_id = "createDevToken", security(()),
    request_body = Request,
    responses(
        (status = OK, description = "Signed in.", body = Answer),
        (status = NOT_FOUND, description = "`NOT_FOUND`: the server is not in development mode.",
            body = crate::problem::ProblemBody, content_type = "application/problem+json"),
        (status = TOO_MANY_REQUESTS, description = "`TOO_MANY_REQUESTS`: try again after `Retry-After` seconds.",
            body = crate::problem::ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    From(address): From,
    standing: Standing,
    request: Result<extract::Json<Request>, Problem>,
) -> Result<Json<Answer>, Problem> {
    if api.mode != Mode::Development {
        return Err(Problem::new(Code::NotFound).detail("There is no such endpoint."));
    }
    rate_limit::count(&api, &standing, api.limits.dev_tokens(), Whom::Address(address)).await?;
    let extract::Json(Request { email, name }) = request?;
    let mut fields = Fields::default();
    let email = fields.email("email", &email);
    let name = name.map(|name| fields.line("name", &name, 1..=NAME_LENGTH_MAX));
    fields.finish()?;
    let identity = development_identity(&email, name);
    let new_id = UserId::new(api.random.uuid_v7(api.clock.now()));
    let user = users::sign_in(&api.db, new_id, &identity).await?;
    demo::join(&api, user.id).await?;
    let token = api
        .authenticator
        .issue_dev_token(&Principal::user(user.id, user.name.as_str()))
        .ok_or_else(|| Problem::new(Code::Internal))?;
    Ok(Json(Answer { token: token.token.expose().to_owned(), expires_at: token.expires_at, user: user.into() }))
}

/// In development mode the address is the identity.
pub(crate) fn development_identity(email: &str, name: Option<String>) -> Identity {
    let email = email.to_lowercase();
    Identity { sub: format!("dev|{email}"), email, name, avatar_url: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_same_person_whatever_its_case() {
        assert_eq!(development_identity("Ada@Example.com", None), development_identity("ada@example.com", None));
    }
}
