//! What concerns a session that is not there yet, because its document is still being opened.

use std::sync::Arc;

use crate::access_check::{AccessCheck, Attached};
use crate::server::Shared;

/// What happened while a document was being opened.
#[derive(Debug, Default)]
pub(crate) struct Meanwhile {
    /// Access may have changed since it was granted.
    pub(crate) access_changed: bool,
    /// The client has read what something was withheld for.
    pub(crate) drained: bool,
}

impl Meanwhile {
    /// The session is there: makes up for what it missed.
    pub(crate) fn make_up(&mut self, shared: &Arc<Shared>, access_check: &mut AccessCheck, attached: Attached) {
        let Self { access_changed, drained } = std::mem::take(self);
        if drained && let Some(session) = attached.session.upgrade() {
            session.drained();
        }
        if access_changed {
            access_check.add(shared, attached);
        }
    }
}
