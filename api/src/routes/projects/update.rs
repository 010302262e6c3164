//! `PATCH /projects/{projectId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::{Access, ProjectAction};
use platform::db::projects;
use schema::Patch;
use schema::canvas::{CanvasPatch, ProjectChanges};
use schema::ids::ProjectId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::get::live_project;
use super::{LockModeBody, ProjectBody};
use crate::authenticate::Caller;
use crate::extract::Id;
use crate::fields::{DESCRIPTION_LENGTH_MAX, Fields, NAME_LENGTH_MAX};
use crate::problem::{Problem, ProblemBody};
use crate::{Api, extract};

/// What changes. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ProjectChanges)]
pub(super) struct Request {
    /// Its name.
    #[serde(default)]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 255, example = "Launch plan")]
    name: Patch<String>,
    /// What it is about; `null`: nothing.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 10000)]
    description: Patch<String>,
    /// The states that its nodes go through, in order; `null`: the usual ones. Nodes keep a state that is removed here.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, required = false, example = json!(["draft", "in_progress", "complete"]))]
    workflow_states: Patch<Vec<String>>,
    /// How it is set up; `null`: as in the beginning. For administrators of the project.
    #[serde(default)]
    #[schema(value_type = Option<SettingsChanges>, required = false)]
    settings: Patch<SettingsChanges>,
}

/// What changes of how a project is set up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ProjectSettingsChanges)]
pub(super) struct SettingsChanges {
    /// What a lock on a node means to others; `null`: `advisory`.
    #[serde(default)]
    #[schema(value_type = Option<LockModeBody>, required = false)]
    lock_mode: Patch<LockModeBody>,
}

/// Change a project
///
/// Name, description and states are on the canvas, and changing them is an edit of it: everybody who has the project open
/// sees it at once. Who may write in the project may do that. The settings are for its administrators.
#[utoipa::path(patch, path = "/projects/{projectId}", tag = "projects", operation_id = "updateProject",
    params(("projectId" = Uuid, Path, description = "The project's id.")),
    request_body(content((Request = "application/json"), (Request = "application/merge-patch+json"))),
    responses(
        (status = OK, description = "The project as it is now.", body = ProjectBody),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller's role does not allow it. `INSUFFICIENT_SCOPE`: the API key may not.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ProjectId>,
    extract::Json(request): extract::Json<Request>,
) -> Result<Json<ProjectBody>, Problem> {
    let action = if request.settings.is_absent() { Access::Write.into() } else { ProjectAction::Configure };
    let canvas = api.project(&caller, id, action).await?.document;
    let Request { settings, .. } = &request;
    let lock_mode = match settings {
        Patch::Absent => Patch::Absent,
        Patch::Clear => Patch::Clear,
        Patch::Set(changes) => changes.lock_mode,
    };
    let changes = request.on_canvas()?;
    let fields = names(&changes);
    if !fields.is_empty() {
        api.edit_canvas(&canvas, &caller.principal, None, vec![CanvasPatch::UpdateProject(changes)]).await?;
    }
    let set_up = |settings: &mut projects::Settings| {
        if let Some(mode) = lock_mode.as_change() {
            settings.lock_mode = mode.copied().map(Into::into).unwrap_or_default();
        }
    };
    let found = projects::update_settings(&api.db, canvas.org, id, &caller.actor, set_up, &fields).await?;
    if !found {
        return Err(Problem::not_found("project"));
    }
    Ok(Json(live_project(&api, &caller, id).await?))
}

impl Request {
    fn on_canvas(self) -> Result<ProjectChanges, Problem> {
        let mut fields = Fields::default();
        let name = fields.required("name", self.name).map(|name| fields.line("name", &name, 1..=NAME_LENGTH_MAX));
        let description = self.description.map(|text| fields.text("description", &text, DESCRIPTION_LENGTH_MAX));
        fields.finish()?;
        let name = name.map_or(Patch::Absent, Patch::Set);
        Ok(ProjectChanges { name, description, workflow_states: self.workflow_states })
    }
}

/// What of the canvas changes.
fn names(changes: &ProjectChanges) -> Vec<&'static str> {
    let ProjectChanges { name, description, workflow_states } = changes;
    let all = [
        ("name", name.is_absent()),
        ("description", description.is_absent()),
        ("workflowStates", workflow_states.is_absent()),
    ];
    all.into_iter().filter(|(_, is_absent)| !is_absent).map(|(name, _)| name).collect()
}
