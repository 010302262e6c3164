//! `GET /nodes/{nodeId}/lock`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::Access;
use platform::db::locks;
use schema::ids::NodeId;
use serde::Serialize;
use utoipa::ToSchema;

use super::LockBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Id;
use crate::problem::Problem;

/// Whether a node is locked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NodeLock)]
pub(super) struct Answer {
    /// The lock; `null`: nobody holds it.
    #[schema(required)]
    lock: Option<LockBody>,
}

/// Read whether a node is locked, and by whom
#[utoipa::path(get, path = "/nodes/{nodeId}/lock", tag = "nodes", operation_id = "getLock",
    params(("nodeId" = Uuid, Path, description = "The node's id.")),
    responses((status = OK, description = "The lock, if somebody holds it.", body = Answer)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<NodeId>,
) -> Result<Json<Answer>, Problem> {
    let node = api.node_document(&caller, id, Access::Read).await?.document;
    let lock = locks::find(&api.db, &node).await?;
    Ok(Json(Answer { lock: lock.map(LockBody::from) }))
}
