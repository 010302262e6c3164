//! `POST /documents/{name}/history/restore`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use http::HeaderMap;
use platform::access::Access;
use platform::db::versions::NodeChange;
use schema::ids::DocumentName;
use serde::Deserialize;
use utoipa::ToSchema;

use super::edit::{EditBody, answer, expected_place};
use super::place::Place;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Id};
use crate::problem::{Code, Problem, ProblemBody};

/// What a document is to be again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Restoration)]
pub(super) struct Request {
    /// The last update of the log that counts; 0 is the empty document. Instead of `at`.
    #[schema(required = false, nullable = false, minimum = 0, example = 17)]
    seq: Option<u64>,
    /// What had come in by this time counts. Instead of `seq`.
    #[schema(required = false, nullable = false)]
    at: Option<DateTime<Utc>>,
    /// Only this part: a root's name, and keys below it, parted by slashes. It may be a single value
    /// (`nodes/<id>/title`), an item of a list by its `id` or place, or a block of rich text by its place (`body/0` is the
    /// first).
    #[schema(required = false, nullable = false, example = "body")]
    part: Option<String>,
}

/// Make a document again what it was
///
/// As a new edit, which everybody sees at once and which can be taken back like any other: what came since is deleted,
/// and what was deleted since comes back. Nodes that came to a canvas since go into the trash.
#[utoipa::path(post, path = "/documents/{name}/history/restore", tag = "history", operation_id = "restoreDocument",
    params(
        ("name" = String, Path, description = "`project:<uuid>`, `node:<uuid>` or `doc:<uuid>`."),
        ("If-Match" = Option<String>, Header, description = "An ETag of the document: it is brought back only if that holds."),
    ),
    request_body = Request,
    responses(
        (status = OK, description = "It is.", body = EditBody, headers(("ETag" = String, description = "Where the document stands."))),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "`PRECONDITION_FAILED`: the document has changed; ETag says where it is.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = GONE, description = "`HISTORY_NOT_KEPT`: what the document was there is not kept.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<DocumentName>,
    headers: HeaderMap,
    extract::Json(request): extract::Json<Request>,
) -> Result<Response, Problem> {
    let Request { seq, at, part } = request;
    if seq.is_none() && at.is_none() {
        return Err(Problem::new(Code::ValidationFailed).field_error("seq", "say what is to come back: seq, or at"));
    }
    let document = api.document(&caller, &name, Access::Write).await?.document;
    let expected = expected_place(&api, &headers, &document).await?;
    let to = api.place(&document, Place { seq, at }).await?;
    let history = api.documents.history().expecting(expected);
    let restored = history.restore(&document, &caller.principal, to, part, &caller.actor).await?;
    if restored.is_changed {
        let summary = format!("Back to place {to} of its log");
        api.keep_version(&caller, &document, NodeChange::Rollback, &summary).await;
    }
    Ok(answer(&restored))
}
