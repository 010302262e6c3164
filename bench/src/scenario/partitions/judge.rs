//! What must be true once nothing is wrong any more.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::time::{Instant, sleep, timeout};
use web_protocol::frame::{Body, Frame as ChannelFrame};

use super::awareness::{Awareness, Present};
use super::log::Log;
use super::replica::{Content, Replica};
use super::world::World;
use super::writer::{Shared, Writer};
use crate::client::socket::{Frame, Opcode};
use crate::client::{Api, Attachment, Dialect};

/// How long everything may take to be confirmed.
const CONFIRMED: Duration = Duration::from_mins(1);
/// How long replicas, and what instances hand out, may take to be equal.
const EQUAL: Duration = Duration::from_secs(15);
/// How long presence may take to be right: a silent client's socket ends after twice the heartbeat (1 s), what an
/// instance that was killed told is forgotten after 5 s.
const PRESENT: Duration = Duration::from_secs(15);
/// How long documents that nobody uses may stay in memory (`idle_room_seconds` is 1).
const CLOSED: Duration = Duration::from_secs(15);
/// The metric that counts those in memory, and the one that counts sockets.
const OPEN_DOCUMENTS: &str = "documents_open";
const OPEN_SOCKETS: &str = "sockets_open";
const POLL: Duration = Duration::from_millis(50);
/// The Yjs client id of those who only read.
const READER: u64 = 1 << 52;
/// The Yjs client ids of those who vanish begin here.
const VANISHING: u64 = 1 << 51;

/// The people of a plan, and where they can be asked for.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    pub(super) writers: &'a [Rc<Writer>],
    pub(super) shared: &'a Shared,
    /// What each recorded document must be in the end.
    pub(super) ends: &'a BTreeMap<String, Rc<str>>,
    pub(super) token: &'a str,
}

