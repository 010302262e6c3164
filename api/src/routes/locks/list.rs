//! `GET /projects/{projectId}/locks`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::Access;
use platform::db::Sort;
use platform::db::locks::{self, LOCKS_LISTED_MAX, LockSort};
use schema::ids::ProjectId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::LockBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::pagination::{Page, PageQuery};
use crate::problem::Problem;

/// Which part of the list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// `nextCursor` of the page before; left out: the first page.
    cursor: Option<String>,
    /// How many items, at most.
    #[param(minimum = 1, maximum = 1000, default = 1000)]
    limit: Option<u32>,
}

/// List the locks that are held in a project
///
/// In the order of the nodes' ids.
#[utoipa::path(get, path = "/projects/{projectId}/locks", tag = "nodes", operation_id = "listLocks",
    params(("projectId" = Uuid, Path, description = "The project's id."), Parameters),
    responses((status = OK, description = "A page of locks.", body = Page<LockBody>)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(project): Id<ProjectId>,
    Query(Parameters { cursor, limit }): Query<Parameters>,
) -> Result<Json<Page<LockBody>>, Problem> {
    let page = PageQuery { cursor, limit }.long(None, Sort::ascending(LockSort::NodeId), LOCKS_LISTED_MAX)?;
    let org = api.project(&caller, project, Access::Read).await?.document.org;
    let page = locks::list(&api.db, org, project, page).await?;
    Ok(Json(Page::of(page, LockBody::from)))
}
