//! `GET /projects/{projectId}/members`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::{Access, ProjectRole};
use platform::db::Sort;
use platform::db::members::{self, MemberSort};
use schema::ids::ProjectId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{ProjectMember, ProjectRoleBody};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::pagination::{Page, PageQuery, sort_schema};
use crate::problem::Problem;

/// Which members, in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// By what to sort; with a hyphen the other way round.
    #[param(schema_with = sort_schema::<MemberSort>)]
    sort: Option<String>,
    /// `nextCursor` of the page before, of the same order; left out: the first page.
    cursor: Option<String>,
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Those of this role, all things considered.
    #[param(inline)]
    role: Option<ProjectRoleBody>,
}

/// List who works in a project
///
/// Those whom the project names, and those who may see it by their role in the organization, by address unless `sort` says
/// otherwise. The role is what the person may do, all things considered.
#[utoipa::path(get, path = "/projects/{projectId}/members", tag = "projects", operation_id = "listProjectMembers",
    params(("projectId" = Uuid, Path, description = "The project's id."), Parameters),
    responses((status = OK, description = "The members.", body = Page<ProjectMember>)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ProjectId>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Page<ProjectMember>>, Problem> {
    let Parameters { sort, cursor, limit, role } = parameters;
    let request = PageQuery { cursor, limit }.sorted(sort.as_deref(), Sort::ascending(MemberSort::Email))?;
    let org = api.project(&caller, id, Access::Read).await?.document.org;
    let members = members::list_in_project(&api.db, org, id, role.map(ProjectRole::from), request).await?;
    Ok(Json(Page::of(members, ProjectMember::from)))
}
