//! `DELETE /projects/{projectId}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use platform::access::ProjectAction;
use platform::db::projects;
use schema::ids::ProjectId;

use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Id;
use crate::problem::{Problem, ProblemBody};

/// Put a project into the trash
///
/// For administrators of the project. Nobody opens its documents from then on, and open sockets are told at once. Nothing
/// is lost: it can be restored.
#[utoipa::path(delete, path = "/projects/{projectId}", tag = "projects", operation_id = "deleteProject",
    params(("projectId" = Uuid, Path, description = "The project's id.")),
    responses(
        (status = NO_CONTENT, description = "It is in the trash."),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller is no administrator of the project. `INSUFFICIENT_SCOPE`: the API key may not.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ProjectId>,
) -> Result<StatusCode, Problem> {
    let org = api.project(&caller, id, ProjectAction::Delete).await?.document.org;
    let documents = projects::delete(&api.db, org, id, &caller.actor).await?;
    api.documents.close_deleted(&documents.ok_or_else(|| Problem::not_found("project"))?);
    Ok(StatusCode::NO_CONTENT)
}
