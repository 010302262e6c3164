//! Who may do what: the policy, in one place.

mod desk;
mod lookup;
mod news;
mod policy;

pub use desk::{AccessDesk, Undecided};
pub use lookup::document_access;
pub use news::{AccessChange, AccessListener, AccessNews};
pub use policy::{ByProgram, Denied, Means, OrgAction, OwnAction, ProjectAction, Scope};

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

/// A role in an organization. A greater one may do all that a smaller one may: see [`OrgAction`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrgRole {
    /// Only what projects give.
    Guest,
    /// Works in all projects.
    Member,
    /// Everything in all projects, and the members.
    Admin,
    /// Everything, including the organization's end.
    Owner,
}

/// A role in a project. A greater one may do all that a smaller one may: see [`ProjectAction`].
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
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Admin, Self::Member, Self::Guest];

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

    pub(crate) fn from_column(text: &str) -> Result<Self, DbError> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| DbError::Invalid(format!("{text} is no role in an organization")))
    }
}

impl ProjectRole {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Member, Self::Admin];

    /// Its name, in the tables and in REST.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }

    pub(crate) fn from_column(text: &str) -> Result<Self, DbError> {
        Self::ALL
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

/// What somebody of this role may do with the project's documents by these means; `None` when not even see them.
#[must_use]
pub fn document_access_of(role: ProjectRole, means: Means) -> Option<Access> {
    let may = |access: &Access| ProjectAction::from(*access).check(role, means).is_ok();
    [Access::Write, Access::Read].into_iter().find(may)
}

impl From<Access> for ProjectAction {
    fn from(access: Access) -> Self {
        match access {
            Access::Read => Self::View,
            Access::Write => Self::Edit,
        }
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
        let access = |role| document_access_of(role, Means::InPerson);
        assert_eq!(access(ProjectRole::Viewer), Some(Access::Read));
        assert_eq!(access(ProjectRole::Member), Some(Access::Write));
        assert_eq!(access(ProjectRole::Admin), Some(Access::Write));
        assert_eq!(document_access_of(ProjectRole::Admin, Means::Program(Scope::Read)), Some(Access::Read));
    }

    #[test]
    fn roles_are_read_as_they_are_written() {
        for role in OrgRole::ALL {
            assert_eq!(OrgRole::from_column(role.as_str()).unwrap(), role);
        }
        for role in ProjectRole::ALL {
            assert_eq!(ProjectRole::from_column(role.as_str()).unwrap(), role);
        }
        assert!(OrgRole::from_column("root").is_err());
    }
}
