//! Which sync statuses a client is owed (H6).
//!
//! A provider shows its user a count of unsynced changes. It sets the count to one when it sends a step 1, adds one for
//! each update that it sends, and takes one off for each status that says *saved*. The count is true only if exactly the
//! frames that the client counts are answered, and only once they are durable.

use std::collections::VecDeque;

use documents::room::UpdateKind;
use web_protocol::hocuspocus::Saved;

/// Frames of one session that no receipt covers yet. There are many only when nothing can be saved for long, and each is
/// answered by a message of its own afterwards.
const FRAMES_WAITING_MAX: u64 = 65_536;

/// What has to be said about one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    kind: UpdateKind,
    /// Whether the client counts it.
    counted: bool,
    fate: Fate,
}

/// So many frames one after the other about which the same has to be said.
#[derive(Debug)]
struct Run {
    frame: Frame,
    count: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is durable once a receipt covers it.
    Saved,
    /// It is refused for good.
    Refused,
    /// It could not be taken. The client brings its content again when it is asked for it.
    Later,
}

/// The step 2 and update frames of one session, and what its client counts.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The frames that no receipt covers yet, in order.
    waiting: VecDeque<Run>,
    /// How many these are.
    waiting_frames: u64,
    /// How many came before them.
    settled: u64,
    /// The client counts anew from after this frame on.
    forgotten: u64,
    /// Frames that could not be taken, and wait for a step 2 that brings their content again.
    owed: u64,
    /// Step 1s of the client that have not been answered by the server's own yet.
    asked: u32,
    /// Step 1s that the server sent without having got one. The client does not count its answers.
    questions: u32,
    /// The next step 2 is the one that the client has counted since it sent its step 1.
    expects_answer: bool,
}

impl Ledger {
    /// The client sends a step 1: it counts anew.
    pub(super) fn begin_anew(&mut self) {
        self.forgotten = self.settled + self.waiting_frames;
        self.owed = 0;
        self.asked += 1;
        self.expects_answer = true;
    }

    /// The server sends a step 1.
    pub(super) fn question(&mut self) {
        match self.asked.checked_sub(1) {
            Some(left) => self.asked = left,
            None => self.questions += 1,
        }
    }

    /// The client sends a step 2 or update. False when too many wait already.
    #[must_use]
    pub(super) fn sent(&mut self, kind: UpdateKind, fate: Fate) -> bool {
        if self.waiting_frames >= FRAMES_WAITING_MAX {
            return false;
        }
        let counted = kind == UpdateKind::Live || self.is_counted_answer();
        let frame = Frame { kind, counted, fate };
        self.waiting_frames += 1;
        match self.waiting.back_mut().filter(|last| last.frame == frame) {
            Some(last) => last.count += 1,
            None => self.waiting.push_back(Run { frame, count: 1 }),
        }
        true
    }

    /// Clients that send a step 2 unasked have it answered, too.
    fn is_counted_answer(&mut self) -> bool {
        if std::mem::take(&mut self.expects_answer) {
            return true;
        }
        match self.questions.checked_sub(1) {
            Some(left) => self.questions = left,
            None => return true,
        }
        false
    }

    /// The room has refused a frame.
    pub(super) fn refused(&mut self, number: u64, fate: Fate) {
        // From behind: mostly it is one of the last.
        let mut end = self.settled + self.waiting_frames;
        for (at, Run { frame, count }) in self.waiting.iter().enumerate().rev() {
            let begin = end - count;
            if (begin + 1..=end).contains(&number) {
                if frame.fate == Fate::Saved {
                    self.set_apart(at, number - begin - 1, fate);
                }
                return;
            }
            end = begin;
        }
    }

    /// Gives one frame of a run, behind `before` others, another fate than they have.
    fn set_apart(&mut self, at: usize, before: u64, fate: Fate) {
        let Some(Run { frame, count }) = self.waiting.remove(at) else { return };
        let apart = Frame { fate, ..frame };
        let parts = [(frame, before), (apart, 1), (frame, count - before - 1)];
        for (frame, count) in parts.into_iter().rev().filter(|(_, count)| *count > 0) {
            self.waiting.insert(at, Run { frame, count });
        }
        for at in (at..=at + 2).rev() {
            self.join(at);
        }
    }

    /// Makes a run one with the run before it, if the same has to be said about both.
    fn join(&mut self, at: usize) {
        let Some(before) = at.checked_sub(1) else { return };
        if let (Some(one), Some(other)) = (self.waiting.get(before), self.waiting.get(at))
            && one.frame == other.frame
        {
            let more = other.count;
            self.waiting.remove(at);
            self.waiting[before].count += more;
        }
    }

    /// A receipt covers the frames up to `through`. Returns the statuses that are due, in order.
    pub(super) fn receipt(&mut self, through: u64) -> Vec<Saved> {
        let mut due = Vec::new();
        while self.settled < through {
            let Some(frame) = self.take_first() else { break };
            self.settled += 1;
            let counted = frame.counted && self.settled > self.forgotten;
            match frame.fate {
                Fate::Saved => {
                    due.extend(counted.then_some(Saved::Yes));
                    if frame.kind == UpdateKind::Step2 && self.settled > self.forgotten {
                        // Whatever the client had, it has brought.
                        due.extend((0..std::mem::take(&mut self.owed)).map(|_| Saved::Yes));
                    }
                }
                Fate::Refused => due.extend(counted.then_some(Saved::No)),
                Fate::Later => self.owed += u64::from(counted),
            }
        }
        due
    }

