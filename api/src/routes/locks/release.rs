//! `DELETE /nodes/{nodeId}/lock`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use platform::access::{Access, ProjectAction};
use platform::db::audit::{self, Action, ResourceKind};
use platform::db::documents::DocumentRef;
use platform::db::locks::{self, ReleaseReason};
use schema::ids::NodeId;
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use super::held;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::problem::{Problem, ProblemBody};

/// How.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// Take the lock away from whoever holds it: for administrators of the project. It is noted in the audit log.
    #[param(default = false)]
    force: Option<bool>,
}

/// Unlock a node
///
/// Everybody who watches the node is told, and those who asked for it by a notification. A node that nobody has locked
/// stays as it is.
#[utoipa::path(delete, path = "/nodes/{nodeId}/lock", tag = "nodes", operation_id = "releaseLock",
    params(("nodeId" = Uuid, Path, description = "The node's id."), Parameters),
    responses(
        (status = NO_CONTENT, description = "The caller does not hold the lock any more; by force: nobody does."),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read, or, by force, is no administrator of the project.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`LOCK_HELD`: somebody else holds it; `lock` says who.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<NodeId>,
    Query(parameters): Query<Parameters>,
) -> Result<StatusCode, Problem> {
    let documents = api.node_documents(&caller, id, Access::Write).await?;
    if parameters.force.unwrap_or_default() {
        api.project(&caller, documents.project, ProjectAction::ReleaseLocks).await?;
        force(&api, &caller, &documents.node).await?;
    } else if api.documents.release_lock(&documents.node, caller.principal.reference()).await?.is_none()
        && let Some(lock) = locks::find(&api.db, &documents.node).await?
    {
        return Err(held(lock));
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn force(api: &Api, caller: &Caller, node: &DocumentRef) -> Result<(), Problem> {
    let mut tx = api.db.org(node.org).await?;
    let released = locks::release(&mut tx, node, None, ReleaseReason::Forced, caller.principal.reference()).await?;
    if let Some(lock) = &released {
        let entry = caller.actor.did(Action::LockReleasedByForce, ResourceKind::Node, node.id);
        let holder = json!({"kind": lock.holder.kind.as_str(), "id": lock.holder.id});
        audit::record(&mut tx, entry.with(json!({"holder": holder}))).await?;
    }
    api.documents.commit_release(tx, node, released).await?;
    Ok(())
}
