//! `GET /orgs/{orgId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::OrgAction;
use schema::ids::OrgId;

use super::OrganizationBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Id;
use crate::problem::Problem;

/// Read an organization
#[utoipa::path(get, path = "/orgs/{orgId}", tag = "organizations", operation_id = "getOrganization",
    params(("orgId" = Uuid, Path, description = "The organization's id.")),
    responses((status = OK, description = "The organization.", body = OrganizationBody)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<OrgId>,
) -> Result<Json<OrganizationBody>, Problem> {
    Ok(Json(api.organization(&caller, id, OrgAction::View).await?.into()))
}
