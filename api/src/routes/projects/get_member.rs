//! `GET /projects/{projectId}/members/{userId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::Access;
use platform::db::members;
use schema::ids::{OrgId, ProjectId, UserId};

use super::ProjectMember;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Ids;
use crate::problem::Problem;

/// Read who somebody is in a project
///
/// The role is what the person may do, all things considered.
#[utoipa::path(get, path = "/projects/{projectId}/members/{userId}", tag = "projects", operation_id = "getProjectMember",
    params(
        ("projectId" = Uuid, Path, description = "The project's id."),
        ("userId" = Uuid, Path, description = "The person's id."),
    ),
    responses((status = OK, description = "The member.", body = ProjectMember)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(id, user): Ids<ProjectId, UserId>,
) -> Result<Json<ProjectMember>, Problem> {
    let org = api.project(&caller, id, Access::Read).await?.document.org;
    Ok(Json(member(&api, org, id, user).await?))
}

/// Somebody who may see a project, with the role that holds.
pub(super) async fn member(api: &Api, org: OrgId, project: ProjectId, user: UserId) -> Result<ProjectMember, Problem> {
    let found = members::find_in_project(&api.db, org, project, user).await?;
    Ok(found.ok_or_else(|| Problem::not_found("member"))?.into())
}
