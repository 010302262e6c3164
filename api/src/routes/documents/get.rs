//! `GET /documents/{name}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use platform::access::Access;
use platform::db::documents;
use platform::db::documents::DocumentRef;
use schema::ids::{DocumentName, FreeDocumentId};

use super::body::DocumentBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::etag::{answer_with_digest, if_none_match};
use crate::extract::Id;
use crate::problem::Problem;

/// Read what there is to know of a free document
///
/// Not what it holds: see its snapshot. Projects and nodes have addresses of their own.
#[utoipa::path(get, path = "/documents/{name}", tag = "documents", operation_id = "getDocument",
    params(
        ("name" = String, Path, description = "`doc:<uuid>`."),
        ("If-None-Match" = Option<String>, Header, description = "An ETag: the answer is 304 while it holds."),
    ),
    responses(
        (status = OK, description = "The document.", body = DocumentBody,
            headers(("ETag" = String, description = "Another one for every change of what is said here."))),
        (status = NOT_MODIFIED, description = "Nothing has changed since."),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<DocumentName>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let known = if_none_match(&headers)?;
    let (id, document) = api.free_document(&caller, &name, Access::Read).await?;
    let found = documents::find_free(&api.db, document.org, id).await?;
    let found = DocumentBody::from(found.ok_or_else(|| Problem::not_found("document"))?);
    Ok(answer_with_digest(known.as_ref(), found))
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
