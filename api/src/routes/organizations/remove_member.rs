//! `DELETE /orgs/{orgId}/members/{userId}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use platform::access::{OrgAction, OrgRole};
use platform::db::members;
use schema::ids::{OrgId, UserId};

use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Ids;
use crate::problem::{Problem, ProblemBody};

/// Take a member out of an organization, or leave it
///
/// For owners and admins; only owners take out an owner. Everybody may leave. The person is out of all projects of the
/// organization, their open sockets are told at once, and the API keys that they made are revoked.
#[utoipa::path(delete, path = "/orgs/{orgId}/members/{userId}", tag = "organizations",
    operation_id = "removeOrganizationMember",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("userId" = Uuid, Path, description = "The person's id."),
    ),
    responses(
        (status = NO_CONTENT, description = "The person does not belong to the organization any more."),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller's role does not allow it. `PERSON_REQUIRED`: an API key cannot leave, nor take out owners. `INSUFFICIENT_SCOPE`: the API key may not.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`LAST_OWNER`: the organization would be left without an owner.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(id, user): Ids<OrgId, UserId>,
) -> Result<StatusCode, Problem> {
    let leaves = user == caller.user;
    let action = if leaves { OrgAction::Leave } else { OrgAction::ManageMembers };
    let (_, caller_role) = api.organization(&caller, id, action).await?;
    let may = |role| {
        if role == OrgRole::Owner && !leaves {
            OrgAction::ManageOwners.check(caller_role, caller.means())?;
        }
        Ok::<_, Problem>(())
    };
    if !members::remove_from_org(&api.db, id, &caller.actor, user, may).await? {
        return Err(Problem::not_found("member"));
    }
    api.access_news.announce(user);
    Ok(StatusCode::NO_CONTENT)
}
