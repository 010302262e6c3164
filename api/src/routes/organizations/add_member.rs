//! `POST /orgs/{orgId}/members`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use platform::access::{OrgAction, OrgRole};
use platform::db::members;
use schema::ids::OrgId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::list_members::OrgMember;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Id};
use crate::fields::Fields;
use crate::problem::{Problem, ProblemBody};

/// Who is to belong to the organization, and as what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewOrgMember)]
pub(super) struct Request {
    /// The person's address.
    #[schema(example = "grace@example.com")]
    email: String,
    /// What the person may do.
    role: Role,
}

/// The roles that can be given.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = NewOrgRole)]
pub(super) enum Role {
    /// Everything in all projects, and the members.
    Admin,
    /// Works in all projects.
    Member,
    /// Only what projects give.
    Guest,
}

impl From<Role> for OrgRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::Member => Self::Member,
            Role::Guest => Self::Guest,
        }
    }
}

/// Add a member to an organization, or change a member's role
///
/// For owners and admins. Only owners change an owner's role.
#[utoipa::path(post, path = "/orgs/{orgId}/members", tag = "organizations", operation_id = "addOrganizationMember",
    params(("orgId" = Uuid, Path, description = "The organization's id.")),
    request_body = Request,
    responses(
        (status = CREATED, description = "The person belongs to the organization now.", body = OrgMember),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller's role does not allow it.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = NOT_FOUND, description = "`NOT_FOUND`: no such organization. `USER_NOT_FOUND`: nobody has signed in with this address.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`LAST_OWNER`: the organization would be left without an owner. `CONFLICT`: several people have this address.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<OrgId>,
    extract::Json(request): extract::Json<Request>,
) -> Result<(StatusCode, Json<OrgMember>), Problem> {
    let (_, caller_role) = api.organization(&caller, id, OrgAction::ManageMembers).await?;
    let mut fields = Fields::default();
    let email = fields.email("email", &request.email);
    fields.finish()?;
    let user = api.user_by_email(&email).await?;
    let role = request.role.into();
    let may = |present: Option<OrgRole>| {
        if present == Some(OrgRole::Owner) {
            OrgAction::ManageOwners.check(caller_role, caller.means())?;
        }
        Ok::<_, Problem>(())
    };
    members::set_org_role(&api.db, id, &caller.actor, user.id, role, may).await?;
    api.access_news.announce(user.id);
    let member = members::find_in_org(&api.db, id, user.id).await?.ok_or_else(|| Problem::not_found("member"))?;
    Ok((StatusCode::CREATED, Json(member.into())))
}
