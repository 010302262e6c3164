//! `/projects/{projectId}/dependencies`: the edges of a project's graph.

mod create;
mod delete;
mod list;

use std::sync::Arc;

use platform::db::nodes::ProjectedEdge;
use schema::canvas::CanvasEdge;
use schema::ids::{EdgeId, InputId, NodeId, OutputId};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;

/// A dependency: what one node yields, another takes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Dependency)]
pub(super) struct EdgeBody {
    /// Its id, unique within the project.
    #[schema(value_type = uuid::Uuid)]
    id: EdgeId,
    /// The node that yields.
    #[schema(value_type = uuid::Uuid)]
    source_node_id: NodeId,
    /// The node that takes.
    #[schema(value_type = uuid::Uuid)]
    target_node_id: NodeId,
    /// Which of its outputs; `null`: the node as a whole.
    #[schema(value_type = Option<uuid::Uuid>, required)]
    source_output_id: Option<OutputId>,
    /// Which of its inputs; `null`: the node as a whole.
    #[schema(value_type = Option<uuid::Uuid>, required)]
    target_input_id: Option<InputId>,
}

impl From<(EdgeId, CanvasEdge)> for EdgeBody {
    fn from((id, edge): (EdgeId, CanvasEdge)) -> Self {
        let CanvasEdge { source_node_id, target_node_id, source_output_id, target_input_id } = edge;
        Self { id, source_node_id, target_node_id, source_output_id, target_input_id }
    }
}

impl From<ProjectedEdge> for EdgeBody {
    fn from(edge: ProjectedEdge) -> Self {
        Self {
            id: edge.id,
            source_node_id: edge.source,
            target_node_id: edge.target,
            source_output_id: edge.source_output,
            target_input_id: edge.target_input,
        }
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list::handler, create::handler)).routes(routes!(delete::handler))
}
