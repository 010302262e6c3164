//! `GET /orgs/{orgId}/api-keys`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::OrgAction;
use platform::db::api_keys;
use schema::ids::OrgId;

use super::ApiKeyBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::pagination::{Page, PageQuery};
use crate::problem::{Problem, ProblemBody};

/// List an organization's API keys
///
/// For owners and admins who have signed in. Oldest first; revoked ones too, so that what was done with them has a name.
#[utoipa::path(get, path = "/orgs/{orgId}/api-keys", tag = "organizations", operation_id = "listApiKeys",
    params(("orgId" = Uuid, Path, description = "The organization's id."), PageQuery),
    responses(
        (status = OK, description = "A page of keys.", body = Page<ApiKeyBody>),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller is neither an owner nor an admin. `PERSON_REQUIRED`: an API key cannot do this.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(org): Id<OrgId>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ApiKeyBody>>, Problem> {
    let request = query.request()?;
    api.organization(&caller, org, OrgAction::ManageApiKeys).await?;
    let page = api_keys::list(&api.db, org, request).await?;
    Ok(Json(Page::of(page, ApiKeyBody::from)))
}
