//! `POST /documents/{name}/history/prune`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::ProjectAction;
use schema::ids::{DocumentName, Seq};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Id};
use crate::problem::{Code, Problem, ProblemBody};

/// Which part of the log.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Pruning)]
pub(super) struct Request {
    /// The first update.
    #[schema(minimum = 1, example = 3)]
    from_seq: u64,
    /// The last.
    #[schema(minimum = 1, example = 17)]
    through_seq: u64,
}

/// What was forgotten.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Pruned)]
pub(super) struct Answer {
    /// Bytes of the updates before.
    bytes_before: u64,
    /// And after.
    bytes_after: u64,
}

/// Forget for good what was written and deleted again
///
/// Content that was both written and deleted in a part of the log goes, with all that tells what the document was
/// between: what it was before the part and after it, and what it is, stays. Who worked when is kept.
///
/// What was told of it goes, too: the values in events from then, and the words of the notifications from then about the
/// node, or for a canvas about all nodes of the project. So does what agents said and noted that were at work in the project
/// meanwhile: the words in their traces and notifications, and what failed runs would have gone on with; these cannot be
/// tried again. Runs that still are at work keep their notes and what they ask until they are over; what
/// else they say until then is kept without words, and if they fail they cannot be tried again, either.
///
/// This cannot be taken back. For administrators of the project.
#[utoipa::path(post, path = "/documents/{name}/history/prune", tag = "history", operation_id = "pruneHistory",
    params(("name" = String, Path, description = "`project:<uuid>`, `node:<uuid>` or `doc:<uuid>`.")),
    request_body = Request,
    responses(
        (status = OK, description = "It is forgotten.", body = Answer),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller does not administer the project.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = GONE, description = "`HISTORY_NOT_KEPT`: the content of some of the updates is not kept anyway.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<DocumentName>,
    extract::Json(request): extract::Json<Request>,
) -> Result<Json<Answer>, Problem> {
    let granted = api.document(&caller, &name, ProjectAction::PruneHistory).await?;
    let Request { from_seq, through_seq } = request;
    if from_seq == 0 || from_seq > through_seq {
        let message = "must be 1 or more, and no more than throughSeq";
        return Err(Problem::new(Code::ValidationFailed).field_error("fromSeq", message));
    }
    let (first, last) = (Seq::new(from_seq), Seq::new(through_seq));
    let pruned = api.documents.history().prune(&granted.document, first, last, &caller.actor).await?;
    Ok(Json(Answer { bytes_before: pruned.bytes_before, bytes_after: pruned.bytes_after }))
}
