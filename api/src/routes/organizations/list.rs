//! `GET /orgs`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::OwnAction;
use platform::db::organizations;

use super::OrganizationBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Query;
use crate::pagination::{Page, PageQuery};
use crate::problem::Problem;

/// List my organizations
///
/// Those of which the caller is a member, oldest first; by an API key, the key's own.
#[utoipa::path(get, path = "/orgs", tag = "organizations", operation_id = "listOrganizations", params(PageQuery),
    responses((status = OK, description = "A page of organizations.", body = Page<OrganizationBody>)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<OrganizationBody>>, Problem> {
    caller.check(OwnAction::View)?;
    if let Some(only) = caller.only_org() {
        let found = organizations::find(&api.db, caller.user, only).await?;
        return Ok(Json(Page::whole(found.map(OrganizationBody::from))));
    }
    let page = organizations::list(&api.db, caller.user, query.request()?).await?;
    Ok(Json(Page::of(page, OrganizationBody::from)))
}
