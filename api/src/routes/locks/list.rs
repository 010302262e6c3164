//! `GET /projects/{projectId}/locks`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::Access;
use platform::db::locks;
use schema::ids::ProjectId;

use super::LockBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Id;
use crate::pagination::Page;
use crate::problem::Problem;

/// List the locks that are held in a project
///
/// All of them, up to a thousand.
#[utoipa::path(get, path = "/projects/{projectId}/locks", tag = "nodes", operation_id = "listLocks",
    params(("projectId" = Uuid, Path, description = "The project's id.")),
    responses((status = OK, description = "The locks.", body = Page<LockBody>)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(project): Id<ProjectId>,
) -> Result<Json<Page<LockBody>>, Problem> {
    let org = api.project(&caller, project, Access::Read).await?.document.org;
    let locks = locks::list(&api.db, org, project).await?;
    Ok(Json(Page::whole(locks.into_iter().map(LockBody::from))))
}