    fn take_first(&mut self) -> Option<Frame> {
        let first = self.waiting.front_mut()?;
        let frame = first.frame;
        first.count -= 1;
        if first.count == 0 {
            self.waiting.pop_front();
        }
        self.waiting_frames -= 1;
        Some(frame)
    }

    /// Whether the client is to be asked for what could not be taken.
    pub(super) fn wants_asking(&self) -> bool {
        self.owed > 0
    }
}

#[cfg(test)]
mod tests {
    use Saved::{No, Yes};
    use UpdateKind::{Live, Step2};

    use super::*;

    fn sent(ledger: &mut Ledger, kind: UpdateKind, fate: Fate) {
        assert!(ledger.sent(kind, fate));
    }

    /// A client's step 1, the server's, and the client's step 2.
    fn after_handshake() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.begin_anew();
        ledger.question();
        sent(&mut ledger, Step2, Fate::Saved);
        assert_eq!(ledger.receipt(1), [Yes]);
        ledger
    }

    #[test]
    fn h6_every_frame_has_one_status_in_order_once_a_receipt_covers_it() {
        let mut ledger = after_handshake();
        for _ in 0..4 {
            sent(&mut ledger, Live, Fate::Saved);
        }
        ledger.refused(3, Fate::Refused);
        assert_eq!(ledger.receipt(1), [], "nothing is said twice");
        assert_eq!(ledger.receipt(4), [Yes, No, Yes]);
        assert_eq!(ledger.receipt(9), [Yes], "a receipt covers no more than was sent");
    }

    #[test]
    fn h6_an_answer_to_the_servers_own_question_is_not_counted_and_not_answered() {
        let mut ledger = after_handshake();
        sent(&mut ledger, Live, Fate::Saved);
        ledger.question();
        sent(&mut ledger, Step2, Fate::Saved);
        sent(&mut ledger, Step2, Fate::Saved);
        assert_eq!(ledger.receipt(4), [Yes, Yes], "an unasked step 2 is answered");
    }

    #[test]
    fn h6_a_client_that_begins_anew_has_forgotten_what_it_sent() {
        let mut ledger = after_handshake();
        sent(&mut ledger, Live, Fate::Saved);
        sent(&mut ledger, Live, Fate::Later);
        ledger.begin_anew();
        sent(&mut ledger, Live, Fate::Saved);
        ledger.question();
        sent(&mut ledger, Step2, Fate::Saved);
        assert_eq!(ledger.receipt(3), []);
        assert_eq!(ledger.receipt(5), [Yes, Yes]);
        assert!(!ledger.wants_asking());
    }

    #[test]
    fn h6_what_could_not_be_taken_is_saved_with_the_step_2_that_brings_it_again() {
        let mut ledger = after_handshake();
        sent(&mut ledger, Live, Fate::Saved);
        sent(&mut ledger, Live, Fate::Saved);
        ledger.refused(2, Fate::Later);
        ledger.refused(3, Fate::Later);
        assert!(!ledger.wants_asking(), "not before the log is written again");
        assert_eq!(ledger.receipt(3), []);
        assert!(ledger.wants_asking());
        ledger.question();
        sent(&mut ledger, Step2, Fate::Saved);
        ledger.refused(4, Fate::Later);
        assert_eq!(ledger.receipt(4), []);
        ledger.question();
        sent(&mut ledger, Step2, Fate::Saved);
        assert_eq!(ledger.receipt(5), [Yes, Yes]);
        assert!(!ledger.wants_asking());
    }

    #[test]
    fn h6_a_readers_update_stays_refused() {
        let mut ledger = after_handshake();
        sent(&mut ledger, Live, Fate::Refused);
        ledger.refused(2, Fate::Later);
        assert_eq!(ledger.receipt(2), [No]);
    }

    #[test]
    fn frames_of_the_same_fate_are_counted_and_refusals_are_found_among_them() {
        let mut ledger = after_handshake();
        for _ in 0..1000 {
            sent(&mut ledger, Live, Fate::Saved);
        }
        assert_eq!(ledger.waiting.len(), 1);
        // In the middle, at both ends, beside each other in either order, and twice.
        for number in [500, 2, 1001, 501, 499, 500, 3] {
            ledger.refused(number, Fate::Refused);
        }
        ledger.refused(1, Fate::Refused);
        ledger.refused(1002, Fate::Refused);
        assert_eq!((ledger.waiting.len(), ledger.waiting_frames), (5, 1000));
        let due = ledger.receipt(1001);
        let no: Vec<usize> = due.iter().enumerate().filter(|(_, saved)| **saved == No).map(|(at, _)| at + 2).collect();
        assert_eq!((due.len(), no), (1000, vec![2, 3, 499, 500, 501, 1001]));
        assert_eq!((ledger.waiting.len(), ledger.waiting_frames), (0, 0));
    }

    #[test]
    fn no_more_frames_wait_than_can_be_answered() {
        let mut ledger = after_handshake();
        let taken = (0..2 * FRAMES_WAITING_MAX).filter(|_| ledger.sent(Live, Fate::Saved)).count();
        assert_eq!(taken as u64, FRAMES_WAITING_MAX);
        assert_eq!(ledger.receipt(1 + 10).len(), 10);
        assert!(ledger.sent(Live, Fate::Saved), "what is saved makes room");
    }
}
