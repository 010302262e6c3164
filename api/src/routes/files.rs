//! `/files`, and `/orgs/{orgId}/files`: what people and agents upload.
//!
//! The bytes do not pass through the interface: clients bring and fetch them at signed addresses of the store of blobs. When
//! that is a folder, those addresses are of this server: [`blobs`].

mod access;
mod blobs;
mod confirm;
mod delete;
mod get;
mod list;
mod text;
mod update;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use axum::routing::get as route_get;
use chrono::{DateTime, Utc};
use platform::blob::{BlobError, Download, is_media_type};
use platform::db::files::{File, FileState};
use schema::ids::{FileId, OrgId, ProjectId, RunId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;
use crate::etag::ContentTag;
use crate::fields::Fields;
use crate::problem::{Code, Problem};

/// The largest metadata, in bytes of JSON.
const METADATA_BYTES_MAX: usize = 16 * 1024;

/// A file.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = File)]
struct FileBody {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: FileId,
    /// The organization it belongs to.
    #[schema(value_type = Uuid)]
    organization_id: OrgId,
    /// The project it belongs to; `null`: it is for all members of the organization.
    #[schema(value_type = Option<Uuid>, required)]
    project_id: Option<ProjectId>,
    /// What it is called.
    #[schema(example = "interviews.pdf")]
    filename: String,
    /// Its media type, as whoever uploaded it said.
    #[schema(example = "application/pdf")]
    content_type: String,
    /// How many bytes it has; until it is confirmed, as announced.
    #[schema(required, example = 48_213)]
    size_bytes: Option<u64>,
    /// How far the server is with it.
    processing_status: StatusBody,
    /// Why its text cannot be read.
    #[schema(required)]
    processing_error: Option<String>,
    /// Whether its text is known.
    has_text: bool,
    /// Whether there is more text than is kept.
    text_truncated: bool,
    /// What clients note of it.
    #[schema(value_type = Object, example = json!({"source": "field trip"}))]
    metadata: Map<String, Value>,
    /// Who uploaded it.
    #[schema(value_type = Option<Uuid>, required)]
    uploaded_by: Option<UserId>,
    /// The run of an agent that made it.
    #[schema(value_type = Option<Uuid>, required)]
    execution_id: Option<RunId>,
    /// When it was announced.
    created_at: DateTime<Utc>,
    /// When anything of it last changed.
    updated_at: DateTime<Utc>,
    /// Where it can be downloaded for a while, without a token; `null` in lists, and until it is confirmed.
    #[schema(required)]
    download_url: Option<String>,
    /// Until when.
    #[schema(required)]
    download_url_expires_at: Option<DateTime<Utc>>,
}

/// How far the server is with a file: its bytes are to come (`uploading`), its text is to be read (`pending`), is being read
/// (`processing`), was read or there is none (`complete`), or cannot be read (`failed`).
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = FileStatus)]
enum StatusBody {
    Uploading,
    Pending,
    Processing,
    Complete,
    Failed,
}

impl From<FileState> for StatusBody {
    fn from(state: FileState) -> Self {
        match state {
            FileState::Uploading => Self::Uploading,
            FileState::Pending => Self::Pending,
            FileState::Processing => Self::Processing,
            FileState::Complete => Self::Complete,
            FileState::Failed => Self::Failed,
        }
    }
}

impl From<StatusBody> for FileState {
    fn from(status: StatusBody) -> Self {
        match status {
            StatusBody::Uploading => Self::Uploading,
            StatusBody::Pending => Self::Pending,
            StatusBody::Processing => Self::Processing,
            StatusBody::Complete => Self::Complete,
            StatusBody::Failed => Self::Failed,
        }
    }
}

impl From<File> for FileBody {
    fn from(file: File) -> Self {
        Self {
            id: file.id,
            organization_id: file.org,
            project_id: file.project,
            filename: file.filename,
            content_type: file.content_type,
            size_bytes: file.size,
            processing_status: file.state.into(),
            processing_error: file.processing_error,
            has_text: file.has_text,
            text_truncated: file.text_truncated,
            metadata: file.metadata,
            uploaded_by: file.uploaded_by,
            execution_id: file.execution,
            created_at: file.created_at,
            updated_at: file.updated_at,
            download_url: None,
            download_url_expires_at: None,
        }
    }
}

/// What people say of a file. Where it can be downloaded is another place each time that one asks, and what the server
/// reads of it is not for people to change.
fn tag(file: &File) -> ContentTag {
    ContentTag::of(&(file.id, &file.filename, &file.metadata))
}

impl Api {
    /// A file in its shape on the wire, with where it can be downloaded.
    async fn file_body(&self, file: File) -> Result<FileBody, Problem> {
        if file.state == FileState::Uploading {
            return Ok(file.into());
        }
        let download = Download { filename: file.filename.clone(), content_type: file.content_type.clone() };
        let valid = Duration::from_secs(self.files.download_url_seconds);
        let signed = self.blobs.download_url(&file.key, &download, valid).await?;
        let (download_url, expires_at) = (Some(signed.url), Some(signed.expires_at));
        Ok(FileBody { download_url, download_url_expires_at: expires_at, ..file.into() })
    }
}

impl From<BlobError> for Problem {
    fn from(error: BlobError) -> Self {
        let code = match &error {
            BlobError::NotFound | BlobError::BadKey => Code::NotFound,
            BlobError::TooLarge { .. } => Code::FileTooLarge,
            BlobError::Unavailable(_) => Code::Unavailable,
            // Whoever runs the server has to mend it.
            BlobError::Refused(_) => Code::Internal,
        };
        Self::new(code).caused_by(error)
    }
}

/// The file has more bytes than files may have.
fn too_large(api: &Api) -> Problem {
    let most = api.limits.file_bytes;
    Problem::new(Code::FileTooLarge).detail(format!("A file may have {most} bytes. Send a smaller one."))
}

/// Whether metadata may be kept.
fn check_metadata(fields: &mut Fields, metadata: &Map<String, Value>) {
    let json = Value::Object(metadata.clone()).to_string();
    if json.len() > METADATA_BYTES_MAX {
        fields.refuse("metadata", format!("must be at most {METADATA_BYTES_MAX} bytes of JSON"));
    } else if json.contains(r"\u0000") {
        fields.refuse("metadata", "must not hold the character U+0000");
    }
}

/// A media type, such as `text/plain; charset=utf-8`.
fn checked_content_type(fields: &mut Fields, text: &str) -> String {
    let text = text.trim();
    if !is_media_type(text) {
        fields.refuse("contentType", "must be a media type, such as application/pdf");
    }
    text.to_owned()
}

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(upload::handler))
        .routes(routes!(list::handler))
        .routes(routes!(confirm::handler))
        .routes(routes!(text::handler))
        .routes(routes!(get::handler, update::handler, delete::handler))
        // Not described: clients get these addresses whole, and those of another store look otherwise.
        .route("/blobs/{*key}", route_get(blobs::download).put(blobs::upload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_a_kind_and_a_subtype_and_perhaps_parameters() {
        let is_fit = |text: &str| {
            let mut fields = Fields::default();
            checked_content_type(&mut fields, text);
            fields.finish().is_ok()
        };
        for text in ["text/plain", "text/plain; charset=\"utf-8\"", "application/vnd.a+json", " image/png "] {
            assert!(is_fit(text), "{text}");
        }
        let long = format!("text/{}", "a".repeat(255));
        for text in ["", "text", "/", "text/", "/plain", "a b/c", "text/a\r\nx: y", "text/a; ä=1", "a/b/c", &long] {
            assert!(!is_fit(text), "{text}");
        }
    }
}
