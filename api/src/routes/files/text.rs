//! `GET /files/{fileId}/text`

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use platform::db::files;
use schema::ids::FileId;

use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Id;
use crate::problem::{Code, Problem, ProblemBody};

/// Read a file's text
///
/// What the server has read of it, without its form. `textTruncated` of the file says whether there is more.
#[utoipa::path(get, path = "/files/{fileId}/text", tag = "files", operation_id = "getFileText",
    params(("fileId" = Uuid, Path, description = "The file's id.")),
    responses(
        (status = OK, description = "The text.", body = String, content_type = "text/plain"),
        (status = NOT_FOUND, description = "`NOT_FOUND`: there is no such file, or no text of it.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<FileId>,
) -> Result<Response, Problem> {
    let file = api.file(&caller, id).await?;
    let text = files::text(&api.db, file.org, id).await?.ok_or_else(|| {
        let detail = "There is no text of this file: it was not read yet, cannot be read, or the file has none.";
        Problem::new(Code::NotFound).detail(detail)
    })?;
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Ok((headers, text).into_response())
}
