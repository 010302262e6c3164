//! A crash under writers: what of the updates that were confirmed, or that others had seen, is gone afterwards.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::{Figures, Turn, note};
use crate::client::{Attachment, Dialect, Event};
use crate::peers::Storage;
use crate::system::End;
use crate::typing::Replica;

/// Together they type 100 words a second.
const WRITERS: usize = 4;
const PACE: Duration = Duration::from_millis(40);

/// A word: its writer and its number.
type Word = (usize, u64);

pub(super) async fn measure(turn: &Turn<'_>, figures: &mut Figures) -> Result<()> {
    let (document, dialect) = (turn.document("crash"), turn.contender.dialect());
    let mut system = turn.start(Storage::Files).await?;
    let token = system.token(dialect).await?;
    let place = Place { address: system.address, dialect, document, token };
    let (listener, content) = place.open().await?;
    let mut writing = JoinSet::new();
    for writer in 0..WRITERS {
        let place = place.clone();
        writing.spawn_local(async move { write(&place, writer).await });
    }
    let relayed = tokio::task::spawn_local(listen(listener, Replica::reading(1, &content)?));
    let (from, to) = turn.sizes().until_crash;
    let mut rng = StdRng::seed_from_u64(turn.measuring.bench.seed ^ turn.run as u64);
    tokio::time::sleep(rng.random_range(from..to)).await;
    system.process.as_mut().context("the process is not known")?.kill()?;
    let mut confirmed = BTreeSet::new();
    while let Some(ended) = writing.join_next().await {
        confirmed.extend(ended??);
    }
    let relayed = words(&relayed.await??);

    let system = turn.measuring.bench.restart(system, End::Kill).await?;
    let place = Place { address: system.address, token: system.token(dialect).await?, ..place };
    let (_, content) = place.open().await.context("opening it after the crash")?;
    let kept = words(&Replica::reading(1, &content)?);
    // Of y-websocket's kind none says anything.
    if dialect != Dialect::YSweet {
        note(figures, "confirmed", confirmed.len() as f64);
        note(figures, "confirmed_lost", confirmed.difference(&kept).count() as f64);
    }
    note(figures, "relayed", relayed.len() as f64);
    note(figures, "relayed_lost", relayed.difference(&kept).count() as f64);
    Ok(())
}

/// Where the writers meet.
#[derive(Debug, Clone)]
struct Place {
    address: SocketAddr,
    dialect: Dialect,
    document: String,
    token: Option<String>,
}

impl Place {
    async fn open(&self) -> Result<(Attachment, crate::client::Content)> {
        Attachment::open_synced(self.address, self.dialect, &self.document, self.token.as_deref()).await
    }
}

/// Types until the connection breaks: the words that were confirmed.
async fn write(place: &Place, writer: usize) -> Result<Vec<Word>> {
    let (mut attachment, _) = place.open().await?;
    let replica = Replica::new(1000 + writer as u64);
    let (mut typed, mut unconfirmed, mut confirmed) = (0, VecDeque::new(), Vec::new());
    let mut ticks = interval(PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let alive = tokio::select! {
            ready = attachment.socket.ready() => ready.is_ok(),
            _ = ticks.tick() => {
                let update = replica.append(&format!("{writer}:{typed} "));
                let sent = attachment.send_update(&update);
                if let Ok(number) = &sent {
                    unconfirmed.push_back((*number, (writer, typed)));
                    typed += 1;
                }
                sent.is_ok()
            }
        };
        while let Ok(Some(event)) = attachment.event() {
            if let Event::Receipt(through) = event {
                while let Some((_, word)) = unconfirmed.pop_front_if(|(number, _)| *number <= through) {
                    confirmed.push(word);
                }
            }
        }
        if !alive {
            return Ok(confirmed);
        }
    }
}

/// Takes in what the others type until the connection breaks.
async fn listen(mut attachment: Attachment, replica: Replica) -> Result<Replica> {
    while attachment.socket.ready().await.is_ok() {
        while let Ok(Some(event)) = attachment.event() {
            if let Event::Update(update) | Event::Step2(update) = event {
                replica.apply(update)?;
            }
        }
    }
    Ok(replica)
}

fn words(replica: &Replica) -> BTreeSet<Word> {
    let text = replica.text();
    let word = |word: &str| {
        let (writer, number) = word.split_once(':')?;
        Some((writer.parse().ok()?, number.parse().ok()?))
    };
    text.split_whitespace().filter_map(word).collect()
}
