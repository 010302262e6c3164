//! `/orgs`: the tenants.

mod add_member;
mod audit_log;
mod create;
mod get;
mod list;
mod list_members;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use platform::access::OrgRole;
use platform::db::organizations::Organization;
use schema::ids::OrgId;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;

/// An organization, as one of its members sees it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Organization)]
pub struct OrganizationBody {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: OrgId,
    /// Its name.
    #[schema(example = "Analytical Engines")]
    name: String,
    /// Its unique name in addresses.
    #[schema(example = "analytical-engines")]
    slug: String,
    /// The caller's role in it.
    role: OrgRoleBody,
    /// When it was founded.
    created_at: DateTime<Utc>,
}

/// A role in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = OrgRole)]
pub enum OrgRoleBody {
    /// Everything.
    Owner,
    /// Everything in all projects, and the members.
    Admin,
    /// Works in all projects.
    Member,
    /// Only what projects give.
    Guest,
}

impl From<OrgRole> for OrgRoleBody {
    fn from(role: OrgRole) -> Self {
        match role {
            OrgRole::Owner => Self::Owner,
            OrgRole::Admin => Self::Admin,
            OrgRole::Member => Self::Member,
            OrgRole::Guest => Self::Guest,
        }
    }
}

impl From<(Organization, OrgRole)> for OrganizationBody {
    fn from((organization, role): (Organization, OrgRole)) -> Self {
        let Organization { id, name, slug, created_at, .. } = organization;
        Self { id, name, slug, role: role.into(), created_at }
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list::handler, create::handler))
        .routes(routes!(get::handler))
        .routes(routes!(list_members::handler, add_member::handler))
        .routes(routes!(audit_log::handler))
}

pub(crate) use create::create;
