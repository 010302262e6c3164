//! `GET /projects/{projectId}/documents`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::Access;
use platform::db::Sort;
use platform::db::documents::{self, FreeDocumentSort};
use platform::db::projects::Which;
use schema::ids::ProjectId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::body::DocumentBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::pagination::{Page, PageQuery, sort_schema};
use crate::problem::Problem;

/// In which order, and which part.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// By what to sort; with a hyphen the other way round.
    #[param(schema_with = sort_schema::<FreeDocumentSort>)]
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

/// List a project's free documents
///
/// All of them, or those that are in the trash; oldest first unless `sort` says otherwise.
#[utoipa::path(get, path = "/projects/{projectId}/documents", tag = "documents", operation_id = "listDocuments",
    params(("projectId" = Uuid, Path, description = "The project's id."), Parameters),
    responses((status = OK, description = "A page of documents.", body = Page<DocumentBody>)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(project): Id<ProjectId>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Page<DocumentBody>>, Problem> {
    let Parameters { sort, cursor, limit, deleted } = parameters;
    let request = PageQuery { cursor, limit }.sorted(sort.as_deref(), Sort::ascending(FreeDocumentSort::CreatedAt))?;
    let which = if deleted.unwrap_or_default() { Which::InTrash } else { Which::Present };
    let org = api.project(&caller, project, Access::Read).await?.document.org;
    let page = documents::list_free(&api.db, org, project, which, request).await?;
    Ok(Json(Page::of(page, DocumentBody::from)))
}
