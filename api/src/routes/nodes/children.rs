//! `GET /nodes/{nodeId}/children`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::Access;
use platform::db::Sort;
use platform::db::nodes::{self, NodeFilter, NodeSort, ParentFilter};
use schema::ids::NodeId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::body::NodeRowBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::pagination::{Page, PageQuery, sort_schema};
use crate::problem::Problem;

/// In which order, and which part.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// By what to sort; with a hyphen the other way round.
    #[param(schema_with = sort_schema::<NodeSort>)]
    sort: Option<String>,
    /// `nextCursor` of the page before, of the same order; left out: the first page.
    cursor: Option<String>,
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// List the nodes inside a node
///
/// Those directly inside it, oldest first unless `sort` says otherwise, without those in the trash. To filter them, list
/// the project's nodes with `parent`.
#[utoipa::path(get, path = "/nodes/{nodeId}/children", tag = "nodes", operation_id = "listChildren",
    params(("nodeId" = Uuid, Path, description = "The node's id."), Parameters),
    responses((status = OK, description = "A page of nodes.", body = Page<NodeRowBody>)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<NodeId>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Page<NodeRowBody>>, Problem> {
    let Parameters { sort, cursor, limit } = parameters;
    let request = PageQuery { cursor, limit }.sorted(sort.as_deref(), Sort::ascending(NodeSort::CreatedAt))?;
    let documents = api.node_documents(&caller, id, Access::Read).await?;
    let filter = NodeFilter { parent: Some(ParentFilter::Node(id)), ..NodeFilter::default() };
    let page = nodes::list(&api.db, documents.canvas.org, documents.project, &filter, request).await?;
    Ok(Json(Page::of(page, NodeRowBody::from)))
}
