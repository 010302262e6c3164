//! Somebody who edits one document with a replica that outlives connections, as users of the SDK do.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use super::awareness::Awareness;
use super::recording::{Edit, client_of};
use super::replica::Replica;
use super::session::{self, End};

/// Between two edits of somebody who writes at random.
const PACE: std::ops::Range<Duration> = Duration::from_millis(10)..Duration::from_millis(60);
/// Between two looks of somebody who types a recording, and edits that are typed at each.
const RECORDED_PACE: Duration = Duration::from_millis(8);
const RECORDED_AT_ONCE: usize = 3;
/// So many edits later, a writer says something new about itself.
const EDITS_PER_PRESENCE: u64 = 10;
/// The SDK's bounds of the delay before it connects again, the upper one lowered for short plans.
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(1);

/// What everybody of a plan shares.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) phase: Cell<Phase>,
    /// What must never happen, and did.
    pub(super) wrongs: RefCell<Vec<String>>,
    /// Connections of clients that have gone silent, kept open.
    pub(super) silent: RefCell<Vec<crate::client::Attachment>>,
}

/// How far a plan has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Everybody writes.
    Writing,
    /// Recordings are typed to their end, and nothing else.
    Settling,
    /// Everybody leaves.
    Leaving,
}

/// How somebody leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Farewell {
    /// Says that it goes, and closes the connection.
    Polite,
    /// The connection is reset.
    Reset,
    /// The connection stays, and nobody is there.
    Silence,
}

/// What somebody writes.
#[derive(Debug)]
pub(super) enum Source {
    /// Edits at random places.
    Random,
    /// What was recorded, from this place on, each when all is here that its author had seen.
    Recorded(Rc<Vec<Edit>>, usize),
}

/// Edits up to `edits` are confirmed to be in the log up to `seq`; the last of them ends at `clock`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Receipt {
    pub(super) seq: u64,
    pub(super) clock: u32,
}

/// A writer, while its tasks run and for those who watch it.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) name: String,
    pub(super) document: String,
    pub(super) token: String,
    /// When and how it leaves, if it does so before the others.
    pub(super) leaves_at: Option<(Instant, Farewell)>,
    pub(super) state: RefCell<State>,
    /// Edits or presence wait to be sent.
    pub(super) news: Notify,
    pub(super) has_left: Cell<bool>,
}

/// What changes while a writer writes. Never borrowed across an await.
#[derive(Debug)]
pub(super) struct State {
    pub(super) replica: Replica,
    pub(super) awareness: Awareness,
    source: Source,
    pub(super) rng: StdRng,
    pub(super) link: Link,
    /// Edits that were made, and those of them, from the first on, that are confirmed.
    pub(super) edits: u64,
    pub(super) confirmed: u64,
    pub(super) receipts: Vec<Receipt>,
    pub(super) connections: u64,
}

/// What a writer's connection knows.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// Whether edits are sent as they are made.
    pub(super) is_live: bool,
    pub(super) waiting: Vec<Vec<u8>>,
    pub(super) presence: Option<Vec<u8>>,
}

impl Writer {
    /// Somebody with this replica, who stays.
    pub(super) fn new(name: String, document: String, token: String, replica: Replica, source: Source) -> Self {
        let client = replica.client();
        let state = State {
            replica,
            awareness: Awareness::of(client),
            source,
            rng: StdRng::seed_from_u64(client),
            link: Link::default(),
            edits: 0,
            confirmed: 0,
            receipts: Vec::new(),
            connections: 0,
        };
        let (state, news, has_left) = (RefCell::new(state), Notify::new(), Cell::new(false));
        Self { name, document, token, leaves_at: None, state, news, has_left }
    }

    /// Whether all that it has to write is written and confirmed.
    pub(super) fn is_done(&self) -> bool {
        let state = self.state.borrow();
        let is_typed = match &state.source {
            Source::Random => true,
            Source::Recorded(edits, next) => *next == edits.len(),
        };
        is_typed && state.link.is_live && state.confirmed == state.edits
    }

