//! Who is in a document, for its stream. It has no past: what is so now is told at once, and whenever it changes.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use documents::delivery::{Delivery, Outgoing, Present, Sink, Taken};
use documents::room::Mode;
use documents::{Newcomer, Session};
use platform::access::Access;
use platform::auth::{Principal, PrincipalKind};
use schema::ids::{DocumentName, NodeId};
use serde::Serialize;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::Api;
use crate::authenticate::Caller;
use crate::problem::{Code, Problem};

/// Hears who is in a document, until it is dropped.
pub(super) struct PresenceListener {
    channel: DocumentName,
    sink: Arc<Latest>,
    _session: Session,
}

/// The document's room has let go of those who were in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RoomEnded;

/// What the room said last; what it said before is of no use to a client that reads slowly.
#[derive(Default)]
struct Latest {
    said: Mutex<Said>,
    noted: Notify,
}

#[derive(Default)]
struct Said {
    /// What the client has not been told yet.
    present: Option<Arc<[Present]>>,
    ended: Option<RoomEnded>,
}

impl PresenceListener {
    /// Begins to listen to who is in a document that the caller may read.
    pub(super) async fn attach(api: &Api, caller: &Caller, name: &DocumentName) -> Result<Self, Problem> {
        let document = api.document(caller, name, Access::Read).await?.document;
        let sink = Arc::new(Latest::default());
        let newcomer = Newcomer {
            // Whoever reads a stream is not in the document by that, and holds no lock of it.
            principal: Arc::new(Principal::system()),
            access: Access::Read,
            mode: Mode::Watch,
            replica_epoch: None,
            sink: Arc::clone(&sink) as Arc<dyn Sink>,
        };
        let session = api.documents.attach(&document, newcomer).await;
        let session = session.map_err(|error| Problem::new(Code::Unavailable).caused_by(error))?;
        Ok(Self { channel: name.clone(), sink, _session: session })
    }

    /// What the client is to be told, if there is anything new.
    pub(super) fn take(&self) -> Result<Option<Bytes>, RoomEnded> {
        let mut said = self.sink.said();
        let (present, ended) = (said.present.take(), said.ended);
        drop(said);
        match (present, ended) {
            (Some(present), _) => Ok(Some(encode(&self.channel, &present))),
            (None, Some(ended)) => Err(ended),
            (None, None) => Ok(None),
        }
    }
}

/// Waits until there may be something new; for ever, if nobody listens.
pub(super) async fn noted(listener: Option<&PresenceListener>) {
    match listener {
        Some(listener) => listener.sink.noted.notified().await,
        None => pending().await,
    }
}

impl Latest {
    fn said(&self) -> MutexGuard<'_, Said> {
        // Nothing that runs under the lock can leave it half changed.
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Latest {
    fn deliver(&self, delivery: &Delivery) -> Taken {
        match &delivery.message {
            Outgoing::Present(present) => self.said().present = Some(Arc::clone(present)),
            Outgoing::Ended(_) => self.said().ended = Some(RoomEnded),
            _ => return Taken::Yes,
        }
        self.noted.notify_one();
        Taken::Yes
    }
}

/// Who is here, in the words of the sockets' message of that name.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Update<'a> {
    channel: &'a DocumentName,
    #[serde(skip_serializing_if = "Option::is_none")]
    node_id: Option<NodeId>,
    users: Vec<User<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct User<'a> {
    #[serde(rename = "userId")]
    id: Uuid,
    name: &'a str,
    color: &'static str,
    kind: &'static str,
    action: &'static str,
}

impl<'a> User<'a> {
    fn of(Present { principal, editing }: &'a Present) -> Self {
        Self {
            id: principal.id,
            name: &principal.name,
            color: principal.color(),
            kind: if principal.kind == PrincipalKind::Agent { "agent" } else { "human" },
            action: if *editing { "editing" } else { "viewing" },
        }
    }
}

/// The event. It has no id: nobody can come back to it.
fn encode(channel: &DocumentName, present: &[Present]) -> Bytes {
    let node_id = if let DocumentName::Node(id) = channel { Some(*id) } else { None };
    let update = Update { channel, node_id, users: present.iter().map(User::of).collect() };
    // Texts and numbers: serialization cannot fail.
    let data = serde_json::to_string(&update).unwrap_or_default();
    format!("event: presence_update\ndata: {data}\n\n").into()
}
