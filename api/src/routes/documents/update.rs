//! `PATCH /documents/{name}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use platform::access::Access;
use platform::db::documents::{self, FreeDocument};
use schema::Patch;
use schema::ids::DocumentName;
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::DocumentBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::etag::{ContentTag, answer_with_digest, if_match, require};
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
    params(
        ("name" = String, Path, description = "`doc:<uuid>`."),
        ("If-Match" = Option<String>, Header, description = "An ETag: change it only if it is still as it was then."),
    ),
    request_body(content((Request = "application/json"), (Request = "application/merge-patch+json"))),
    responses(
        (status = OK, description = "The document as it is now.", body = DocumentBody,
            headers(("ETag" = String, description = "Another one for every change of what is said here."))),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "`PRECONDITION_FAILED`: the document's title has changed; ETag says what it is now.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<DocumentName>,
    headers: HeaderMap,
    extract::Json(request): extract::Json<Request>,
) -> Result<Response, Problem> {
    let condition = if_match(&headers)?;
    let mut fields = Fields::default();
    let title = request.title.map(|title| fields.line("title", &title, 1..=NAME_LENGTH_MAX));
    fields.finish()?;
    let (id, document) = api.free_document(&caller, &name, Access::Write).await?;
    let is_expected =
        |present: FreeDocument| require(condition.as_ref(), &ContentTag::of(&DocumentBody::from(present)));
    let not_found = || Problem::not_found("document");
    let document = if let Some(title) = title.as_change() {
        let rename = |present| is_expected(present).map(|()| title.cloned());
        documents::rename_free(&api.db, document.org, &caller.actor, id, rename).await?.ok_or_else(not_found)?
    } else {
        let found = documents::find_free(&api.db, document.org, id).await?.ok_or_else(not_found)?;
        is_expected(found.clone())?;
        found
    };
    Ok(answer_with_digest(None, DocumentBody::from(document)))
}
