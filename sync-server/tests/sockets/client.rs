//! A client of our own dialect, with a replica of one document.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use axum::http::Uri;
use futures_util::{SinkExt, StreamExt};
use schema::ids::ClientID;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use uuid::Uuid;
use web_protocol::awareness::{self, Entry};
use web_protocol::frame::{Body, Frame};
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Doc, GetString, ReadTxn, StateVector, Text, Transact, Update};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a socket said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    Text(Value),
    Binary(Bytes),
    Ping,
    /// The close code; 1005 when there was none, 1006 when the connection broke.
    Closed(u16),
}

/// A WebSocket whose events can be waited for in any order; what was passed over stays.
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    backlog: VecDeque<Event>,
}

impl Socket {
    pub(crate) async fn connect(address: SocketAddr, path: &str, receive_buffer: Option<u32>) -> Self {
        let tcp = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = receive_buffer {
            tcp.set_recv_buffer_size(bytes).unwrap();
        }
        let tcp = tcp.connect(address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let url: Uri = format!("ws://{address}{path}").parse().unwrap();
        let (stream, _) = client_async(url, tcp).await.expect("the upgrade succeeds, whatever follows");
        Self { stream, backlog: VecDeque::new() }
    }

    pub(crate) async fn send(&mut self, message: Message) {
        self.stream.send(message).await.expect("the socket is open");
    }

    /// Sends to a server that may have closed the socket already.
    pub(crate) async fn send_anyway(&mut self, message: Message) {
        let _ = self.stream.send(message).await;
    }

    /// Sends bytes as they are, whatever the protocol says.
    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).await.expect("the socket is open");
    }

    async fn read(&mut self) -> Event {
        loop {
            return match self.stream.next().await {
                Some(Ok(Message::Text(text))) => Event::Text(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Binary(bytes))) => Event::Binary(bytes),
                Some(Ok(Message::Ping(_))) => Event::Ping,
                Some(Ok(Message::Close(frame))) => Event::Closed(frame.map_or(1005, |frame| frame.code.into())),
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => Event::Closed(1006),
            };
        }
    }

    /// The first event, from what was passed over on, of which `take` makes something.
    pub(crate) async fn find<T>(&mut self, what: &str, mut take: impl FnMut(&Event) -> Option<T>) -> T {
        for at in 0..self.backlog.len() {
            if let Some(found) = take(&self.backlog[at]) {
                self.backlog.remove(at);
                return found;
            }
        }
        loop {
            let Ok(event) = tokio::time::timeout(PATIENCE, self.read()).await else {
                panic!("waited in vain for {what}; passed over {:?}", self.backlog);
            };
            if let Some(found) = take(&event) {
                return found;
            }
            let closed = matches!(event, Event::Closed(_));
            self.backlog.push_back(event);
            assert!(!closed, "the socket was closed before {what}; passed over {:?}", self.backlog);
        }
    }

    /// The next event, whatever it is.
    pub(crate) async fn next(&mut self) -> Event {
        self.find("anything", |event| Some(event.clone())).await
    }

    pub(crate) async fn closed(&mut self) -> u16 {
        let code = |event: &Event| if let Event::Closed(code) = event { Some(*code) } else { None };
        self.find("the close", code).await
    }

    /// Takes bytes off the connection until it ends, and never answers anything.
    pub(crate) async fn listen_only(&mut self, patience: Duration) -> Vec<u8> {
        let mut heard = Vec::new();
        let reading = self.stream.get_mut().read_to_end(&mut heard);
        // A connection that is reset has said what it had to say.
        let _ = tokio::time::timeout(patience, reading).await.expect("the server ends the connection");
        heard
    }

    /// What was passed over so far.
    pub(crate) fn passed_over(&self) -> impl Iterator<Item = &Event> {
        self.backlog.iter()
    }
}

/// A client with one replica.
pub(crate) struct Client {
    pub(crate) socket: Socket,
    pub(crate) doc: Doc,
    pub(crate) number: u64,
    /// Step 2 and update frames sent so far (G13).
    pub(crate) sent: u64,
    awareness_clock: u64,
}

