//! `/orgs`: the tenants.

mod add_member;
mod audit_log;
mod create;
mod delete;
mod get;
mod get_member;
mod list;
mod list_members;
mod remove_member;
mod settings;
mod slug;
mod update;
mod update_member;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use platform::access::OrgRole;
use platform::db::log::EventSourcingLevel;
use platform::db::organizations::Organization;
use schema::ids::OrgId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;
use crate::etag::ContentTag;
use settings::SettingsBody;

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
    /// What agents may do in it.
    settings: SettingsBody,
    /// What it keeps of its documents' history.
    event_sourcing_level: LevelBody,
    /// When it was founded.
    created_at: DateTime<Utc>,
}

/// What an organization keeps of its documents' history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = EventSourcingLevel)]
pub enum LevelBody {
    /// Every update, for ever.
    Full,
    /// Every update of the last days, then ever fewer versions.
    Snapshot,
    /// Who and when, and no old content.
    Audit,
}

impl From<EventSourcingLevel> for LevelBody {
    fn from(level: EventSourcingLevel) -> Self {
        match level {
            EventSourcingLevel::Full => Self::Full,
            EventSourcingLevel::Snapshot => Self::Snapshot,
            EventSourcingLevel::Audit => Self::Audit,
        }
    }
}

impl From<LevelBody> for EventSourcingLevel {
    fn from(level: LevelBody) -> Self {
        match level {
            LevelBody::Full => Self::Full,
            LevelBody::Snapshot => Self::Snapshot,
            LevelBody::Audit => Self::Audit,
        }
    }
}

/// A role in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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

impl From<OrgRoleBody> for OrgRole {
    fn from(role: OrgRoleBody) -> Self {
        match role {
            OrgRoleBody::Owner => Self::Owner,
            OrgRoleBody::Admin => Self::Admin,
            OrgRoleBody::Member => Self::Member,
            OrgRoleBody::Guest => Self::Guest,
        }
    }
}

impl From<(Organization, OrgRole)> for OrganizationBody {
    fn from((organization, role): (Organization, OrgRole)) -> Self {
        let Organization { id, name, slug, settings, level, created_at } = organization;
        Self {
            id,
            name,
            slug,
            role: role.into(),
            settings: settings.into(),
            event_sourcing_level: level.into(),
            created_at,
        }
    }
}

impl OrganizationBody {
    fn tag(&self) -> ContentTag {
        ContentTag::of(self)
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list::handler, create::handler))
        .routes(routes!(get::handler, update::handler, delete::handler))
        .routes(routes!(list_members::handler, add_member::handler))
        .routes(routes!(get_member::handler, update_member::handler, remove_member::handler))
        .routes(routes!(audit_log::handler))
}

pub(crate) use create::create;
