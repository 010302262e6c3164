//! The policy: which role it takes to do what, and what of it programs may do with an API key. REST, sockets and events
//! all ask here; nobody else compares roles.
//!
//! A role may do all that a lesser one may. `Never` is for what nobody is to be able to do with a key that was copied: it
//! takes somebody who has signed in.

use ByProgram::{Never, With};
use Scope::{Read, Write};

use super::{OrgRole, ProjectRole};
use crate::auth::PrincipalKind;

/// What a program may be used for. The greater one includes the smaller one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// To read.
    Read,
    /// To read and to write.
    Write,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 2] = [Read, Write];

    /// Its name, in the tables and in REST.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Read => "api:read",
            Write => "api:write",
        }
    }

    /// The scope of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// How somebody makes use of their rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Means {
    /// They have signed in.
    InPerson,
    /// A program acts for them (an API key, an agent), within this scope.
    Program(Scope),
}

impl Means {
    /// By what means a principal of this kind makes use of a person's rights. Keys have their `scope`; without one, they
    /// are good for nothing.
    #[must_use]
    pub fn of(kind: PrincipalKind, scope: Option<Scope>) -> Option<Self> {
        match kind {
            PrincipalKind::User => Some(Self::InPerson),
            PrincipalKind::Agent => Some(Self::Program(Write)),
            PrincipalKind::ApiKey => scope.map(Self::Program),
            PrincipalKind::Anonymous | PrincipalKind::System => None,
        }
    }
}

/// What it takes to have something done by a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ByProgram {
    /// This scope, besides the role of the person it acts for.
    With(Scope),
    /// No program may.
    Never,
}

/// Why somebody may not do something to what they may know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Denied {
    /// It takes this role in the organization, or a greater one.
    OrgRole(OrgRole),
    /// It takes this role in the project, or a greater one.
    ProjectRole(ProjectRole),
    /// The program would have to have this scope.
    Scope(Scope),
    /// It takes somebody who has signed in.
    Program,
}

