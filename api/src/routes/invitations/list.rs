//! `GET /orgs/{orgId}/invitations`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::OrgAction;
use platform::db::invitations;
use schema::ids::OrgId;

use super::{InvitationBody, Status};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::pagination::{Page, PageQuery};
use crate::problem::{Problem, ProblemBody};

/// List an organization's invitations
///
/// For owners and admins. Those that nobody has accepted, oldest first.
#[utoipa::path(get, path = "/orgs/{orgId}/invitations", tag = "organizations", operation_id = "listInvitations",
    params(("orgId" = Uuid, Path, description = "The organization's id."), PageQuery),
    responses(
        (status = OK, description = "A page of invitations.", body = Page<InvitationBody>),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller is neither an owner nor an admin. `INSUFFICIENT_SCOPE`: the API key may not.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(org): Id<OrgId>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<InvitationBody>>, Problem> {
    let request = query.request()?;
    api.organization(&caller, org, OrgAction::ManageMembers).await?;
    let now = api.clock.now();
    let page = invitations::list(&api.db, org, request).await?;
    Ok(Json(Page::of(page, |invitation| {
        let status = if invitation.expires_at <= now { Status::Expired } else { Status::Pending };
        InvitationBody::new(invitation, status)
    })))
}
