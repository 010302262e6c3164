//! A client's side of its attachment to an open document.

use std::sync::Arc;

use bytes::Bytes;
use platform::access::Access;
use platform::auth::Principal;
use platform::queue::Refused;
use uuid::Uuid;

use crate::delivery::AwarenessState;
use crate::owner::{Event, Message};
use crate::registry::{Closed, Handle};
use crate::room::{Activity, Input, SessionId, UpdateKind};
use crate::services::Services;

/// An attached client. Dropping it detaches the client, after everything that it sent before. What it says is said when a
/// method is called; the future waits while the room is busy.
pub struct Session {
    handle: Arc<Handle>,
    id: SessionId,
    services: Arc<Services>,
}

impl Session {
    pub(crate) fn new(handle: Arc<Handle>, id: SessionId, services: Arc<Services>) -> Self {
        services.metrics.sessions.inc();
        Self { handle, id, services }
    }

    /// Asks for what a replica with this state vector lacks.
    pub fn step_1(&self, state_vector: Bytes) -> impl Future<Output = Result<(), Closed>> + Send {
        self.handle.input(Input::Step1(self.id, state_vector))
    }

    /// Has the client asked for what it has and the document has not.
    pub fn ask(&self) -> impl Future<Output = Result<(), Closed>> + Send {
        self.handle.input(Input::Ask(self.id))
    }

    /// Brings an update.
    pub fn update(&self, kind: UpdateKind, update: Bytes) -> impl Future<Output = Result<(), Closed>> + Send {
        self.handle.input(Input::Update(self.id, kind, update))
    }

    /// Says which event of its run's trace the updates that follow belong to. Of agents only.
    pub fn step(&self, trace_event: Option<Uuid>) -> impl Future<Output = Result<(), Closed>> + Send {
        self.handle.input(Input::Step(self.id, trace_event))
    }

    /// Publishes awareness states.
    pub fn awareness(&self, states: Vec<AwarenessState>) -> impl Future<Output = Result<(), Closed>> + Send {
        self.handle.input(Input::Awareness(self.id, states))
    }

    /// Asks for everybody's awareness.
    pub fn query_awareness(&self) -> impl Future<Output = Result<(), Closed>> + Send {
        self.handle.input(Input::QueryAwareness(self.id))
    }

    /// Sends a message of the application to the others in the document, if the client may write.
    pub fn stateless(&self, payload: Arc<str>) -> impl Future<Output = Result<(), Closed>> + Send {
        self.handle.input(Input::Stateless(self.id, payload))
    }

    /// Publishes presence without awareness.
    pub fn presence(&self, activity: Activity) -> impl Future<Output = Result<(), Closed>> + Send {
        self.handle.input(Input::Presence(self.id, activity))
    }

    /// Changes what the session may do; `None` ends it. If its principal goes by another name by now, others see that
    /// one from the next state on that the client publishes.
    pub fn change_access(
        &self,
        principal: Arc<Principal>,
        access: Option<Access>,
    ) -> impl Future<Output = Result<(), Closed>> + Send {
        self.handle.input(Input::Access(self.id, principal, access))
    }

    /// Reports that messages were withheld and the sink has been emptied since.
    pub fn drained(&self) {
        let _ = self.handle.events.try_send(Event::Drained(self.id));
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.services.metrics.sessions.dec();
        // Behind the session's own edits in the same queue: detaching never overtakes what was sent before.
        let detach = Message::Input(Input::Detach(self.id));
        if let Err(Refused::Full(detach)) = self.handle.messages.try_send(detach) {
            let handle = Arc::clone(&self.handle);
            self.services.lifecycle.spawn("detach", async move {
                let _ = handle.messages.send(detach).await;
            });
        }
    }
}
