//! Which sync statuses a client is owed (H6).
//!
//! A provider shows its user a count of unsynced changes. It sets the count to one when it sends a step 1, adds one for
//! each update that it sends, and takes one off for each status that says *saved*. The count is true only if exactly the
//! frames that the client counts are answered, and only once they are durable.

use std::collections::VecDeque;

use documents::room::UpdateKind;
use web_protocol::hocuspocus::Saved;

/// What has to be said about one frame.
#[derive(Debug)]
struct Frame {
    kind: UpdateKind,
    /// Whether the client counts it.
    counted: bool,
    fate: Fate,
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
    frames: VecDeque<Frame>,
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
        self.forgotten = self.settled + self.frames.len() as u64;
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

    /// The client sends a step 2 or update.
    pub(super) fn sent(&mut self, kind: UpdateKind, fate: Fate) {
        let counted = kind == UpdateKind::Live || self.is_counted_answer();
        self.frames.push_back(Frame { kind, counted, fate });
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
        let at = number.checked_sub(self.settled + 1).and_then(|at| usize::try_from(at).ok());
        let frame = at.and_then(|at| self.frames.get_mut(at)).filter(|frame| frame.fate == Fate::Saved);
        if let Some(frame) = frame {
            frame.fate = fate;
        }
    }

    /// A receipt covers the frames up to `through`. Returns the statuses that are due, in order.
    pub(super) fn receipt(&mut self, through: u64) -> Vec<Saved> {
        let mut due = Vec::new();
        while self.settled < through {
            let Some(frame) = self.frames.pop_front() else { break };
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

    /// A client's step 1, the server's, and the client's step 2.
    fn after_handshake() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.begin_anew();
        ledger.question();
        ledger.sent(Step2, Fate::Saved);
        assert_eq!(ledger.receipt(1), [Yes]);
        ledger
    }

    #[test]
    fn h6_every_frame_has_one_status_in_order_once_a_receipt_covers_it() {
        let mut ledger = after_handshake();
        for _ in 0..4 {
            ledger.sent(Live, Fate::Saved);
        }
        ledger.refused(3, Fate::Refused);
        assert_eq!(ledger.receipt(1), [], "nothing is said twice");
        assert_eq!(ledger.receipt(4), [Yes, No, Yes]);
        assert_eq!(ledger.receipt(9), [Yes], "a receipt covers no more than was sent");
    }

    #[test]
    fn h6_an_answer_to_the_servers_own_question_is_not_counted_and_not_answered() {
        let mut ledger = after_handshake();
        ledger.sent(Live, Fate::Saved);
        ledger.question();
        ledger.sent(Step2, Fate::Saved);
        ledger.sent(Step2, Fate::Saved);
        assert_eq!(ledger.receipt(4), [Yes, Yes], "an unasked step 2 is answered");
    }

    #[test]
    fn h6_a_client_that_begins_anew_has_forgotten_what_it_sent() {
        let mut ledger = after_handshake();
        ledger.sent(Live, Fate::Saved);
        ledger.sent(Live, Fate::Later);
        ledger.begin_anew();
        ledger.sent(Live, Fate::Saved);
        ledger.question();
        ledger.sent(Step2, Fate::Saved);
        assert_eq!(ledger.receipt(3), []);
        assert_eq!(ledger.receipt(5), [Yes, Yes]);
        assert!(!ledger.wants_asking());
    }

    #[test]
    fn h6_what_could_not_be_taken_is_saved_with_the_step_2_that_brings_it_again() {
        let mut ledger = after_handshake();
        ledger.sent(Live, Fate::Saved);
        ledger.sent(Live, Fate::Saved);
        ledger.refused(2, Fate::Later);
        ledger.refused(3, Fate::Later);
        assert!(!ledger.wants_asking(), "not before the log is written again");
        assert_eq!(ledger.receipt(3), []);
        assert!(ledger.wants_asking());
        ledger.question();
        ledger.sent(Step2, Fate::Saved);
        ledger.refused(4, Fate::Later);
        assert_eq!(ledger.receipt(4), []);
        ledger.question();
        ledger.sent(Step2, Fate::Saved);
        assert_eq!(ledger.receipt(5), [Yes, Yes]);
        assert!(!ledger.wants_asking());
    }

    #[test]
    fn h6_a_readers_update_stays_refused() {
        let mut ledger = after_handshake();
        ledger.sent(Live, Fate::Refused);
        ledger.refused(2, Fate::Later);
        assert_eq!(ledger.receipt(2), [No]);
    }
}
