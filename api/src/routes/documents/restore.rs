//! `POST /documents/{name}/restore`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::{Access, ProjectAction};
use platform::db::documents::{self, DocumentRef};
use schema::ids::{DocumentName, FreeDocumentId};

use super::body::DocumentBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Id;
use crate::problem::{Problem, ProblemBody};

/// Take a free document out of the trash
///
/// It is as it was. The documents of a project that is in the trash come back with their project.
#[utoipa::path(post, path = "/documents/{name}/restore", tag = "documents", operation_id = "recoverDocument",
    params(("name" = String, Path, description = "`doc:<uuid>`.")),
    responses(
        (status = OK, description = "The document.", body = DocumentBody),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<DocumentName>,
) -> Result<Json<DocumentBody>, Problem> {
    let not_found = || Problem::not_found("document");
    let found = api.free_document_in_trash(&caller, &name, Access::Write).await?;
    let (id, document) = found.ok_or_else(not_found)?;
    let restored = documents::restore_free(&api.db, document.org, &caller.actor, id).await?;
    Ok(Json(restored.ok_or_else(not_found)?.into()))
}

impl Api {
    /// A free document in the trash with which the caller may do this. `None` when it is not there.
    pub(super) async fn free_document_in_trash(
        &self,
        caller: &Caller,
        name: &DocumentName,
        action: impl Into<ProjectAction>,
    ) -> Result<Option<(FreeDocumentId, DocumentRef)>, Problem> {
        let DocumentName::Free(id) = name else { return Err(Problem::not_found("free document")) };
        let Some(found) = documents::find_free_in_trash(&self.db, caller.user, *id).await? else { return Ok(None) };
        let org = self.project(caller, found.project, action).await?.document.org;
        Ok(Some((*id, DocumentRef::free(org, found.project, *id))))
    }
}
