//! `GET /projects/{projectId}/nodes`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::Access;
use platform::db::nodes;
use schema::ids::ProjectId;

use super::body::NodeRowBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::pagination::{Page, PageQuery};
use crate::problem::Problem;

/// List a project's nodes
///
/// Oldest first, without those in the trash. Lists follow the living documents within a second; `reflectsSeq` says how
/// far.
#[utoipa::path(get, path = "/projects/{projectId}/nodes", tag = "nodes", operation_id = "listNodes",
    params(("projectId" = Uuid, Path, description = "The project's id."), PageQuery),
    responses((status = OK, description = "A page of nodes.", body = Page<NodeRowBody>)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(project): Id<ProjectId>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<NodeRowBody>>, Problem> {
    let request = query.request()?;
    let org = api.project(&caller, project, Access::Read).await?.document.org;
    let page = nodes::list(&api.db, org, project, request).await?;
    Ok(Json(Page::of(page, NodeRowBody::from)))
}
