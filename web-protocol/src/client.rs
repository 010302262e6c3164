//! A client of the `/ws` dialect: one socket, any number of documents, bytes in and out. What they mean is for a Yjs
//! library, such as yrs, to know.
//!
//! [`connect`] gives three things: a [`Client`] to say things with, [`Events`] to hear, and a [`Driver`], which moves the
//! bytes and has to be polled: spawn it. Nothing is lost for a listener that is slow: while [`EVENTS_WAITING`] events wait,
//! nothing more is read.
//!
//! ```no_run
//! # async fn example(token: &str) -> Result<(), web_protocol::client::ClientError> {
//! use web_protocol::client::{ChannelEvent, Event, connect};
//!
//! let (client, mut events, driver) = connect("ws://127.0.0.1:8080", token).await?;
//! tokio::spawn(driver.run());
//! let document = client.subscribe("doc:0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e").await?;
//! client.send_step1(document.number, &[0]);
//! while let Some(event) = events.next().await {
//!     if let Event::Channel { event: ChannelEvent::Step2(update), .. } = event {
//!         println!("the document has {} bytes", update.len());
//!         break;
//!     }
//! }
//! # Ok(()) }
//! ```

mod assembly;
mod driver;
mod event;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use thiserror::Error;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite;

use crate::frame::{Body, Frame};

pub use driver::Driver;
pub use event::{ChannelEvent, Event};

/// Events that wait for the listener, at most.
pub const EVENTS_WAITING: usize = 1_024;
/// Bytes that wait to be written, at most; what is said beyond them ends the connection.
pub const WAITING_BYTES_MAX: usize = 256 << 20;
/// How long connecting, and the answer to a request, may take.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// What this client understands (SPEC G8).
const CAPABILITIES: [&str; 4] = ["receipts", "notices", "pieces", "deflate"];

/// Why something could not be had.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ClientError {
    /// There is no connection, or not any more.
    #[error("there is no connection to the server: {0}")]
    Disconnected(String),
    /// The server does not answer.
    #[error("the server has not answered for {} s", PATIENCE.as_secs())]
    Silent,
    /// The server says no.
    #[error("{code}: {message}")]
    Refused {
        /// A code of SPEC G23.
        code: String,
        /// What happened and what to do.
        message: String,
        /// Whether the same may be tried again later.
        retry: bool,
    },
}

/// A document that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribed {
    /// Names it in binary frames.
    pub number: u64,
    /// Its lineage.
    pub epoch: u64,
    /// The log's last place.
    pub seq: u64,
    /// Whether it may be edited.
    pub may_write: bool,
}

/// Says things to the server. Cheap to clone; the connection ends when the driver does.
#[derive(Debug, Clone)]
pub struct Client(Arc<Shared>);

/// What is heard from the server, in its order.
#[derive(Debug)]
pub struct Events(mpsc::Receiver<Event>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// There is something to write, or nothing ever again.
    noted: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<tungstenite::Message>,
    waiting_bytes: usize,
    requests: HashMap<String, oneshot::Sender<Result<Value, ClientError>>>,
    last_request: u64,
    /// Step 2 and update frames that were sent on each channel (SPEC G13).
    frames: HashMap<u64, u64>,
    closed: Option<String>,
}

/// Opens `/ws` at `url` (`ws://` or `wss://` with host and port) and waits until the server has welcomed the client.
///
/// # Errors
/// When the server is not reached, or does not take the token.
pub async fn connect(url: &str, token: &str) -> Result<(Client, Events, Driver), ClientError> {
    let shared = Arc::<Shared>::default();
    let (events, listener) = mpsc::channel(EVENTS_WAITING);
    let opening = Driver::open(url, token, Arc::clone(&shared), events);
    let driver = timeout(PATIENCE, opening).await.map_err(|_| ClientError::Silent)??;
    Ok((Client(shared), Events(listener), driver))
}

impl Events {
    /// The next one; `None` once the connection is over. Cancel-safe.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.recv().await
    }

    /// The next one, if it is here.
    pub fn try_next(&mut self) -> Option<Event> {
        self.0.try_recv().ok()
    }
}

