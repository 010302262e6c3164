//! Valid frames of both dialects, and what can be made of them.

use rand::Rng;
use rand::rngs::StdRng;
use serde_json::json;
use web_protocol::awareness::{self, Entry};
use web_protocol::frame::{Body, Frame as ChannelFrame};
use web_protocol::lib0::write_varuint;
use web_protocol::y_websocket::Message;

use crate::client::Dialect;
use crate::client::attachment::EMPTY_STATE_VECTOR;
use crate::client::socket::Opcode;
use crate::typing::Typist;

/// The longest frame of random bytes.
const MAX_RANDOM_BYTES: usize = 300;

/// A frame to send, and whether any server must close a socket that sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) opcode: Opcode,
    pub(super) bytes: Vec<u8>,
    pub(super) fatal: bool,
}

/// What a valid frame carries.
#[derive(Debug, Clone, Copy)]
enum Payload {
    StateVector,
    Step2,
    Update,
    Awareness,
}

/// Makes hostile frames. The same seed makes the same.
#[derive(Debug)]
pub(super) struct Mutator {
    rng: StdRng,
    typist: Typist,
    /// Updates typed before, to splice and to send again.
    typed: Vec<Vec<u8>>,
}

impl Mutator {
    /// How many updates are kept for splicing.
    const TYPED: usize = 64;

    /// Types under this client id.
    pub(super) fn new(rng: StdRng, client: u64, seed: u64) -> Self {
        let mut typist = Typist::new(client, seed);
        let typed = (0..Self::TYPED).map(|_| typist.next_update()).collect();
        Self { rng, typist, typed }
    }

    /// The next frame for a socket of this dialect; `channel` is the channel's number over `/ws`.
    pub(super) fn next_frame(&mut self, dialect: Dialect, channel: u64, document: &str) -> Frame {
        match self.rng.random_range(0..100) {
            // Mostly what gets past the envelope, to where updates are decoded and applied.
            0..90 => {
                let (payload, mut bytes) = self.valid_payload();
                self.mutate(&mut bytes);
                frame_of(dialect, wrap(dialect, channel, payload, &bytes))
            }
            90..94 => {
                let (payload, bytes) = self.valid_payload();
                let mut frame = wrap(dialect, channel, payload, &bytes);
                self.mutate(&mut frame);
                frame_of(dialect, frame)
            }
            94..98 if dialect == Dialect::Ws => {
                let mut text = self.valid_text(document).into_bytes();
                self.mutate(&mut text);
                let fatal = std::str::from_utf8(&text).is_err();
                Frame { opcode: Opcode::Text, bytes: text, fatal }
            }
            _ if dialect == Dialect::Yjs && self.rng.random_ratio(1, 4) => {
                Frame { opcode: Opcode::Text, bytes: self.valid_text(document).into_bytes(), fatal: true }
            }
            _ => {
                let bytes = self.random_bytes();
                frame_of(dialect, bytes)
            }
        }
    }

    fn valid_payload(&mut self) -> (Payload, Vec<u8>) {
        match self.rng.random_range(0..20) {
            0 => (Payload::StateVector, EMPTY_STATE_VECTOR.to_vec()),
            1 => {
                let state = r#"{"cursor":{"anchor":1,"head":2}}"#;
                let entry = Entry { client: self.rng.random_range(0..200), clock: self.rng.random_range(0..9), state };
                (Payload::Awareness, awareness::encode([entry].into_iter()))
            }
            2 | 3 => (Payload::Step2, self.typed_before()),
            4 | 5 => (Payload::Update, self.typed_before()),
            _ => {
                let update = self.typist.next_update();
                let place = self.rng.random_range(0..self.typed.len());
                self.typed[place].clone_from(&update);
                (Payload::Update, update)
            }
        }
    }

    fn typed_before(&mut self) -> Vec<u8> {
        self.typed[self.rng.random_range(0..self.typed.len())].clone()
    }

