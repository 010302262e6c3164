//! Everybody loses the connection and comes back at the same moment, with the replicas they had.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Figures, Turn, milliseconds, note};
use crate::client::Attachment;
use crate::latency::Latency;
use crate::peers::Storage;
use crate::typing::{Replica, Typist};

const CLIENTS_PER_DOCUMENT: usize = 10;
/// Edits of each document.
const EDITS: usize = 50;
/// Between the loss and the return.
const ABSENCE: Duration = Duration::from_millis(500);
/// How long the last may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// What clients of the scenario hold.
struct Held {
    state_vector: Vec<u8>,
    state: Vec<u8>,
}

pub(super) async fn measure(turn: &Turn<'_>, figures: &mut Figures) -> Result<()> {
    let clients = turn.sizes().storm_clients;
    let documents = turn.documents("d", clients / CLIENTS_PER_DOCUMENT);
    let system = turn.start(Storage::Memory).await?;
    let dialect = turn.contender.dialect();
    let held = Rc::new(held(turn.measuring.bench.seed)?);
    let mut authors = system.attach_all(dialect, documents.iter()).await?;
    for author in &mut authors {
        author.send_step_2(&held.state)?;
    }
    let places = (0..clients).map(|index| &documents[index % documents.len()]);
    let attached = system.attach_all(dialect, places.clone()).await?;
    for attachment in attached.iter().chain(&authors) {
        attachment.socket.reset_on_drop()?;
    }
    drop((attached, authors));
    tokio::time::sleep(ABSENCE).await;

    let cpu = system.cpu();
    let start = Instant::now();
    let mut returning = JoinSet::new();
    for document in places {
        let (address, document, held) = (system.address, document.clone(), Rc::clone(&held));
        returning.spawn_local(async move {
            let coming_back = async {
                let mut attachment = Attachment::open(address, dialect, &document, None).await?;
                attachment.send_step_1(&held.state_vector)?;
                attachment.sync(&held.state).await?;
                // All stay until the last is in.
                anyhow::Ok((start.elapsed(), attachment))
            };
            timeout(PATIENCE, coming_back).await.context("a client did not come back in time")?
        });
    }
    let mut latency = Latency::new();
    let mut back = Vec::new();
    while let Some(ended) = returning.join_next().await {
        let (took, attachment) = ended??;
        latency.record(took);
        back.push(attachment);
    }
    note(figures, "last_ms", latency.max_ms());
    note(figures, "half_ms", latency.quantile_ms(0.5));
    note(figures, "cpu_ms", cpu.zip(system.cpu()).map(|(before, after)| milliseconds(after.saturating_sub(before))));
    Ok(())
}

fn held(seed: u64) -> Result<Held> {
    let mut typist = Typist::new(1, seed);
    let replica = Replica::new(2);
    for _ in 0..EDITS {
        replica.apply(&typist.next_update())?;
    }
    Ok(Held { state_vector: replica.state_vector(), state: replica.diff(&[0])? })
}
