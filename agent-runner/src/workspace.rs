//! The documents in which a run works, as any client of the server has them: replicas that follow, and edits that are
//! sent and confirmed.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use schema::ids::DocumentName;
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Uuid;
use web_protocol::awareness;
use web_protocol::client::{self, ChannelEvent, Client, ClientError, Driver, Event, Events};
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{ClientID, Doc, ReadTxn, StateVector, Transact, TransactionMut, Update};

/// How long a document may take to open, and edits to be confirmed.
const PATIENCE: Duration = Duration::from_secs(30);
/// After this time presence is said again.
const SHOWN_ANEW_AFTER: Duration = Duration::from_secs(10);

/// Why a run cannot go on with its documents now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkspaceError {
    /// The connection is gone, or the server leaves: another one may do.
    #[error("the connection to the document server is gone: {0}")]
    Disconnected(String),
    /// The run may not open the document, or not any more.
    #[error("{code}: {message}")]
    NoAccess { code: String, message: String },
    /// The server refuses an edit, for good.
    #[error("the server refuses an edit of {document}: {code}: {message}")]
    Refused { document: String, code: String, message: String },
    /// What a document holds cannot be read.
    #[error("{document} cannot be read: {reason}")]
    Unreadable { document: String, reason: String },
}

impl From<ClientError> for WorkspaceError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused { code, message, retry: false, .. } => Self::NoAccess { code, message },
            other => Self::Disconnected(other.to_string()),
        }
    }
}

/// An edit that is to be made, or was.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    pub(crate) document: DocumentName,
    pub(crate) update: Bytes,
    /// The event of the trace that it belongs to.
    pub(crate) event: Uuid,
    /// Its place in the journal.
    pub(crate) seq: i32,
}

/// The documents of a run, over one socket.
pub(crate) struct Workspace {
    client: Client,
    events: Events,
    client_id: u64,
    replicas: HashMap<DocumentName, Replica>,
    /// Which document a number of the wire stands for.
    numbers: HashMap<u64, DocumentName>,
}

struct Replica {
    doc: Doc,
    number: u64,
    epoch: u64,
    is_synced: bool,
    /// What was sent and is not confirmed: the frame's number, and the edit.
    unconfirmed: VecDeque<(u64, Edit)>,
    /// What the server has put off: it asks for it again.
    put_off: Vec<Edit>,
    event: Option<Uuid>,
    clock: u32,
    /// What presence says, and since when.
    shown: Option<(String, Instant)>,
}

impl Workspace {
    /// Connects. `client_id` is the Yjs client id of everything that is written here; nobody else has ever used it.
    /// The driver has to be spawned.
    pub(crate) async fn connect(url: &str, token: &str, client_id: u64) -> Result<(Self, Driver), WorkspaceError> {
        let (client, events, driver) = client::connect(url, token).await?;
        Ok((Self { client, events, client_id, replicas: HashMap::new(), numbers: HashMap::new() }, driver))
    }

    /// What renews the socket's authority.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Opens a document and waits until all that it holds is here.
    pub(crate) async fn open(&mut self, document: &DocumentName) -> Result<(), WorkspaceError> {
        if self.replicas.contains_key(document) {
            return Ok(());
        }
        let subscribed = self.client.subscribe(&document.to_string()).await?;
        let doc = schema::new_doc(ClientID::new(self.client_id));
        let number = subscribed.number;
        let epoch = subscribed.epoch;
        self.client.send_step1(number, &StateVector::default().encode_v1());
        self.numbers.insert(number, document.clone());
        let replica = Replica {
            doc,
            number,
            epoch,
            is_synced: false,
            unconfirmed: VecDeque::new(),
            put_off: Vec::new(),
            event: None,
            clock: 0,
            shown: None,
        };
        self.replicas.insert(document.clone(), replica);
        let deadline = Instant::now() + PATIENCE;
        while !self.replica(document)?.is_synced {
            self.next(deadline).await?;
        }
        Ok(())
    }

    /// Lets go of a document that was only read, or was to be: opening it may have been given up.
    pub(crate) fn close(&mut self, document: &DocumentName) {
        if let Some(replica) = self.replicas.remove(document) {
            self.numbers.remove(&replica.number);
        }
        self.client.unsubscribe(&document.to_string());
    }

    /// The document's lineage.
    pub(crate) fn epoch(&self, document: &DocumentName) -> Option<u64> {
        self.replicas.get(document).map(|replica| replica.epoch)
    }

