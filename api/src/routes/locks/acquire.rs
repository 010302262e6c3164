//! `POST /nodes/{nodeId}/lock`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::Access;
use platform::db::locks::{Taking, Waiting};
use schema::ids::NodeId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{LockBody, held};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::problem::{Problem, ProblemBody};

/// What else is wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// When somebody else holds the lock: tell me by a notification once it is free.
    #[param(default = false)]
    notify: Option<bool>,
}

/// Lock a node
///
/// Asks the others to leave the node alone; everybody who watches it is told. In projects with the lock mode `enforced`,
/// their edits of the node's document are refused meanwhile; what the canvas shows of it stays open to all.
///
/// The lock ends by itself after five minutes, unless its holder edits the node or is present in it; when the holder's
/// last session in the node ends; or when it is released. To take it again makes it last longer.
#[utoipa::path(post, path = "/nodes/{nodeId}/lock", tag = "nodes", operation_id = "acquireLock",
    params(("nodeId" = Uuid, Path, description = "The node's id."), Parameters),
    responses(
        (status = OK, description = "The caller holds the lock.", body = LockBody),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`LOCK_HELD`: somebody else holds it; `lock` says who.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<NodeId>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<LockBody>, Problem> {
    let documents = api.node_documents(&caller, id, Access::Write).await?;
    api.live_node(id, &documents).await?;
    let waiting = if parameters.notify.unwrap_or_default() { Waiting::Told } else { Waiting::NotTold };
    match api.documents.take_lock(&documents.node, &caller.principal, waiting).await? {
        Taking::Taken(lock) | Taking::Renewed(lock) => Ok(Json(lock.into())),
        Taking::Held(lock) => Err(held(lock)),
    }
}
