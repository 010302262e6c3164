//! `POST /orgs/{orgId}/invitations`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use platform::access::{OrgAction, ProjectRole};
use platform::db::invitations::{self, Offer};
use platform::db::users::{self, EMAIL_AMBIGUOUS, User};
use platform::db::{DbError, members, projects};
use schema::ids::{OrgId, ProjectId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::projects::ProjectRoleBody;
use super::{InvitationBody, InvitedRole, Status};
use crate::authenticate::Caller;
use crate::extract::Id;
use crate::fields::Fields;
use crate::idempotency::IdempotencyKey;
use crate::problem::{Code, Problem, ProblemBody};
use crate::{Api, extract};

/// How long an invitation holds unless said otherwise.
const DAYS_DEFAULT: i64 = 14;
/// How long an invitation may hold.
const DAYS_MAX: i64 = 90;

/// Who is invited, and to what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewInvitation)]
pub(super) struct Request {
    /// The address.
    #[schema(example = "grace@example.com")]
    email: String,
    /// What the person may do in the organization.
    role: InvitedRole,
    /// A project of the organization in which the person gets a role of their own.
    #[schema(value_type = Option<uuid::Uuid>, nullable = false)]
    project_id: Option<ProjectId>,
    /// That role; left out: a member's.
    #[schema(nullable = false)]
    project_role: Option<ProjectRoleBody>,
    /// Until when the invitation can be accepted, at most 90 days from now; left out: for 14 days.
    #[schema(nullable = false)]
    expires_at: Option<DateTime<Utc>>,
}

/// Invite an address
///
/// For owners and admins. Whoever signs in with the address (which the identity provider has verified) belongs to the
/// organization from then on. Somebody who has done so before is added at once: `status` is `accepted` then, and there is
/// no invitation. An invitation of the same address (to the same project) is replaced. GlassBox sends no mail: tell the
/// person to sign in.
#[utoipa::path(post, path = "/orgs/{orgId}/invitations", tag = "organizations", operation_id = "createInvitation",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send the request again."),
    ),
    request_body = Request,
    responses(
        (status = CREATED, description = "Invited, or added.", body = InvitationBody),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller is neither an owner nor an admin. `INSUFFICIENT_SCOPE`: the API key may not.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`CONFLICT`: the person belongs to the organization already, or several people have this address. `LIMIT_REACHED`: too many are invited.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(org): Id<OrgId>,
    key: IdempotencyKey,
    extract::Json(request): extract::Json<Request>,
) -> Result<(StatusCode, Json<InvitationBody>), Problem> {
    api.organization(&caller, org, OrgAction::ManageMembers).await?;
    let now = api.clock.now();
    let mut fields = Fields::default();
    let email = fields.email("email", &request.email);
    let expires_at = request.expires_at.unwrap_or(now + TimeDelta::days(DAYS_DEFAULT));
    fields.future("expiresAt", expires_at, now, DAYS_MAX);
    let offer = offer(&api, &caller, org, &request, &mut fields).await?;
    fields.finish()?;
    if let Some(user) = known(&api, &email).await? {
        refuse_what_is_had(&api, org, &user, offer).await?;
    }
    let id = key.new_id(&api, caller.user, &format!("invitations of {org}")).await?;
    let invitation = invitations::create(&api.db, org, &caller.actor, id, &email, offer, expires_at).await?;
    // Asked again: who signed in meanwhile may have found no invitation yet.
    let status = match known(&api, &email).await? {
        Some(user) if invitations::accept(&api.db, org, invitation.id, &user).await? => {
            api.access_news.announce(user.id);
            Status::Accepted
        }
        _ => Status::Pending,
    };
    Ok((StatusCode::CREATED, Json(InvitationBody::new(invitation, status))))
}

/// Who has signed in with this address.
async fn known(api: &Api, email: &str) -> Result<Option<User>, Problem> {
    users::find_by_email(&api.db, email).await.map_err(|error| match error {
        DbError::Conflict { constraint } if constraint == EMAIL_AMBIGUOUS => Problem::new(Code::Conflict)
            .detail("Several people have signed in with this address, so it does not say who is meant."),
        other => other.into(),
    })
}

async fn offer(
    api: &Api,
    caller: &Caller,
    org: OrgId,
    request: &Request,
    fields: &mut Fields,
) -> Result<Offer, Problem> {
    if let Some(project) = request.project_id {
        let found = projects::find(&api.db, caller.user, project).await?;
        if found.is_none_or(|(project, _)| project.org != org) {
            fields.refuse("projectId", "must be a project of the organization");
        }
    } else if request.project_role.is_some() {
        fields.refuse("projectRole", "says what the person may do in projectId, and means nothing without it");
    }
    let project_role = request.project_role.map_or(ProjectRole::Member, ProjectRole::from);
    Ok(Offer { role: request.role.into(), project: request.project_id.map(|project| (project, project_role)) })
}

/// Somebody who is a member can be invited to a project only.
async fn refuse_what_is_had(api: &Api, org: OrgId, user: &User, offer: Offer) -> Result<(), Problem> {
    let is_member = members::find_in_org(&api.db, org, user.id).await?.is_some();
    if is_member && offer.project.is_none() {
        let detail = "This person belongs to the organization already. Change the member's role instead.";
        return Err(Problem::new(Code::Conflict).detail(detail));
    }
    Ok(())
}