/// A receipt's `through`, `epoch` and `seq`.
pub(crate) type Receipt = (u64, u64, u64);

impl Client {
    pub(crate) async fn connect(address: SocketAddr, token: Option<&str>) -> Self {
        Self::connect_with(address, token, None).await
    }

    pub(crate) async fn connect_with(address: SocketAddr, token: Option<&str>, receive_buffer: Option<u32>) -> Self {
        let query = token.map(|token| format!("?token={token}")).unwrap_or_default();
        let socket = Socket::connect(address, &format!("/ws{query}"), receive_buffer).await;
        Self { socket, doc: new_doc(), number: 0, sent: 0, awareness_clock: 0 }
    }

    pub(crate) async fn ask(&mut self, request: Value) {
        self.socket.send(Message::text(request.to_string())).await;
    }

    pub(crate) async fn subscribe(&mut self, channel: &str, epoch: Option<u32>) {
        let sync = json!({ "epoch": epoch, "capabilities": ["receipts", "notices"] });
        self.ask(json!({ "type": "subscribe", "payload": { "channel": channel, "sync": sync } })).await;
    }

    /// Subscribes without sync.
    pub(crate) async fn watch(&mut self, channel: &str) {
        self.ask(json!({ "type": "subscribe", "payload": { "channel": channel } })).await;
        self.reply("subscribed").await;
    }

    /// The next message of a type, whole.
    pub(crate) async fn reply(&mut self, kind: &str) -> Value {
        self.socket
            .find(kind, |event| match event {
                Event::Text(text) if text["type"] == kind => Some(text.clone()),
                _ => None,
            })
            .await
    }

    pub(crate) async fn error(&mut self) -> Value {
        self.reply("error").await["payload"].take()
    }

    /// Subscribes, and does both halves of the handshake.
    pub(crate) async fn open(&mut self, channel: &str) -> Value {
        self.subscribe(channel, None).await;
        let mut subscribed = self.reply("subscribed").await;
        let payload = subscribed["payload"].take();
        self.number = payload["sync"]["number"].as_u64().unwrap();
        self.sent = 0;
        self.handshake().await;
        payload
    }

    pub(crate) async fn handshake(&mut self) {
        let state_vector = self.doc.transact().state_vector().encode_v1();
        self.send(Body::Step1(&state_vector)).await;
        let asked = self.step_1().await;
        let answer = self.doc.transact().encode_state_as_update_v1(&asked);
        self.send(Body::Step2(&answer)).await;
        self.until_synced().await;
    }

    /// The state vector of the server's next step 1.
    pub(crate) async fn step_1(&mut self) -> StateVector {
        let number = self.number;
        self.socket
            .find("step 1", |event| match body(event, number) {
                Some(Body::Step1(state_vector)) => Some(StateVector::decode_v1(state_vector).unwrap()),
                _ => None,
            })
            .await
    }

    /// Takes updates up to the server's next step 2: its answer may begin with updates.
    pub(crate) async fn until_synced(&mut self) {
        let (doc, number) = (self.doc.clone(), self.number);
        self.socket
            .find("step 2", |event| match body(event, number) {
                Some(Body::Step2(update)) => {
                    apply(&doc, update);
                    Some(())
                }
                Some(Body::Update(update)) => {
                    apply(&doc, update);
                    None
                }
                _ => None,
            })
            .await;
    }

    pub(crate) async fn send(&mut self, body: Body<'_>) {
        self.send_to(self.number, body).await;
    }

    pub(crate) async fn send_to(&mut self, number: u64, body: Body<'_>) {
        if matches!(body, Body::Step2(_) | Body::Update(_)) {
            self.sent += 1;
        }
        self.socket.send(Message::binary(Frame { number, body }.encode())).await;
    }

    /// An insertion at the start of the text, without sending it.
    pub(crate) fn write(&self, text: &str) -> Vec<u8> {
        let shared = self.doc.get_or_insert_text("text");
        let mut txn = self.doc.transact_mut();
        shared.insert(&mut txn, 0, text);
        txn.encode_update_v1()
    }

