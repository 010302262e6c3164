//! One client's side of a socket: what it says, and what it expects to hear.

use std::collections::HashMap;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use schema::ids::ClientID;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};
use web_protocol::awareness::{self, Entry};
use web_protocol::frame::{Body, Frame};
use web_protocol::hocuspocus::{self, Address};
use web_protocol::{close, y_websocket};
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Doc, GetString, ReadTxn, Text, Transact, Update};

use super::world::{Documents, World};

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// The codes with which the server may close a socket on which anything is said.
const CODES: [u16; 8] = [
    close::TOO_LARGE,
    close::TRY_LATER,
    close::MALFORMED,
    close::UNAUTHORIZED,
    close::FORBIDDEN,
    close::NOT_FOUND,
    close::TOO_MANY,
    close::AUTHENTICATION_TIMEOUT,
];
/// The text that honest edits are in.
const ROOT: &str = "text";

/// What is spoken on a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    GlassBox,
    YWebsocket,
    Hocuspocus,
}

impl Dialect {
    pub(super) fn of(choice: u8) -> Self {
        match choice {
            0 => Self::YWebsocket,
            1 => Self::GlassBox,
            _ => Self::Hocuspocus,
        }
    }
}

/// Messages that all dialects have.
#[derive(Debug, Clone, Copy)]
pub(super) enum Said<'a> {
    Step1(&'a [u8]),
    Step2(&'a [u8]),
    Update(&'a [u8]),
    Awareness(&'a [u8]),
    /// The same, of a state under the client's own id.
    State(&'a [u8]),
}

/// A channel of `/ws`, or an address of `/hocuspocus`.
#[derive(Debug, Default)]
struct Channel {
    /// Step 2 and update frames that were sent to it.
    sent: u64,
    /// How many of them are confirmed, or otherwise answered.
    confirmed: u64,
}

/// A socket.
pub(super) struct Socket<'a> {
    world: &'a World,
    documents: &'a Documents,
    dialect: Dialect,
    /// Nothing any more, once it is closed.
    stream: Option<WebSocketStream<TcpStream>>,
    /// Something that is no WebSocket frame was sent: it may end in any way.
    is_broken: bool,
    /// The address or number of the document that was joined last.
    current: String,
    number: u64,
    channels: HashMap<String, Channel>,
    doc: Doc,
    awareness_clock: u64,
    /// The engine failed at what the server sent.
    is_lost: bool,
    pings: u64,
    /// Step 2s that came since the last step 1.
    answers: u64,
}

impl<'a> Socket<'a> {
    pub(super) async fn open(
        world: &'a World,
        documents: &'a Documents,
        dialect: Dialect,
        who: usize,
        document: usize,
    ) -> Self {
        let name = documents.names[document % documents.names.len()].clone();
        let path = match dialect {
            Dialect::GlassBox => "/ws".to_owned(),
            Dialect::YWebsocket => format!("/yjs/{name}"),
            Dialect::Hocuspocus => "/hocuspocus".to_owned(),
        };
        let query = world.token(who).map(|token| format!("?token={token}")).unwrap_or_default();
        let tcp = TcpStream::connect(world.address).await.expect("the server listens");
        tcp.set_nodelay(true).expect("it is a socket");
        let url = format!("ws://{}{path}{query}", world.address);
        let (stream, _) = client_async(url, tcp).await.expect("the upgrade succeeds, whatever follows");
        Self {
            world,
            documents,
            dialect,
            stream: Some(stream),
            is_broken: false,
            current: name,
            number: 0,
            channels: HashMap::new(),
            doc: schema::new_doc(ClientID::new(100 + who as u64)),
            awareness_clock: 0,
            is_lost: false,
            pings: 0,
            answers: 0,
        }
    }

    pub(super) async fn send_text(&mut self, text: &str) {
        self.push(Message::text(text)).await;
    }

    /// Sends a frame and notes what is in it.
    pub(super) async fn send_binary(&mut self, frame: Vec<u8>) {
        match self.dialect {
            Dialect::GlassBox => {
                if let Ok(Frame { number, body: Body::Step2(_) | Body::Update(_) }) = Frame::decode(&frame) {
                    self.channels.entry(number.to_string()).or_default().sent += 1;
                }
            }
            Dialect::Hocuspocus => {
                use hocuspocus::Message::{Step2, Update};
                let decoded = hocuspocus::Frame::decode(&frame);
                if let Ok(hocuspocus::Frame::Message(address, Step2(_) | Update(_))) = decoded {
                    self.channels.entry(address.as_str().to_owned()).or_default().sent += 1;
                }
            }
            Dialect::YWebsocket => {}
        }
        self.push(Message::binary(frame)).await;
    }

    /// Sends bytes that are no WebSocket frame, most likely.
    pub(super) async fn send_raw(&mut self, bytes: &[u8]) {
        self.is_broken = true;
        if let Some(stream) = &mut self.stream {
            let _ = stream.get_mut().write_all(bytes).await;
        }
    }

    async fn push(&mut self, message: Message) {
        if let Some(stream) = &mut self.stream {
            // The server may have closed it already: it is heard when the rest is read.
            let _ = stream.send(message).await;
        }
    }

    /// Sends a message to one of the documents.
    pub(super) async fn send_body(&mut self, which: u8, body: &[u8]) {
        let mut frame = match self.dialect {
            Dialect::GlassBox => Frame { number: self.number, body: Body::Step1(&[]) }.head(),
            Dialect::Hocuspocus => {
                let name = &self.documents.names[usize::from(which) % self.documents.names.len()];
                let address = if which & 0x80 == 0 { name.clone() } else { format!("{name}\0other") };
                Address::new(&address).encode()
            }
            Dialect::YWebsocket => Vec::new(),
        };
        if self.dialect == Dialect::GlassBox {
            // The type and length of the empty step 1.
            frame.truncate(frame.len() - 2);
        }
        frame.extend_from_slice(body);
        self.send_binary(frame).await;
    }

    /// Opens a document on the socket.
    pub(super) async fn join(&mut self, choice: u8, who: usize) {
        self.current = self.documents.names[usize::from(choice & 0x03) % self.documents.names.len()].clone();
        match self.dialect {
            Dialect::GlassBox => {
                let sync = json!({"epoch": null, "capabilities": ["receipts", "notices"]});
                let payload = if choice & 0x80 == 0 {
                    json!({"channel": self.current, "sync": sync})
                } else {
                    json!({"channel": self.current})
                };
                self.send_text(&json!({"type": "subscribe", "payload": payload}).to_string()).await;
            }
            Dialect::Hocuspocus => {
                if choice & 0x80 != 0 {
                    self.current.push_str("\0other");
                }
                let token = self.world.token(who).unwrap_or_default();
                let message = hocuspocus::Message::Token { token, version: None };
                let frame = hocuspocus::Frame::Message(Address::new(&self.current), message).encode();
                self.send_binary(frame).await;
            }
            Dialect::YWebsocket => self.send(Said::Step1(&[0])).await,
        }
    }

    /// Closes the document that was opened last.
    pub(super) async fn leave(&mut self, choice: u8) {
        match self.dialect {
            Dialect::GlassBox => {
                let request = json!({"type": "unsubscribe", "payload": {"channel": self.current}});
                self.send_text(&request.to_string()).await;
            }
            Dialect::Hocuspocus => {
                let message = if choice & 1 == 0 {
                    hocuspocus::Message::Close(None)
                } else {
                    hocuspocus::Message::QueryAwareness
                };
                let frame = hocuspocus::Frame::Message(Address::new(&self.current), message).encode();
                self.send_binary(frame).await;
            }
            Dialect::YWebsocket => self.push(Message::Close(None)).await,
        }
    }

    /// Says something in the document that was opened last.
    pub(super) async fn send(&mut self, what: Said<'_>) {
        let states;
        let what = match what {
            Said::State(state) => {
                self.awareness_clock += 1;
                let state = String::from_utf8_lossy(state);
                let client = self.doc.client_id().get();
                states = awareness::encode([Entry { client, clock: self.awareness_clock, state: &state }].into_iter());
                Said::Awareness(&states)
            }
            other => other,
        };
        let frame = match self.dialect {
            Dialect::GlassBox => Frame { number: self.number, body: body_of(what) }.encode(),
            Dialect::YWebsocket => y_message_of(what).encode(),
            Dialect::Hocuspocus => hocuspocus::Frame::Message(Address::new(&self.current), h_message_of(what)).encode(),
        };
        self.send_binary(frame).await;
    }

    /// Types something, honestly.
    pub(super) async fn edit(&mut self, choice: u8) {
        if self.is_lost {
            return;
        }
        let text = self.doc.get_or_insert_text(ROOT);
        let mut txn = ManuallyDrop::new(self.doc.transact_mut());
        let update = catch_unwind(AssertUnwindSafe(|| {
            let end = text.get_string(&*txn).encode_utf16().count() as u32;
            text.insert(&mut txn, u32::from(choice >> 1) % (end + 1), "word ");
            txn.encode_update_v1()
        }));
        let Ok(update) = update else {
            self.is_lost = true;
            return;
        };
        drop(ManuallyDrop::into_inner(txn));
        self.send(if choice & 1 == 0 { Said::Update(&update) } else { Said::Step2(&update) }).await;
    }

    /// Asks the document for all that is not here, and waits for the answer (of a y-websocket socket).
    pub(super) async fn synchronize(&mut self) {
        if self.is_lost {
            return;
        }
        let state_vector = self.doc.transact().state_vector().encode_v1();
        self.send(Said::Step1(&state_vector)).await;
        self.answers = 0;
        self.read_until(|socket, _| socket.answers > 0).await;
    }

    /// Reads until the server has answered all that was sent, or has closed the socket.
    pub(super) async fn settle(&mut self) {
        self.pings += 1;
        let ping = self.pings.to_string();
        self.push(Message::Ping(ping.clone().into())).await;
        self.read_until(|_, message| matches!(message, Message::Pong(answer) if **answer == *ping.as_bytes())).await;
    }

    async fn read_until(&mut self, is_enough: impl Fn(&Self, &Message) -> bool) {
        loop {
            let Some(stream) = &mut self.stream else { return };
            let Ok(next) = tokio::time::timeout(PATIENCE, stream.next()).await else {
                assert!(self.is_broken, "the server does not answer on a {:?} socket", self.dialect);
                self.stream = None;
                return;
            };
            let last = next.as_ref().and_then(|next| next.as_ref().ok()).cloned();
            match next {
                Some(Ok(Message::Text(text))) => self.hear_text(&text),
                Some(Ok(Message::Binary(frame))) => self.hear(&frame),
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.map_or(1005, |frame| frame.code.into());
                    // Who says goodbye hears the same.
                    assert!(CODES.contains(&code) || code == 1005, "closed with {code}");
                    self.stream = None;
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => self.stream = None,
            }
            if self.is_broken {
                // The answer may never come.
                self.stream = None;
            }
            if last.is_some_and(|message| is_enough(self, &message)) {
                return;
            }
        }
    }

    fn hear_text(&mut self, text: &str) {
        assert_eq!(self.dialect, Dialect::GlassBox, "text in another dialect: {text}");
        let message: Value = serde_json::from_str(text).expect("what the server says is JSON");
        let payload = &message["payload"];
        match message["type"].as_str().expect("it has a type") {
            "subscribed" => {
                if let Some(number) = payload["sync"]["number"].as_u64() {
                    self.number = number;
                    self.channels.entry(number.to_string()).or_default().confirmed = 0;
                }
            }
            "refused" => {
                let frame = payload["update"].as_u64().expect("it names a frame");
                assert!(self.channels.values().any(|channel| frame <= channel.sent), "more is refused than was sent");
            }
            _ => {}
        }
    }

    fn hear(&mut self, frame: &[u8]) {
        match self.dialect {
            Dialect::GlassBox => match Frame::decode(frame).expect("what the server says can be decoded") {
                Frame { number, body: Body::Receipt { through, .. } } => {
                    let channel = self.channels.entry(number.to_string()).or_default();
                    assert!(through > channel.confirmed, "a receipt that says nothing new");
                    assert!(through <= channel.sent, "more is confirmed than was sent");
                    channel.confirmed = through;
                }
                Frame { body: Body::Step2(update) | Body::Update(update), .. } => self.apply(update),
                Frame { .. } => {}
            },
            Dialect::YWebsocket => {
                match y_websocket::Message::decode(frame).expect("what the server says can be decoded") {
                    y_websocket::Message::Step2(update) => {
                        self.answers += 1;
                        self.apply(update);
                    }
                    y_websocket::Message::Update(update) => self.apply(update),
                    _ => {}
                }
            }
            Dialect::Hocuspocus => self.hear_hocuspocus(frame),
        }
    }

    fn hear_hocuspocus(&mut self, frame: &[u8]) {
        use hocuspocus::Message::{Step2, SyncStatus, Update};
        let hocuspocus::Frame::Message(address, message) =
            hocuspocus::Frame::decode(frame).expect("what the server says can be decoded")
        else {
            return;
        };
        match message {
            SyncStatus(_) => {
                let channel = self.channels.entry(address.as_str().to_owned()).or_default();
                channel.confirmed += 1;
                assert!(channel.confirmed <= channel.sent, "more is answered than was sent");
            }
            Step2(update) | Update(update) if address.as_str() == self.current => self.apply(update),
            _ => {}
        }
    }

    fn apply(&mut self, update: &[u8]) {
        if self.is_lost {
            return;
        }
        let update = Update::decode_v1(update).expect("what the server sends is an update");
        let mut txn = ManuallyDrop::new(self.doc.transact_mut());
        let applied = catch_unwind(AssertUnwindSafe(|| txn.apply_update(update)));
        match applied {
            Ok(result) => {
                result.expect("what the server sends can be applied");
                drop(ManuallyDrop::into_inner(txn));
            }
            Err(_) => self.is_lost = true,
        }
    }

    /// What the replica reads as, while the socket is open.
    pub(super) fn reading(&self) -> Option<String> {
        assert!(!self.is_lost, "the engine fails at what the server sent");
        let text = self.doc.get_or_insert_text(ROOT);
        self.stream.is_some().then(|| text.get_string(&self.doc.transact()))
    }
}

impl Drop for Socket<'_> {
    fn drop(&mut self) {
        if self.is_lost {
            // A transaction that panicked is open for ever.
            std::mem::forget(std::mem::replace(&mut self.doc, Doc::new()));
        }
    }
}

fn body_of(what: Said<'_>) -> Body<'_> {
    match what {
        Said::Step1(state_vector) => Body::Step1(state_vector),
        Said::Step2(update) => Body::Step2(update),
        Said::Update(update) => Body::Update(update),
        Said::Awareness(states) | Said::State(states) => Body::Awareness(states),
    }
}

fn y_message_of(what: Said<'_>) -> y_websocket::Message<'_> {
    match what {
        Said::Step1(state_vector) => y_websocket::Message::Step1(state_vector),
        Said::Step2(update) => y_websocket::Message::Step2(update),
        Said::Update(update) => y_websocket::Message::Update(update),
        Said::Awareness(states) | Said::State(states) => y_websocket::Message::Awareness(states),
    }
}

fn h_message_of(what: Said<'_>) -> hocuspocus::Message<'_> {
    match what {
        Said::Step1(state_vector) => hocuspocus::Message::Step1(state_vector),
        Said::Step2(update) => hocuspocus::Message::Step2(update),
        Said::Update(update) => hocuspocus::Message::Update(update),
        Said::Awareness(states) | Said::State(states) => hocuspocus::Message::Awareness(states),
    }
}