    fn valid_text(&mut self, document: &str) -> String {
        let message = match self.rng.random_range(0..5) {
            0 => json!({ "type": "subscribe", "requestId": "1", "payload": { "channel": document } }),
            1 => {
                json!({ "type": "subscribe", "payload": { "channel": document, "sync": { "epoch": 1, "capabilities": ["receipts"] } } })
            }
            2 => {
                json!({ "type": "presence", "payload": { "nodeId": "00000000-0000-4000-8000-000000000001", "action": "editing" } })
            }
            3 => json!({ "type": "token", "payload": { "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl" } }),
            _ => json!({ "type": "unsubscribe", "payload": { "channel": "scratch:another" } }),
        };
        message.to_string()
    }

    fn random_bytes(&mut self) -> Vec<u8> {
        let len = self.rng.random_range(0..MAX_RANDOM_BYTES);
        (0..len).map(|_| self.rng.random()).collect()
    }

    /// Breaks the bytes in one of the ways in which bytes break, or are broken on purpose.
    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return bytes.extend(self.random_bytes());
        }
        match self.rng.random_range(0..6) {
            0 | 1 => {
                for _ in 0..self.rng.random_range(1..=8) {
                    let at = self.rng.random_range(0..bytes.len());
                    bytes[at] ^= 1 << self.rng.random_range(0..8);
                }
            }
            2 => bytes.truncate(self.rng.random_range(0..bytes.len())),
            3 => {
                let other = self.typed_before();
                bytes.truncate(self.rng.random_range(0..=bytes.len()));
                bytes.extend_from_slice(&other[self.rng.random_range(0..other.len())..]);
            }
            // A length or a count that claims more than is there.
            4 => {
                let at = self.rng.random_range(0..bytes.len());
                let bits = self.rng.random_range(7..=53);
                let mut claim = Vec::new();
                write_varuint(&mut claim, (1 << bits) - 1);
                bytes.splice(at..=at, claim);
            }
            _ => {
                let at = self.rng.random_range(0..bytes.len());
                let more = self.random_bytes();
                bytes.splice(at..at, more);
            }
        }
    }
}

/// A binary frame. One whose envelope does not decode ends its socket.
fn frame_of(dialect: Dialect, bytes: Vec<u8>) -> Frame {
    let fatal = match dialect {
        Dialect::Ws => match ChannelFrame::decode(&bytes).map(|frame| frame.body) {
            Ok(Body::Awareness(states)) => awareness::decode(states, usize::MAX).is_err(),
            Ok(Body::Receipt { .. } | Body::Piece(_)) => true,
            decoded => decoded.is_err(),
        },
        // Attackers speak this or y-websocket's.
        _ => match Message::decode(&bytes) {
            Ok(Message::Awareness(states)) => awareness::decode(states, usize::MAX).is_err(),
            decoded => decoded.is_err(),
        },
    };
    Frame { opcode: Opcode::Binary, bytes, fatal }
}

fn wrap(dialect: Dialect, number: u64, payload: Payload, bytes: &[u8]) -> Vec<u8> {
    match (dialect, payload) {
        (Dialect::Ws, Payload::StateVector) => ChannelFrame { number, body: Body::Step1(bytes) }.encode(),
        (Dialect::Ws, Payload::Step2) => ChannelFrame { number, body: Body::Step2(bytes) }.encode(),
        (Dialect::Ws, Payload::Update) => ChannelFrame { number, body: Body::Update(bytes) }.encode(),
        (Dialect::Ws, Payload::Awareness) => ChannelFrame { number, body: Body::Awareness(bytes) }.encode(),
        (_, Payload::StateVector) => Message::Step1(bytes).encode(),
        (_, Payload::Step2) => Message::Step2(bytes).encode(),
        (_, Payload::Update) => Message::Update(bytes).encode(),
        (_, Payload::Awareness) => Message::Awareness(bytes).encode(),
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_frames_and_most_are_not_fatal() {
        let frames = |seed| {
            let mut mutator = Mutator::new(StdRng::seed_from_u64(seed), 7, 1);
            (0..1000).map(|_| mutator.next_frame(Dialect::Ws, 300, "scratch:a")).collect::<Vec<_>>()
        };
        let first = frames(1);
        assert_eq!(first, frames(1));
        assert_ne!(first, frames(2));
        let fatal = first.iter().filter(|frame| frame.fatal).count();
        assert!((20..150).contains(&fatal), "{fatal} of 1000 are fatal");
    }
}
