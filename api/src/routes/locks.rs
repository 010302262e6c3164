//! `/nodes/{nodeId}/lock`, and `/projects/{projectId}/locks`.

mod acquire;
mod get;
mod list;
mod release;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use platform::auth::PrincipalKind;
use platform::db::locks::Lock;
use schema::ids::NodeId;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::Api;
use crate::problem::{Code, Problem};

/// A node's lock that somebody holds.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Lock)]
pub(crate) struct LockBody {
    /// The node.
    #[schema(value_type = Uuid)]
    node_id: NodeId,
    /// The person who holds it, or for whom an agent or a program does.
    locked_by: Uuid,
    /// Who holds it.
    holder: HolderBody,
    /// Greater than that of every earlier holder of this node's lock: whoever writes elsewhere on behalf of the lock can
    /// have what is older refused there.
    #[schema(example = 3)]
    fencing_token: i64,
    /// Whether others' edits of the node's document are refused (`settings.lockMode` of the project).
    enforced: bool,
    /// Since when it is held.
    acquired_at: DateTime<Utc>,
    /// When it ends, unless its holder edits the node or is present in it meanwhile, or takes it again.
    expires_at: DateTime<Utc>,
}

/// Who holds a lock.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = LockHolder)]
struct HolderBody {
    /// What it is.
    kind: HolderKind,
    /// Its id: of the person, the agent's run or the API key.
    id: Uuid,
    /// What to call it.
    #[schema(example = "Ada Lovelace")]
    name: String,
}

/// What holds a lock.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = LockHolderKind)]
enum HolderKind {
    /// A person.
    User,
    /// An agent, on behalf of a person.
    Agent,
    /// A program, on behalf of a person.
    ApiKey,
    /// The server itself, or somebody unknown.
    Other,
}

impl From<Lock> for LockBody {
    fn from(lock: Lock) -> Self {
        let kind = match lock.holder.kind {
            PrincipalKind::User => HolderKind::User,
            PrincipalKind::Agent => HolderKind::Agent,
            PrincipalKind::ApiKey => HolderKind::ApiKey,
            PrincipalKind::Anonymous | PrincipalKind::System => HolderKind::Other,
        };
        Self {
            node_id: lock.node,
            locked_by: lock.user.map_or(lock.holder.id, |user| user.as_uuid()),
            holder: HolderBody { kind, id: lock.holder.id, name: lock.name },
            fencing_token: lock.fencing_token,
            enforced: lock.is_enforced,
            acquired_at: lock.acquired_at,
            expires_at: lock.expires_at,
        }
    }
}

/// Somebody else holds the lock.
fn held(lock: Lock) -> Problem {
    let detail =
        format!("{} has locked this node until {}, or longer.", lock.name, lock.expires_at.format("%H:%M:%S UTC"));
    Problem::new(Code::LockHeld).detail(detail).lock(LockBody::from(lock))
}

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(get::handler, acquire::handler, release::handler))
        .routes(routes!(list::handler))
}
