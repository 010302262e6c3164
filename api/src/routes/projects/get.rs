//! `GET /projects/{projectId}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use platform::access::Access;
use platform::db::projects;
use schema::ids::ProjectId;

use super::ProjectBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::etag::{DocumentTag, answer_unless_known, if_none_match};
use crate::extract::Id;
use crate::problem::Problem;

/// Read a project
///
/// As its canvas has it now.
#[utoipa::path(get, path = "/projects/{projectId}", tag = "projects", operation_id = "getProject",
    params(
        ("projectId" = Uuid, Path, description = "The project's id."),
        ("If-None-Match" = Option<String>, Header, description = "An ETag: the answer is 304 while it holds."),
    ),
    responses(
        (status = OK, description = "The project.", body = ProjectBody,
            headers(("ETag" = String, description = "Another one for every change of what is said here."))),
        (status = NOT_MODIFIED, description = "Nothing has changed since."),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ProjectId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let known = if_none_match(&headers)?;
    let (project, _) = live_project(&api, &caller, id).await?;
    Ok(answer_unless_known(known.as_ref(), project.tag(), project))
}

/// A project's row, with what the living canvas says of it, and the place of that.
pub(super) async fn live_project(
    api: &Api,
    caller: &Caller,
    id: ProjectId,
) -> Result<(ProjectBody, DocumentTag), Problem> {
    let canvas = api.project(caller, id, Access::Read).await?.document;
    let found = projects::find(&api.db, caller.user, id).await?;
    let mut project = ProjectBody::from(found.ok_or_else(|| Problem::not_found("project"))?);
    let (view, place) = api.live_canvas(&canvas).await?;
    // Before a canvas is set up, the row knows more.
    if !view.project.name.is_empty() {
        project.name = view.project.name;
        project.description = view.project.description.unwrap_or_default();
    }
    project.workflow_states = view.project.workflow_states;
    Ok((project, place))
}
