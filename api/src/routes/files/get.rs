//! `GET /files/{fileId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use schema::ids::FileId;

use super::{FileBody, tag};
use crate::Api;
use crate::authenticate::Caller;
use crate::etag::etag_header;
use crate::extract::Id;
use crate::problem::Problem;

/// Read a file
///
/// What is known of it, and where it can be downloaded for a while. Browsers save what they download there, and never show
/// it.
#[utoipa::path(get, path = "/files/{fileId}", tag = "files", operation_id = "getFile",
    params(("fileId" = Uuid, Path, description = "The file's id.")),
    responses(
        (status = OK, description = "The file.", body = FileBody,
            headers(("ETag" = String, description = "Another one for every change of what it is called and what is noted of it."))),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<FileId>,
) -> Result<Response, Problem> {
    let file = api.file(&caller, id).await?;
    Ok(([etag_header(&tag(&file))], Json(api.file_body(file).await?)).into_response())
}
