//! `GET /orgs/{orgId}/projects`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::OrgAction;
use platform::db::projects;
use schema::ids::OrgId;

use super::ProjectBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::pagination::{Page, PageQuery};
use crate::problem::Problem;

/// List an organization's projects
///
/// Those that the caller may see, oldest first.
#[utoipa::path(get, path = "/orgs/{orgId}/projects", tag = "projects", operation_id = "listProjects",
    params(("orgId" = Uuid, Path, description = "The organization's id."), PageQuery),
    responses((status = OK, description = "A page of projects.", body = Page<ProjectBody>)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(org): Id<OrgId>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ProjectBody>>, Problem> {
    let request = query.request()?;
    api.organization(&caller, org, OrgAction::View).await?;
    let page = projects::list(&api.db, caller.user, org, request).await?;
    Ok(Json(Page::of(page, ProjectBody::from)))
}
