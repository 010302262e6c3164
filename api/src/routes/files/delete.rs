//! `DELETE /files/{fileId}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use platform::db::files;
use schema::ids::FileId;

use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Id;
use crate::problem::{Problem, ProblemBody};

/// Delete a file
///
/// For whoever uploaded it, and for administrators. Its bytes are deleted some minutes later.
#[utoipa::path(delete, path = "/files/{fileId}", tag = "files", operation_id = "deleteFile",
    params(("fileId" = Uuid, Path, description = "The file's id.")),
    responses(
        (status = NO_CONTENT, description = "Deleted."),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the file is somebody else's.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<FileId>,
) -> Result<StatusCode, Problem> {
    let file = api.file_to_change(&caller, id).await?;
    if files::delete(&api.db, file.org, &caller.actor, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("file"))
    }
}
