//! A client of Hocuspocus' protocol: one socket, and a replica for each address.

use std::net::SocketAddr;

use serde_json::Value;
use tokio_tungstenite::tungstenite::Message as WebSocketMessage;
use web_protocol::awareness::{self, Entry};
use web_protocol::hocuspocus::{Address, Frame, Message, Saved, Scope};
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Doc, ReadTxn, StateVector, Text, Transact};

use crate::client::{Event, Socket, apply, new_doc, states_in, text_of};

pub(crate) struct HClient {
    pub(crate) socket: Socket,
}

/// A document as one session of a client has it.
pub(crate) struct Replica {
    pub(crate) address: String,
    pub(crate) doc: Doc,
}

impl Replica {
    pub(crate) fn new(address: &str) -> Self {
        Self { address: address.to_owned(), doc: new_doc() }
    }

    pub(crate) fn text(&self) -> String {
        text_of(&self.doc)
    }

    /// An insertion at the start of the text, without sending it.
    pub(crate) fn write(&self, text: &str) -> Vec<u8> {
        let shared = self.doc.get_or_insert_text("text");
        let mut txn = self.doc.transact_mut();
        shared.insert(&mut txn, 0, text);
        txn.encode_update_v1()
    }
}

impl HClient {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::connect_with(address, None).await
    }

    pub(crate) async fn connect_with(address: SocketAddr, receive_buffer: Option<u32>) -> Self {
        Self { socket: Socket::connect(address, "/hocuspocus", receive_buffer).await }
    }

    pub(crate) async fn send(&mut self, address: &str, message: Message<'_>) {
        self.send_bytes(Frame::Message(Address::new(address), message).encode()).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: Vec<u8>) {
        self.socket.send(WebSocketMessage::binary(bytes)).await;
    }

    pub(crate) async fn token(&mut self, address: &str, token: &str) {
        self.send(address, Message::Token { token, version: None }).await;
    }

    /// The first message to an address of which `take` makes something.
    pub(crate) async fn find<T>(
        &mut self,
        address: &str,
        what: &str,
        mut take: impl FnMut(Message<'_>) -> Option<T>,
    ) -> T {
        self.socket.find(what, |event| message(event, address).and_then(&mut take)).await
    }

    /// The next message to an address, as text for comparison.
    pub(crate) async fn next(&mut self, address: &str) -> String {
        self.find(address, "anything", |message| Some(format!("{message:?}"))).await
    }

    pub(crate) async fn scope(&mut self, address: &str) -> Scope {
        self.find(address, "the scope", |message| match message {
            Message::Authenticated(scope) => Some(scope),
            _ => None,
        })
        .await
    }

    pub(crate) async fn denied(&mut self, address: &str) -> String {
        self.find(address, "a denial", |message| match message {
            Message::PermissionDenied(reason) => Some(reason.to_owned()),
            _ => None,
        })
        .await
    }

    /// The reason of the next close of a document.
    pub(crate) async fn closed(&mut self, address: &str) -> Option<String> {
        self.find(address, "the close of a document", |message| match message {
            Message::Close(reason) => Some(reason.map(str::to_owned)),
            _ => None,
        })
        .await
    }

    pub(crate) async fn status(&mut self, address: &str) -> Saved {
        self.find(address, "a sync status", |message| match message {
            Message::SyncStatus(saved) => Some(saved),
            _ => None,
        })
        .await
    }

    /// The statuses that were passed over so far.
    pub(crate) fn statuses_passed_over(&self, address: &str) -> usize {
        let events = self.socket.passed_over();
        events.filter(|event| matches!(message(event, address), Some(Message::SyncStatus(_)))).count()
    }

    pub(crate) async fn stateless(&mut self, address: &str) -> String {
        self.find(address, "a stateless message", |message| match message {
            Message::Stateless(payload) => Some(payload.to_owned()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn awareness(&mut self, address: &str) -> Vec<(u64, u64, Value)> {
        self.find(address, "awareness", |message| match message {
            Message::Awareness(states) => Some(states_in(states)),
            _ => None,
        })
        .await
    }

    pub(crate) async fn publish(&mut self, address: &str, client: u64, clock: u64, state: &Value) {
        let state = state.to_string();
        let states = awareness::encode([Entry { client, clock, state: &state }].into_iter());
        self.send(address, Message::Awareness(&states)).await;
    }

    /// Opens a document as a provider does: token, both halves of the handshake, and the status of the answer.
    pub(crate) async fn open(&mut self, address: &str, token: &str) -> Replica {
        let replica = Replica::new(address);
        self.token(address, token).await;
        self.step_1(&replica).await;
        self.scope(address).await;
        self.answer(&replica).await;
        self.until_synced(&replica).await;
        assert_eq!(self.status(address).await, Saved::Yes);
        replica
    }

    pub(crate) async fn step_1(&mut self, replica: &Replica) {
        let state_vector = replica.doc.transact().state_vector().encode_v1();
        self.send(&replica.address, Message::Step1(&state_vector)).await;
    }

    /// Waits for the server's step 1.
    pub(crate) async fn asked(&mut self, address: &str) -> StateVector {
        self.find(address, "step 1", |message| match message {
            Message::Step1(state_vector) => Some(StateVector::decode_v1(state_vector).unwrap()),
            _ => None,
        })
        .await
    }

    /// Answers the server's step 1.
    pub(crate) async fn answer(&mut self, replica: &Replica) {
        let asked = self.asked(&replica.address).await;
        let answer = replica.doc.transact().encode_state_as_update_v1(&asked);
        self.send(&replica.address, Message::Step2(&answer)).await;
    }

    pub(crate) async fn until_synced(&mut self, replica: &Replica) {
        self.find(&replica.address, "step 2", |message| match message {
            Message::Step2(update) => {
                apply(&replica.doc, update);
                Some(())
            }
            Message::Update(update) => {
                apply(&replica.doc, update);
                None
            }
            _ => None,
        })
        .await;
    }

    pub(crate) async fn type_text(&mut self, replica: &Replica, text: &str) {
        let update = replica.write(text);
        self.send(&replica.address, Message::Update(&update)).await;
    }

    pub(crate) async fn until_text(&mut self, replica: &Replica, expected: impl Fn(&str) -> bool) {
        if expected(&replica.text()) {
            return;
        }
        self.find(&replica.address, "the text", |message| {
            if let Message::Update(update) | Message::Step2(update) = message {
                apply(&replica.doc, update);
            }
            expected(&replica.text()).then_some(())
        })
        .await;
    }
}

/// What an event says to an address.
pub(crate) fn message<'a>(event: &'a Event, address: &str) -> Option<Message<'a>> {
    let Event::Binary(bytes) = event else { return None };
    match Frame::decode(bytes).expect("the server's frames can be decoded") {
        Frame::Message(to, message) => (to.as_str() == address).then_some(message),
        Frame::Ping | Frame::Pong => None,
    }
}
