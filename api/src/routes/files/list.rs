//! `GET /orgs/{orgId}/files`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::{OrgAction, ProjectAction};
use platform::db::Sort;
use platform::db::files::{self, FileSort, FileState, Filter, Sees};
use schema::ids::{OrgId, ProjectId, UserId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{FileBody, StatusBody};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::pagination::{Page, PageQuery, sort_schema};
use crate::problem::Problem;

/// Which files, in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// By what to sort; with a hyphen the other way round.
    #[param(schema_with = sort_schema::<FileSort>)]
    sort: Option<String>,
    /// `nextCursor` of the page before, of the same order; left out: the first page.
    cursor: Option<String>,
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Of this project.
    #[param(value_type = Option<Uuid>)]
    project_id: Option<ProjectId>,
    /// With which the server is so far.
    #[param(inline)]
    processing_status: Option<StatusBody>,
    /// Whose media type begins so, such as `image/`.
    content_type: Option<String>,
    /// That this person uploaded.
    #[param(value_type = Option<Uuid>)]
    uploaded_by: Option<UserId>,
}

/// List an organization's files
///
/// Those that the caller may see, oldest first unless `sort` says otherwise: guests see those of their projects.
/// Without `downloadUrl`, which a file has when it is read by itself.
#[utoipa::path(get, path = "/orgs/{orgId}/files", tag = "files", operation_id = "listFiles",
    params(("orgId" = Uuid, Path, description = "The organization's id."), Parameters),
    responses((status = OK, description = "A page of files.", body = Page<FileBody>)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(org): Id<OrgId>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Page<FileBody>>, Problem> {
    let Parameters { sort, cursor, limit, project_id, processing_status, content_type, uploaded_by } = parameters;
    let request = PageQuery { cursor, limit }.sorted(sort.as_deref(), Sort::ascending(FileSort::CreatedAt))?;
    let (_, role) = api.organization(&caller, org, OrgAction::View).await?;
    if let Some(project) = project_id {
        api.project(&caller, project, ProjectAction::View).await?;
    }
    let sees_all = OrgAction::ViewFiles.check(role, caller.means()).is_ok();
    let sees = if sees_all { Sees::All } else { Sees::OwnProjects(caller.user) };
    let state = processing_status.map(FileState::from);
    let filter = Filter { project: project_id, state, content_type, uploaded_by };
    let page = files::list(&api.db, org, sees, &filter, request).await?;
    Ok(Json(Page::of(page, FileBody::from)))
}
