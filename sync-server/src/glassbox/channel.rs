//! One channel of a socket: what its room says, in this dialect's frames.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use documents::delivery::{Content, Delivery, EndReason, Outgoing, Present, RepairNotice, Sink, Taken, Wire};
use platform::access::Access;
use platform::auth::PrincipalKind;
use schema::ids::DocumentName;
use schema::repair::Violation;
use web_protocol::control::{Action, Cause, PresentUser, Repair, Reply, SyncReply};
use web_protocol::frame::{Body, Frame, PieceOf};

use super::DIALECT;
use crate::outbox::{ChannelKey, Outbox, Priority};
use crate::pieces::{Compression, Pieces};
use crate::websocket::{binary, text};
use crate::y_websocket::encode_awareness;

/// What a client and the server agreed on (G8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Capabilities {
    pub(super) receipts: bool,
    pub(super) notices: bool,
    /// Whether large messages are sent in pieces, and how.
    pieces: Option<Compression>,
}

impl Capabilities {
    const RECEIPTS: &'static str = "receipts";
    const NOTICES: &'static str = "notices";
    const PIECES: &'static str = "pieces";
    const DEFLATE: &'static str = "deflate";

    pub(super) fn agree(offered: &[String]) -> Self {
        let offers = |name: &str| offered.iter().any(|offer| offer == name);
        let compression = if offers(Self::DEFLATE) { Compression::Deflate } else { Compression::Off };
        let pieces = offers(Self::PIECES).then_some(compression);
        Self { receipts: offers(Self::RECEIPTS), notices: offers(Self::NOTICES), pieces }
    }

    fn names(self) -> Vec<&'static str> {
        let known = [
            (self.receipts, Self::RECEIPTS),
            (self.notices, Self::NOTICES),
            (self.pieces.is_some(), Self::PIECES),
            (self.pieces == Some(Compression::Deflate), Self::DEFLATE),
        ];
        known.into_iter().filter(|(agreed, _)| *agreed).map(|(_, name)| name).collect()
    }
}

/// Where a room's messages for one channel go.
pub(super) struct ChannelSink {
    pub(super) key: ChannelKey,
    pub(super) name: DocumentName,
    pub(super) outbox: Arc<Outbox>,
    /// `None` for a channel that does not sync.
    pub(super) sync: Option<Capabilities>,
    pub(super) request_id: Option<String>,
    /// The channel's number, once it is known.
    pub(super) number: AtomicU64,
    /// The client has left; what the room still says is dropped.
    pub(super) left: AtomicBool,
}

impl ChannelSink {
    fn reply(&self, reply: &Reply) -> Taken {
        self.outbox.push_frame(text(reply.encode(None)));
        Taken::Yes
    }

    fn notice(&self, reply: impl FnOnce(String) -> Reply) -> Taken {
        if self.sync.is_none_or(|capabilities| capabilities.notices) {
            self.reply(&reply(self.name.to_string()));
        }
        Taken::Yes
    }

    fn subscribed(&self, number: u64, access: Access, epoch: u32, seq: u64) -> Taken {
        self.number.store(number, Ordering::Release);
        let sync = self.sync.map(|it| SyncReply { number, epoch, seq, capabilities: it.names() });
        let reply = Reply::Subscribed { channel: self.name.to_string(), access: word(access), sync };
        self.outbox.push_frame(text(reply.encode(self.request_id.as_deref())));
        Taken::Yes
    }

    fn present(&self, present: &[Present]) -> Taken {
        let users = present.iter().map(present_user).collect();
        let node_id = match &self.name {
            DocumentName::Node(id) => Some(id.to_string()),
            _ => None,
        };
        let reply = Reply::PresenceUpdate { channel: self.name.to_string(), node_id, users };
        self.outbox.push(self.key, Priority::Presence, &text(reply.encode(None)))
    }

    /// Sends a part of the document: in pieces, if that is agreed on and better.
    fn content(&self, delivery: &Delivery, priority: Priority, of: PieceOf, content: &Content) -> Taken {
        let agreed = self.sync.and_then(|capabilities| capabilities.pieces);
        match agreed.and_then(|compression| Pieces::of(delivery.number, of, content, compression)) {
            Some(pieces) => self.outbox.push_pieces(self.key, priority, pieces),
            None => self.outbox.push(self.key, priority, delivery.encoded(DIALECT, encode)),
        }
    }

    /// Says that all that was withheld has been sent: behind that.
    fn caught_up(&self) -> Taken {
        if self.sync.is_none_or(|capabilities| capabilities.notices) {
            let reply = Reply::CaughtUp { channel: self.name.to_string() };
            self.outbox.push(self.key, Priority::Content, &text(reply.encode(None)));
        }
        Taken::Yes
    }

