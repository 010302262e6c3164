//! `GET /projects/{projectId}/dependencies`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::Access;
use platform::db::Sort;
use platform::db::nodes::{self, EdgeFilter, EdgeSort};
use schema::ids::{NodeId, ProjectId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::EdgeBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::pagination::{Page, PageQuery, sort_schema};
use crate::problem::Problem;

/// Which dependencies, in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// By which of the ids to sort; with a hyphen the other way round.
    #[param(schema_with = sort_schema::<EdgeSort>)]
    sort: Option<String>,
    /// `nextCursor` of the page before, of the same order; left out: the first page.
    cursor: Option<String>,
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Those of which this node yields.
    #[param(value_type = Option<uuid::Uuid>)]
    source_node_id: Option<NodeId>,
    /// Those of which this node takes.
    #[param(value_type = Option<uuid::Uuid>)]
    target_node_id: Option<NodeId>,
    /// `true`: those that are part of a cycle, which people who edited at the same time have closed; `false`: the others.
    in_cycle: Option<bool>,
}

/// List a project's dependencies
///
/// Of nodes that are not in the trash. The list follows the living canvas within a second.
#[utoipa::path(get, path = "/projects/{projectId}/dependencies", tag = "nodes", operation_id = "listDependencies",
    params(("projectId" = Uuid, Path, description = "The project's id."), Parameters),
    responses((status = OK, description = "A page of dependencies.", body = Page<EdgeBody>)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(project): Id<ProjectId>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Page<EdgeBody>>, Problem> {
    let Parameters { sort, cursor, limit, source_node_id: source, target_node_id: target, in_cycle } = parameters;
    let request = PageQuery { cursor, limit }.sorted(sort.as_deref(), Sort::ascending(EdgeSort::Source))?;
    let org = api.project(&caller, project, Access::Read).await?.document.org;
    let page = nodes::list_edges(&api.db, org, project, EdgeFilter { source, target, in_cycle }, request).await?;
    Ok(Json(Page::of(page, EdgeBody::from)))
}