    /// An insertion at the start of the text.
    pub(crate) async fn type_text(&mut self, text: &str) {
        let update = self.write(text);
        self.send(Body::Update(&update)).await;
    }

    /// An insertion at the end of the text.
    pub(crate) async fn append(&mut self, text: &str) {
        let update = {
            let shared = self.doc.get_or_insert_text("text");
            let mut txn = self.doc.transact_mut();
            shared.push(&mut txn, text);
            txn.encode_update_v1()
        };
        self.send(Body::Update(&update)).await;
    }

    pub(crate) fn text(&self) -> String {
        text_of(&self.doc)
    }

    /// Takes updates until the text is as expected.
    pub(crate) async fn until_text(&mut self, expected: impl Fn(&str) -> bool) {
        let (doc, number) = (self.doc.clone(), self.number);
        if expected(&text_of(&doc)) {
            return;
        }
        self.socket
            .find("the text", |event| {
                if let Some(Body::Update(update) | Body::Step2(update)) = body(event, number) {
                    apply(&doc, update);
                }
                expected(&text_of(&doc)).then_some(())
            })
            .await;
    }

    /// The next receipt.
    pub(crate) async fn receipt(&mut self) -> Receipt {
        let number = self.number;
        self.socket
            .find("a receipt", |event| match body(event, number) {
                Some(Body::Receipt { through, epoch, seq }) => Some((through, epoch, seq)),
                _ => None,
            })
            .await
    }

    /// Waits until all that was sent is durable, and returns the receipts on the way.
    pub(crate) async fn until_saved(&mut self) -> Vec<Receipt> {
        let mut receipts: Vec<Receipt> = Vec::new();
        while receipts.last().is_none_or(|(through, ..)| *through < self.sent) {
            receipts.push(self.receipt().await);
        }
        receipts
    }

    pub(crate) async fn publish(&mut self, client: u64, clock: u64, state: &str) {
        let states = awareness::encode([Entry { client, clock, state }].into_iter());
        self.send(Body::Awareness(&states)).await;
    }

    /// Publishes a state of its own replica with the next clock.
    pub(crate) async fn publish_own(&mut self, state: &Value) {
        self.awareness_clock += 1;
        let client = self.doc.client_id().get();
        self.publish(client, self.awareness_clock, &state.to_string()).await;
    }

    /// The next awareness message: client id, clock, state.
    pub(crate) async fn awareness(&mut self) -> Vec<(u64, u64, Value)> {
        let number = self.number;
        self.socket
            .find("awareness", |event| match body(event, number) {
                Some(Body::Awareness(states)) => Some(states_in(states)),
                _ => None,
            })
            .await
    }

    /// How many updates of the channel were passed over.
    pub(crate) fn updates_passed_over(&self) -> usize {
        let number = self.number;
        self.socket.passed_over().filter(|event| matches!(body(event, number), Some(Body::Update(_)))).count()
    }
}

/// What a binary event says on a channel.
pub(crate) fn body(event: &Event, number: u64) -> Option<Body<'_>> {
    let Event::Binary(bytes) = event else { return None };
    let frame = Frame::decode(bytes).expect("the server's frames can be decoded");
    (frame.number == number).then_some(frame.body)
}

pub(crate) fn states_in(states: &[u8]) -> Vec<(u64, u64, Value)> {
    let entries = awareness::decode(states, usize::MAX).unwrap();
    entries.iter().map(|entry| (entry.client, entry.clock, serde_json::from_str(entry.state).unwrap())).collect()
}

pub(crate) fn new_doc() -> Doc {
    let (_, random) = Uuid::new_v4().as_u64_pair();
    schema::new_doc(ClientID::new(1 + (random & 0xffff_ffff)))
}

pub(crate) fn apply(doc: &Doc, update: &[u8]) {
    doc.transact_mut().apply_update(Update::decode_v1(update).unwrap()).unwrap();
}

pub(crate) fn text_of(doc: &Doc) -> String {
    let shared = doc.get_or_insert_text("text");
    shared.get_string(&doc.transact())
}
