//! `DELETE /orgs/{orgId}/api-keys/{keyId}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use platform::access::OrgAction;
use platform::db::api_keys;
use schema::ids::OrgId;
use uuid::Uuid;

use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Ids;
use crate::problem::{Problem, ProblemBody};

/// Revoke an API key
///
/// For owners and admins who have signed in. From now on the key opens nothing; sockets that it opened lose their
/// documents at once.
#[utoipa::path(delete, path = "/orgs/{orgId}/api-keys/{keyId}", tag = "organizations", operation_id = "revokeApiKey",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("keyId" = Uuid, Path, description = "The key's id."),
    ),
    responses(
        (status = NO_CONTENT, description = "Revoked."),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller is neither an owner nor an admin. `PERSON_REQUIRED`: an API key cannot do this.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(org, id): Ids<OrgId, Uuid>,
) -> Result<StatusCode, Problem> {
    api.organization(&caller, org, OrgAction::ManageApiKeys).await?;
    let acted_for = api_keys::revoke(&api.db, org, &caller.actor, id).await?;
    api.access_news.announce(acted_for.ok_or_else(|| Problem::not_found("API key"))?);
    Ok(StatusCode::NO_CONTENT)
}
