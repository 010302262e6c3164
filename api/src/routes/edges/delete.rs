//! `DELETE /projects/{projectId}/dependencies/{dependencyId}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use platform::access::Access;
use schema::canvas::CanvasPatch;
use schema::ids::{EdgeId, ProjectId};

use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Ids;
use crate::problem::{Problem, ProblemBody};

/// Make a node depend on another no longer
#[utoipa::path(delete, path = "/projects/{projectId}/dependencies/{dependencyId}", tag = "nodes", operation_id = "deleteDependency",
    params(
        ("projectId" = Uuid, Path, description = "The project's id."),
        ("dependencyId" = Uuid, Path, description = "The dependency's id."),
    ),
    responses(
        (status = NO_CONTENT, description = "It is gone."),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(project, id): Ids<ProjectId, EdgeId>,
) -> Result<StatusCode, Problem> {
    let canvas = api.project(&caller, project, Access::Write).await?.document;
    api.edit_canvas(&canvas, &caller.principal, None, vec![CanvasPatch::DeleteEdge { id }]).await?;
    Ok(StatusCode::NO_CONTENT)
}
