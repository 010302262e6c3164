//! `PATCH /projects/{projectId}/members/{userId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::ProjectAction;
use platform::db::members;
use schema::ids::{ProjectId, UserId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::get_member::member;
use super::{ProjectMember, ProjectRoleBody};
use crate::authenticate::Caller;
use crate::extract::Ids;
use crate::problem::{Problem, ProblemBody};
use crate::{Api, extract};

/// What changes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProjectMemberChanges)]
pub(super) struct Request {
    /// What the person may do from now on.
    role: ProjectRoleBody,
}

/// Change a member's role in a project
///
/// For administrators of the project. The person belongs to the organization already. Owners and admins of the
/// organization stay administrators of the project whatever the project says: `role` in the answer is what holds. Open
/// sockets of the person hear of it at once.
#[utoipa::path(patch, path = "/projects/{projectId}/members/{userId}", tag = "projects", operation_id = "updateProjectMember",
    params(
        ("projectId" = Uuid, Path, description = "The project's id."),
        ("userId" = Uuid, Path, description = "The person's id."),
    ),
    request_body(content((Request = "application/json"), (Request = "application/merge-patch+json"))),
    responses(
        (status = OK, description = "The member as they are now.", body = ProjectMember),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller is no administrator of the project. `INSUFFICIENT_SCOPE`: the API key may not.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(id, user): Ids<ProjectId, UserId>,
    extract::Json(request): extract::Json<Request>,
) -> Result<Json<ProjectMember>, Problem> {
    let org = api.project(&caller, id, ProjectAction::ManageMembers).await?.document.org;
    if members::find_in_org(&api.db, org, user).await?.is_none() {
        return Err(Problem::not_found("member"));
    }
    let agreed = |_| Ok::<_, Problem>(());
    members::set_project_role(&api.db, org, id, &caller.actor, user, request.role.into(), agreed).await?;
    api.access_news.announce(user);
    Ok(Json(member(&api, org, id, user).await?))
}
