//! `GET /orgs`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::{OrgRole, OwnAction};
use platform::db::Sort;
use platform::db::organizations::{self, OrganizationSort};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{OrgRoleBody, OrganizationBody};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Query;
use crate::pagination::{Page, PageQuery, sort_schema};
use crate::problem::Problem;

/// Which organizations, in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// By what to sort; with a hyphen the other way round.
    #[param(schema_with = sort_schema::<OrganizationSort>)]
    sort: Option<String>,
    /// `nextCursor` of the page before, of the same order; left out: the first page.
    cursor: Option<String>,
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Those in which this is the caller's role.
    #[param(inline)]
    role: Option<OrgRoleBody>,
}

/// List my organizations
///
/// Those of which the caller is a member, oldest first unless `sort` says otherwise; by an API key, the key's own.
#[utoipa::path(get, path = "/orgs", tag = "organizations", operation_id = "listOrganizations", params(Parameters),
    responses((status = OK, description = "A page of organizations.", body = Page<OrganizationBody>)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Page<OrganizationBody>>, Problem> {
    caller.check(OwnAction::View)?;
    let Parameters { sort, cursor, limit, role } = parameters;
    let request = PageQuery { cursor, limit }.sorted(sort.as_deref(), Sort::ascending(OrganizationSort::CreatedAt))?;
    if let Some(only) = caller.only_org() {
        let found = organizations::find(&api.db, caller.user, only).await?;
        let found = found.filter(|(_, is)| role.is_none_or(|role| OrgRole::from(role) == *is));
        return Ok(Json(Page::whole(found.map(OrganizationBody::from))));
    }
    let page = organizations::list(&api.db, caller.user, role.map(OrgRole::from), request).await?;
    Ok(Json(Page::of(page, OrganizationBody::from)))
}
