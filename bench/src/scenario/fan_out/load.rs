//! One load on one system: documents with clients who all type, at a steady rate.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use nix::unistd::Pid;
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep_until};

use crate::client::socket::Opcode;
use crate::client::{Attachment, Dialect, Event};
use crate::latency::{Latency, Pace};
use crate::process::usage;
use crate::runs::{Run, each_run, runs};
use crate::system::System;
use crate::typing::Typist;

/// Between connecting and the first edit, so that opening is not measured.
const SETTLE: Duration = Duration::from_millis(500);
/// How long nothing may arrive before what is missing counts as lost.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long late deliveries are waited for, unless a load says otherwise.
pub(crate) const DRAIN: Duration = Duration::from_mins(1);

/// How much is typed by how many.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) documents: Vec<String>,
    pub(crate) clients_per_document: usize,
    /// In each document, by all its clients together.
    pub(crate) updates_per_second: f64,
    pub(crate) duration: Duration,
    /// How long what is late may take.
    pub(crate) drain: Duration,
    pub(crate) dialect: Dialect,
    pub(crate) seed: u64,
}

/// What came of it.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) sent: u64,
    pub(crate) delivered: u64,
    /// Deliveries per second while edits were still made.
    pub(crate) rate_in_time: f64,
    pub(crate) expected: u64,
    /// Frames that brought several edits at once.
    pub(crate) merged: u64,
    pub(crate) latency: Latency,
    pub(crate) wall: Duration,
    pub(crate) server_cpu: Option<Duration>,
    pub(crate) postgres_cpu: Option<Duration>,
    pub(crate) generator_cpu: Duration,
}

impl Outcome {
    /// Deliveries per second.
    pub(crate) fn rate(&self) -> f64 {
        self.delivered as f64 / self.wall.as_secs_f64()
    }

    /// The server's CPU time for each delivery, in microseconds.
    pub(crate) fn cpu_micros(&self) -> Option<f64> {
        self.server_cpu.map(|cpu| per_delivery(cpu, self.delivered))
    }

    /// The CPU time of the server's Postgres for each delivery, in microseconds.
    pub(crate) fn postgres_micros(&self) -> Option<f64> {
        self.postgres_cpu.map(|cpu| per_delivery(cpu, self.delivered))
    }

    /// How busy the generator was, 0 to 1.
    pub(crate) fn generator_share(&self) -> f64 {
        self.generator_cpu.as_secs_f64() / self.wall.as_secs_f64()
    }

    /// Whether everything arrived as it was sent.
    pub(crate) fn is_complete(&self) -> bool {
        self.delivered == self.expected && self.merged == 0
    }
}

fn per_delivery(cpu: Duration, deliveries: u64) -> f64 {
    cpu.as_secs_f64() * 1e6 / deliveries as f64
}

/// What all clients of a load share. The generator has one thread.
struct Tally {
    /// The client id of the first writer; the others follow.
    first_client: u64,
    /// For each writer, when it sent the edit with this clock.
    sent_at: Vec<RefCell<Vec<Option<Instant>>>>,
    clients_per_document: usize,
    /// For each client, the clock up to which it has heard each of the writers of its document.
    heard: Vec<RefCell<Vec<u64>>>,
    sent: Cell<u64>,
    delivered: Cell<u64>,
    merged: Cell<u64>,
    latency: RefCell<Latency>,
}

/// The edits of one writer, encoded as they go over the wire, with their clocks.
struct Script {
    writer: usize,
    frames: Vec<(Vec<u8>, u64)>,
    period: Duration,
    /// When the first is due, after the start.
    offset: Duration,
}

