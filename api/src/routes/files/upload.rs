//! `POST /orgs/{orgId}/files/upload`

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use http::StatusCode;
use platform::access::{OrgAction, ProjectAction};
use platform::blob::Upload;
use platform::db::files::{self, FileState, NewFile};
use schema::ids::{FileId, OrgId, ProjectId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{check_metadata, checked_content_type, too_large};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Id};
use crate::fields::{Fields, NAME_LENGTH_MAX};
use crate::idempotency::IdempotencyKey;
use crate::problem::{Code, Problem, ProblemBody};

/// What is going to be uploaded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewFile)]
pub(super) struct Request {
    /// What the file is called: 1 to 255 characters.
    #[schema(example = "interviews.pdf", min_length = 1, max_length = 255)]
    filename: String,
    /// Its media type.
    #[serde(default = "bytes")]
    #[schema(example = "application/pdf", default = "application/octet-stream", max_length = 255)]
    content_type: String,
    /// How many bytes it has; left out: not known yet.
    #[serde(default)]
    #[schema(example = 48_213)]
    size_bytes: Option<u64>,
    /// The project it belongs to; left out or `null`: it is for all members of the organization.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    project_id: Option<ProjectId>,
    /// What is to be noted of it: at most 16 KiB of JSON.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({"source": "field trip"}))]
    metadata: Map<String, Value>,
}

fn bytes() -> String {
    "application/octet-stream".to_owned()
}

/// Where the bytes of a file are to be sent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FileUpload)]
pub(super) struct Answer {
    /// The file's id.
    #[schema(value_type = Uuid)]
    file_id: FileId,
    /// Where. Whoever knows this address may upload the file, until it expires.
    #[schema(example = "https://glassbox.example/api/v1/blobs/uploads/…?expires=1767268800&signature=…")]
    upload_url: String,
    /// With which method.
    #[schema(example = "PUT")]
    upload_method: &'static str,
    /// With which headers.
    #[schema(example = json!({"content-type": "application/pdf"}))]
    upload_headers: BTreeMap<String, String>,
    /// Until when.
    expires_at: DateTime<Utc>,
}

/// Upload a file
///
/// Announces it, and answers with where its bytes are to be sent, without a token; then confirm it. For those who may edit
/// the project, or for members of the organization. What nobody confirms is forgotten after a day or so.
#[utoipa::path(post, path = "/orgs/{orgId}/files/upload", tag = "files", operation_id = "uploadFile",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send the request again."),
    ),
    request_body = Request,
    responses(
        (status = CREATED, description = "Announced: send the bytes.", body = Answer),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller's role does not allow it.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`CONFLICT`: the same request made a file before, and that was confirmed.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = PAYLOAD_TOO_LARGE,
            description = "`FILE_TOO_LARGE`: files may not have as many bytes. `BODY_TOO_LARGE`: nor may this request.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(org): Id<OrgId>,
    key: IdempotencyKey,
    extract::Json(request): extract::Json<Request>,
) -> Result<(StatusCode, Json<Answer>), Problem> {
    check_place(&api, &caller, org, request.project_id).await?;
    let mut fields = Fields::default();
    let filename = fields.line("filename", &request.filename, 1..=NAME_LENGTH_MAX);
    let content_type = checked_content_type(&mut fields, &request.content_type);
    check_metadata(&mut fields, &request.metadata);
    fields.finish()?;
    if request.size_bytes.is_some_and(|size| size > api.limits.file_bytes) {
        return Err(too_large(&api));
    }
    let new = NewFile {
        id: FileId::new(key.new_id(&api, caller.user, &format!("files of {org}")).await?),
        project: request.project_id,
        filename,
        content_type,
        size: request.size_bytes,
        metadata: request.metadata,
        execution: None,
    };
    let file = files::create(&api.db, org, &caller.actor, &new).await?;
    if file.state != FileState::Uploading {
        let detail = format!("This request made the file {} before, and that has its bytes already.", file.id);
        return Err(Problem::new(Code::Conflict).detail(detail));
    }
    // Of a request that was sent before, as it was then.
    let upload = Upload { content_type: file.content_type, size: file.size };
    let valid = Duration::from_secs(api.files.upload_url_seconds);
    let signed = api.blobs.upload_url(&file.key, &upload, valid).await?;
    let answer = Answer {
        file_id: file.id,
        upload_url: signed.url,
        upload_method: signed.method.as_str(),
        upload_headers: signed.headers.into_iter().collect(),
        expires_at: signed.expires_at,
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Whether the caller may upload something there.
async fn check_place(api: &Api, caller: &Caller, org: OrgId, project: Option<ProjectId>) -> Result<(), Problem> {
    let Some(project) = project else {
        return api.organization(caller, org, OrgAction::UploadFiles).await.map(drop);
    };
    api.organization(caller, org, OrgAction::View).await?;
    let granted = api.project(caller, project, ProjectAction::Edit).await?;
    if granted.document.org == org { Ok(()) } else { Err(Problem::not_found("project")) }
}
