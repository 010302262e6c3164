//! `DELETE /documents/{name}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use platform::access::Access;
use platform::db::documents;
use schema::ids::DocumentName;

use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Id;
use crate::problem::{Problem, ProblemBody};

/// Put a free document into the trash
///
/// Whoever has it open is told that it has ended, and nobody opens it from then on. Nothing is lost: it can be restored.
#[utoipa::path(delete, path = "/documents/{name}", tag = "documents", operation_id = "deleteDocument",
    params(("name" = String, Path, description = "`doc:<uuid>`.")),
    responses(
        (status = NO_CONTENT, description = "It is in the trash."),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<DocumentName>,
) -> Result<StatusCode, Problem> {
    let (id, document) = api.free_document(&caller, &name, Access::Write).await?;
    if !documents::delete_free(&api.db, document.org, &caller.actor, id).await? {
        return Err(Problem::not_found("document"));
    }
    api.documents.close_deleted(&[document.id]);
    Ok(StatusCode::NO_CONTENT)
}
