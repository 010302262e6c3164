//! `POST /files/{fileId}/confirm`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::blob::{BlobError, BlobKey};
use platform::db::audit::Actor;
use platform::db::files::{self, File, FileState};
use schema::ids::FileId;

use super::{FileBody, too_large};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Id;
use crate::problem::{Code, Problem, ProblemBody};

/// How often it is looked again when other bytes come meanwhile.
const LOOKS_MAX: usize = 3;

/// Confirm a file
///
/// Says that all of its bytes were sent. From then on they stay as they are, the file can be downloaded, and its text is
/// read. For whoever uploaded it, and for administrators. To confirm it again changes nothing.
#[utoipa::path(post, path = "/files/{fileId}/confirm", tag = "files", operation_id = "confirmFile",
    params(("fileId" = Uuid, Path, description = "The file's id.")),
    responses(
        (status = OK, description = "The file.", body = FileBody),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the file is somebody else's.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT,
            description = "`FILE_NOT_UPLOADED`: no bytes have come yet. `CONFLICT`: others come all the time.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = PAYLOAD_TOO_LARGE,
            description = "`FILE_TOO_LARGE`: more bytes came than a file may have. It is deleted.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<FileId>,
) -> Result<Json<FileBody>, Problem> {
    let mut seen = api.file_to_change(&caller, id).await?;
    for _ in 0..LOOKS_MAX {
        if seen.state != FileState::Uploading {
            return Ok(Json(api.file_body(seen).await?));
        }
        if let Some(confirmed) = confirm(&api, &caller.actor, &seen).await? {
            return Ok(Json(api.file_body(confirmed).await?));
        }
        let again = files::find(&api.db, seen.org, id).await?;
        seen = again.ok_or_else(|| Problem::not_found("file"))?;
    }
    Err(Problem::new(Code::Conflict).detail("Other bytes come for this file all the time. Confirm it after the last."))
}

/// The file, if nothing of it changes meanwhile.
async fn confirm(api: &Api, by: &Actor, seen: &File) -> Result<Option<File>, Problem> {
    let settled = BlobKey::of_confirmed(seen.org, api.random.uuid_v4());
    let blob = match api.blobs.settle(&seen.key, settled, api.limits.file_bytes).await {
        Ok(blob) => blob,
        Err(BlobError::NotFound) => return Err(Problem::new(Code::FileNotUploaded)),
        Err(BlobError::TooLarge { .. }) => {
            files::delete(&api.db, seen.org, by, seen.id).await?;
            // If this fails, the sweep does it.
            if let Err(error) = api.blobs.delete(&seen.key).await {
                tracing::warn!(%error, "a file that is too large is not deleted yet");
            }
            return Err(too_large(api));
        }
        Err(error) => return Err(error.into()),
    };
    Ok(files::confirm(&api.db, by, seen, &blob).await?)
}
