//! Who may do what: the policy, in one place.

mod desk;
mod lookup;
mod news;

pub use desk::{AccessDesk, Undecided};
pub use lookup::document_access;
pub use news::{AccessChange, AccessListener, AccessNews};

use crate::db::DbError;
use crate::db::documents::DocumentRef;

/// What a principal may do with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// See what it holds and who is there.
    Read,
    /// Edit it too.
    Write,
}

/// A role in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrgRole {
    /// Everything, including the organization's end.
    Owner,
    /// Everything in all projects, and the members.
    Admin,
    /// Works in all projects.
    Member,
    /// Only what projects give.
    Guest,
}

/// A role in a project. A greater one may do all that a smaller one may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProjectRole {
    /// Reads.
    Viewer,
    /// Reads and writes.
    Member,
    /// Reads, writes, and decides who else may.
    Admin,
}

impl OrgRole {
    /// Its name, in the tables and in REST.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Guest => "guest",
        }
    }

    /// Whether the role changes members and settings of the organization.
    #[must_use]
    pub const fn is_admin(self) -> bool {
        matches!(self, Self::Owner | Self::Admin)
    }

    /// Whether the role begins new projects.
    #[must_use]
    pub const fn creates_projects(self) -> bool {
        !matches!(self, Self::Guest)
    }

    pub(crate) fn from_column(text: &str) -> Result<Self, DbError> {
        [Self::Owner, Self::Admin, Self::Member, Self::Guest]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| DbError::Invalid(format!("{text} is no role in an organization")))
    }
}

impl ProjectRole {
    /// Its name, in the tables and in REST.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }

    /// What the role may do with the project's documents.
    #[must_use]
    pub const fn access(self) -> Access {
        match self {
            Self::Viewer => Access::Read,
            Self::Member | Self::Admin => Access::Write,
        }
    }

    pub(crate) fn from_column(text: &str) -> Result<Self, DbError> {
        [Self::Viewer, Self::Member, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| DbError::Invalid(format!("{text} is no role in a project")))
    }
}

/// The role in a project of somebody with these roles in its organization and in the project itself.
///
/// Who is not of the organization has none. Its owners and admins are admins of every project. For others the
/// project's word goes first; without one, members of the organization are members of the project, and guests nothing.
#[must_use]
pub const fn effective_role(org_role: Option<OrgRole>, project_role: Option<ProjectRole>) -> Option<ProjectRole> {
    match (org_role, project_role) {
        (None, _) | (Some(OrgRole::Guest), None) => None,
        (Some(OrgRole::Owner | OrgRole::Admin), _) => Some(ProjectRole::Admin),
        (Some(OrgRole::Member | OrgRole::Guest), Some(role)) => Some(role),
        (Some(OrgRole::Member), None) => Some(ProjectRole::Member),
    }
}

/// A document that a principal may open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// The document.
    pub document: DocumentRef,
    /// What the principal may do with it.
    pub access: Access,
    /// The role that this follows from.
    pub role: ProjectRole,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effective_role_follows_the_policy() {
        use OrgRole::{Admin, Guest, Member, Owner};
        use ProjectRole as P;
        let table = [
            (None, None, None),
            (None, Some(P::Admin), None),
            (Some(Owner), None, Some(P::Admin)),
            (Some(Owner), Some(P::Viewer), Some(P::Admin)),
            (Some(Admin), Some(P::Viewer), Some(P::Admin)),
            (Some(Member), None, Some(P::Member)),
            (Some(Member), Some(P::Viewer), Some(P::Viewer)),
            (Some(Member), Some(P::Admin), Some(P::Admin)),
            (Some(Guest), None, None),
            (Some(Guest), Some(P::Viewer), Some(P::Viewer)),
            (Some(Guest), Some(P::Member), Some(P::Member)),
        ];
        for (org, project, expected) in table {
            assert_eq!(effective_role(org, project), expected, "{org:?} {project:?}");
        }
    }

    #[test]
    fn viewers_read_and_all_others_write() {
        assert_eq!(ProjectRole::Viewer.access(), Access::Read);
        assert_eq!(ProjectRole::Member.access(), Access::Write);
        assert_eq!(ProjectRole::Admin.access(), Access::Write);
    }

    #[test]
    fn roles_are_read_as_they_are_written() {
        for role in [OrgRole::Owner, OrgRole::Admin, OrgRole::Member, OrgRole::Guest] {
            assert_eq!(OrgRole::from_column(role.as_str()).unwrap(), role);
        }
        for role in [ProjectRole::Viewer, ProjectRole::Member, ProjectRole::Admin] {
            assert_eq!(ProjectRole::from_column(role.as_str()).unwrap(), role);
        }
        assert!(OrgRole::from_column("root").is_err());
    }
}
