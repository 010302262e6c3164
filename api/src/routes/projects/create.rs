//! `POST /orgs/{orgId}/projects`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use documents::EditFailed;
use http::StatusCode;
use platform::access::{Access, OrgAction};
use platform::db::{DbError, projects};
use schema::PatchErrorCode;
use schema::canvas::{self, CanvasPatch};
use schema::ids::{OrgId, ProjectId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::ProjectBody;
use super::get::live_project;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Id};
use crate::fields::{DESCRIPTION_LENGTH_MAX, Fields, NAME_LENGTH_MAX};
use crate::idempotency::IdempotencyKey;
use crate::problem::{Problem, ProblemBody};

/// What a project begins with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewProject)]
pub(super) struct Request {
    /// Its name.
    #[schema(example = "Launch plan", min_length = 1, max_length = 255)]
    name: String,
    /// What it is about.
    #[schema(max_length = 10000)]
    description: Option<String>,
}

/// Begin a project
///
/// For members of the organization who are no guests.
#[utoipa::path(post, path = "/orgs/{orgId}/projects", tag = "projects", operation_id = "createProject",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send the request again."),
    ),
    request_body = Request,
    responses(
        (status = CREATED, description = "Begun.", body = ProjectBody),
        (status = FORBIDDEN, description = "`FORBIDDEN`: guests begin no projects.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(org): Id<OrgId>,
    key: IdempotencyKey,
    extract::Json(request): extract::Json<Request>,
) -> Result<(StatusCode, Json<ProjectBody>), Problem> {
    let mut fields = Fields::default();
    let name = fields.line("name", &request.name, 1..=NAME_LENGTH_MAX);
    let description = fields.text("description", &request.description.unwrap_or_default(), DESCRIPTION_LENGTH_MAX);
    fields.finish()?;
    api.organization(&caller, org, OrgAction::CreateProject).await?;
    let id = ProjectId::new(key.new_id(&api, caller.user, &format!("projects of {org}")).await?);
    create(&api, &caller, org, id, name, description).await?;
    Ok((StatusCode::CREATED, Json(live_project(&api, &caller, id).await?.0)))
}

/// Begins a project: its rows, then its canvas. What was begun under this id before is completed, never begun anew.
pub(crate) async fn create(
    api: &Api,
    caller: &Caller,
    org: OrgId,
    id: ProjectId,
    name: String,
    description: String,
) -> Result<(), Problem> {
    let project = projects::NewProject { id, name, description };
    match projects::create(&api.db, org, &caller.actor, &project).await {
        Ok(()) | Err(DbError::Conflict { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    // If the id is somebody else's, it is not found here.
    let canvas = api.project(caller, id, Access::Write).await?.document;
    let projects::NewProject { name, description, .. } = project;
    let description = Some(description).filter(|text| !text.is_empty());
    let begin = CanvasPatch::InitProject(canvas::NewProject { name, description, ..canvas::NewProject::default() });
    match api.edit_canvas(&canvas, &caller.principal, None, vec![begin]).await {
        Err(EditFailed::Patch(error)) if error.code == PatchErrorCode::AlreadyExists => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}
