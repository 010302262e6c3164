//! Whether a socket may still do what it could when its documents were opened.

use std::pin::Pin;
use std::sync::{Arc, Weak};

use documents::Session;
use platform::auth::Principal;
use schema::ids::DocumentName;

use crate::server::Shared;

/// A session whose access is checked, and whose it is.
pub(crate) struct Attached {
    pub(crate) principal: Arc<Principal>,
    pub(crate) name: DocumentName,
    pub(crate) session: Weak<Session>,
}

/// Looks access up again, beside everything else that its socket does: while the database does not answer, edits go on.
#[derive(Default)]
pub(crate) struct AccessCheck {
    under_way: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl AccessCheck {
    /// Begins a check of these sessions. One that was under way is begun anew.
    pub(crate) fn start(&mut self, shared: &Arc<Shared>, sessions: Vec<Attached>) {
        let shared = Arc::clone(shared);
        self.under_way = Some(Box::pin(async move { check(&shared, sessions).await }));
    }

    /// Waits for the end of a check, if one is under way, and for ever otherwise. Dropping the future loses nothing.
    pub(crate) async fn run(&mut self) {
        match &mut self.under_way {
            Some(check) => {
                check.await;
                self.under_way = None;
            }
            None => std::future::pending().await,
        }
    }
}

async fn check(shared: &Shared, sessions: Vec<Attached>) {
    for Attached { principal, name, session } in sessions {
        // An access that cannot be looked up now stays as it was; the authority's end bounds how long.
        let Ok(granted) = shared.access_desk.ask(&principal, &name).await else { return };
        if let Some(session) = session.upgrade() {
            // A room that is over has ended the session.
            let _ = session.change_access(principal, granted.map(|granted| granted.access)).await;
        }
    }
}
