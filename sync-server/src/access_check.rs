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

type UnderWay = Pin<Box<dyn Future<Output = Arc<Shared>> + Send>>;

/// Looks access up again, beside everything else that its socket does: while the database does not answer, edits go on.
#[derive(Default)]
pub(crate) struct AccessCheck {
    under_way: Option<UnderWay>,
    /// What is checked after that. A check is never begun anew before its end: who has access changed again and again
    /// would be asked for nothing.
    next: Vec<Attached>,
}

impl AccessCheck {
    /// Begins a check of these sessions, which are all there are, or has it follow the one that is under way.
    pub(crate) fn start(&mut self, shared: &Arc<Shared>, sessions: Vec<Attached>) {
        self.next = sessions;
        self.begin(Arc::clone(shared));
    }

    /// Checks one more session.
    pub(crate) fn add(&mut self, shared: &Arc<Shared>, session: Attached) {
        self.next.push(session);
        self.begin(Arc::clone(shared));
    }

    fn begin(&mut self, shared: Arc<Shared>) {
        if self.under_way.is_none() && !self.next.is_empty() {
            let sessions = std::mem::take(&mut self.next);
            self.under_way = Some(Box::pin(async move {
                check(&shared, sessions).await;
                shared
            }));
        }
    }

    /// Waits for the end of a check, if one is under way, and for ever otherwise. Dropping the future loses nothing.
    pub(crate) async fn run(&mut self) {
        match &mut self.under_way {
            Some(check) => {
                let shared = check.await;
                self.under_way = None;
                self.begin(shared);
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
