//! `POST /projects/{projectId}/documents`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use http::StatusCode;
use platform::access::Access;
use platform::db::documents::{self, FreeDocument};
use schema::ids::{DocumentName, FreeDocumentId, ProjectId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Id};
use crate::fields::{Fields, NAME_LENGTH_MAX};
use crate::problem::{Problem, ProblemBody};

/// What a document begins with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewDocument)]
pub(super) struct Request {
    /// What to call it.
    #[schema(example = "Whiteboard", min_length = 1, max_length = 255)]
    title: Option<String>,
}

/// A free document, for any Yjs editor.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Document)]
pub(super) struct Answer {
    /// The name to open it by.
    #[schema(value_type = String, example = "doc:0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e")]
    name: DocumentName,
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    id: FreeDocumentId,
    /// The project it belongs to.
    #[schema(value_type = uuid::Uuid)]
    project_id: ProjectId,
    /// What to call it.
    #[schema(required)]
    title: Option<String>,
    /// When it was created.
    created_at: DateTime<Utc>,
}

impl From<FreeDocument> for Answer {
    fn from(document: FreeDocument) -> Self {
        let FreeDocument { id, project, title, created_at } = document;
        Self { name: DocumentName::Free(id), id, project_id: project, title, created_at }
    }
}

/// Add a free document to a project
///
/// It is empty, and has no shape of ours: any Yjs editor can open it under its name.
#[utoipa::path(post, path = "/projects/{projectId}/documents", tag = "documents", operation_id = "createDocument",
    params(("projectId" = Uuid, Path, description = "The project's id.")),
    request_body = Request,
    responses(
        (status = CREATED, description = "Added.", body = Answer),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(project): Id<ProjectId>,
    extract::Json(request): extract::Json<Request>,
) -> Result<(StatusCode, Json<Answer>), Problem> {
    let mut fields = Fields::default();
    let title = request.title.map(|title| fields.line("title", &title, 1..=NAME_LENGTH_MAX));
    fields.finish()?;
    let org = api.project(&caller, project, Access::Write).await?.document.org;
    let id = FreeDocumentId::new(api.random.uuid_v7(api.clock.now()));
    let document = documents::create_free(&api.db, org, project, id, title.as_deref()).await?;
    Ok((StatusCode::CREATED, Json(document.into())))
}
