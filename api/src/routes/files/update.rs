//! `PATCH /files/{fileId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use platform::db::files::{self, File, FileChanges};
use schema::Patch;
use schema::ids::FileId;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{FileBody, check_metadata, tag};
use crate::Api;
use crate::authenticate::Caller;
use crate::etag::{etag_header, if_match, require};
use crate::extract::{self, Id};
use crate::fields::{Fields, NAME_LENGTH_MAX};
use crate::problem::{Problem, ProblemBody};

/// What is to change. A field that is left out stays as it is; `null` empties it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FilePatch)]
pub(super) struct Request {
    /// 1 to 255 characters; cannot be emptied.
    #[serde(default)]
    #[schema(value_type = String, required = false, example = "interviews-2.pdf", min_length = 1, max_length = 255)]
    filename: Patch<String>,
    /// What is to be noted of it, as a whole: at most 16 KiB of JSON.
    #[serde(default)]
    #[schema(value_type = Option<Object>, required = false, example = json!({"source": "field trip"}))]
    metadata: Patch<Map<String, Value>>,
}

/// Change a file
///
/// What it is called, and what is noted of it. For whoever uploaded it, and for administrators.
#[utoipa::path(patch, path = "/files/{fileId}", tag = "files", operation_id = "updateFile",
    params(
        ("fileId" = Uuid, Path, description = "The file's id."),
        ("If-Match" = Option<String>, Header, description = "An ETag: change it only if it is still as it was then."),
    ),
    request_body(content((Request = "application/json"), (Request = "application/merge-patch+json"))),
    responses(
        (status = OK, description = "The file as it is now.", body = FileBody,
            headers(("ETag" = String, description = "Another one for every change of what it is called and what is noted of it."))),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the file is somebody else's.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "`PRECONDITION_FAILED`: the file has changed; ETag says what it is now.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<FileId>,
    headers: HeaderMap,
    extract::Json(request): extract::Json<Request>,
) -> Result<Response, Problem> {
    let condition = if_match(&headers)?;
    let file = api.file_to_change(&caller, id).await?;
    let mut fields = Fields::default();
    let filename = fields.required("filename", request.filename);
    let filename = filename.map(|name| fields.line("filename", &name, 1..=NAME_LENGTH_MAX));
    let metadata = match request.metadata {
        Patch::Absent => None,
        Patch::Clear => Some(Map::new()),
        Patch::Set(metadata) => Some(metadata),
    };
    if let Some(metadata) = &metadata {
        check_metadata(&mut fields, metadata);
    }
    fields.finish()?;
    let change = |present: File| {
        require(condition.as_ref(), &tag(&present))?;
        Ok::<_, Problem>(FileChanges { filename, metadata })
    };
    let file = files::change(&api.db, file.org, &caller.actor, id, change).await?;
    let file = file.ok_or_else(|| Problem::not_found("file"))?;
    Ok(([etag_header(&tag(&file))], Json(api.file_body(file).await?)).into_response())
}
