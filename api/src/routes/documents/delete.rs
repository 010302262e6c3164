//! `DELETE /documents/{name}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use platform::access::{Access, ProjectAction};
use platform::db::{documents, erasure};
use schema::ids::DocumentName;
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
    /// Out of the trash, for good: for administrators of the project.
    #[param(default = false)]
    permanently: Option<bool>,
}

/// Put a free document into the trash, or delete it for good
///
/// Whoever has it open is told that it has ended, and nobody opens it from then on. Nothing is lost: it can be restored.
///
/// With `permanently`, a document that is in the trash already is deleted for good, with its whole history; that cannot be
/// undone, and a replica that somebody kept is never merged into anything later. What stays is the audit log.
#[utoipa::path(delete, path = "/documents/{name}", tag = "documents", operation_id = "deleteDocument",
    params(("name" = String, Path, description = "`doc:<uuid>`."), Parameters),
    responses(
        (status = NO_CONTENT, description = "It is in the trash, or no more."),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read, or is no administrator of the project. `PERSON_REQUIRED`: no API key deletes for good.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`CONFLICT`: what is to be deleted for good is not in the trash.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<DocumentName>,
    Query(parameters): Query<Parameters>,
) -> Result<StatusCode, Problem> {
    if parameters.permanently.unwrap_or_default() {
        erase(&api, &caller, &name).await?;
    } else {
        let (id, document) = api.free_document(&caller, &name, Access::Write).await?;
        if !documents::delete_free(&api.db, document.org, &caller.actor, id).await? {
            return Err(Problem::not_found("document"));
        }
        api.documents.close_deleted(&[document.id]);
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn erase(api: &Api, caller: &Caller, name: &DocumentName) -> Result<(), Problem> {
    let Some((id, document)) = api.free_document_in_trash(caller, name, ProjectAction::Erase).await? else {
        api.document(caller, name, ProjectAction::Erase).await?;
        return Err(Problem::new(Code::Conflict).detail("Put the document into the trash first."));
    };
    if !erasure::erase_free_document(&api.db, document.org, id, &caller.actor).await? {
        return Err(Problem::not_found("document"));
    }
    api.erasure.hurry();
    Ok(())
}