impl Judge<'_> {
    fn staying(&self) -> impl Iterator<Item = &Rc<Writer>> {
        self.writers.iter().filter(|writer| writer.leaves_at.is_none())
    }

    fn staying_at<'a>(&'a self, document: &'a str) -> impl Iterator<Item = &'a Rc<Writer>> {
        self.staying().filter(move |writer| writer.document == document)
    }

    fn documents(&self) -> BTreeSet<&str> {
        self.writers.iter().map(|writer| writer.document.as_str()).collect()
    }

    /// Everything is written and confirmed, and everybody has the same.
    pub(super) async fn settle(&self) -> Result<()> {
        let waiting = || self.staying().filter(|writer| !writer.is_done()).map(|it| it.status()).collect::<Vec<_>>();
        self.wait_until(CONFIRMED, || {
            let waiting = waiting();
            if waiting.is_empty() {
                Ok(())
            } else {
                Err(format!("not everything is confirmed: {}", waiting.join("; ")))
            }
        })
        .await?;
        for document in self.documents() {
            self.wait_until(EQUAL, || self.unlike(document)).await?;
        }
        Ok(())
    }

    /// How the replicas of a document differ, or its text from what was recorded.
    fn unlike(&self, document: &str) -> Result<(), String> {
        let contents: Vec<_> = self
            .staying_at(document)
            .map(|writer| (writer.name.as_str(), writer.state.borrow().replica.content()))
            .collect();
        let Some(((first, content), others)) = contents.split_first() else { return Ok(()) };
        for (other, theirs) in others {
            if theirs != content {
                return Err(format!("the replicas of {first} and {other} differ: {}", content.difference(theirs)));
            }
        }
        match self.ends.get(document) {
            Some(end) if content.text != **end => Err(format!("{document} does not end as recorded")),
            _ => Ok(()),
        }
    }

    /// What new clients read from each instance is what everybody has.
    pub(super) async fn read(&self) -> Result<()> {
        for document in self.documents() {
            let Some(one) = self.staying_at(document).next() else { continue };
            let expected = one.state.borrow().replica.content();
            for (index, address) in self.shared.addresses.iter().enumerate() {
                let deadline = Instant::now() + EQUAL;
                loop {
                    let difference = match self.read_from(*address, document).await {
                        Ok(content) if content == expected => break,
                        Ok(content) => expected.difference(&content),
                        Err(error) => format!("{error:#}"),
                    };
                    let is_late = Instant::now() > deadline;
                    ensure!(!is_late, "{document} as i{} hands it out is another: {difference}", index + 1);
                    sleep(POLL).await;
                }
            }
        }
        Ok(())
    }

    /// What new clients read is still that when no instance has it in memory any more.
    pub(super) async fn read_cold(&self) -> Result<()> {
        for address in &self.shared.addresses {
            let api = Api::new(*address)?;
            let deadline = Instant::now() + CLOSED;
            while api.metric(OPEN_DOCUMENTS).await != Some(0.0) {
                ensure!(Instant::now() < deadline, "documents that nobody uses stay in memory");
                sleep(POLL).await;
            }
        }
        self.read().await
    }

    async fn read_from(&self, address: SocketAddr, document: &str) -> Result<Content> {
        let reading = Attachment::open_synced(address, Dialect::Ws, document, Some(self.token));
        let (_, content) = timeout(EQUAL, reading).await.context("timed out")??;
        let reader = Replica::new(READER);
        content.updates().try_for_each(|update| reader.apply(&update?))?;
        Ok(reader.content())
    }

    /// The log holds, at the places that receipts named, what was confirmed to anybody. Returns how many updates it has.
    pub(super) fn check_logs(&self, world: &World) -> Result<u64> {
        let mut updates = 0;
        for document in self.documents() {
            let log = Log::read(&world.postgres, document)?;
            for writer in self.writers.iter().filter(|writer| writer.document == document) {
                let state = writer.state.borrow();
                if let Some(broken) = log.broken_receipt(state.replica.client(), &state.receipts) {
                    bail!("{} in {document}: {broken}", writer.name);
                }
            }
            updates += log.len;
        }
        Ok(updates)
    }

    /// Everybody sees exactly those who are here: those who write, and who comes new to any instance.
    pub(super) async fn check_presence(&self) -> Result<()> {
        let expected = |document: &str| -> Present {
            self.staying_at(document).filter_map(|writer| writer.state.borrow().awareness.own()).collect()
        };
        for document in self.documents() {
            self.wait_until(PRESENT, || {
                let expected = expected(document);
                let wrong = self.staying_at(document).find_map(|writer| {
                    let present = writer.state.borrow().awareness.present();
                    (present != expected).then(|| format!("{} sees {}", writer.name, unlike(&present, &expected)))
                });
                wrong.map_or(Ok(()), Err)
            })
            .await?;
        }
        self.observe(expected).await
    }

    /// Of clients whose packets are lost from one moment on no end of a connection is heard. The instances notice by
    /// their silence, close their sockets, and nobody sees them any more.
    pub(super) async fn check_vanished(&self) -> Result<()> {
        let Some(one) = self.staying().next() else { return Ok(()) };
        let staying = self.staying().count();
        self.wait_for_sockets(staying).await.context("before anybody vanishes")?;
        let mut connections = Vec::new();
        for (id, address) in (VANISHING..).zip(&self.shared.addresses) {
            let stream = timeout(EQUAL, World::connect_vanishing(*address)).await.context("timed out")??;
            let opening = Attachment::open_over(stream, *address, &one.document, Some(self.token));
            let mut attachment = timeout(EQUAL, opening).await.context("timed out")??;
            let (number, hello) = (attachment.channel_number(), Awareness::of(id).renew());
            let (number, hello) = number.zip(hello).context("no channel")?;
            let frame = ChannelFrame { number, body: Body::Awareness(&hello) };
            attachment.socket.send(Opcode::Binary, &frame.encode())?;
            connections.push(attachment);
        }
        let vanishing = VANISHING..VANISHING + self.shared.addresses.len() as u64;
        let seen = || one.state.borrow().awareness.present().range(vanishing.clone()).count();
        let all = connections.len();
        self.wait_until(PRESENT, || if seen() == all { Ok(()) } else { Err("who vanishes was never seen".into()) })
            .await?;
        World::set_reach_of_vanishing(false)?;
        self.wait_until(PRESENT, || if seen() == 0 { Ok(()) } else { Err("who has vanished is seen".into()) }).await?;
        let closed = self.wait_for_sockets(staying).await;
        drop(connections);
        World::set_reach_of_vanishing(true)?;
        closed.context("after somebody has vanished")
    }

    /// Waits until the instances have so many sockets, all together.
    async fn wait_for_sockets(&self, expected: usize) -> Result<()> {
        let deadline = Instant::now() + PRESENT;
        loop {
            let mut open = 0.0;
            for address in &self.shared.addresses {
                open +=
                    Api::new(*address)?.metric(OPEN_SOCKETS).await.context("an instance does not tell its metrics")?;
            }
            // Counts are whole numbers.
            if (open - expected as f64).abs() < 0.5 {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{open} sockets are open for {expected} clients");
            sleep(POLL).await;
        }
    }

    /// Nobody is seen any more.
    pub(super) async fn check_absence(&self) -> Result<()> {
        self.observe(|_| Present::new()).await
    }

    async fn observe(&self, expected: impl Fn(&str) -> Present) -> Result<()> {
        for document in self.documents() {
            for (index, address) in self.shared.addresses.iter().enumerate() {
                let mut observer = Observer::attach(*address, document, self.token).await?;
                let deadline = Instant::now() + PRESENT;
                loop {
                    observer.look(POLL).await?;
                    let (present, expected) = (observer.awareness.present(), expected(document));
                    if present == expected {
                        break;
                    }
                    let is_late = Instant::now() > deadline;
                    ensure!(
                        !is_late,
                        "who comes new to {document} at i{} sees {}",
                        index + 1,
                        unlike(&present, &expected)
                    );
                }
            }
        }
        Ok(())
    }

    async fn wait_until(&self, patience: Duration, holds: impl Fn() -> Result<(), String>) -> Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(wrong) = self.shared.wrongs.borrow().first() {
                bail!("{wrong}");
            }
            let Err(why) = holds() else { return Ok(()) };
            ensure!(Instant::now() < deadline, "{why}");
            sleep(POLL).await;
        }
    }
}

/// What of two views differs, for people.
fn unlike(present: &Present, expected: &Present) -> String {
    format!("{present:?} where {expected:?} are here")
}

/// Somebody who only looks who is here.
struct Observer {
    attachment: Attachment,
    awareness: Awareness,
}

impl Observer {
    async fn attach(address: SocketAddr, document: &str, token: &str) -> Result<Self> {
        let opening = Attachment::open(address, Dialect::Ws, document, Some(token));
        let attachment = timeout(EQUAL, opening).await.context("timed out")??;
        Ok(Self { attachment, awareness: Awareness::default() })
    }

    /// Takes in what comes for so long.
    async fn look(&mut self, patience: Duration) -> Result<()> {
        let until = Instant::now() + patience;
        let number = self.attachment.channel_number();
        while let Ok(ready) = tokio::time::timeout_at(until, self.attachment.socket.ready()).await {
            ready?;
            while let Some(frame) = self.attachment.socket.take()? {
                let Frame::Binary(bytes) = frame else { continue };
                let frame = ChannelFrame::decode(bytes)?;
                if let (true, Body::Awareness(update)) = (Some(frame.number) == number, frame.body) {
                    self.awareness.receive(update)?;
                }
            }
        }
        Ok(())
    }
}
