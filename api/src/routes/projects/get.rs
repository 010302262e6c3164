//! `GET /projects/{projectId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::Access;
use platform::db::projects;
use schema::ids::ProjectId;

use super::ProjectBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Id;
use crate::problem::Problem;

/// Read a project
///
/// As its canvas has it now.
#[utoipa::path(get, path = "/projects/{projectId}", tag = "projects", operation_id = "getProject",
    params(("projectId" = Uuid, Path, description = "The project's id.")),
    responses((status = OK, description = "The project.", body = ProjectBody)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ProjectId>,
) -> Result<Json<ProjectBody>, Problem> {
    Ok(Json(live_project(&api, &caller, id).await?))
}

/// A project's row, with what the living canvas says of it.
pub(super) async fn live_project(api: &Api, caller: &Caller, id: ProjectId) -> Result<ProjectBody, Problem> {
    let canvas = api.project(caller, id, Access::Read).await?.document;
    let found = projects::find(&api.db, caller.user, id).await?;
    let mut project = ProjectBody::from(found.ok_or_else(|| Problem::not_found("project"))?);
    let (view, _) = api.live_canvas(&canvas).await?;
    // Before a canvas is set up, the row knows more.
    if !view.project.name.is_empty() {
        project.name = view.project.name;
        project.description = view.project.description.unwrap_or_default();
    }
    project.workflow_states = view.project.workflow_states;
    Ok(project)
}
