//! What a room says to one session, in this dialect's frames.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use documents::delivery::{Delivery, Outgoing, Refusal, Sink, Taken, Wire};
use platform::access::Access;
use web_protocol::hocuspocus::{Address, Frame, Message, Saved, Scope};

use super::ledger::{Fate, Ledger};
use super::{DIALECT, DIALECT_AFTER_ADDRESS};
use crate::outbox::{ChannelKey, Outbox, Priority};
use crate::websocket::binary;
use crate::y_websocket::encode_awareness;

/// Where what is said to one address goes.
#[derive(Clone)]
pub(super) struct Voice {
    pub(super) key: ChannelKey,
    pub(super) address: Arc<str>,
    pub(super) outbox: Arc<Outbox>,
    /// Set whenever something is said on the socket.
    pub(super) spoke: Arc<AtomicBool>,
}

impl Voice {
    /// Says what must be said.
    pub(super) fn say(&self, message: Message<'_>) {
        self.push(Priority::Must, &self.frame(message));
    }

    fn frame(&self, message: Message<'_>) -> Wire {
        binary(&Frame::Message(Address::new(&self.address), message).encode(), Bytes::new())
    }

    fn push(&self, priority: Priority, frame: &Wire) -> Taken {
        self.spoke.store(true, Ordering::Relaxed);
        self.outbox.push(self.key, priority, frame)
    }
}

/// The sink of one session.
pub(super) struct DocumentSink {
    voice: Voice,
    ledger: Mutex<Ledger>,
    /// Whether the client may write, as far as it was told.
    writes: AtomicBool,
    /// The client may be asked for what it has. Before its own step 1 it is not (H5).
    opened: AtomicBool,
    /// The client has left; what the room still says is dropped.
    left: AtomicBool,
}

impl DocumentSink {
    pub(super) fn new(voice: Voice) -> Self {
        Self {
            voice,
            ledger: Mutex::default(),
            writes: AtomicBool::new(false),
            opened: AtomicBool::new(false),
            left: AtomicBool::new(false),
        }
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // Nothing that runs under the lock can leave the ledger half changed.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn may_write(&self) -> bool {
        self.writes.load(Ordering::Acquire)
    }

    /// From now on the client's frames reach the room.
    pub(super) fn open(&self) {
        self.opened.store(true, Ordering::Release);
    }

    /// From now on nothing is said to the client any more.
    pub(super) fn leave(&self) {
        self.left.store(true, Ordering::Release);
    }

    /// Tells the client what it may do.
    pub(super) fn tell_scope(&self) {
        let scope = if self.may_write() { Scope::ReadWrite } else { Scope::ReadOnly };
        self.voice.say(Message::Authenticated(scope));
    }

    fn grant(&self, access: Access) -> Taken {
        self.writes.store(access == Access::Write, Ordering::Release);
        self.tell_scope();
        Taken::Yes
    }

    fn refuse(&self, frame: u64, refusal: &Refusal) -> Taken {
        let fate = if refusal.retry() { Fate::Later } else { Fate::Refused };
        self.ledger().refused(frame, fate);
        Taken::Yes
    }

    fn receipt(&self, through: u64) -> Taken {
        let due = self.ledger().receipt(through);
        let mut encoded: Option<(Saved, Wire)> = None;
        for saved in due {
            // Mostly they all say the same.
            let frame = match &encoded {
                Some((same, frame)) if *same == saved => frame.clone(),
                _ => self.voice.frame(Message::SyncStatus(saved)),
            };
            self.voice.push(Priority::Must, &frame);
            encoded = Some((saved, frame));
        }
        Taken::Yes
    }

