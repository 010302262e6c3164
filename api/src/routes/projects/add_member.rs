//! `POST /projects/{projectId}/members`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use platform::access::ProjectAction;
use platform::db::members;
use schema::ids::ProjectId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::get_member::member;
use super::{ProjectMember, ProjectRoleBody};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Id};
use crate::fields::Fields;
use crate::problem::{Problem, ProblemBody};

/// Who is to work in the project, and as what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewProjectMember)]
pub(super) struct Request {
    /// The person's address.
    #[schema(example = "grace@example.com")]
    email: String,
    /// What the person may do.
    role: ProjectRoleBody,
}

/// Add a member to a project, or change a member's role
///
/// For administrators of the project. Who does not belong to the organization yet joins it as a guest. Owners and
/// admins of the organization stay administrators of the project whatever the project says: `role` in the answer is
/// what holds.
#[utoipa::path(post, path = "/projects/{projectId}/members", tag = "projects", operation_id = "addProjectMember",
    params(("projectId" = Uuid, Path, description = "The project's id.")),
    request_body = Request,
    responses(
        (status = CREATED, description = "The person works in the project now.", body = ProjectMember),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller is no administrator of the project.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = NOT_FOUND, description = "`NOT_FOUND`: no such project. `USER_NOT_FOUND`: nobody has signed in with this address.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`CONFLICT`: several people have this address.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ProjectId>,
    extract::Json(request): extract::Json<Request>,
) -> Result<(StatusCode, Json<ProjectMember>), Problem> {
    let org = api.project(&caller, id, ProjectAction::ManageMembers).await?.document.org;
    let mut fields = Fields::default();
    let email = fields.email("email", &request.email);
    fields.finish()?;
    let user = api.user_by_email(&email).await?;
    members::set_project_role(&api.db, org, id, &caller.actor, user.id, request.role.into(), |_| Ok::<_, Problem>(()))
        .await?;
    api.access_news.announce(user.id);
    Ok((StatusCode::CREATED, Json(member(&api, org, id, user.id).await?)))
}
