//! `PATCH /projects/{projectId}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use documents::EditFailed;
use http::HeaderMap;
use platform::access::{Access, ProjectAction};
use platform::db::documents::DocumentRef;
use platform::db::projects;
use schema::Patch;
use schema::canvas::{CanvasPatch, ProjectChanges};
use schema::ids::ProjectId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::get::live_project;
use super::{LockModeBody, ProjectBody};
use crate::authenticate::Caller;
use crate::etag::{Condition, ContentTag, answer_unless_known, if_match, require};
use crate::extract::Id;
use crate::fields::{DESCRIPTION_LENGTH_MAX, Fields, NAME_LENGTH_MAX};
use crate::problem::{Code, Problem, ProblemBody};
use crate::{Api, extract};

/// How often a conditional edit is tried while others edit the canvas, before the caller is told to come back.
const EDIT_TRIES: usize = 5;

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
    params(
        ("projectId" = Uuid, Path, description = "The project's id."),
        ("If-Match" = Option<String>, Header, description = "An ETag: change it only if it is still as it was then."),
    ),
    request_body(content((Request = "application/json"), (Request = "application/merge-patch+json"))),
    responses(
        (status = OK, description = "The project as it is now.", body = ProjectBody,
            headers(("ETag" = String, description = "Another one for every change of what is said here."))),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller's role does not allow it. `INSUFFICIENT_SCOPE`: the API key may not.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "`PRECONDITION_FAILED`: the project has changed; ETag says what it is now.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ProjectId>,
    headers: HeaderMap,
    extract::Json(request): extract::Json<Request>,
) -> Result<Response, Problem> {
    let condition = if_match(&headers)?;
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
    let mut expected = None;
    if fields.is_empty() {
        expected = expected_settings(&api, &caller, id, condition.as_ref()).await?;
    } else {
        // Refused later, it would be half done: what comes after this is done in any case.
        edit(&api, &caller, &canvas, id, condition.as_ref(), changes).await?;
    }
    let set_up = |settings: &mut projects::Settings| {
        if let Some((expected, tag)) = expected
            && expected != settings.lock_mode.into()
        {
            return Err(Problem::precondition_failed(&tag));
        }
        if let Some(mode) = lock_mode.as_change() {
            settings.lock_mode = mode.copied().map(Into::into).unwrap_or_default();
        }
        Ok(())
    };
    let found = projects::update_settings(&api.db, canvas.org, id, &caller.actor, set_up, &fields).await?;
    if !found {
        return Err(Problem::not_found("project"));
    }
    let (project, _) = live_project(&api, &caller, id).await?;
    Ok(answer_unless_known(None, project.tag(), project))
}

/// The settings that are to be found, if the caller expects anything.
async fn expected_settings(
    api: &Api,
    caller: &Caller,
    id: ProjectId,
    condition: Option<&Condition<ContentTag>>,
) -> Result<Option<(LockModeBody, ContentTag)>, Problem> {
    let Some(condition) = condition else { return Ok(None) };
    let (present, _) = live_project(api, caller, id).await?;
    require(Some(condition), &present.tag())?;
    Ok(match condition {
        Condition::Any => None,
        Condition::OneOf(_) => Some((present.settings.lock_mode, present.tag())),
    })
}

/// Changes what the canvas says of its project, if that is as the caller expects.
async fn edit(
    api: &Api,
    caller: &Caller,
    canvas: &DocumentRef,
    id: ProjectId,
    condition: Option<&Condition<ContentTag>>,
    changes: ProjectChanges,
) -> Result<(), Problem> {
    let patch = || vec![CanvasPatch::UpdateProject(changes.clone())];
    let Some(condition) = condition else {
        api.edit_canvas(canvas, &caller.principal, None, patch()).await?;
        return Ok(());
    };
    for _ in 0..EDIT_TRIES {
        let (present, place) = live_project(api, caller, id).await?;
        require(Some(condition), &present.tag())?;
        match api.edit_canvas(canvas, &caller.principal, Some(place.place()), patch()).await {
            // Somebody has edited the canvas meanwhile, if only a node.
            Err(EditFailed::Moved { .. }) => {}
            other => return other.map(|_| ()).map_err(Problem::from),
        }
    }
    Err(Problem::new(Code::Unavailable).detail("Others edit the canvas all the time. Send the change again."))
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
