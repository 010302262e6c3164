//! One load on one system: documents with clients who all type, at a steady rate.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use nix::unistd::Pid;
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep_until};
use web_protocol::frame::{Body, Frame as ChannelFrame};
use web_protocol::y_websocket::Message;

use crate::client::socket::{Frame, Opcode};
use crate::client::{Attachment, Dialect};
use crate::latency::{Latency, Pace};
use crate::process::usage;
use crate::system::System;
use crate::typing::{Typist, first_struct};

/// No edit of a typist is longer than this, as an update.
const MAX_EDIT_BYTES: usize = 128;
/// Between connecting and the first edit, so that opening is not measured.
const SETTLE: Duration = Duration::from_millis(500);
/// How long nothing may arrive before what is missing counts as lost.
const PATIENCE: Duration = Duration::from_secs(3);

/// How much is typed by how many.
#[derive(Debug, Clone)]
pub(super) struct Load {
    pub(super) documents: Vec<String>,
    pub(super) clients_per_document: usize,
    /// In each document, by all its clients together.
    pub(super) updates_per_second: f64,
    pub(super) duration: Duration,
    pub(super) dialect: Dialect,
    pub(super) seed: u64,
}

/// What came of it.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) sent: u64,
    pub(super) delivered: u64,
    pub(super) expected: u64,
    /// Frames that brought the work of a while at once, to a client that was behind.
    pub(super) merged: u64,
    pub(super) latency: Latency,
    pub(super) wall: Duration,
    pub(super) server_cpu: Option<Duration>,
    pub(super) postgres_cpu: Option<Duration>,
    pub(super) generator_cpu: Duration,
}

impl Outcome {
    /// Deliveries per second.
    pub(super) fn rate(&self) -> f64 {
        self.delivered as f64 / self.wall.as_secs_f64()
    }

    /// The server's CPU time for each delivery, in microseconds.
    pub(super) fn cpu_micros(&self) -> Option<f64> {
        self.server_cpu.map(|cpu| per_delivery(cpu, self.delivered))
    }

    /// The CPU time of the server's Postgres for each delivery, in microseconds.
    pub(super) fn postgres_micros(&self) -> Option<f64> {
        self.postgres_cpu.map(|cpu| per_delivery(cpu, self.delivered))
    }

    /// How busy the generator was, 0 to 1.
    pub(super) fn generator_share(&self) -> f64 {
        self.generator_cpu.as_secs_f64() / self.wall.as_secs_f64()
    }

