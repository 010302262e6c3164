//! `DELETE /orgs/{orgId}/invitations/{invitationId}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use platform::access::OrgAction;
use platform::db::invitations;
use schema::ids::OrgId;
use uuid::Uuid;

use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Ids;
use crate::problem::{Problem, ProblemBody};

/// Take an invitation back
///
/// For owners and admins. Signing in with the address gives nothing from then on.
#[utoipa::path(delete, path = "/orgs/{orgId}/invitations/{invitationId}", tag = "organizations",
    operation_id = "revokeInvitation",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("invitationId" = Uuid, Path, description = "The invitation's id."),
    ),
    responses(
        (status = NO_CONTENT, description = "Taken back."),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller is neither an owner nor an admin. `INSUFFICIENT_SCOPE`: the API key may not.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(org, id): Ids<OrgId, Uuid>,
) -> Result<StatusCode, Problem> {
    api.organization(&caller, org, OrgAction::ManageMembers).await?;
    let revoked = invitations::revoke(&api.db, org, &caller.actor, id).await?;
    if revoked { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found("invitation")) }
}
