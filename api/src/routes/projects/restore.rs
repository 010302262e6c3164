//! `POST /projects/{projectId}/restore`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::ProjectAction;
use platform::db::projects::{self, Project, Which};
use schema::ids::ProjectId;

use super::ProjectBody;
use super::get::live_project;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Id;
use crate::problem::{Problem, ProblemBody};

/// Take a project out of the trash
///
/// For administrators of the project. It is as it was, with all its documents.
#[utoipa::path(post, path = "/projects/{projectId}/restore", tag = "projects", operation_id = "restoreProject",
    params(("projectId" = Uuid, Path, description = "The project's id.")),
    responses(
        (status = OK, description = "The project.", body = ProjectBody),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller is no administrator of the project. `INSUFFICIENT_SCOPE`: the API key may not.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ProjectId>,
) -> Result<Json<ProjectBody>, Problem> {
    let not_found = || Problem::not_found("project");
    let found = api.project_in_trash(&caller, id, ProjectAction::Delete).await?;
    let project = found.ok_or_else(not_found)?;
    if !projects::restore(&api.db, project.org, id, &caller.actor).await? {
        return Err(not_found());
    }
    Ok(Json(live_project(&api, &caller, id).await?.0))
}

impl Api {
    /// A project in the trash with which the caller may do this. `None` when it is not there, or the caller may not know.
    pub(super) async fn project_in_trash(
        &self,
        caller: &Caller,
        id: ProjectId,
        action: ProjectAction,
    ) -> Result<Option<Project>, Problem> {
        let Some((project, role)) = projects::find_among(&self.db, caller.user, id, Which::InTrash).await? else {
            return Ok(None);
        };
        if caller.only_org().is_some_and(|only| only != project.org) {
            return Ok(None);
        }
        action.check(role, caller.means())?;
        Ok(Some(project))
    }
}
