//! `GET /orgs/{orgId}/webhooks`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::OrgAction;
use platform::db::Sort;
use platform::db::webhooks::{self, WebhookSort};
use schema::ids::OrgId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::WebhookBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::pagination::{Page, PageQuery, sort_schema};
use crate::problem::{Problem, ProblemBody};

/// Which webhooks, in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// By what to sort; with a hyphen the other way round.
    #[param(schema_with = sort_schema::<WebhookSort>)]
    sort: Option<String>,
    /// `nextCursor` of the page before, of the same order; left out: the first page.
    cursor: Option<String>,
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Those that are told something, or those that are not.
    active: Option<bool>,
}

/// List an organization's webhooks
///
/// For owners and admins, oldest first unless `sort` says otherwise.
#[utoipa::path(get, path = "/orgs/{orgId}/webhooks", tag = "webhooks", operation_id = "listWebhooks",
    params(("orgId" = Uuid, Path, description = "The organization's id."), Parameters),
    responses(
        (status = OK, description = "A page of webhooks.", body = Page<WebhookBody>),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller's role does not allow it.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(org): Id<OrgId>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Page<WebhookBody>>, Problem> {
    let Parameters { sort, cursor, limit, active } = parameters;
    let request = PageQuery { cursor, limit }.sorted(sort.as_deref(), Sort::ascending(WebhookSort::CreatedAt))?;
    api.organization(&caller, org, OrgAction::ManageWebhooks).await?;
    let page = webhooks::list(&api.db, org, active, request).await?;
    Ok(Json(Page::of(page, WebhookBody::from)))
}
