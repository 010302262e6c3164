//! `/orgs/{orgId}/invitations`: places for whoever signs in with an address.

mod create;
mod list;
mod revoke;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use platform::access::OrgRole;
use platform::db::invitations::Invitation;
use schema::ids::{ProjectId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::projects::ProjectRoleBody;
use crate::Api;

/// An invitation of an address.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Invitation)]
pub(super) struct InvitationBody {
    /// Its id.
    id: Uuid,
    /// The address, in small letters.
    #[schema(example = "grace@example.com")]
    email: String,
    /// What the person may do in the organization.
    role: InvitedRole,
    /// A project in which the person gets a role of their own.
    #[schema(value_type = Option<Uuid>, required)]
    project_id: Option<ProjectId>,
    /// That role.
    #[schema(required)]
    project_role: Option<ProjectRoleBody>,
    /// Who invited.
    #[schema(value_type = Option<Uuid>, required)]
    invited_by: Option<UserId>,
    /// When.
    created_at: DateTime<Utc>,
    /// Until when it can be accepted.
    expires_at: DateTime<Utc>,
    /// Where it stands.
    status: Status,
}

/// Where an invitation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = InvitationStatus)]
pub(super) enum Status {
    /// Nobody has signed in with the address yet.
    Pending,
    /// It has run out.
    Expired,
    /// The person belongs to the organization; the invitation is no more.
    Accepted,
}

/// The roles that can be offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum InvitedRole {
    /// Everything in all projects, and the members.
    Admin,
    /// Works in all projects.
    Member,
    /// Only what projects give.
    Guest,
}

impl From<InvitedRole> for OrgRole {
    fn from(role: InvitedRole) -> Self {
        match role {
            InvitedRole::Admin => Self::Admin,
            InvitedRole::Member => Self::Member,
            InvitedRole::Guest => Self::Guest,
        }
    }
}

impl InvitationBody {
    fn new(invitation: Invitation, status: Status) -> Self {
        let Invitation { id, email, offer, invited_by, created_at, expires_at } = invitation;
        let role = match offer.role {
            // Owners cannot be invited; what is above a member is an admin.
            OrgRole::Owner | OrgRole::Admin => InvitedRole::Admin,
            OrgRole::Member => InvitedRole::Member,
            OrgRole::Guest => InvitedRole::Guest,
        };
        let (project_id, project_role) = offer.project.unzip();
        let project_role = project_role.map(ProjectRoleBody::from);
        Self { id, email, role, project_id, project_role, invited_by, created_at, expires_at, status }
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list::handler, create::handler)).routes(routes!(revoke::handler))
}
