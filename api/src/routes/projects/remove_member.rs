//! `DELETE /projects/{projectId}/members/{userId}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use platform::access::ProjectAction;
use platform::db::members;
use schema::ids::{ProjectId, UserId};

use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Ids;
use crate::problem::{Problem, ProblemBody};

/// Take back the role that a project gave somebody
///
/// For administrators of the project, and for oneself. What the person may do by their role in the organization holds
/// again: guests see the project no more. Open sockets of the person hear of it at once.
#[utoipa::path(delete, path = "/projects/{projectId}/members/{userId}", tag = "projects", operation_id = "removeProjectMember",
    params(
        ("projectId" = Uuid, Path, description = "The project's id."),
        ("userId" = Uuid, Path, description = "The person's id."),
    ),
    responses(
        (status = NO_CONTENT, description = "The project gives the person no role any more."),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller is no administrator of the project. `INSUFFICIENT_SCOPE`: the API key may not.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(id, user): Ids<ProjectId, UserId>,
) -> Result<StatusCode, Problem> {
    let action = if user == caller.user { ProjectAction::Leave } else { ProjectAction::ManageMembers };
    let org = api.project(&caller, id, action).await?.document.org;
    if !members::remove_from_project(&api.db, org, id, &caller.actor, user).await? {
        return Err(Problem::not_found("member"));
    }
    api.access_news.announce(user);
    Ok(StatusCode::NO_CONTENT)
}
