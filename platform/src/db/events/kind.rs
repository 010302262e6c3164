//! What sorts of events there are.

use std::fmt;
use std::str::FromStr;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident, $name:literal;)+) => {
        /// What sort of thing happened. The names are stable: programs depend on them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventKind {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl EventKind {
            /// All sorts.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name, in the tables and on every wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What it tells, in a sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+)),+ }
            }
        }
    };
}

kinds! {
    /// A node is on a canvas that was not there.
    NodeCreated, "node_created";
    /// What a node says has changed: fields with their new values, and what of its document.
    NodeUpdated, "node_updated";
    /// A node has another place or size on its canvas.
    NodeMoved, "node_moved";
    /// A node was deleted, softly.
    NodeDeleted, "node_deleted";
    /// A node that was deleted is back.
    NodeRestored, "node_restored";
    /// So much of a canvas has changed at once that single events would not help: read the lists anew.
    NodesChanged, "nodes_changed";
    /// What nodes of a canvas depend on has changed: read the graph anew.
    EdgesChanged, "edges_changed";
    /// Somebody holds a node's lock.
    LockAcquired, "lock_acquired";
    /// Nobody holds a node's lock any more.
    LockReleased, "lock_released";
    /// An agent's run on a node has come further.
    ExecutionUpdate, "execution_update";
    /// An agent's run did something, or is further with it.
    Trace, "trace";
    /// A node's document has a version more.
    VersionCreated, "version_created";
    /// The bytes of a file are there.
    FileUploaded, "file_uploaded";
    /// The text of a file was read, or it was found that it cannot be.
    FileProcessed, "file_processed";
    /// A file was deleted.
    FileDeleted, "file_deleted";
    /// A project was begun.
    ProjectCreated, "project_created";
    /// A project's name, description, states or settings have changed.
    ProjectUpdated, "project_updated";
    /// A project was deleted.
    ProjectDeleted, "project_deleted";
    /// A project that was deleted is back.
    ProjectRestored, "project_restored";
    /// A person has a role in a project, or another one.
    ProjectMemberUpdated, "project_member_updated";
    /// A person has no role of their own in a project any more.
    ProjectMemberRemoved, "project_member_removed";
    /// A person belongs to the organization, or has another role in it.
    MemberUpdated, "member_updated";
    /// A person does not belong to the organization any more.
    MemberRemoved, "member_removed";
    /// The organization's name, slug or settings have changed.
    OrganizationUpdated, "organization_updated";
    /// Somebody is told something; for that person alone.
    Notification, "notification";
    /// Notifications were read, or put back to unread; for that person alone.
    NotificationsRead, "notifications_read";
}

/// The text names no sort of event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no type of event")]
pub struct ParseEventKindError(pub String);

impl FromStr for EventKind {
    type Err = ParseEventKindError;

    fn from_str(text: &str) -> Result<Self, ParseEventKindError> {
        let found = Self::ALL.iter().copied().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| ParseEventKindError(text.chars().take(100).collect()))
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_sort_is_read_by_its_name() {
        let names: HashSet<&str> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), EventKind::ALL.len());
        for kind in EventKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
            assert!(kind.meaning().trim().ends_with('.'), "{kind}");
        }
        assert!("nodes".parse::<EventKind>().is_err());
    }
}