/// Puts the load on the system.
pub(crate) async fn run(system: &System, load: &Load) -> Result<Outcome> {
    let writers = load.documents.len() * load.clients_per_document;
    let first_client = 1 + (load.seed % (1 << 20)) * (1 << 11);
    let tally = Rc::new(Tally {
        first_client,
        sent_at: (0..writers).map(|_| RefCell::default()).collect(),
        clients_per_document: load.clients_per_document,
        heard: (0..writers).map(|_| RefCell::new(vec![0; load.clients_per_document])).collect(),
        sent: Cell::new(0),
        delivered: Cell::new(0),
        merged: Cell::new(0),
        latency: RefCell::new(Latency::new()),
    });
    // Clients of a document follow each other.
    let documents = load.documents.iter().flat_map(|document| std::iter::repeat_n(document, load.clients_per_document));
    let attachments = system.attach_all(load.dialect, documents).await?;
    let mut scripts = Vec::new();
    for (writer, attachment) in attachments.iter().enumerate() {
        scripts.push(script(load, writer, first_client + writer as u64, attachment));
    }
    // Of all that will be typed, not of what has been: a generator that was held up has yet to type some of it.
    let planned: usize = scripts.iter().map(|script| script.frames.len()).sum();
    let expected = (planned * (load.clients_per_document - 1)) as u64;
    tokio::time::sleep(SETTLE).await;

    let start = Instant::now();
    let cpu = (system.cpu(), system.postgres_cpu(), usage::cpu_time(Pid::this())?);
    let mut clients = JoinSet::new();
    for (attachment, script) in attachments.into_iter().zip(scripts) {
        clients.spawn_local(take_part(attachment, script, start, Rc::clone(&tally)));
    }
    let (end, rate_in_time) = wait_for_deliveries(&tally, load, expected, start, &mut clients).await?;
    Ok(Outcome {
        sent: tally.sent.get(),
        delivered: tally.delivered.get(),
        rate_in_time,
        expected,
        merged: tally.merged.get(),
        latency: tally.latency.borrow().clone(),
        wall: end - start,
        server_cpu: since(cpu.0, system.cpu()),
        postgres_cpu: since(cpu.1, system.postgres_cpu()),
        generator_cpu: usage::cpu_time(Pid::this())?.saturating_sub(cpu.2),
    })
}

fn since(before: Option<Duration>, after: Option<Duration>) -> Option<Duration> {
    Some(after?.saturating_sub(before?))
}

/// What one writer will type. The writers of a document take turns.
fn script(load: &Load, writer: usize, client: u64, attachment: &Attachment) -> Script {
    let clients = load.clients_per_document;
    let period = Duration::from_secs_f64(clients as f64 / load.updates_per_second);
    let turn = (writer % clients) as f64 / clients as f64
        + (writer / clients) as f64 / (load.documents.len() * clients) as f64;
    let offset = period.mul_f64(turn);
    let mut typist = Typist::new(client, load.seed);
    let mut frames = Vec::new();
    while offset + period * u32::try_from(frames.len()).unwrap_or(u32::MAX) < load.duration {
        let update = typist.next_update();
        let runs = runs(&update).expect("a typist only writes text");
        frames.push((attachment.encode_update(&update), runs.first().expect("a typist always inserts").clock));
    }
    Script { writer, frames, period, offset }
}

async fn wait_for_deliveries(
    tally: &Tally,
    load: &Load,
    expected: u64,
    start: Instant,
    clients: &mut JoinSet<Result<()>>,
) -> Result<(Instant, f64)> {
    let (mut seen, mut last) = (0, Instant::now());
    let mut in_time = None;
    loop {
        tokio::select! {
            Some(ended) = clients.join_next() => {
                // Clients take part until they are told to stop.
                let why = ended?.err().unwrap_or_else(|| anyhow!("a client left"));
                return Err(why.context("a client was disconnected"));
            }
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
        }
        let delivered = tally.delivered.get();
        if delivered > seen {
            (seen, last) = (delivered, Instant::now());
        }
        let Some(late) = start.elapsed().checked_sub(load.duration) else { continue };
        // A generator that is held up looks late.
        let in_time = *in_time.get_or_insert_with(|| delivered as f64 / start.elapsed().as_secs_f64());
        if delivered >= expected || last.elapsed() > PATIENCE || late > load.drain {
            return Ok((last.max(start + load.duration), in_time));
        }
    }
}

