//! `GET /documents/{name}/history/attributions`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use platform::access::Access;
use schema::ids::DocumentName;
use serde::Serialize;
use utoipa::ToSchema;

use super::place::Place;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::problem::{Problem, ProblemBody};

/// A document's state, and who made it what it is, as Yjs clients read it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Attributions)]
pub(super) struct Answer {
    /// The document's lineage.
    epoch: u32,
    /// The last update of the log that is part of it.
    seq: u64,
    /// The state: one Yjs update, version 1, in base64.
    #[schema(content_encoding = "base64", example = "AAA=")]
    update: String,
    /// Who wrote what: an encoded `IdMap` of Yjs, version 1, in base64. Its attributes are `insert` (the principal, as
    /// `user:<uuid>`), `insertAt` (milliseconds since 1970), and for agents `run`. In Yjs 14, `readIdMap` reads it with an
    /// `UpdateDecoderV1`; `decodeIdMap` is for version 2 alone, and would find ranges that are wrong.
    #[schema(content_encoding = "base64", example = "AA==")]
    inserted: String,
    /// Who deleted what, likewise, with `delete` and `deleteAt`.
    #[schema(content_encoding = "base64", example = "AA==")]
    deleted: String,
}

/// Read a document as it was, with who wrote what, for a Yjs client
///
/// With both a client can show what changed by itself: the state at one place, the attributions of a later one.
#[utoipa::path(get, path = "/documents/{name}/history/attributions", tag = "history", operation_id = "getAttributions",
    params(("name" = String, Path, description = "`project:<uuid>`, `node:<uuid>` or `doc:<uuid>`."), Place),
    responses(
        (status = OK, description = "The state and the attributions.", body = Answer),
        (status = GONE, description = "`HISTORY_NOT_KEPT`: what the document was there is not kept.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<DocumentName>,
    Query(place): Query<Place>,
) -> Result<Json<Answer>, Problem> {
    let document = api.document(&caller, &name, Access::Read).await?.document;
    let at = api.place(&document, place).await?;
    let history = api.documents.history();
    let state = history.state(&document, at).await?;
    let attributions = history.attributions(&document, at).await?;
    Ok(Json(Answer {
        epoch: state.epoch.get(),
        seq: at.get(),
        update: STANDARD.encode(&state.update),
        inserted: STANDARD.encode(&attributions.inserted),
        deleted: STANDARD.encode(&attributions.deleted),
    }))
}