macro_rules! policy {
    ($(
        $(#[$doc:meta])*
        $action:ident by $role:ident { $($(#[$of_row:meta])* $row:ident: $least:ident, $program:expr;)+ }
    )+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $action { $($(#[$of_row])* $row,)+ }

        impl $action {
            /// All rows of the table.
            pub const ALL: &'static [Self] = &[$(Self::$row),+];

            /// The least role that may do it.
            #[must_use]
            pub const fn least_role(self) -> $role {
                match self { $(Self::$row => $role::$least),+ }
            }

            /// What it takes to have it done by a program.
            #[must_use]
            pub const fn by_program(self) -> ByProgram {
                match self { $(Self::$row => $program),+ }
            }

            /// Whether somebody of this role may do it by these means.
            ///
            /// # Errors
            /// Why not.
            pub fn check(self, role: $role, means: Means) -> Result<(), Denied> {
                if role < self.least_role() {
                    return Err(Denied::$role(self.least_role()));
                }
                self.by_program().check(means)
            }
        }
    )+};
}

policy! {
    /// What is done in an organization.
    OrgAction by OrgRole {
        //                      least role      by programs
        /// See what it is called, how it is set up, and who belongs to it.
        View:                   Guest,          With(Read);
        /// Leave it.
        Leave:                  Guest,          Never;
        /// Begin a project.
        CreateProject:          Member,         With(Write);
        /// Invite people, take them in and out, and give them roles, but for the role of an owner.
        ManageMembers:          Admin,          With(Write);
        /// See the organization's templates, which may hold what was written in any of its projects.
        UseTemplates:           Member,         With(Read);
        /// Make templates, and change those that one made.
        MakeTemplates:          Member,         With(Write);
        /// Change and delete the templates of others.
        ManageTemplates:        Admin,          With(Write);
        /// See the files that are for all members, and of no project.
        ViewFiles:              Member,         With(Read);
        /// Upload such files, and change and delete those that one uploaded.
        UploadFiles:            Member,         With(Write);
        /// Change and delete such files of others.
        ManageFiles:            Admin,          With(Write);
        /// Hear of what happens in all of it; guests hear of their projects.
        ReadEvents:             Member,         With(Read);
        /// See who did what.
        ReadAuditLog:           Admin,          With(Read);
        /// Have other servers told of what happens.
        ManageWebhooks:         Admin,          With(Write);
        /// Change its name, slug and settings.
        Configure:              Admin,          With(Write);
        /// Make API keys, see which there are, and revoke them.
        ManageApiKeys:          Admin,          Never;
        /// Make somebody an owner, or an owner something else.
        ManageOwners:           Owner,          Never;
        /// Delete it, with all that it holds.
        Delete:                 Owner,          Never;
    }

    /// What is done in a project.
    ProjectAction by ProjectRole {
        //                      least role      by programs
        /// See what it holds, and who is there.
        View:                   Viewer,         With(Read);
        /// Give back the role that it gave one.
        Leave:                  Viewer,         Never;
        /// Change what its documents hold; upload files, and change and delete those that one uploaded.
        Edit:                   Member,         With(Write);
        /// Run agents on its nodes, stop them, and answer what they ask.
        RunAgents:              Member,         With(Write);
        /// Give an agent that one has run leave to do what it asks to do.
        ApproveOwnRuns:         Member,         Never;
        /// Give it to agents that others have run.
        ApproveRuns:            Admin,          Never;
        /// Give people roles in it, and take them back.
        ManageMembers:          Admin,          With(Write);
        /// Change its settings.
        Configure:              Admin,          With(Write);
        /// Change and delete the files of others.
        ManageFiles:            Admin,          With(Write);
        /// Take locks of nodes away from their holders.
        ReleaseLocks:           Admin,          With(Write);
        /// Put it into the trash, and take it out again.
        Delete:                 Admin,          With(Write);
        /// Delete it for good, or one of its free documents, out of the trash.
        Erase:                  Admin,          Never;
        /// Forget, for good, what was written and deleted again in its documents.
        PruneHistory:           Admin,          With(Write);
    }
}

/// What people do with what is theirs alone. It takes no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OwnAction {
    /// See one's own profile, and what one belongs to.
    View,
    /// Change one's own profile.
    Configure,
    /// See what one was notified of, in all organizations.
    ReadNotifications,
    /// Say what one has read.
    MarkRead,
    /// Found an organization.
    FoundOrganization,
}

impl OwnAction {
    /// What it takes to have it done by a program.
    #[must_use]
    pub const fn by_program(self) -> ByProgram {
        match self {
            Self::View => With(Read),
            // A key is of one organization, and notifications are of all.
            Self::ReadNotifications | Self::MarkRead | Self::Configure | Self::FoundOrganization => Never,
        }
    }

    /// Whether one may do it by these means.
    ///
    /// # Errors
    /// Why not.
    pub fn check(self, means: Means) -> Result<(), Denied> {
        self.by_program().check(means)
    }
}

impl ByProgram {
    fn check(self, means: Means) -> Result<(), Denied> {
        match (self, means) {
            (Never, Means::Program(_)) => Err(Denied::Program),
            (With(needed), Means::Program(scope)) if scope < needed => Err(Denied::Scope(needed)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greater_role_may_do_all_that_a_smaller_one_may() {
        let roles = [OrgRole::Guest, OrgRole::Member, OrgRole::Admin, OrgRole::Owner];
        for action in OrgAction::ALL {
            let may = roles.map(|role| action.check(role, Means::InPerson).is_ok());
            assert!(may.is_sorted() && may[3], "{action:?}: {may:?}");
        }
        let roles = [ProjectRole::Viewer, ProjectRole::Member, ProjectRole::Admin];
        for action in ProjectAction::ALL {
            let may = roles.map(|role| action.check(role, Means::InPerson).is_ok());
            assert!(may.is_sorted() && may[2], "{action:?}: {may:?}");
        }
    }

    #[test]
    fn a_program_may_do_what_both_its_scope_and_the_role_allow() {
        let (read, write) = (Means::Program(Scope::Read), Means::Program(Scope::Write));
        assert_eq!(ProjectAction::View.check(ProjectRole::Viewer, read), Ok(()));
        assert_eq!(ProjectAction::Edit.check(ProjectRole::Admin, read), Err(Denied::Scope(Scope::Write)));
        assert_eq!(ProjectAction::Edit.check(ProjectRole::Member, write), Ok(()));
        let denied = ProjectAction::Edit.check(ProjectRole::Viewer, write);
        assert_eq!(denied, Err(Denied::ProjectRole(ProjectRole::Member)));
        assert_eq!(OrgAction::Delete.check(OrgRole::Owner, write), Err(Denied::Program));
        assert_eq!(OwnAction::FoundOrganization.check(write), Err(Denied::Program));
        assert_eq!(OwnAction::View.check(read), Ok(()));
    }

    #[test]
    fn only_owners_have_owners_and_the_end_of_an_organization_in_their_hands() {
        for action in OrgAction::ALL {
            let is_owners = action.least_role() == OrgRole::Owner;
            assert_eq!(is_owners, matches!(action, OrgAction::ManageOwners | OrgAction::Delete), "{action:?}");
        }
    }
}
