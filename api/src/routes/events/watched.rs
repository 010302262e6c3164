//! What a stream is about, and whether somebody may still hear of it.

use platform::access::{OrgAction, ProjectAction, document_access};
use platform::db::DbError;
use platform::db::events::Scope;
use platform::db::organizations;
use platform::events::Interest;
use schema::ids::{DocumentName, OrgId, UserId};

use crate::Api;
use crate::authenticate::Caller;
use crate::problem::Problem;

/// What is listened to.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub(super) org: OrgId,
    /// A project or node; `None` for all of the organization.
    document: Option<DocumentName>,
}

impl Watched {
    /// All of an organization, for those who may read all of its projects.
    pub(super) async fn organization(api: &Api, caller: &Caller, org: OrgId) -> Result<Self, Problem> {
        api.organization(caller, org, OrgAction::ReadEvents).await?;
        Ok(Self { org, document: None })
    }

    /// A project or node of an organization.
    pub(super) const fn document(name: DocumentName, org: OrgId) -> Self {
        Self { org, document: Some(name) }
    }

    pub(super) fn scope(&self, user: UserId) -> Scope {
        match self.document {
            Some(DocumentName::Project(project)) => Scope::Project(project),
            Some(DocumentName::Node(node)) => Scope::Node(node),
            _ => Scope::Organization(user),
        }
    }

    pub(super) fn interest(&self, user: UserId) -> Interest {
        match self.document {
            Some(DocumentName::Project(project)) => Interest::Project(project),
            Some(DocumentName::Node(node)) => Interest::Node(node),
            _ => Interest::Organization(user),
        }
    }

    /// Whether the caller may still hear of it.
    pub(super) async fn is_open_to(&self, api: &Api, caller: &Caller) -> Result<bool, DbError> {
        let Some(name) = &self.document else {
            let found = organizations::find(&api.db, caller.user, self.org).await?;
            return Ok(found.is_some_and(|(_, role)| OrgAction::ReadEvents.check(role, caller.means()).is_ok()));
        };
        let granted = document_access(&api.db, &caller.principal, name, api.mode).await?;
        Ok(granted.is_some_and(|granted| ProjectAction::View.check(granted.role, caller.means()).is_ok()))
    }
}
