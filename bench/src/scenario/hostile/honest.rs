//! Two honest people who edit a document while it is attacked.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::client::{Attachment, Dialect, Event};
use crate::latency::Latency;
use crate::typing::Replica;

/// Between two edits of one of them.
const PACE: Duration = Duration::from_millis(50);
/// How long one may wait for an edit of the other.
const PATIENCE: Duration = Duration::from_secs(20);
/// No frame for so long means that nothing is under way any more.
const QUIET: Duration = Duration::from_millis(500);

/// What the two know of each other, beside the document.
#[derive(Debug)]
pub(super) struct Pair {
    /// Of each: its client id, and how far it has typed, as clock, and when.
    typed: [Cell<(u64, u32)>; 2],
    sent_at: [RefCell<Vec<(u32, Instant)>>; 2],
    latency: RefCell<Latency>,
    finish: watch::Sender<bool>,
}

impl Default for Pair {
    fn default() -> Self {
        Self {
            typed: Default::default(),
            sent_at: Default::default(),
            latency: RefCell::new(Latency::new()),
            finish: watch::Sender::new(false),
        }
    }
}

impl Pair {
    /// How long edits of one took to reach the other.
    pub(super) fn latency(&self) -> Latency {
        self.latency.borrow().clone()
    }

    /// Both stop typing, and end once they have all that the other typed.
    pub(super) fn finish(&self) {
        self.finish.send_replace(true);
    }

    fn wrote(&self, who: usize, replica: &Replica) {
        let clock = replica.clock_of(replica.client());
        self.typed[who].set((replica.client(), clock));
        self.sent_at[who].borrow_mut().push((clock, Instant::now()));
    }

    /// Notes which edits of the other have come. Fails when one is overdue.
    fn look_for_others(&self, who: usize, replica: &Replica) -> Result<()> {
        let other = 1 - who;
        let have = replica.clock_of(self.typed[other].get().0);
        let mut waiting = self.sent_at[other].borrow_mut();
        let arrived = waiting.iter().take_while(|(clock, _)| *clock <= have).count();
        for (_, sent_at) in waiting.drain(..arrived) {
            self.latency.borrow_mut().record(sent_at.elapsed());
        }
        match waiting.first() {
            Some((_, sent_at)) if sent_at.elapsed() > PATIENCE => {
                bail!("an edit did not reach the other in {PATIENCE:?}")
            }
            _ => Ok(()),
        }
    }

    fn has_all_of_other(&self, who: usize) -> bool {
        self.sent_at[1 - who].borrow().is_empty()
    }
}

/// One of the two.
pub(super) struct Honest {
    attachment: Attachment,
    replica: Replica,
    index: usize,
}

impl Honest {
    /// Opens the document.
    pub(super) async fn open(
        address: SocketAddr,
        dialect: Dialect,
        document: &str,
        token: &str,
        index: usize,
    ) -> Result<Self> {
        let (attachment, content) = Attachment::open_synced(address, dialect, document, Some(token)).await?;
        let replica = Replica::reading(100 + index as u64, &content)?;
        Ok(Self { attachment, replica, index })
    }

    /// Types and applies what others do, until the pair finishes: the replica.
    pub(super) async fn edit(mut self, pair: Rc<Pair>) -> Result<Replica> {
        let mut finish = pair.finish.subscribe();
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last_heard = Instant::now();
        loop {
            let finishing = *finish.borrow_and_update();
            tokio::select! {
                ready = self.attachment.socket.ready() => {
                    ready?;
                    last_heard = Instant::now();
                    self.listen()?;
                    pair.look_for_others(self.index, &self.replica)?;
                }
                _ = pace.tick() => {
                    pair.look_for_others(self.index, &self.replica)?;
                    if !finishing {
                        let update = self.replica.append("honest ");
                        pair.wrote(self.index, &self.replica);
                        self.attachment.send_update(&update)?;
                    } else if pair.has_all_of_other(self.index) && last_heard.elapsed() > QUIET {
                        return Ok(self.replica);
                    }
                }
            }
        }
    }

    fn listen(&mut self) -> Result<()> {
        loop {
            let mut answer = None;
            match self.attachment.event()? {
                None => return Ok(()),
                Some(Event::Step1(state_vector)) => answer = Some(self.replica.diff(state_vector)?),
                Some(Event::Step2(update) | Event::Update(update)) => self.replica.apply(update)?,
                Some(Event::Refused(why)) => bail!("an honest edit was refused: {why}"),
                Some(Event::Ended(why)) => bail!("an honest client was disconnected: {why}"),
                Some(Event::Receipt(_) | Event::Awareness(_) | Event::Piece(_) | Event::Pong | Event::Other) => {}
            }
            if let Some(update) = answer {
                self.attachment.send_step_2(&update)?;
            }
        }
    }
}
