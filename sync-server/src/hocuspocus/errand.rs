//! What a socket has to bring to a room.

use std::sync::Arc;

use bytes::Bytes;
use documents::delivery::AwarenessState;
use documents::room::UpdateKind;
use documents::{Closed, Session};

/// A message of a client on its way to its room.
pub(super) struct Errand {
    pub(super) session: Arc<Session>,
    pub(super) task: Task,
}

pub(super) enum Task {
    Ask,
    Step1(Bytes),
    Update(UpdateKind, Bytes),
    Awareness(Vec<AwarenessState>),
    QueryAwareness,
    Stateless(Arc<str>),
}

impl Errand {
    /// Waits until the room has taken it. When the future is dropped before, the room has got nothing.
    pub(super) async fn run(&self) -> Result<(), Closed> {
        match &self.task {
            Task::Ask => self.session.ask().await,
            Task::Step1(state_vector) => self.session.step_1(state_vector.clone()).await,
            Task::Update(kind, update) => self.session.update(*kind, update.clone()).await,
            Task::Awareness(states) => self.session.awareness(states.clone()).await,
            Task::QueryAwareness => self.session.query_awareness().await,
            Task::Stateless(payload) => self.session.stateless(Arc::clone(payload)).await,
        }
    }
}
