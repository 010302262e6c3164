//! `GET /orgs/{orgId}/projects`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::OrgAction;
use platform::db::Sort;
use platform::db::projects::{self, ProjectSort, Which};
use schema::ids::OrgId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::ProjectBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::pagination::{Page, PageQuery, sort_schema};
use crate::problem::Problem;

/// Which projects, in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// By what to sort; with a hyphen the other way round.
    #[param(schema_with = sort_schema::<ProjectSort>)]
    sort: Option<String>,
    /// `nextCursor` of the page before, of the same order; left out: the first page.
    cursor: Option<String>,
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Those in the trash, instead of the others.
    #[param(default = false)]
    deleted: Option<bool>,
}

/// List an organization's projects
///
/// Those that the caller may see, or those of them that are in the trash; oldest first unless `sort` says otherwise.
#[utoipa::path(get, path = "/orgs/{orgId}/projects", tag = "projects", operation_id = "listProjects",
    params(("orgId" = Uuid, Path, description = "The organization's id."), Parameters),
    responses((status = OK, description = "A page of projects.", body = Page<ProjectBody>)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(org): Id<OrgId>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Page<ProjectBody>>, Problem> {
    let Parameters { sort, cursor, limit, deleted } = parameters;
    let request = PageQuery { cursor, limit }.sorted(sort.as_deref(), Sort::ascending(ProjectSort::CreatedAt))?;
    let which = if deleted.unwrap_or_default() { Which::InTrash } else { Which::Present };
    api.organization(&caller, org, OrgAction::View).await?;
    let page = projects::list(&api.db, caller.user, org, which, request).await?;
    Ok(Json(Page::of(page, ProjectBody::from)))
}