    /// The frame for this session. All that have the document's plain name as their address share one; the others share
    /// what comes after the address.
    fn frame<'a>(&self, delivery: &'a Delivery) -> Cow<'a, Wire> {
        let address = Address::new(&self.voice.address);
        if address.session().is_none() {
            let whole = delivery.encoded(DIALECT, |_, message| {
                let (head, body) = encode(message);
                binary(&[address.encode(), head].concat(), body)
            });
            return Cow::Borrowed(whole);
        }
        let Wire { head, body } = delivery.encoded(DIALECT_AFTER_ADDRESS, |_, message| {
            let (head, body) = encode(message);
            Wire { head: head.into(), body }
        });
        Cow::Owned(binary(&[&address.encode()[..], head].concat(), body.clone()))
    }
}

impl Sink for DocumentSink {
    fn deliver(&self, delivery: &Delivery) -> Taken {
        if self.left.load(Ordering::Acquire) {
            return Taken::Yes;
        }
        let priority = match &delivery.message {
            Outgoing::Attached { access, .. } | Outgoing::Access(access) => return self.grant(*access),
            Outgoing::Step1(_) if !self.opened.load(Ordering::Acquire) => return Taken::Yes,
            Outgoing::Step1(_) => {
                self.ledger().question();
                Priority::Must
            }
            Outgoing::Step2(_) | Outgoing::Part(_) => Priority::Must,
            Outgoing::Update(_) | Outgoing::Stateless(_) => Priority::Update,
            Outgoing::Awareness(_) => Priority::Presence,
            Outgoing::Receipt { through, .. } => return self.receipt(*through),
            Outgoing::Refused { frame, refusal } => return self.refuse(*frame, refusal),
            Outgoing::Ended(reason) => {
                self.voice.outbox.end(self.voice.key, *reason);
                return Taken::Yes;
            }
            // What the protocol has no words for.
            Outgoing::Present(_)
            | Outgoing::Lagging
            | Outgoing::CaughtUp
            | Outgoing::SavingBehind { .. }
            | Outgoing::SavingResumed
            | Outgoing::Repaired(_) => return Taken::Yes,
        };
        self.voice.push(priority, &self.frame(delivery))
    }

    fn flush(&self) {
        self.voice.outbox.flush();
    }
}

/// A message without its address: what comes before the bytes that it shares with the room, and those.
fn encode(message: &Outgoing) -> (Vec<u8>, Bytes) {
    match message {
        Outgoing::Step1(state_vector) => (Message::Step1(state_vector).head(), state_vector.clone()),
        Outgoing::Step2(update) => (Message::Step2(update).head(), update.bytes().clone()),
        Outgoing::Update(update) | Outgoing::Part(update) => (Message::Update(update).head(), update.bytes().clone()),
        Outgoing::Stateless(payload) => (Message::Stateless(payload).head(), Bytes::new()),
        Outgoing::Awareness(states) => (Message::Awareness(&encode_awareness(states)).head(), Bytes::new()),
        _ => (Vec::new(), Bytes::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::SocketMetrics;

    const DOCUMENT: &str = "scratch:notes";
    /// A WebSocket header of a short frame.
    const HEADER_BYTES: usize = 2;

    fn sink(address: &str) -> DocumentSink {
        let outbox = Arc::new(Outbox::new(1024, &SocketMetrics::default()));
        DocumentSink::new(Voice { key: ChannelKey(1), address: address.into(), outbox, spoke: Arc::default() })
    }

    #[test]
    fn h1_a_frame_is_encoded_once_and_shared_and_each_session_has_its_address() {
        let named = format!("{DOCUMENT}\0k3x");
        let delivery = Delivery::new(1, Outgoing::Update(Bytes::from_static(b"an update").into()));
        // Whoever is first.
        let frames = [&named, DOCUMENT, &named, DOCUMENT].map(|address| {
            let frame = sink(address).frame(&delivery);
            let bytes = [&frame.head[..], &frame.body[..]].concat();
            let expected = Frame::Message(Address::new(address), Message::Update(b"an update"));
            assert_eq!(Frame::decode(&bytes[HEADER_BYTES..]), Ok(expected));
            frame
        });
        assert_eq!(frames[1].head.as_ptr(), frames[3].head.as_ptr());
    }
}