    /// What it is about, for people.
    pub(super) fn status(&self) -> String {
        let State { edits, confirmed, source, link, connections, .. } = &*self.state.borrow();
        let left = match source {
            Source::Random => String::new(),
            Source::Recorded(all, next) => format!(", {} not typed", all.len() - next),
        };
        let live = if link.is_live { "live" } else { "not live" };
        format!("{}: {live}, {confirmed} of {edits} confirmed{left}, {connections} connections", self.name)
    }

    /// Takes part until it leaves.
    pub(super) async fn run(self: Rc<Self>, shared: Rc<Shared>) {
        let taking_part = async {
            tokio::join!(self.write(&shared), self.stay_connected(&shared));
        };
        match self.leaves_at {
            None => taking_part.await,
            // The connection notices by itself that it is time, if there is one.
            Some((at, _)) => tokio::select! {
                () = taking_part => {}
                () = sleep_until(at + session::FAREWELL_PATIENCE) => {}
            },
        }
        self.has_left.set(true);
    }

    /// Edits the replica, whether connected or not.
    async fn write(&self, shared: &Shared) {
        while shared.phase.get() != Phase::Leaving {
            let pause = self.state.borrow_mut().write_some(shared.phase.get());
            match pause {
                Ok(pause) => {
                    self.news.notify_one();
                    sleep(pause).await;
                }
                Err(error) => {
                    shared.wrongs.borrow_mut().push(format!("{} cannot write: {error:#}", self.name));
                    return;
                }
            }
        }
    }

    async fn stay_connected(&self, shared: &Shared) {
        let mut bound = RETRY_MIN;
        loop {
            let instance = self.state.borrow_mut().rng.random_range(0..shared.addresses.len());
            let connections = self.state.borrow().connections;
            let end = session::run(self, shared, shared.addresses[instance]).await;
            if self.state.borrow().connections > connections {
                bound = RETRY_MIN;
            }
            {
                let mut state = self.state.borrow_mut();
                state.link = Link::default();
                state.awareness.detach();
            }
            match end {
                End::Left => return,
                End::Lost => {}
                End::Wrong(what) => {
                    shared.wrongs.borrow_mut().push(format!("{} at i{}: {what}", self.name, instance + 1));
                    return;
                }
            }
            let pause = self.state.borrow_mut().rng.random_range(Duration::ZERO..bound);
            sleep(pause).await;
            bound = (bound * 2).min(RETRY_MAX);
        }
    }
}

impl State {
    /// Writes what is next. How long to wait then.
    fn write_some(&mut self, phase: Phase) -> Result<Duration> {
        let updates = match &mut self.source {
            Source::Random if phase == Phase::Writing => vec![self.replica.edit(&mut self.rng)],
            Source::Random => Vec::new(),
            Source::Recorded(edits, next) => {
                let mut updates = Vec::new();
                while let Some(edit) = edits.get(*next).filter(|_| updates.len() < RECORDED_AT_ONCE) {
                    let has = |agent: usize| self.replica.clock_of(client_of(agent));
                    if edit.needs.iter().enumerate().any(|(agent, clock)| has(agent) < *clock) {
                        break;
                    }
                    self.replica.apply(&edit.update)?;
                    updates.push(edit.update.clone());
                    *next += 1;
                }
                updates
            }
        };
        for update in updates {
            self.edits += 1;
            if self.link.is_live {
                self.link.waiting.push(update);
            }
            if self.edits.is_multiple_of(EDITS_PER_PRESENCE) {
                self.link.presence = self.awareness.say(self.edits);
            }
        }
        Ok(match self.source {
            Source::Random => self.rng.random_range(PACE),
            Source::Recorded(..) => RECORDED_PACE,
        })
    }

    /// The end of its own work in the replica.
    pub(super) fn clock(&self) -> u32 {
        self.replica.clock_of(self.replica.client())
    }
}
