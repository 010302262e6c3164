//! Many clients that open a long document at the same moment: from memory, and after a restart from the store.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::task::JoinSet;

use super::{Contender, Figures, LongDocument, Turn, megabytes, milliseconds, note};
use crate::client::attachment::EMPTY_STATE_VECTOR;
use crate::client::{Attachment, Event};
use crate::peers::Storage;
use crate::process::usage;
use crate::system::{End, System};
use crate::typing::Replica;

/// How long the server may take to take the document in.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between preparing and opening, for what the server does afterwards.
const SETTLE: Duration = Duration::from_millis(500);

/// Clients that open it, from memory and from the store.
const FROM_MEMORY: [usize; 3] = [1, 50, 200];
const FROM_STORE: [usize; 2] = [1, 50];

pub(super) async fn measure(turn: &Turn<'_>, figures: &mut Figures) -> Result<()> {
    let document = turn.document("long");
    let mut system = turn.start(if turn.contender.stores() { Storage::Files } else { Storage::Memory }).await?;
    let author = prepare(turn, &system, &document).await?;
    tokio::time::sleep(SETTLE).await;
    for clients in FROM_MEMORY {
        let opened = open(turn, &system, &document, clients).await?;
        note(figures, format!("hot_{clients}_ms"), milliseconds(opened.wall));
        note(figures, format!("hot_{clients}_cpu_ms"), opened.cpu.map(milliseconds));
        note(figures, format!("hot_{clients}_peak_mb"), opened.peak_above_idle.map(megabytes));
    }
    drop(author);
    if turn.contender.stores() {
        for clients in FROM_STORE {
            system = turn.measuring.bench.restart(system, End::Stop).await?;
            tokio::time::sleep(SETTLE).await;
            let opened = open(turn, &system, &document, clients).await.context("after a restart")?;
            note(figures, format!("stored_{clients}_ms"), milliseconds(opened.wall));
            note(figures, format!("stored_{clients}_peak_mb"), opened.peak_above_idle.map(megabytes));
        }
    }
    Ok(())
}

/// Writes the document, and returns its author, who keeps it in memory.
async fn prepare(turn: &Turn<'_>, system: &System, document: &str) -> Result<Attachment> {
    let dialect = turn.contender.dialect();
    let (mut author, _) = Attachment::open_synced(system.address, dialect, document, None).await?;
    let LongDocument { updates, state, .. } = turn.measuring.long_document()?;
    if turn.contender == Contender::Relay {
        author.send_step_2(state)?;
    } else {
        for update in updates {
            author.queue_update(update);
        }
    }
    // Answered when all before it is read.
    author.send_step_1(EMPTY_STATE_VECTOR)?;
    let taken_in = async {
        loop {
            while let Some(event) = author.event()? {
                match event {
                    Event::Step2(_) => return Ok(()),
                    Event::Refused(why) | Event::Ended(why) => anyhow::bail!("the server refused: {why}"),
                    _ => {}
                }
            }
            author.socket.ready().await?;
        }
    };
    tokio::time::timeout(PATIENCE, taken_in).await.context("the document was not taken in in time")??;
    Ok(author)
}

struct Opened {
    wall: Duration,
    cpu: Option<Duration>,
    /// In bytes.
    peak_above_idle: Option<u64>,
}

async fn open(turn: &Turn<'_>, system: &System, document: &str, clients: usize) -> Result<Opened> {
    let pid = system.pid.context("the process is not known")?;
    usage::reset_peak(pid)?;
    let (cpu, idle) = (system.cpu(), system.resident_bytes());
    let start = Instant::now();
    let mut openers = JoinSet::new();
    for _ in 0..clients {
        let (address, dialect, document) = (system.address, turn.contender.dialect(), document.to_owned());
        openers.spawn_local(async move {
            let (attachment, content) = Attachment::open_and_read(address, dialect, &document).await?;
            // All stay until the last has it.
            anyhow::Ok((content, attachment))
        });
    }
    let mut opened = Vec::new();
    while let Some(ended) = openers.join_next().await {
        opened.push(ended??);
    }
    let wall = start.elapsed();
    let cpu = cpu.zip(system.cpu()).map(|(before, after)| after.saturating_sub(before));
    let peak = usage::peak_resident_bytes(pid).ok();
    let (content, _) = opened.first().context("nobody opened it")?;
    ensure!(opened.iter().all(|(other, _)| other.bytes() == content.bytes()), "clients got different documents");
    let complete = Replica::reading(2, content)?.state_vector() == turn.measuring.long_document()?.state_vector;
    ensure!(complete, "clients got {} bytes, and not the whole document", content.bytes());
    Ok(Opened { wall, cpu, peak_above_idle: peak.zip(idle).map(|(peak, idle)| peak.saturating_sub(idle)) })
}
