//! `PATCH /orgs/{orgId}/members/{userId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::{OrgAction, OrgRole};
use platform::db::members;
use schema::ids::{OrgId, UserId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::OrgRoleBody;
use super::list_members::OrgMember;
use crate::authenticate::Caller;
use crate::extract::Ids;
use crate::problem::{Problem, ProblemBody};
use crate::{Api, extract};

/// What changes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OrgMemberChanges)]
pub(super) struct Request {
    /// What the person may do from now on.
    role: OrgRoleBody,
}

/// Change a member's role
///
/// For owners and admins; only owners make somebody an owner, or an owner something else. Open sockets of the person hear
/// of it at once.
#[utoipa::path(patch, path = "/orgs/{orgId}/members/{userId}", tag = "organizations",
    operation_id = "updateOrganizationMember",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("userId" = Uuid, Path, description = "The person's id."),
    ),
    request_body(content((Request = "application/json"), (Request = "application/merge-patch+json"))),
    responses(
        (status = OK, description = "The member as they are now.", body = OrgMember),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller's role does not allow it. `PERSON_REQUIRED`: an API key cannot do this to or for owners. `INSUFFICIENT_SCOPE`: the API key may not.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`LAST_OWNER`: the organization would be left without an owner.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(id, user): Ids<OrgId, UserId>,
    extract::Json(request): extract::Json<Request>,
) -> Result<Json<OrgMember>, Problem> {
    let (_, caller_role) = api.organization(&caller, id, OrgAction::ManageMembers).await?;
    let role = OrgRole::from(request.role);
    let may = |present: Option<OrgRole>| {
        let present = present.ok_or_else(|| Problem::not_found("member"))?;
        if [present, role].contains(&OrgRole::Owner) {
            OrgAction::ManageOwners.check(caller_role, caller.means())?;
        }
        Ok::<_, Problem>(())
    };
    members::set_org_role(&api.db, id, &caller.actor, user, role, may).await?;
    api.access_news.announce(user);
    let member = members::find_in_org(&api.db, id, user).await?;
    Ok(Json(member.ok_or_else(|| Problem::not_found("member"))?.into()))
}
