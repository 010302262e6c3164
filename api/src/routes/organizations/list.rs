//! `GET /orgs`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::db::organizations;

use super::OrganizationBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Query;
use crate::pagination::{Page, PageQuery};
use crate::problem::Problem;

/// List my organizations
///
/// Those of which the caller is a member, oldest first.
#[utoipa::path(get, path = "/orgs", tag = "organizations", operation_id = "listOrganizations", params(PageQuery),
    responses((status = OK, description = "A page of organizations.", body = Page<OrganizationBody>)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<OrganizationBody>>, Problem> {
    let page = organizations::list(&api.db, caller.user, query.request()?).await?;
    Ok(Json(Page::of(page, OrganizationBody::from)))
}
