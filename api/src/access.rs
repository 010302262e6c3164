//! What a caller may do. The policy is [`platform::access`]; here its answers become problems: what one may not see does
//! not exist (404), what one sees but may not do is forbidden (403).

use platform::access::{Access, Granted, OrgRole, ProjectRole, document_access};
use platform::db::DbError;
use platform::db::organizations::{self, Organization};
use platform::db::users::{self, EMAIL_AMBIGUOUS, User};
use schema::ids::{DocumentName, NodeId, OrgId, ProjectId};

use crate::Api;
use crate::authenticate::Caller;
use crate::observe::note_org;
use crate::problem::{Code, Problem};

impl Api {
    /// A document that the caller may open like this.
    pub async fn document(&self, caller: &Caller, name: &DocumentName, access: Access) -> Result<Granted, Problem> {
        let what = match name {
            DocumentName::Project(_) => "project",
            DocumentName::Node(_) => "node",
            DocumentName::Free(_) | DocumentName::Scratch(_) => "document",
        };
        let granted = document_access(&self.db, &caller.principal, name, self.mode).await?;
        let granted = granted.ok_or_else(|| Problem::not_found(what))?;
        note_org(granted.document.org);
        if granted.access < access {
            return Err(Problem::new(Code::Forbidden).detail(
                "You may read this and not change it. Ask an administrator of the project to make you a member.",
            ));
        }
        Ok(granted)
    }

    /// A project, by its canvas.
    pub async fn project(&self, caller: &Caller, id: ProjectId, access: Access) -> Result<Granted, Problem> {
        self.document(caller, &DocumentName::Project(id), access).await
    }

    /// A project that the caller administers.
    pub async fn administered_project(&self, caller: &Caller, id: ProjectId) -> Result<Granted, Problem> {
        let granted = self.project(caller, id, Access::Read).await?;
        if granted.role < ProjectRole::Admin {
            return Err(Problem::new(Code::Forbidden).detail("Only administrators of the project may do this."));
        }
        Ok(granted)
    }

    /// A node's own document.
    pub async fn node_document(&self, caller: &Caller, id: NodeId, access: Access) -> Result<Granted, Problem> {
        self.document(caller, &DocumentName::Node(id), access).await
    }

    /// An organization of which the caller is a member, with the caller's role.
    pub async fn organization(&self, caller: &Caller, id: OrgId) -> Result<(Organization, OrgRole), Problem> {
        let found = organizations::find(&self.db, caller.user, id).await?;
        let found = found.ok_or_else(|| Problem::not_found("organization"))?;
        note_org(id);
        Ok(found)
    }

    /// An organization that the caller administers.
    pub async fn administered_organization(
        &self,
        caller: &Caller,
        id: OrgId,
    ) -> Result<(Organization, OrgRole), Problem> {
        let found = self.organization(caller, id).await?;
        if !found.1.is_admin() {
            return Err(Problem::new(Code::Forbidden).detail("Only owners and admins of the organization may do this."));
        }
        Ok(found)
    }

    /// The person with this address, to be given a role.
    pub async fn user_by_email(&self, email: &str) -> Result<User, Problem> {
        let found = users::find_by_email(&self.db, email).await.map_err(|error| match error {
            DbError::Conflict { constraint } if constraint == EMAIL_AMBIGUOUS => Problem::new(Code::Conflict)
                .detail("Several people have signed in with this address, so it does not say who is meant."),
            other => other.into(),
        })?;
        found.ok_or_else(|| Problem::new(Code::UserNotFound))
    }
}
