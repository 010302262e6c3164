//! `GET /orgs/{orgId}/api-keys`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::OrgAction;
use platform::db::Sort;
use platform::db::api_keys::{self, ApiKeySort, Which};
use schema::ids::OrgId;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::ApiKeyBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::pagination::{Page, PageQuery, sort_schema};
use crate::problem::{Problem, ProblemBody};

/// Which keys, in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// By what to sort; with a hyphen the other way round.
    #[param(schema_with = sort_schema::<ApiKeySort>)]
    sort: Option<String>,
    /// `nextCursor` of the page before, of the same order; left out: the first page.
    cursor: Option<String>,
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Those that are in force, were revoked, or have run out.
    #[param(inline)]
    status: Option<Status>,
}

/// Whether a key is in force.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Status {
    /// It is.
    Active,
    /// It was revoked.
    Revoked,
    /// It has run out, and was not revoked.
    Expired,
}

/// List an organization's API keys
///
/// For owners and admins who have signed in. Oldest first unless `sort` says otherwise; revoked ones too unless `status`
/// does, so that what was done with them has a name.
#[utoipa::path(get, path = "/orgs/{orgId}/api-keys", tag = "organizations", operation_id = "listApiKeys",
    params(("orgId" = Uuid, Path, description = "The organization's id."), Parameters),
    responses(
        (status = OK, description = "A page of keys.", body = Page<ApiKeyBody>),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller is neither an owner nor an admin. `PERSON_REQUIRED`: an API key cannot do this.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(org): Id<OrgId>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Page<ApiKeyBody>>, Problem> {
    let Parameters { sort, cursor, limit, status } = parameters;
    let request = PageQuery { cursor, limit }.sorted(sort.as_deref(), Sort::ascending(ApiKeySort::CreatedAt))?;
    api.organization(&caller, org, OrgAction::ManageApiKeys).await?;
    let which = match status {
        None => Which::All,
        Some(Status::Active) => Which::Active(api.clock.now()),
        Some(Status::Revoked) => Which::Revoked,
        Some(Status::Expired) => Which::Expired(api.clock.now()),
    };
    let page = api_keys::list(&api.db, org, which, request).await?;
    Ok(Json(Page::of(page, ApiKeyBody::from)))
}
