//! `GET /documents/{name}/history`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use platform::access::Access;
use schema::ids::DocumentName;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Id;
use crate::problem::Problem;

/// What the history of a document has.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = History)]
pub(super) struct Answer {
    /// The document's lineage.
    epoch: u32,
    /// The last update of the log.
    head_seq: u64,
    /// The document is known as it was after every update from this one on.
    kept_from_seq: u64,
    /// Before, as it was after these.
    kept_seqs: Vec<u64>,
    /// When the first update came in.
    #[schema(required)]
    started_at: Option<DateTime<Utc>>,
    /// When the last one did.
    #[schema(required)]
    ended_at: Option<DateTime<Utc>>,
}

/// Read what a document's history has
///
/// Updates are numbered from 1, in the order in which they were saved. What is kept of old content follows the
/// organization's `eventSourcingLevel`; who worked when is always kept.
#[utoipa::path(get, path = "/documents/{name}/history", tag = "history", operation_id = "getHistory",
    params(("name" = String, Path, description = "`project:<uuid>`, `node:<uuid>` or `doc:<uuid>`.")),
    responses((status = OK, description = "Where it begins and ends.", body = Answer)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<DocumentName>,
) -> Result<Json<Answer>, Problem> {
    let document = api.document(&caller, &name, Access::Read).await?.document;
    let summary = api.documents.history().summary(&document).await?;
    Ok(Json(Answer {
        epoch: summary.extent.epoch.get(),
        head_seq: summary.extent.head.get(),
        kept_from_seq: summary.extent.trimmed.get(),
        kept_seqs: summary.snapshots.iter().map(|seq| seq.get()).collect(),
        started_at: summary.started_at,
        ended_at: summary.ended_at,
    }))
}
