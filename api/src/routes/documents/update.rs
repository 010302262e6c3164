//! `PATCH /documents/{name}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::Access;
use platform::db::documents;
use schema::Patch;
use schema::ids::DocumentName;
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::DocumentBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Id};
use crate::fields::{Fields, NAME_LENGTH_MAX};
use crate::problem::{Problem, ProblemBody};

/// What is to change. A field that is left out stays as it is; `null` empties it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DocumentPatch)]
pub(super) struct Request {
    /// What to call it; `null`: nothing.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, example = "Whiteboard", min_length = 1, max_length = 255)]
    title: Patch<String>,
}

/// Call a free document otherwise
#[utoipa::path(patch, path = "/documents/{name}", tag = "documents", operation_id = "updateDocument",
    params(("name" = String, Path, description = "`doc:<uuid>`.")),
    request_body(content((Request = "application/json"), (Request = "application/merge-patch+json"))),
    responses(
        (status = OK, description = "The document as it is now.", body = DocumentBody),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<DocumentName>,
    extract::Json(request): extract::Json<Request>,
) -> Result<Json<DocumentBody>, Problem> {
    let mut fields = Fields::default();
    let title = request.title.map(|title| fields.line("title", &title, 1..=NAME_LENGTH_MAX));
    fields.finish()?;
    let (id, document) = api.free_document(&caller, &name, Access::Write).await?;
    let changed = match title.as_change() {
        Some(title) => {
            let title = title.map(String::as_str);
            documents::rename_free(&api.db, document.org, &caller.actor, id, title).await?
        }
        None => documents::find_free(&api.db, document.org, id).await?,
    };
    Ok(Json(changed.ok_or_else(|| Problem::not_found("document"))?.into()))
}
