//! `POST /orgs/{orgId}/projects`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use documents::EditFailed;
use http::StatusCode;
use platform::access::{Access, OrgAction, OrgRole, ProjectAction, effective_role};
use platform::db::DbError;
use platform::db::projects::{self, Settings};
use schema::PatchErrorCode;
use schema::canvas::{self, CanvasPatch};
use schema::ids::{OrgId, ProjectId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::get::live_project;
use super::{LockModeBody, ProjectBody};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Id};
use crate::fields::{DESCRIPTION_LENGTH_MAX, Fields, NAME_LENGTH_MAX};
use crate::idempotency::IdempotencyKey;
use crate::problem::{Problem, ProblemBody};

/// What a project begins with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewProject)]
pub(super) struct Request {
    /// Its name.
    #[schema(example = "Launch plan", min_length = 1, max_length = 255)]
    name: String,
    /// What it is about.
    #[schema(max_length = 10000)]
    description: Option<String>,
    /// The states that its nodes go through, in order; left out: the usual ones.
    #[schema(example = json!(["draft", "in_progress", "complete"]))]
    workflow_states: Option<Vec<String>>,
    /// How it is set up.
    settings: Option<NewSettings>,
}

/// How a project is set up from its beginning.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewProjectSettings)]
pub(super) struct NewSettings {
    /// What a lock on a node means to others; left out: `advisory`.
    lock_mode: Option<LockModeBody>,
}

/// Begin a project
///
/// For members of the organization who are no guests. Settings other than the usual ones are for those who will administer
/// it: owners and admins of the organization.
#[utoipa::path(post, path = "/orgs/{orgId}/projects", tag = "projects", operation_id = "createProject",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send the request again."),
    ),
    request_body = Request,
    responses(
        (status = CREATED, description = "Begun.", body = ProjectBody),
        (status = FORBIDDEN, description = "`FORBIDDEN`: guests begin no projects, and members choose no settings.",
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
    let workflow_states = request.workflow_states.unwrap_or_default();
    canvas::check_states(&workflow_states)?;
    let lock_mode = request.settings.and_then(|settings| settings.lock_mode);
    let settings = Settings { lock_mode: lock_mode.map(Into::into).unwrap_or_default() };
    let (_, role) = api.organization(&caller, org, OrgAction::CreateProject).await?;
    check_settings(&caller, role, settings)?;
    let id = ProjectId::new(key.new_id(&api, caller.user, &format!("projects of {org}")).await?);
    create(&api, &caller, org, projects::NewProject { id, name, description, workflow_states, settings }).await?;
    Ok((StatusCode::CREATED, Json(live_project(&api, &caller, id).await?.0)))
}

/// Whether somebody of this role in the organization could set up the project like this, once it is there.
fn check_settings(caller: &Caller, role: OrgRole, settings: Settings) -> Result<(), Problem> {
    match effective_role(Some(role), None) {
        Some(role) if settings != Settings::default() => Ok(ProjectAction::Configure.check(role, caller.means())?),
        _ => Ok(()),
    }
}

/// Begins a project: its rows, then its canvas. What was begun under this id before is completed, never begun anew.
pub(crate) async fn create(
    api: &Api,
    caller: &Caller,
    org: OrgId,
    project: projects::NewProject,
) -> Result<(), Problem> {
    match projects::create(&api.db, org, &caller.actor, &project).await {
        Ok(()) | Err(DbError::Conflict { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    // If the id is somebody else's, it is not found here.
    let canvas = api.project(caller, project.id, Access::Write).await?.document;
    let projects::NewProject { name, description, workflow_states, .. } = project;
    let description = Some(description).filter(|text| !text.is_empty());
    let begin = CanvasPatch::InitProject(canvas::NewProject { name, description, workflow_states });
    match api.edit_canvas(&canvas, &caller.principal, None, vec![begin]).await {
        Err(EditFailed::Patch(error)) if error.code == PatchErrorCode::AlreadyExists => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}
