//! `GET /orgs/{orgId}/invitations`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::OrgAction;
use platform::db::Sort;
use platform::db::invitations::{self, InvitationSort, Which};
use schema::ids::OrgId;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{InvitationBody, Status};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::pagination::{Page, PageQuery, sort_schema};
use crate::problem::{Problem, ProblemBody};

/// Which invitations, in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// By what to sort; with a hyphen the other way round.
    #[param(schema_with = sort_schema::<InvitationSort>)]
    sort: Option<String>,
    /// `nextCursor` of the page before, of the same order; left out: the first page.
    cursor: Option<String>,
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Those that stand here.
    #[param(inline)]
    status: Option<OpenStatus>,
}

/// Where an invitation stands that nobody has accepted.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum OpenStatus {
    /// It can be accepted.
    Pending,
    /// It has run out.
    Expired,
}

/// List an organization's invitations
///
/// For owners and admins. Those that nobody has accepted, oldest first unless `sort` says otherwise.
#[utoipa::path(get, path = "/orgs/{orgId}/invitations", tag = "organizations", operation_id = "listInvitations",
    params(("orgId" = Uuid, Path, description = "The organization's id."), Parameters),
    responses(
        (status = OK, description = "A page of invitations.", body = Page<InvitationBody>),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller is neither an owner nor an admin. `INSUFFICIENT_SCOPE`: the API key may not.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(org): Id<OrgId>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Page<InvitationBody>>, Problem> {
    let Parameters { sort, cursor, limit, status } = parameters;
    let request = PageQuery { cursor, limit }.sorted(sort.as_deref(), Sort::ascending(InvitationSort::CreatedAt))?;
    api.organization(&caller, org, OrgAction::ManageMembers).await?;
    let now = api.clock.now();
    let which = match status {
        None => Which::All,
        Some(OpenStatus::Pending) => Which::Pending(now),
        Some(OpenStatus::Expired) => Which::Expired(now),
    };
    let page = invitations::list(&api.db, org, which, request).await?;
    Ok(Json(Page::of(page, |invitation| {
        let status = if invitation.expires_at <= now { Status::Expired } else { Status::Pending };
        InvitationBody::new(invitation, status)
    })))
}
