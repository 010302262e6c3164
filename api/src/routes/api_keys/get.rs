//! `GET /orgs/{orgId}/api-keys/{keyId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::OrgAction;
use platform::db::api_keys;
use schema::ids::OrgId;
use uuid::Uuid;

use super::ApiKeyBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Ids;
use crate::problem::{Problem, ProblemBody};

/// Read what is known of an API key
///
/// For owners and admins who have signed in. The key itself is not known.
#[utoipa::path(get, path = "/orgs/{orgId}/api-keys/{keyId}", tag = "organizations", operation_id = "getApiKey",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("keyId" = Uuid, Path, description = "The key's id."),
    ),
    responses(
        (status = OK, description = "The key.", body = ApiKeyBody),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller is neither an owner nor an admin. `PERSON_REQUIRED`: an API key cannot do this.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(org, id): Ids<OrgId, Uuid>,
) -> Result<Json<ApiKeyBody>, Problem> {
    api.organization(&caller, org, OrgAction::ManageApiKeys).await?;
    let key = api_keys::find(&api.db, org, id).await?;
    Ok(Json(key.ok_or_else(|| Problem::not_found("API key"))?.into()))
}