impl Client {
    /// Opens a document (SPEC G5).
    ///
    /// # Errors
    /// When it cannot be opened, or not now.
    pub async fn subscribe(&self, document: &str) -> Result<Subscribed, ClientError> {
        let sync = json!({"epoch": null, "capabilities": CAPABILITIES});
        let payload = self.request("subscribe", &json!({"channel": document, "sync": sync})).await?;
        let number = |name: &str| payload.pointer(name).and_then(Value::as_u64);
        let (Some(number), Some(epoch), Some(seq)) =
            (number("/sync/number"), number("/sync/epoch"), number("/sync/seq"))
        else {
            return Err(ClientError::Disconnected("the server's answer to subscribe makes no sense".to_owned()));
        };
        self.0.state().frames.insert(number, 0);
        Ok(Subscribed { number, epoch, seq, may_write: payload["access"] == "write" })
    }

    /// Closes a document (SPEC G10). What comes of it until then is to be ignored.
    pub fn unsubscribe(&self, document: &str) {
        self.say("unsubscribe", &json!({"channel": document}));
    }

    /// Renews what the socket may do (SPEC G19).
    ///
    /// # Errors
    /// When the server does not take the token.
    pub async fn renew(&self, token: &str) -> Result<(), ClientError> {
        self.request("token", &json!({"token": token})).await.map(drop)
    }

    /// Says which event of a run's trace the updates that follow on a document's channel belong to (SPEC G33).
    pub fn step(&self, document: &str, trace_event: Option<&str>) {
        self.say("step", &json!({"channel": document, "traceEvent": trace_event}));
    }

    /// Asks for what a replica with this state vector lacks.
    pub fn send_step1(&self, number: u64, state_vector: &[u8]) {
        self.send(&Frame { number, body: Body::Step1(state_vector) });
    }

    /// Answers the server's step 1. Returns the number that a receipt will cover.
    #[must_use]
    pub fn send_step2(&self, number: u64, update: &[u8]) -> u64 {
        self.send_counted(&Frame { number, body: Body::Step2(update) })
    }

    /// Sends an update. Returns the number that a receipt will cover.
    #[must_use]
    pub fn send_update(&self, number: u64, update: &[u8]) -> u64 {
        self.send_counted(&Frame { number, body: Body::Update(update) })
    }

    /// Sends presence.
    pub fn send_awareness(&self, number: u64, states: &[u8]) {
        self.send(&Frame { number, body: Body::Awareness(states) });
    }

    /// Says goodbye, once everything that waits is written.
    pub fn close(&self) {
        self.0.queue(tungstenite::Message::Close(None));
    }

    fn send(&self, frame: &Frame<'_>) {
        self.0.queue(tungstenite::Message::Binary(frame.encode().into()));
    }

    fn send_counted(&self, frame: &Frame<'_>) -> u64 {
        let number = {
            let mut state = self.0.state();
            let sent = state.frames.entry(frame.number).or_default();
            *sent += 1;
            *sent
        };
        self.send(frame);
        number
    }

    fn say(&self, kind: &str, payload: &Value) {
        let text = json!({"type": kind, "payload": payload}).to_string();
        self.0.queue(tungstenite::Message::Text(text.into()));
    }

    async fn request(&self, kind: &str, payload: &Value) -> Result<Value, ClientError> {
        let (sender, answer) = oneshot::channel();
        let id = {
            let mut state = self.0.state();
            if let Some(why) = &state.closed {
                return Err(ClientError::Disconnected(why.clone()));
            }
            state.last_request += 1;
            let id = state.last_request.to_string();
            state.requests.insert(id.clone(), sender);
            id
        };
        let text = json!({"type": kind, "payload": payload, "requestId": id}).to_string();
        self.0.queue(tungstenite::Message::Text(text.into()));
        let answered = timeout(PATIENCE, answer).await;
        self.0.state().requests.remove(&id);
        match answered {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(ClientError::Disconnected("it has ended".to_owned())),
            Err(_) => Err(ClientError::Silent),
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self, message: tungstenite::Message) {
        let mut state = self.state();
        if state.closed.is_some() {
            return;
        }
        state.waiting_bytes += message.len();
        state.waiting.push_back(message);
        drop(state);
        self.noted.notify_one();
    }

    fn answer(&self, id: &str, answer: Result<Value, ClientError>) {
        if let Some(request) = self.state().requests.remove(id) {
            // Whoever asked may have stopped waiting.
            let _ = request.send(answer);
        }
    }

    fn close(&self, why: &str) {
        let mut state = self.state();
        state.closed.get_or_insert_with(|| why.to_owned());
        state.waiting.clear();
        for (_, request) in state.requests.drain() {
            let _ = request.send(Err(ClientError::Disconnected(why.to_owned())));
        }
    }
}