/// Types its script and listens, until it is told to stop by being dropped.
async fn take_part(mut attachment: Attachment, script: Script, start: Instant, tally: Rc<Tally>) -> Result<()> {
    let pace = Pace::new(start + script.offset, script.period);
    let mut next = 0;
    let timer = sleep_until(pace.due(0).into());
    tokio::pin!(timer);
    loop {
        tokio::select! {
            heard = attachment.socket.ready() => {
                heard?;
                let now = Instant::now();
                while let Some(event) = attachment.event()? {
                    tally.heard(script.writer, event, now)?;
                }
            }
            () = &mut timer, if next < script.frames.len() => {
                next = type_what_is_due(&mut attachment, &script, pace, next, &tally)?;
                reset(timer.as_mut(), pace, next);
            }
        }
    }
}

fn reset(timer: std::pin::Pin<&mut Sleep>, pace: Pace, next: usize) {
    timer.reset(pace.due(next).into());
}

fn type_what_is_due(
    attachment: &mut Attachment,
    script: &Script,
    pace: Pace,
    mut next: usize,
    tally: &Tally,
) -> Result<usize> {
    let now = Instant::now();
    while let Some((frame, clock)) = script.frames.get(next).filter(|_| pace.due(next) <= now) {
        tally.sends(script.writer, *clock, pace.sent_at(next, now));
        attachment.socket.queue(Opcode::Binary, frame);
        next += 1;
    }
    attachment.socket.flush()?;
    Ok(next)
}

impl Tally {
    fn sends(&self, writer: usize, clock: u64, at: Instant) {
        let clock = usize::try_from(clock).unwrap_or(usize::MAX);
        let mut sent_at = self.sent_at[writer].borrow_mut();
        sent_at.resize(clock + 1, None);
        sent_at[clock] = Some(at);
        self.sent.set(self.sent.get() + 1);
    }

    fn heard(&self, listener: usize, event: Event<'_>, now: Instant) -> Result<()> {
        match event {
            // A step 2 brings what waited for a receiver that was behind.
            Event::Update(update) | Event::Step2(update) => {
                let mut edits = 0;
                each_run(update, |run| edits += self.delivered(listener, run, now))?;
                self.merged.set(self.merged.get() + u64::from(edits > 1));
                Ok(())
            }
            Event::Ended(reason) => Err(anyhow!("the server closed a socket: {reason}")),
            Event::Refused(reason) => Err(anyhow!("the server refused an edit: {reason}")),
            _ => Ok(()),
        }
    }

    /// Counts the edits in a run that are new to the listener, and how long they took.
    fn delivered(&self, listener: usize, run: Run, now: Instant) -> u64 {
        let index = |number: u64| usize::try_from(number).ok();
        let writer = run.client.checked_sub(self.first_client).and_then(index);
        let Some(writer) = writer.filter(|writer| *writer != listener && *writer < self.sent_at.len()) else {
            return 0;
        };
        let (sent_at, mut heard) = (self.sent_at[writer].borrow(), self.heard[listener].borrow_mut());
        let heard = &mut heard[writer % self.clients_per_document];
        let (from, to) = (run.clock.max(*heard), run.clock + run.len);
        *heard = to.max(*heard);
        let mut edits = 0;
        let mut latency = self.latency.borrow_mut();
        for clock in from..to {
            if let Some(sent_at) = index(clock).and_then(|clock| *sent_at.get(clock)?) {
                latency.record(now.saturating_duration_since(sent_at));
                edits += 1;
            }
        }
        self.delivered.set(self.delivered.get() + edits);
        edits
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::task::LocalSet;

    use super::*;
    use crate::relay;
    use crate::system::Subject;

    #[tokio::test]
    async fn every_delivery_is_counted_once_and_none_to_its_sender() {
        let listener = relay::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let relay = tokio::spawn(relay::serve(listener));
        let system =
            System { subject: Subject::Relay, address, pid: None, postgres: None, process: None, launch: None };
        let load = Load {
            documents: vec!["a".to_owned(), "b".to_owned()],
            clients_per_document: 5,
            updates_per_second: 200.0,
            duration: Duration::from_millis(200),
            drain: DRAIN,
            dialect: Dialect::Yjs,
            seed: 1,
        };
        let outcome = LocalSet::new().run_until(run(&system, &load)).await.unwrap();
        relay.abort();
        assert_eq!(outcome.sent, 2 * 40);
        assert_eq!(outcome.delivered, 2 * 40 * 4);
        assert_eq!(outcome.latency.count(), outcome.delivered);
        assert!(outcome.is_complete());
    }
}
