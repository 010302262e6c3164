//! `/projects`, and `/orgs/{orgId}/projects`.

mod add_member;
mod create;
mod delete;
mod get;
mod get_member;
mod list;
mod list_members;
mod remove_member;
mod restore;
mod update;
mod update_member;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use platform::access::ProjectRole;
use platform::db::members::Member;
use platform::db::projects::{LockMode, Project};
use schema::ids::{OrgId, ProjectId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;
use crate::etag::ContentTag;

pub(crate) use create::create;

/// A project, as the caller sees it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Project)]
pub struct ProjectBody {
    /// Its id. Its canvas is the document `project:<id>`.
    #[schema(value_type = Uuid)]
    id: ProjectId,
    /// The organization it belongs to.
    #[schema(value_type = Uuid)]
    org_id: OrgId,
    /// Its name.
    #[schema(example = "Launch plan")]
    name: String,
    /// What it is about.
    #[schema(example = "From the first sketch to the launch")]
    description: String,
    /// The states that its nodes go through, in order.
    #[schema(example = json!(["draft", "in_progress", "complete"]))]
    workflow_states: Vec<String>,
    /// How it is set up.
    settings: ProjectSettings,
    /// The caller's role in it.
    role: ProjectRoleBody,
    /// When it was begun.
    created_at: DateTime<Utc>,
    /// When its name, description, states or settings last changed.
    updated_at: DateTime<Utc>,
    /// Since when it is in the trash.
    #[schema(required)]
    deleted_at: Option<DateTime<Utc>>,
}

/// How a project is set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectSettings {
    /// What a lock on a node means to others.
    lock_mode: LockModeBody,
}

/// What a lock on a node means to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = LockMode)]
pub enum LockModeBody {
    /// They are shown who is at work, and may write nevertheless.
    Advisory,
    /// Their edits are refused.
    Enforced,
}

impl From<LockMode> for LockModeBody {
    fn from(mode: LockMode) -> Self {
        match mode {
            LockMode::Advisory => Self::Advisory,
            LockMode::Enforced => Self::Enforced,
        }
    }
}

impl From<LockModeBody> for LockMode {
    fn from(mode: LockModeBody) -> Self {
        match mode {
            LockModeBody::Advisory => Self::Advisory,
            LockModeBody::Enforced => Self::Enforced,
        }
    }
}

/// A role in a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ProjectRole)]
pub enum ProjectRoleBody {
    /// Reads, writes, and decides who else may.
    Admin,
    /// Reads and writes.
    Member,
    /// Reads.
    Viewer,
}

/// Somebody who may see a project.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectMember {
    /// The person.
    #[schema(value_type = Uuid)]
    user_id: UserId,
    /// The address.
    #[schema(example = "grace@example.com")]
    email: String,
    /// What to call the person.
    #[schema(example = "Grace")]
    name: String,
    /// What the person may do, all things considered.
    role: ProjectRoleBody,
    /// Since when the person belongs to the organization.
    joined_at: DateTime<Utc>,
}

impl From<Member<ProjectRole>> for ProjectMember {
    fn from(member: Member<ProjectRole>) -> Self {
        let Member { user, email, name, role, joined_at } = member;
        Self { user_id: user, email, name, role: role.into(), joined_at }
    }
}

impl From<ProjectRole> for ProjectRoleBody {
    fn from(role: ProjectRole) -> Self {
        match role {
            ProjectRole::Admin => Self::Admin,
            ProjectRole::Member => Self::Member,
            ProjectRole::Viewer => Self::Viewer,
        }
    }
}

impl From<ProjectRoleBody> for ProjectRole {
    fn from(role: ProjectRoleBody) -> Self {
        match role {
            ProjectRoleBody::Admin => Self::Admin,
            ProjectRoleBody::Member => Self::Member,
            ProjectRoleBody::Viewer => Self::Viewer,
        }
    }
}

impl From<(Project, ProjectRole)> for ProjectBody {
    fn from((project, role): (Project, ProjectRole)) -> Self {
        Self {
            id: project.id,
            org_id: project.org,
            name: project.name,
            description: project.description,
            workflow_states: project.workflow_states,
            settings: ProjectSettings { lock_mode: project.settings.lock_mode.into() },
            role: role.into(),
            created_at: project.created_at,
            updated_at: project.updated_at,
            deleted_at: project.deleted_at,
        }
    }
}

impl ProjectBody {
    /// Not of when it was last changed: the row learns of changes on the canvas a moment later.
    fn tag(&self) -> ContentTag {
        let Self { id, name, description, workflow_states, settings, role, deleted_at, .. } = self;
        ContentTag::of(&(id, name, description, workflow_states, settings, role, deleted_at))
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list::handler, create::handler))
        .routes(routes!(get::handler, update::handler, delete::handler))
        .routes(routes!(restore::handler))
        .routes(routes!(list_members::handler, add_member::handler))
        .routes(routes!(get_member::handler, update_member::handler, remove_member::handler))
}
