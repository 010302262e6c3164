//! `POST /projects/{projectId}/documents`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use platform::access::Access;
use platform::db::{DbError, documents};
use schema::ids::{FreeDocumentId, ProjectId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::DocumentBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Id};
use crate::fields::{Fields, NAME_LENGTH_MAX};
use crate::idempotency::IdempotencyKey;
use crate::problem::{Code, Problem, ProblemBody};

/// What a document begins with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewDocument)]
pub(super) struct Request {
    /// What to call it.
    #[schema(example = "Whiteboard", min_length = 1, max_length = 255)]
    title: Option<String>,
}

/// Add a free document to a project
///
/// It is empty, and has no shape of ours: any Yjs editor can open it under its name.
#[utoipa::path(post, path = "/projects/{projectId}/documents", tag = "documents", operation_id = "createDocument",
    params(
        ("projectId" = Uuid, Path, description = "The project's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send the request again."),
    ),
    request_body = Request,
    responses(
        (status = CREATED, description = "Added.", body = DocumentBody),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(project): Id<ProjectId>,
    key: IdempotencyKey,
    extract::Json(request): extract::Json<Request>,
) -> Result<(StatusCode, Json<DocumentBody>), Problem> {
    let mut fields = Fields::default();
    let title = request.title.map(|title| fields.line("title", &title, 1..=NAME_LENGTH_MAX));
    fields.finish()?;
    let org = api.project(&caller, project, Access::Write).await?.document.org;
    let id = FreeDocumentId::new(key.new_id(&api, caller.user, &format!("documents of {project}")).await?);
    let document = match documents::create_free(&api.db, org, &caller.actor, project, id, title.as_deref()).await {
        // The request was sent before.
        Err(DbError::Conflict { .. }) if key.is_given() => {
            let found = documents::find_free(&api.db, org, id).await?;
            found.ok_or_else(|| Problem::new(Code::Conflict).detail("What was created with this key was deleted."))?
        }
        created => created?,
    };
    Ok((StatusCode::CREATED, Json(document.into())))
}
