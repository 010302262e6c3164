//! Harmful updates: how they get into the quarantine, and how one gets out of it.
//!
//! | module | subject |
//! |---|---|
//! | `keeper` | the task that stores what rooms refuse, and deletes what is old |
//! | `rehearsal` | what an update would do, tried on a copy |
//! | `replay` | an update brought into its document after all |

mod keeper;
mod rehearsal;
mod replay;

use bytes::Bytes;
use platform::auth::{Principal, PrincipalRef};
use schema::ids::Epoch;

pub(crate) use keeper::Keeper;
pub use rehearsal::{CHANGES_MAX, Change, Rehearsal, Verdict, rehearse};
pub use replay::{ReplayError, replay};

/// An update that was kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The bytes.
    pub update: Bytes,
    /// Who sent it.
    pub sender: PrincipalRef,
    /// The document's lineage then.
    pub epoch: Epoch,
}

impl Kept {
    /// Who brings the update: its sender, so that what the log says of it is true. Nobody sees the name.
    fn principal(&self) -> Principal {
        Principal { kind: self.sender.kind, id: self.sender.id, user: None, name: "Quarantine".to_owned(), lease: None }
    }
}
