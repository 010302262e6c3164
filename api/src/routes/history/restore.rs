//! `POST /documents/{name}/history/restore`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use documents::history::Undone;
use platform::access::Access;
use platform::db::versions::NodeChange;
use schema::ids::DocumentName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::place::Place;
use crate::Api;
use crate::authenticate::Caller;
use crate::etag::{DocumentTag, etag_header};
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
    /// Only this part: a root's name, and keys below it, parted by slashes.
    #[schema(required = false, nullable = false, example = "body")]
    part: Option<String>,
}

/// What became of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HistoryEdit)]
pub(super) struct EditBody {
    /// Whether the document was changed; not, when there was nothing to be done.
    changed: bool,
    /// The document's lineage.
    epoch: u32,
    /// Where its log stands; the edit is part of it.
    seq: u64,
}

/// An edit of a document's history, with the place as its tag.
pub(super) fn answer(undone: &Undone) -> Response {
    let (epoch, seq) = (undone.place.epoch, undone.place.seq);
    let body = EditBody { changed: undone.is_changed, epoch: epoch.get(), seq: seq.get() };
    ([etag_header(&DocumentTag::new(epoch, seq))], Json(body)).into_response()
}

/// Make a document again what it was
///
/// As a new edit, which everybody sees at once and which can be taken back like any other: what came since is deleted,
/// and what was deleted since comes back.
#[utoipa::path(post, path = "/documents/{name}/history/restore", tag = "history", operation_id = "restoreDocument",
    params(("name" = String, Path, description = "`project:<uuid>`, `node:<uuid>` or `doc:<uuid>`.")),
    request_body = Request,
    responses(
        (status = OK, description = "It is.", body = EditBody, headers(("ETag" = String, description = "Where the document stands."))),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = GONE, description = "`HISTORY_NOT_KEPT`: what the document was there is not kept.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<DocumentName>,
    extract::Json(request): extract::Json<Request>,
) -> Result<Response, Problem> {
    let Request { seq, at, part } = request;
    if seq.is_none() && at.is_none() {
        return Err(Problem::new(Code::ValidationFailed).field_error("seq", "say what is to come back: seq, or at"));
    }
    let document = api.document(&caller, &name, Access::Write).await?.document;
    let to = api.place(&document, Place { seq, at }).await?;
    let restored = api.documents.history().restore(&document, &caller.principal, to, part, &caller.actor).await?;
    if restored.is_changed {
        let summary = format!("Back to place {to} of its log");
        api.keep_version(&caller, &document, NodeChange::Rollback, &summary).await;
    }
    Ok(answer(&restored))
}