    /// Whether everything arrived as it was sent.
    pub(super) fn is_complete(&self) -> bool {
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
pub(super) async fn run(system: &System, load: &Load) -> Result<Outcome> {
    let writers = load.documents.len() * load.clients_per_document;
    let first_client = 1 + (load.seed % (1 << 20)) * (1 << 11);
    let tally = Rc::new(Tally {
        first_client,
        sent_at: (0..writers).map(|_| RefCell::default()).collect(),
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
    tokio::time::sleep(SETTLE).await;

    let start = Instant::now();
    let cpu = (system.cpu(), system.postgres_cpu(), usage::cpu_time(Pid::this())?);
    let mut clients = JoinSet::new();
    for (attachment, script) in attachments.into_iter().zip(scripts) {
        clients.spawn_local(take_part(attachment, script, start, Rc::clone(&tally)));
    }
    let end = wait_for_deliveries(&tally, load, start, &mut clients).await?;
    Ok(Outcome {
        sent: tally.sent.get(),
        delivered: tally.delivered.get(),
        expected: expected(&tally, load),
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

fn expected(tally: &Tally, load: &Load) -> u64 {
    tally.sent.get() * (load.clients_per_document as u64 - 1)
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
        let (_, clock) = first_struct(&update).expect("a typist always inserts");
        frames.push((attachment.encode_update(&update), clock));
    }
    Script { writer, frames, period, offset }
}

async fn wait_for_deliveries(
    tally: &Tally,
    load: &Load,
    start: Instant,
    clients: &mut JoinSet<Result<()>>,
) -> Result<Instant> {
    let (mut seen, mut last) = (0, Instant::now());
    loop {
        tokio::select! {
            Some(ended) = clients.join_next() => {
                // Clients take part until they are told to stop.
                let why = ended?.err().unwrap_or_else(|| anyhow!("a client left"));
                return Err(why.context("a client was disconnected"));
            }
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
        }
        let delivered = tally.delivered.get() + tally.merged.get();
        if delivered > seen {
            (seen, last) = (delivered, Instant::now());
        }
        let over = start.elapsed() >= load.duration;
        if over && (tally.delivered.get() >= expected(tally, load) || last.elapsed() > PATIENCE) {
            return Ok(last.max(start + load.duration));
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
                let channel = attachment.channel_number();
                while let Some(frame) = attachment.socket.take()? {
                    tally.heard(script.writer, channel, frame, now)?;
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

    fn heard(&self, listener: usize, channel: Option<u64>, frame: Frame<'_>, now: Instant) -> Result<()> {
        let bytes = match frame {
            Frame::Binary(bytes) => bytes,
            Frame::Close { code, reason } => return Err(anyhow!("the server closed a socket: {code} {reason}")),
            Frame::Text(_) | Frame::Pong => return Ok(()),
        };
        match update_in(channel, bytes)? {
            Heard::Update(update) if update.len() <= MAX_EDIT_BYTES => {
                if let Some((client, clock)) = first_struct(update) {
                    self.delivered(listener, client, clock, now);
                }
            }
            // What waited for a receiver that was behind, at once.
            Heard::Update(_) | Heard::Merged => self.merged.set(self.merged.get() + 1),
            Heard::Other => {}
        }
        Ok(())
    }

    fn delivered(&self, listener: usize, client: u64, clock: u64, now: Instant) {
        let index = |number: u64| usize::try_from(number).ok();
        let writer = client.checked_sub(self.first_client).and_then(index);
        let Some(writer) = writer.filter(|writer| *writer != listener) else { return };
        let sent_at =
            self.sent_at.get(writer).zip(index(clock)).and_then(|(sent_at, clock)| *sent_at.borrow().get(clock)?);
        if let Some(sent_at) = sent_at {
            self.delivered.set(self.delivered.get() + 1);
            self.latency.borrow_mut().record(now.saturating_duration_since(sent_at));
        }
    }
}

enum Heard<'a> {
    Update(&'a [u8]),
    Merged,
    Other,
}

fn update_in(channel: Option<u64>, bytes: &[u8]) -> Result<Heard<'_>> {
    Ok(match channel {
        None => match Message::decode(bytes)? {
            Message::Update(update) => Heard::Update(update),
            Message::Step2(_) => Heard::Merged,
            _ => Heard::Other,
        },
        Some(_) => match ChannelFrame::decode(bytes)?.body {
            Body::Update(update) => Heard::Update(update),
            Body::Step2(_) => Heard::Merged,
            _ => Heard::Other,
        },
    })
}

#[cfg(test)]
mod tests {
    use tokio::task::LocalSet;

    use super::*;
    use crate::process::server::free_address;
    use crate::relay;
    use crate::system::Kind;

    #[tokio::test]
    async fn every_delivery_is_counted_once_and_none_to_its_sender() {
        let address = free_address().unwrap();
        let relay = tokio::spawn(relay::serve(address));
        while tokio::net::TcpStream::connect(address).await.is_err() {
            tokio::task::yield_now().await;
        }
        let system = System { kind: Kind::Relay, address, pid: None, postgres: None, process: None };
        let load = Load {
            documents: vec!["a".to_owned(), "b".to_owned()],
            clients_per_document: 5,
            updates_per_second: 200.0,
            duration: Duration::from_millis(200),
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
