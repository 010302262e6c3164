//! `GET /projects/{projectId}/members`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::Access;
use platform::db::Sort;
use platform::db::members::{self, MemberOrder};
use schema::ids::ProjectId;

use super::ProjectMember;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::pagination::{Page, PageQuery};
use crate::problem::Problem;

/// List who works in a project
///
/// Those whom the project names, and those who may see it by their role in the organization, by address. The role is
/// what the person may do, all things considered.
#[utoipa::path(get, path = "/projects/{projectId}/members", tag = "projects", operation_id = "listProjectMembers",
    params(("projectId" = Uuid, Path, description = "The project's id."), PageQuery),
    responses((status = OK, description = "The members.", body = Page<ProjectMember>)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ProjectId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<ProjectMember>>, Problem> {
    let org = api.project(&caller, id, Access::Read).await?.document.org;
    let page = page.sorted(None, Sort::ascending(MemberOrder::Email))?;
    let members = members::list_in_project(&api.db, org, id, page).await?;
    Ok(Json(Page::of(members, ProjectMember::from)))
}
