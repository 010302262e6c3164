//! `DELETE /projects/{projectId}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use platform::access::ProjectAction;
use platform::db::{erasure, projects};
use schema::ids::ProjectId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::problem::{Code, Problem, ProblemBody};

/// How it is deleted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// Out of the trash, for good.
    #[param(default = false)]
    permanently: Option<bool>,
}

/// Put a project into the trash, or delete it for good
///
/// For administrators of the project. Nobody opens its documents from then on, and open sockets are told at once. Nothing
/// is lost: it can be restored.
///
/// With `permanently`, a project that is in the trash already is deleted for good. What it held (documents with their
/// whole history, files, agents' runs, people's roles) is erased in the minutes that follow and cannot be brought back; a
/// replica that somebody kept is never merged into anything later. What stays is the audit log.
#[utoipa::path(delete, path = "/projects/{projectId}", tag = "projects", operation_id = "deleteProject",
    params(("projectId" = Uuid, Path, description = "The project's id."), Parameters),
    responses(
        (status = NO_CONTENT, description = "It is in the trash, or no more."),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller is no administrator of the project. `INSUFFICIENT_SCOPE`: the API key may not. `PERSON_REQUIRED`: no API key deletes for good.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`CONFLICT`: what is to be deleted for good is not in the trash.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ProjectId>,
    Query(parameters): Query<Parameters>,
) -> Result<StatusCode, Problem> {
    if parameters.permanently.unwrap_or_default() {
        erase(&api, &caller, id).await?;
    } else {
        let org = api.project(&caller, id, ProjectAction::Delete).await?.document.org;
        let documents = projects::delete(&api.db, org, id, &caller.actor).await?;
        api.documents.close_deleted(&documents.ok_or_else(|| Problem::not_found("project"))?);
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn erase(api: &Api, caller: &Caller, id: ProjectId) -> Result<(), Problem> {
    let Some(project) = api.project_in_trash(caller, id, ProjectAction::Erase).await? else {
        api.project(caller, id, ProjectAction::Erase).await?;
        return Err(Problem::new(Code::Conflict).detail("Put the project into the trash first."));
    };
    if !erasure::erase_project(&api.db, project.org, id, &caller.actor).await? {
        return Err(Problem::not_found("project"));
    }
    api.erasure.hurry();
    Ok(())
}
