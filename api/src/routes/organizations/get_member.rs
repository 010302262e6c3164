//! `GET /orgs/{orgId}/members/{userId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::OrgAction;
use platform::db::members;
use schema::ids::{OrgId, UserId};

use super::list_members::OrgMember;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Ids;
use crate::problem::Problem;

/// Read a member of an organization
#[utoipa::path(get, path = "/orgs/{orgId}/members/{userId}", tag = "organizations", operation_id = "getOrganizationMember",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("userId" = Uuid, Path, description = "The person's id."),
    ),
    responses((status = OK, description = "The member.", body = OrgMember)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(id, user): Ids<OrgId, UserId>,
) -> Result<Json<OrgMember>, Problem> {
    api.organization(&caller, id, OrgAction::View).await?;
    let member = members::find_in_org(&api.db, id, user).await?;
    Ok(Json(member.ok_or_else(|| Problem::not_found("member"))?.into()))
}