    fn repaired(&self, notice: &RepairNotice) -> Taken {
        let repair = |it: &Violation| Repair { path: it.path.clone(), reason: it.reason.as_str() };
        let (repairs, more) = (notice.violations.iter().map(repair).collect(), notice.more);
        self.notice(|channel| Reply::Repaired { channel, repairs, more })
    }

    fn ended(&self, reason: EndReason) -> Taken {
        self.outbox.abandon(self.key);
        if let Some(cause) = cause_of_end(reason) {
            self.reply(&Reply::Unsubscribed { channel: self.name.to_string(), cause: Some(cause) });
        }
        self.outbox.end(self.key, reason);
        Taken::Yes
    }
}

impl Sink for ChannelSink {
    fn deliver(&self, delivery: &Delivery) -> Taken {
        if self.left.load(Ordering::Acquire) {
            return Taken::Yes;
        }
        let priority = match &delivery.message {
            Outgoing::Step1(_) | Outgoing::Receipt { .. } => Priority::Must,
            Outgoing::Step2(update) => return self.content(delivery, Priority::Content, PieceOf::Step2, update),
            Outgoing::Part(update) => return self.content(delivery, Priority::Content, PieceOf::Update, update),
            Outgoing::Update(update) => return self.content(delivery, Priority::Update, PieceOf::Update, update),
            Outgoing::Awareness(_) => Priority::Presence,
            Outgoing::Attached { access, epoch, seq } => {
                return self.subscribed(delivery.number, *access, epoch.get(), seq.get());
            }
            Outgoing::Refused { frame, refusal } => {
                let cause = Cause { code: refusal.code(), message: refusal.message(), retry: refusal.retry() };
                return self.reply(&Reply::Refused { channel: self.name.to_string(), update: *frame, cause });
            }
            Outgoing::Present(present) => return self.present(present),
            Outgoing::Lagging => return self.notice(|channel| Reply::Lagging { channel }),
            Outgoing::CaughtUp => return self.caught_up(),
            Outgoing::SavingBehind { pending } => {
                return self.notice(|channel| Reply::SavingBehind { channel, pending: *pending });
            }
            Outgoing::SavingResumed => return self.notice(|channel| Reply::SavingResumed { channel }),
            Outgoing::Repaired(notice) => return self.repaired(notice),
            Outgoing::Access(access) => {
                return self.reply(&Reply::AccessChanged { channel: self.name.to_string(), access: word(*access) });
            }
            // What the protocol has no words for.
            Outgoing::Stateless(_) => return Taken::Yes,
            Outgoing::Ended(reason) => return self.ended(*reason),
        };
        self.outbox.push(self.key, priority, delivery.encoded(DIALECT, encode))
    }

    fn flush(&self) {
        self.outbox.flush();
    }
}

const fn word(access: Access) -> &'static str {
    match access {
        Access::Read => "read",
        Access::Write => "write",
    }
}

const UNSAVABLE: &str = "an edit in this document cannot be saved and was taken out of it; open the document anew";

/// What a client is told when its room ends the channel. A shutdown has been announced to the whole socket.
fn cause_of_end(reason: EndReason) -> Option<Cause> {
    let (code, message, retry) = match reason {
        EndReason::AccessEnded => ("ACCESS_ENDED", "your access to this document has ended", false),
        EndReason::Unavailable => ("DOCUMENT_UNAVAILABLE", "the document must be opened anew", true),
        EndReason::Unsavable => ("UNSAVABLE", UNSAVABLE, true),
        EndReason::Behind => ("SAVING_BEHIND", "saving is behind; subscribe again later", true),
        EndReason::Shutdown => return None,
    };
    Some(Cause { code, message: message.to_owned(), retry })
}

fn present_user(present: &Present) -> PresentUser {
    let Present { principal, editing } = present;
    let kind = if principal.kind == PrincipalKind::Agent { "agent" } else { "human" };
    PresentUser {
        user_id: principal.id.to_string(),
        name: principal.name.clone(),
        color: principal.color().to_string(),
        kind: kind.to_owned(),
        action: if *editing { Action::Editing } else { Action::Viewing },
    }
}

fn encode(number: u64, message: &Outgoing) -> Wire {
    let (body, bytes) = match message {
        Outgoing::Step1(state_vector) => (Body::Step1(state_vector), state_vector),
        Outgoing::Step2(update) => (Body::Step2(update), update.bytes()),
        Outgoing::Update(update) | Outgoing::Part(update) => (Body::Update(update), update.bytes()),
        Outgoing::Awareness(states) => {
            let body = Body::Awareness(&encode_awareness(states));
            return binary(&Frame { number, body }.encode(), Bytes::new());
        }
        Outgoing::Receipt { through, epoch, seq } => {
            let body = Body::Receipt { through: *through, epoch: u64::from(epoch.get()), seq: seq.get() };
            return binary(&Frame { number, body }.encode(), Bytes::new());
        }
        _ => return Wire::default(),
    };
    binary(&Frame { number, body }.head(), bytes.clone())
}
