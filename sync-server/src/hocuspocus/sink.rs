//! What a room says to one session, in this dialect's frames.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use documents::delivery::{Delivery, Outgoing, Refusal, Sink, Taken};
use platform::access::Access;
use web_protocol::hocuspocus::{Address, Frame, Message, Saved, Scope};

use super::DIALECT;
use super::ledger::{Fate, Ledger};
use crate::outbox::{ChannelKey, Outbox, Priority};
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
        self.push(Priority::Must, self.frame(message));
    }

    fn frame(&self, message: Message<'_>) -> Bytes {
        Frame::Message(Address::new(&self.address), message).encode().into()
    }

    fn push(&self, priority: Priority, frame: Bytes) -> Taken {
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
        let mut encoded: Option<(Saved, Bytes)> = None;
        for saved in due {
            // Mostly they all say the same.
            let frame = match &encoded {
                Some((same, frame)) if *same == saved => frame.clone(),
                _ => self.voice.frame(Message::SyncStatus(saved)),
            };
            self.voice.push(Priority::Must, frame.clone());
            encoded = Some((saved, frame));
        }
        Taken::Yes
    }

    /// The frame for this session. All that have the document's plain name as their address share one; for a session
    /// with a name of its own, the address before the message is exchanged.
    fn frame(&self, delivery: &Delivery) -> Bytes {
        let address = Address::new(&self.voice.address);
        let document = Address::new(address.document());
        let shared = delivery.encoded(DIALECT, |_, message| encode(document, message));
        if address == document {
            return shared;
        }
        let mut frame = address.encode();
        frame.extend_from_slice(&shared[document.encode().len()..]);
        frame.into()
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
            | Outgoing::SavingResumed => return Taken::Yes,
        };
        self.voice.push(priority, self.frame(delivery))
    }
}

fn encode(address: Address<'_>, message: &Outgoing) -> Bytes {
    let awareness;
    let message = match message {
        Outgoing::Step1(state_vector) => Message::Step1(state_vector),
        Outgoing::Step2(update) => Message::Step2(update),
        Outgoing::Update(update) | Outgoing::Part(update) => Message::Update(update),
        Outgoing::Stateless(payload) => Message::Stateless(payload),
        Outgoing::Awareness(states) => {
            awareness = encode_awareness(states);
            Message::Awareness(&awareness)
        }
        _ => return Bytes::new(),
    };
    Frame::Message(address, message).encode().into()
}

#[cfg(test)]
mod tests {
    use axum::extract::ws::Message as WebSocketMessage;

    use super::*;

    const DOCUMENT: &str = "scratch:notes";

    fn sink(address: &str) -> (Arc<Outbox>, DocumentSink) {
        let outbox = Arc::new(Outbox::new(1024));
        let (key, spoke) = (ChannelKey(1), Arc::default());
        let voice = Voice { key, address: address.into(), outbox: Arc::clone(&outbox), spoke };
        (outbox, DocumentSink::new(voice))
    }

    #[test]
    fn h1_a_frame_is_encoded_once_and_shared_and_each_session_has_its_address() {
        let named = format!("{DOCUMENT}\0k3x");
        let delivery = Delivery::new(1, Outgoing::Update(Bytes::from_static(b"an update")));
        // Whoever is first.
        let frames = [&named, DOCUMENT, &named, DOCUMENT].map(|address| {
            let (outbox, sink) = sink(address);
            assert_eq!(sink.deliver(&delivery), Taken::Yes);
            match outbox.take().frames.pop_front() {
                Some(WebSocketMessage::Binary(frame)) => {
                    let expected = Frame::Message(Address::new(address), Message::Update(b"an update"));
                    assert_eq!(Frame::decode(&frame), Ok(expected));
                    frame
                }
                other => panic!("{other:?}"),
            }
        });
        assert_eq!(frames[1].as_ptr(), frames[3].as_ptr());
    }
}
