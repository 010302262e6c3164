//! One document on a socket.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use documents::Session;
use schema::ids::DocumentName;

use super::allowance::Allowance;
use super::sink::{DocumentSink, Voice};
use crate::access_check::Attached;
use crate::byte_budget::{ByteBudget, Share};
use crate::meanwhile::Meanwhile;
use crate::principals::Place;
use crate::server::Authority;

/// Frames of all documents of a socket that wait for their documents to be open.
const WAITING_FRAMES_MAX: usize = 1000;
/// Their bytes.
const WAITING_BYTES_MAX: usize = 1024 * 1024;

/// What a socket knows of one address.
pub(super) struct Document {
    pub(super) voice: Voice,
    pub(super) state: State,
    pub(super) meanwhile: Meanwhile,
}

impl Document {
    pub(super) fn new(voice: Voice, state: State) -> Self {
        Self { voice, state, meanwhile: Meanwhile::default() }
    }
}

pub(super) enum State {
    /// No token has come; what came waits.
    Expected(VecDeque<Bytes>),
    /// The token is being looked at; what comes waits.
    Opening(VecDeque<Bytes>),
    Open(Open),
    /// Nothing is heard any more, until another token comes.
    Denied,
}

/// An open document.
pub(super) struct Open {
    pub(super) name: DocumentName,
    pub(super) session: Arc<Session>,
    pub(super) sink: Arc<DocumentSink>,
    pub(super) authority: Authority,
    pub(super) renewal: Renewal,
    pub(super) allowance: Allowance,
    pub(super) _place: Place,
}

impl Open {
    pub(super) fn attached(&self) -> Attached {
        let principal = Arc::clone(&self.authority.principal);
        Attached { principal, name: self.name.clone(), session: Arc::downgrade(&self.session) }
    }
}

/// What becomes of a new token.
pub(super) enum Renewal {
    Idle,
    /// One is being looked at; the last that came meanwhile is next.
    UnderWay(Option<String>),
}

/// How much waits on a socket for documents to be open.
#[derive(Debug)]
pub(super) struct Waiting {
    frames: usize,
    share: Share,
}

impl Waiting {
    /// Nothing does.
    pub(super) fn new(budget: &ByteBudget) -> Self {
        Self { frames: 0, share: Share::of(budget) }
    }

    /// Makes room for a frame, if there is any left.
    pub(super) fn take(&mut self, frame: &Bytes) -> bool {
        let bytes = self.share.bytes() + frame.len();
        let fits = self.frames < WAITING_FRAMES_MAX && bytes <= WAITING_BYTES_MAX && self.share.resize(bytes);
        self.frames += usize::from(fits);
        fits
    }

    /// These wait no longer.
    pub(super) fn give_back(&mut self, frames: &VecDeque<Bytes>) {
        let bytes = frames.iter().map(Bytes::len).sum::<usize>();
        self.frames -= frames.len();
        // Less fits always.
        let _ = self.share.resize(self.share.bytes() - bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h4_what_waits_is_bounded_in_frames_and_in_bytes() {
        let budget = ByteBudget::new(WAITING_BYTES_MAX + WAITING_BYTES_MAX / 2);
        let mut waiting = Waiting::new(&budget);
        let small = Bytes::from_static(b"frame");
        let taken = (0..2 * WAITING_FRAMES_MAX).filter(|_| waiting.take(&small)).count();
        assert_eq!(taken, WAITING_FRAMES_MAX);
        waiting.give_back(&std::iter::repeat_n(small, taken).collect());
        let half = Bytes::from(vec![0; WAITING_BYTES_MAX / 2]);
        let taken = |waiting: &mut Waiting| (0..10).filter(|_| waiting.take(&half)).count();
        assert_eq!(taken(&mut waiting), 2);
        let mut of_another_socket = Waiting::new(&budget);
        assert_eq!(taken(&mut of_another_socket), 1, "there is a bound for all sockets");
        drop(waiting);
        assert_eq!(taken(&mut of_another_socket), 1);
    }
}
