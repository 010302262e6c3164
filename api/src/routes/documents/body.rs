//! What free documents look like in answers.

use chrono::{DateTime, Utc};
use platform::db::documents::FreeDocument;
use schema::ids::{DocumentName, FreeDocumentId, ProjectId};
use serde::Serialize;
use utoipa::ToSchema;

/// A free document, for any Yjs editor.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Document)]
pub(super) struct DocumentBody {
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
    /// Since when it is in the trash.
    #[schema(required)]
    deleted_at: Option<DateTime<Utc>>,
}

impl From<FreeDocument> for DocumentBody {
    fn from(document: FreeDocument) -> Self {
        let FreeDocument { id, project, title, created_at, deleted_at } = document;
        Self { name: DocumentName::Free(id), id, project_id: project, title, created_at, deleted_at }
    }
}
