//! What a caller may do. The policy is [`platform::access`]; here its answers become problems: what one may not see does
//! not exist (404), what one sees but may not do is forbidden (403).

use http::HeaderValue;
use http::header::WWW_AUTHENTICATE;
use platform::access::{Access, Denied, Granted, OrgAction, OrgRole, OwnAction, ProjectAction, Scope, document_access};
use platform::db::DbError;
use platform::db::organizations::{self, Organization};
use platform::db::users::{self, EMAIL_AMBIGUOUS, User};
use schema::ids::{DocumentName, NodeId, OrgId, ProjectId};

use crate::Api;
use crate::authenticate::Caller;
use crate::observe::note_org;
use crate::problem::{Code, Problem};

impl Caller {
    /// Whether the caller may do this with what is theirs alone.
    pub fn check(&self, action: OwnAction) -> Result<(), Problem> {
        Ok(action.check(self.means())?)
    }
}

impl Api {
    /// A document with which the caller may do this; for [`Access`], whose content the caller may read or write.
    pub async fn document(
        &self,
        caller: &Caller,
        name: &DocumentName,
        action: impl Into<ProjectAction>,
    ) -> Result<Granted, Problem> {
        let what = match name {
            DocumentName::Project(_) => "project",
            DocumentName::Node(_) => "node",
            DocumentName::Free(_) | DocumentName::Scratch(_) => "document",
        };
        let granted = document_access(&self.db, &caller.principal, name, self.mode).await?;
        let granted = granted.ok_or_else(|| Problem::not_found(what))?;
        note_org(granted.document.org);
        action.into().check(granted.role, caller.means())?;
        Ok(granted)
    }

    /// A project in which the caller may do this.
    pub async fn project(
        &self,
        caller: &Caller,
        id: ProjectId,
        action: impl Into<ProjectAction>,
    ) -> Result<Granted, Problem> {
        self.document(caller, &DocumentName::Project(id), action).await
    }

    /// A node's own document.
    pub async fn node_document(&self, caller: &Caller, id: NodeId, access: Access) -> Result<Granted, Problem> {
        self.document(caller, &DocumentName::Node(id), access).await
    }

    /// An organization in which the caller may do this, with the caller's role.
    pub async fn organization(
        &self,
        caller: &Caller,
        id: OrgId,
        action: OrgAction,
    ) -> Result<(Organization, OrgRole), Problem> {
        if caller.only_org().is_some_and(|only| only != id) {
            return Err(Problem::not_found("organization"));
        }
        let found = organizations::find(&self.db, caller.user, id).await?;
        let (organization, role) = found.ok_or_else(|| Problem::not_found("organization"))?;
        note_org(id);
        action.check(role, caller.means())?;
        Ok((organization, role))
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

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::OrgRole(role) => Self::new(Code::Forbidden)
                .detail(format!("This takes the role {} in the organization, or a greater one.", role.as_str())),
            Denied::ProjectRole(role) => Self::new(Code::Forbidden).detail(format!(
                "This takes the role {} in the project, or a greater one. An administrator of the project can give it.",
                role.as_str()
            )),
            Denied::Scope(scope) => Self::insufficient_scope(scope),
            Denied::Program => Self::new(Code::PersonRequired),
        }
    }
}

impl Problem {
    fn insufficient_scope(scope: Scope) -> Self {
        let challenge = match scope {
            Scope::Read => r#"Bearer error="insufficient_scope", scope="api:read""#,
            Scope::Write => r#"Bearer error="insufficient_scope", scope="api:write""#,
        };
        Self::new(Code::InsufficientScope).header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }
}
