//! `GET /nodes/{nodeId}/dependencies`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use platform::access::Access;
use schema::canvas::{self, Neighbourhood, Reach};
use schema::ids::NodeId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::authenticate::Caller;
use crate::etag::{DocumentTag, etag_header};
use crate::extract::{Id, Query};
use crate::problem::{Code, Problem};
use crate::routes::edges::EdgeBody;

const DEPTH_DEFAULT: u32 = 3;
const DEPTH_MAX: u32 = 50;
/// The most nodes of an answer.
const NODES_MAX: usize = 1_000;

/// How much of the graph.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// `upstream`: what the node takes from; `downstream`: what takes from it; left out: both.
    #[param(inline)]
    direction: Option<Direction>,
    /// How many edges away, at most.
    #[param(minimum = 1, maximum = 50, default = 3)]
    depth: Option<u32>,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Direction {
    /// To what it takes from.
    Upstream,
    /// To what takes from it.
    Downstream,
    /// Both.
    Both,
}

/// The graph around a node.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DependencyGraph)]
pub(super) struct Graph {
    /// The node around which it is.
    #[schema(value_type = uuid::Uuid)]
    node_id: NodeId,
    /// The nodes, this one among them.
    nodes: Vec<GraphNode>,
    /// The dependencies between them along which they were reached.
    dependencies: Vec<EdgeBody>,
    /// Whether there is more than `depth` shows, or than the thousand nodes that an answer has at most.
    truncated: bool,
}

/// A node of a graph.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DependencyGraphNode)]
struct GraphNode {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    id: NodeId,
    /// Its title.
    #[schema(example = "Twelve interviews")]
    title: String,
    /// One of the project's states.
    #[schema(example = "in_progress")]
    status: String,
    /// Over how many dependencies the first node takes from this one; `null`: it does not.
    #[schema(required)]
    upstream: Option<u32>,
    /// Over how many dependencies this one takes from the first node; `null`: it does not.
    #[schema(required)]
    downstream: Option<u32>,
}

/// Read what a node depends on, and what depends on it
///
/// From the living canvas, so that a dependency that was just drawn is there. Each node is there once, however many ways
/// lead to it; cycles, which only people who edited at the same time can close, do no harm.
#[utoipa::path(get, path = "/nodes/{nodeId}/dependencies", tag = "nodes", operation_id = "getDependencies",
    params(("nodeId" = Uuid, Path, description = "The node's id."), Parameters),
    responses((status = OK, description = "The graph around the node.", body = Graph, headers(("ETag" = String, description = "Where the canvas stands.")))))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<NodeId>,
    Query(parameters): Query<Parameters>,
) -> Result<Response, Problem> {
    let depth = parameters.depth.unwrap_or(DEPTH_DEFAULT);
    if !(1..=DEPTH_MAX).contains(&depth) {
        return Err(Problem::new(Code::InvalidParameter).detail(format!("depth: 1 to {DEPTH_MAX}.")));
    }
    let reach = match parameters.direction {
        Some(Direction::Upstream) => Reach::Upstream,
        Some(Direction::Downstream) => Reach::Downstream,
        None | Some(Direction::Both) => Reach::Both,
    };
    let documents = api.node_documents(&caller, id, Access::Read).await?;
    let read = move |txn: &yrs::Transaction<'_>| {
        canvas::read_neighbourhood(txn, id, reach, depth, NODES_MAX).map(|found| graph(txn, id, found))
    };
    let (graph, epoch, seq) = api.documents.read(&documents.canvas, read).await?;
    let graph = graph.ok_or_else(|| Problem::not_found("node"))?;
    Ok(([etag_header(&DocumentTag::new(epoch, seq))], Json(graph)).into_response())
}

fn graph(txn: &yrs::Transaction<'_>, node_id: NodeId, found: Neighbourhood) -> Graph {
    let nodes = found.nodes.into_iter().filter_map(|(id, distance)| {
        let node = canvas::read_node(txn, id)?;
        let (upstream, downstream) = (distance.upstream, distance.downstream);
        Some(GraphNode { id, title: node.title, status: node.status, upstream, downstream })
    });
    let dependencies = found.edges.into_iter().map(EdgeBody::from).collect();
    Graph { node_id, nodes: nodes.collect(), dependencies, truncated: found.is_cut }
}