    /// Reads a document.
    pub(crate) fn read<T>(
        &self,
        document: &DocumentName,
        look: impl FnOnce(&yrs::Transaction<'_>) -> T,
    ) -> Result<T, WorkspaceError> {
        Ok(look(&self.replica(document)?.doc.transact()))
    }

    /// Edits the replica. Nothing is sent; the update is what [`Self::send`] takes, and empty if nothing has changed.
    pub(crate) fn edit<T>(
        &mut self,
        document: &DocumentName,
        edit: impl FnOnce(&mut TransactionMut<'_>) -> T,
    ) -> Result<(T, Option<Bytes>), WorkspaceError> {
        let replica = self.replica(document)?;
        let mut txn = replica.doc.transact_mut();
        let result = edit(&mut txn);
        let update = txn.encode_update_v1();
        drop(txn);
        Ok((result, (update != Update::EMPTY_V1).then(|| update.into())))
    }

    /// The same with an edit that may be refused, and then leaves nothing behind: what is not sent must not be in the replica,
    /// as everything that is written later would wait for it. So it is tried on a copy.
    pub(crate) fn try_edit<E>(
        &mut self,
        document: &DocumentName,
        edit: impl FnOnce(&mut TransactionMut<'_>) -> Result<(), E>,
    ) -> Result<Result<Option<Bytes>, E>, WorkspaceError> {
        let replica = self.replica(document)?;
        let copy = schema::new_doc(replica.doc.client_id());
        apply(&copy, document, &replica.doc.transact().encode_state_as_update_v1(&StateVector::default()))?;
        let mut txn = copy.transact_mut();
        if let Err(refused) = edit(&mut txn) {
            return Ok(Err(refused));
        }
        let update = txn.encode_update_v1();
        if update == Update::EMPTY_V1 {
            return Ok(Ok(None));
        }
        replica.apply(document, &update)?;
        Ok(Ok(Some(update.into())))
    }

    /// Applies an update that was journaled before, so that the replica has it.
    pub(crate) fn take_back_in(&mut self, edit: &Edit) -> Result<(), WorkspaceError> {
        self.replica(&edit.document)?.apply(&edit.document, &edit.update)
    }

    /// Sends an edit that was journaled.
    pub(crate) fn send(&mut self, edit: Edit) -> Result<(), WorkspaceError> {
        let replica = self.replicas.get_mut(&edit.document).ok_or_else(|| not_open(&edit.document))?;
        if replica.event != Some(edit.event) {
            replica.event = Some(edit.event);
            self.client.step(&edit.document.to_string(), Some(&edit.event.to_string()));
        }
        let frame = self.client.send_update(replica.number, &edit.update);
        replica.unconfirmed.push_back((frame, edit));
        Ok(())
    }

    /// The last entry of the journal up to which all edits are in their documents, given the last entry there is.
    pub(crate) fn delivered(&self, seq: i32) -> i32 {
        let waiting = self.replicas.values().flat_map(Replica::waiting);
        waiting.map(|edit| edit.seq - 1).min().unwrap_or(seq)
    }

    /// Waits until everything that was sent is confirmed: as long as it takes while the server puts edits off, as for a
    /// lock that somebody else holds, and else while it answers. Cancel-safe.
    pub(crate) async fn settle(&mut self) -> Result<(), WorkspaceError> {
        let mut heard = Instant::now();
        while self.has_waiting() {
            let is_put_off = self.replicas.values().any(|replica| !replica.put_off.is_empty());
            match timeout_at(Instant::now() + SHOWN_ANEW_AFTER / 2, self.events.next()).await {
                Ok(event) => {
                    self.take(event.ok_or_else(gone)?)?;
                    heard = Instant::now();
                }
                Err(_) if is_put_off || heard.elapsed() < PATIENCE => self.keep_shown(),
                Err(_) => return Err(WorkspaceError::Disconnected("the server does not answer".to_owned())),
            }
        }
        Ok(())
    }

    /// The same, for so long at most.
    pub(crate) async fn settle_within(&mut self, time: Duration) -> Result<(), WorkspaceError> {
        timeout(time, self.settle()).await.unwrap_or(Ok(()))
    }

    fn has_waiting(&self) -> bool {
        self.replicas.values().any(|replica| replica.waiting().next().is_some())
    }

    /// Takes in what has come meanwhile, without waiting.
    pub(crate) fn catch_up(&mut self) -> Result<(), WorkspaceError> {
        while let Some(event) = self.events.try_next() {
            self.take(event)?;
        }
        Ok(())
    }

    /// Waits for something to come, and takes it in. Cancel-safe.
    pub(crate) async fn changed(&mut self) -> Result<(), WorkspaceError> {
        let event = self.events.next().await.ok_or_else(gone)?;
        self.take(event)
    }

    /// Says where the agent is and what it does.
    pub(crate) fn show(&mut self, document: &DocumentName, state: &Value) {
        if let Some(replica) = self.replicas.get_mut(document) {
            replica.show(&self.client, self.client_id, state.to_string());
        }
    }

    /// Says it again where it was said long ago: presence that is not renewed is removed (SPEC P5).
    pub(crate) fn keep_shown(&mut self) {
        for replica in self.replicas.values_mut() {
            if let Some((state, _)) = replica.shown.take_if(|(_, since)| since.elapsed() >= SHOWN_ANEW_AFTER) {
                replica.show(&self.client, self.client_id, state);
            }
        }
    }

    async fn next(&mut self, deadline: Instant) -> Result<(), WorkspaceError> {
        let event = timeout_at(deadline, self.events.next()).await;
        let event = event.map_err(|_| WorkspaceError::Disconnected("the server does not answer".to_owned()))?;
        self.take(event.ok_or_else(gone)?)
    }

    fn replica(&self, document: &DocumentName) -> Result<&Replica, WorkspaceError> {
        let replica = self.replicas.get(document);
        replica.ok_or_else(|| not_open(document))
    }

    fn take(&mut self, event: Event) -> Result<(), WorkspaceError> {
        match event {
            Event::Channel { number, event } => self.take_from_channel(number, event),
            Event::Refused { channel, code, message, retry: false, .. } => {
                Err(WorkspaceError::Refused { document: channel, code, message })
            }
            Event::Unsubscribed { channel, code, message, retry: false } if self.is_open(&channel) => {
                Err(WorkspaceError::NoAccess { code, message })
            }
            Event::Unsubscribed { channel, code, .. } if self.is_open(&channel) => {
                Err(WorkspaceError::Disconnected(format!("{channel} was closed: {code}")))
            }
            Event::Restarting { .. } => Err(WorkspaceError::Disconnected("it restarts".to_owned())),
            Event::Closed { code, reason } => {
                let code = code.map(|code| code.to_string()).unwrap_or_default();
                Err(WorkspaceError::Disconnected(format!("{code} {reason}").trim().to_owned()))
            }
            Event::Refused { channel, update, .. } => {
                self.put_off(&channel, update);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn put_off(&mut self, channel: &str, frame: u64) {
        let refused = self.replicas.iter_mut().find(|(document, _)| document.to_string() == channel);
        let Some((_, replica)) = refused else { return };
        if let Some(at) = replica.unconfirmed.iter().position(|(number, _)| *number == frame) {
            replica.put_off.extend(replica.unconfirmed.remove(at).map(|(_, edit)| edit));
        }
    }

    fn is_open(&self, channel: &str) -> bool {
        self.replicas.keys().any(|document| document.to_string() == channel)
    }

    fn take_from_channel(&mut self, number: u64, event: ChannelEvent) -> Result<(), WorkspaceError> {
        let Some(document) = self.numbers.get(&number).cloned() else { return Ok(()) };
        let Some(replica) = self.replicas.get_mut(&document) else { return Ok(()) };
        match event {
            ChannelEvent::Step1(state_vector) => {
                let answer = replica.answer(&document, &state_vector)?;
                // Most of what it holds was sent before, each edit by itself.
                let frame = self.client.send_step2(number, &answer);
                replica.unconfirmed.extend(replica.put_off.drain(..).map(|edit| (frame, edit)));
            }
            ChannelEvent::Step2(update) => {
                replica.apply(&document, &update)?;
                replica.is_synced = true;
            }
            ChannelEvent::Update(update) => replica.apply(&document, &update)?,
            ChannelEvent::Receipt { through, .. } => {
                while replica.unconfirmed.front().is_some_and(|(frame, _)| *frame <= through) {
                    replica.unconfirmed.pop_front();
                }
            }
            ChannelEvent::Awareness(_) => {}
        }
        Ok(())
    }
}

impl Replica {
    /// Edits that are not known to be in the document.
    fn waiting(&self) -> impl Iterator<Item = &Edit> {
        self.unconfirmed.iter().map(|(_, edit)| edit).chain(&self.put_off)
    }

    fn apply(&self, document: &DocumentName, update: &[u8]) -> Result<(), WorkspaceError> {
        apply(&self.doc, document, update)
    }

    fn show(&mut self, client: &Client, client_id: u64, state: String) {
        self.clock += 1;
        let entry = awareness::Entry { client: client_id, clock: self.clock.into(), state: &state };
        client.send_awareness(self.number, &awareness::encode([entry].into_iter()));
        self.shown = Some((state, Instant::now()));
    }

    /// What the server lacks.
    fn answer(&self, document: &DocumentName, state_vector: &[u8]) -> Result<Vec<u8>, WorkspaceError> {
        let unreadable = |reason: String| WorkspaceError::Unreadable { document: document.to_string(), reason };
        let state_vector = StateVector::decode_v1(state_vector).map_err(|error| unreadable(error.to_string()))?;
        Ok(self.doc.transact().encode_diff_v1(&state_vector))
    }
}

fn apply(doc: &Doc, document: &DocumentName, update: &[u8]) -> Result<(), WorkspaceError> {
    let unreadable = |reason: String| WorkspaceError::Unreadable { document: document.to_string(), reason };
    let update = Update::decode_v1(update).map_err(|error| unreadable(error.to_string()))?;
    doc.transact_mut().apply_update(update).map_err(|error| unreadable(error.to_string()))
}

fn gone() -> WorkspaceError {
    WorkspaceError::Disconnected("it has hung up".to_owned())
}

fn not_open(document: &DocumentName) -> WorkspaceError {
    WorkspaceError::Disconnected(format!("{document} is not open"))
}
