//! `GET /projects/{projectId}/nodes`

mod parameters;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::Access;
use platform::db::nodes;
use schema::ids::ProjectId;

use self::parameters::Parameters;
use super::body::NodeRowBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::pagination::Page;
use crate::problem::Problem;

/// List a project's nodes
///
/// Oldest first unless `sort` says otherwise, and without those in the trash unless `deleted` does. Filters of different
/// names must all hold. Lists follow the living documents within a second; `reflectsSeq` says how far.
///
/// To follow changes, ask for `updatedSince` the greatest `updatedAt` that you have seen less a few seconds: what is
/// saved at the same time may appear in any order.
#[utoipa::path(get, path = "/projects/{projectId}/nodes", tag = "nodes", operation_id = "listNodes",
    params(("projectId" = Uuid, Path, description = "The project's id."), Parameters),
    responses((status = OK, description = "A page of nodes.", body = Page<NodeRowBody>)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(project): Id<ProjectId>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Page<NodeRowBody>>, Problem> {
    let request = parameters.request()?;
    let filter = parameters.filter(caller.user)?;
    let org = api.project(&caller, project, Access::Read).await?.document.org;
    let page = nodes::list(&api.db, org, project, &filter, request).await?;
    Ok(Json(Page::of(page, NodeRowBody::from)))
}
