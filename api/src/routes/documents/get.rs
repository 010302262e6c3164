//! `GET /documents/{name}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::Access;
use platform::db::documents;
use platform::db::documents::DocumentRef;
use schema::ids::{DocumentName, FreeDocumentId};

use super::body::DocumentBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Id;
use crate::problem::Problem;

/// Read what there is to know of a free document
///
/// Not what it holds: see its snapshot. Projects and nodes have addresses of their own.
#[utoipa::path(get, path = "/documents/{name}", tag = "documents", operation_id = "getDocument",
    params(("name" = String, Path, description = "`doc:<uuid>`.")),
    responses((status = OK, description = "The document.", body = DocumentBody)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<DocumentName>,
) -> Result<Json<DocumentBody>, Problem> {
    let (id, document) = api.free_document(&caller, &name, Access::Read).await?;
    let found = documents::find_free(&api.db, document.org, id).await?;
    Ok(Json(found.ok_or_else(|| Problem::not_found("document"))?.into()))
}

impl Api {
    /// A free document that the caller may open like this.
    pub(super) async fn free_document(
        &self,
        caller: &Caller,
        name: &DocumentName,
        access: Access,
    ) -> Result<(FreeDocumentId, DocumentRef), Problem> {
        let DocumentName::Free(id) = name else { return Err(Problem::not_found("free document")) };
        Ok((*id, self.document(caller, name, access).await?.document))
    }
}
