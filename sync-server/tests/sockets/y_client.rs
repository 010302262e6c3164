//! A client of the y-websocket protocol, with a replica.

use std::net::SocketAddr;

use serde_json::Value;
use tokio_tungstenite::tungstenite::Message as WebSocketMessage;
use web_protocol::awareness::{self, Entry};
use web_protocol::y_websocket::Message;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Doc, ReadTxn, StateVector, Text, Transact};

use crate::client::{Event, Socket, apply, new_doc, states_in, text_of};

pub(crate) struct YClient {
    pub(crate) socket: Socket,
    pub(crate) doc: Doc,
}

impl YClient {
    pub(crate) async fn connect(address: SocketAddr, document: &str, token: Option<&str>) -> Self {
        let query = token.map(|token| format!("?token={token}")).unwrap_or_default();
        let socket = Socket::connect(address, &format!("/yjs/{document}{query}"), None).await;
        Self { socket, doc: new_doc() }
    }

    pub(crate) async fn send(&mut self, message: Message<'_>) {
        self.socket.send(WebSocketMessage::binary(message.encode())).await;
    }

    pub(crate) async fn handshake(&mut self) {
        let state_vector = self.doc.transact().state_vector().encode_v1();
        self.send(Message::Step1(&state_vector)).await;
        let asked = self.step_1().await;
        let answer = self.doc.transact().encode_state_as_update_v1(&asked);
        self.send(Message::Step2(&answer)).await;
        self.until_synced().await;
    }

    pub(crate) async fn step_1(&mut self) -> StateVector {
        self.socket
            .find("step 1", |event| match message(event) {
                Some(Message::Step1(state_vector)) => Some(StateVector::decode_v1(state_vector).unwrap()),
                _ => None,
            })
            .await
    }

    pub(crate) async fn until_synced(&mut self) {
        let doc = self.doc.clone();
        let step_2 = |event: &Event| match message(event) {
            Some(Message::Step2(update)) => {
                apply(&doc, update);
                Some(())
            }
            Some(Message::Update(update)) => {
                apply(&doc, update);
                None
            }
            _ => None,
        };
        self.socket.find("step 2", step_2).await;
    }

    pub(crate) async fn type_text(&mut self, text: &str) {
        let update = {
            let shared = self.doc.get_or_insert_text("text");
            let mut txn = self.doc.transact_mut();
            shared.insert(&mut txn, 0, text);
            txn.encode_update_v1()
        };
        self.send(Message::Update(&update)).await;
    }

    pub(crate) async fn until_text(&mut self, expected: impl Fn(&str) -> bool) {
        let doc = self.doc.clone();
        if expected(&text_of(&doc)) {
            return;
        }
        self.socket
            .find("the text", |event| {
                if let Some(Message::Update(update) | Message::Step2(update)) = message(event) {
                    apply(&doc, update);
                }
                expected(&text_of(&doc)).then_some(())
            })
            .await;
    }

    pub(crate) async fn publish(&mut self, client: u64, clock: u64, state: &Value) {
        let state = state.to_string();
        let states = awareness::encode([Entry { client, clock, state: &state }].into_iter());
        self.send(Message::Awareness(&states)).await;
    }

    pub(crate) async fn awareness(&mut self) -> Vec<(u64, u64, Value)> {
        let states = |event: &Event| match message(event) {
            Some(Message::Awareness(states)) => Some(states_in(states)),
            _ => None,
        };
        self.socket.find("awareness", states).await
    }

    /// The reason of the next refusal.
    pub(crate) async fn denied(&mut self) -> String {
        let reason = |event: &Event| match message(event) {
            Some(Message::PermissionDenied(reason)) => Some(reason.to_owned()),
            _ => None,
        };
        self.socket.find("a refusal", reason).await
    }
}

pub(crate) fn message(event: &Event) -> Option<Message<'_>> {
    let Event::Binary(bytes) = event else { return None };
    Some(Message::decode(bytes).expect("the server's messages can be decoded"))
}
