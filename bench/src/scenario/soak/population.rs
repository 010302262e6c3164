//! Documents that are opened, written by people who come and go, left, and looked at again when they are no longer in
//! memory: a day of many people, compressed.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::writer::{Sent, Writer};
use crate::client::{Attachment, Dialect};
use crate::latency::Latency;
use crate::system::IDLE_ROOM_SECONDS;
use crate::typing::Replica;

/// Documents that are in use at the same time.
pub(super) const DOCUMENTS: usize = 24;
/// Who writes each of them.
pub(super) const WRITERS: usize = 3;
/// A document is in use for a time between these.
const LIFE: std::ops::Range<Duration> = Duration::from_secs(6)..Duration::from_secs(25);
/// A document is looked at again so long after its room should be gone.
const COLD: Duration = Duration::from_secs(IDLE_ROOM_SECONDS + 2);
/// How long the last look may be put off by a database that is away.
const LOOKING: Duration = Duration::from_mins(1);

/// What happened so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) typed: u64,
    pub(super) confirmed: u64,
    pub(super) connections: u64,
    pub(super) resets: u64,
    pub(super) documents: u64,
    /// Words that were looked for in documents that were not in memory any more.
    pub(super) verified: u64,
    pub(super) lost: u64,
    pub(super) repeated: u64,
}

/// How long things took since this was last taken.
#[derive(Debug, Clone)]
pub(super) struct Window {
    /// From typing to every other writer of the document.
    pub(super) delivery: Latency,
    /// From typing to the receipt.
    pub(super) receipts: Latency,
}

/// What all writers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) address: SocketAddr,
    pub(super) token: String,
    /// Updates a second, of all together.
    rate: Cell<f64>,
    ending: Cell<bool>,
    connected: Rc<Cell<u64>>,
    counts: RefCell<Counts>,
    window: RefCell<Window>,
}

/// Somebody who is connected, until this is dropped.
#[derive(Debug)]
pub(super) struct Connected(Rc<Cell<u64>>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Window {
    fn new() -> Self {
        Self { delivery: Latency::new(), receipts: Latency::new() }
    }
}

impl Shared {
    pub(super) fn new(address: SocketAddr, token: String, rate: f64) -> Self {
        let (rate, ending, connected) = (Cell::new(rate), Cell::new(false), Rc::default());
        Self {
            address,
            token,
            rate,
            ending,
            connected,
            counts: RefCell::default(),
            window: RefCell::new(Window::new()),
        }
    }

    pub(super) fn set_rate(&self, rate: f64) {
        self.rate.set(rate);
    }

    /// No more documents are opened, and everybody leaves once all is confirmed.
    pub(super) fn end(&self) {
        self.ending.set(true);
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending.get()
    }

    /// Between two words of a writer, on average. Those who are away leave their share to those who are here.
    pub(super) fn pause_of_writer(&self) -> Duration {
        Duration::from_secs_f64(self.connected.get().max(1) as f64 / self.rate.get())
    }

    pub(super) fn connected(&self) -> Connected {
        self.connected.set(self.connected.get() + 1);
        Connected(Rc::clone(&self.connected))
    }

    pub(super) fn connections(&self) -> u64 {
        self.connected.get()
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.counts.borrow_mut());
    }

    pub(super) fn counts(&self) -> Counts {
        *self.counts.borrow()
    }

    pub(super) fn delivered(&self, after: Duration) {
        self.window.borrow_mut().delivery.record(after);
    }

    pub(super) fn confirmed(&self, after: Option<Duration>, words: u64) {
        self.count(|counts| counts.confirmed += words);
        if let Some(after) = after {
            self.window.borrow_mut().receipts.record(after);
        }
    }

    pub(super) fn take_window(&self) -> Window {
        self.window.replace(Window::new())
    }
}

/// Opens documents one after the other at one place, until all end.
pub(super) async fn open_documents(shared: Rc<Shared>, place: usize, name: String, seed: u64) -> Result<()> {
    let mut rng = StdRng::seed_from_u64(seed ^ (place as u64) << 32);
    // Not all at the same moment.
    sleep(rng.random_range(Duration::ZERO..Duration::from_secs(2))).await;
    for number in 0.. {
        if shared.is_ending() {
            break;
        }
        live_through(&shared, format!("{name}-{place}-{number}"), &mut rng).await?;
    }
    Ok(())
}

/// The life of a document.
async fn live_through(shared: &Rc<Shared>, document: String, rng: &mut StdRng) -> Result<()> {
    let until = Instant::now() + rng.random_range(LIFE);
    let sent = Sent::default();
    let mut writing = JoinSet::new();
    for index in 0..WRITERS {
        let writer = Writer::new(index, document.clone(), rng.random_range(1..1 << 50), Rc::clone(&sent));
        writing.spawn_local(writer.live(Rc::clone(shared), until));
    }
    let mut typed = BTreeMap::new();
    while let Some(writer) = writing.join_next().await {
        let writer = writer?.with_context(|| document.clone())?;
        typed.insert(writer.index(), writer.typed());
    }
    sleep(COLD).await;
    look_for(shared, &document, &typed).await.with_context(|| format!("looking at {document} again"))
}

/// Counts the words that are not there once, exactly.
async fn look_for(shared: &Shared, document: &str, typed: &BTreeMap<usize, u64>) -> Result<()> {
    let deadline = Instant::now() + LOOKING;
    let content = loop {
        match Attachment::open_synced(shared.address, Dialect::Ws, document, Some(&shared.token)).await {
            Ok((_, content)) => break content,
            // The database may be away.
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => sleep(Duration::from_millis(200)).await,
        }
    };
    let text = Replica::reading(1, &content)?.text();
    let mut found: BTreeMap<&str, u64> = BTreeMap::new();
    for word in text.split_whitespace() {
        *found.entry(word).or_default() += 1;
    }
    let expected: Vec<_> =
        typed.iter().flat_map(|(writer, words)| (0..*words).map(move |word| format!("{writer}:{word}"))).collect();
    shared.count(|counts| {
        counts.documents += 1;
        counts.verified += expected.len() as u64;
        counts.lost += expected.iter().filter(|word| !found.contains_key(word.as_str())).count() as u64;
        let repeated = found.values().map(|times| times - 1).sum::<u64>();
        let unknown = found.len().saturating_sub(expected.len()) as u64;
        counts.repeated += repeated + unknown;
    });
    Ok(())
}
