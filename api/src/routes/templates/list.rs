//! `GET /orgs/{orgId}/templates`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::OrgAction;
use platform::db::Sort;
use platform::db::templates::{self, TemplateSort};
use schema::ids::{OrgId, UserId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::TemplateBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::pagination::{Page, PageQuery, sort_schema};
use crate::problem::{Problem, ProblemBody};

/// Which templates, in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// By what to sort; with a hyphen the other way round.
    #[param(schema_with = sort_schema::<TemplateSort>)]
    sort: Option<String>,
    /// `nextCursor` of the page before, of the same order; left out: the first page.
    cursor: Option<String>,
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Those that this person made.
    #[param(value_type = Option<Uuid>)]
    created_by: Option<UserId>,
}

/// List an organization's templates
///
/// Oldest first unless `sort` says otherwise, without those that come with the server. For members who are no guests: templates may
/// hold what was written in any project.
#[utoipa::path(get, path = "/orgs/{orgId}/templates", tag = "templates", operation_id = "listTemplates",
    params(("orgId" = Uuid, Path, description = "The organization's id."), Parameters),
    responses(
        (status = OK, description = "A page of templates.", body = Page<TemplateBody>),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller is a guest.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(org): Id<OrgId>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Page<TemplateBody>>, Problem> {
    let Parameters { sort, cursor, limit, created_by } = parameters;
    let request = PageQuery { cursor, limit }.sorted(sort.as_deref(), Sort::ascending(TemplateSort::CreatedAt))?;
    api.organization(&caller, org, OrgAction::UseTemplates).await?;
    let page = templates::list(&api.db, org, created_by, request).await?;
    Ok(Json(Page::of(page, TemplateBody::from)))
}
