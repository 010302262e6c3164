//! Somebody comes back who was offline for long, while another waits for the work.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::time::timeout;

use super::{AUTHOR, Figures, Turn, megabytes, milliseconds, note};
use crate::client::{Attachment, Event};
use crate::peers::Storage;
use crate::process::usage;
use crate::runs::each_run;

/// How long it may take until the other has all of it.
const PATIENCE: Duration = Duration::from_mins(2);

pub(super) async fn measure(turn: &Turn<'_>, figures: &mut Figures) -> Result<()> {
    let offline = turn.measuring.offline()?;
    let document = turn.document("offline");
    let system = turn.start(Storage::Memory).await?;
    let dialect = turn.contender.dialect();
    let (mut other, _) = Attachment::open_synced(system.address, dialect, &document, None).await?;
    let mut author = Attachment::open(system.address, dialect, &document, None).await?;
    let pid = system.pid.context("the process is not known")?;
    usage::reset_peak(pid)?;
    let (cpu, idle) = (system.cpu(), system.resident_bytes());
    let start = Instant::now();
    author.send_step_1(&offline.state_vector)?;
    let coming_back = async {
        author.sync(&offline.state).await?;
        // What the kernel did not take at once goes out while waiting.
        loop {
            author.socket.ready().await?;
            while let Some(event) = author.event()? {
                if let Event::Refused(why) | Event::Ended(why) = event {
                    bail!("the server refused: {why}");
                }
            }
        }
    };
    let both = async {
        tokio::select! {
            relayed = hear_all(&mut other, offline.clock) => relayed,
            ended = coming_back => ended,
        }
    };
    timeout(PATIENCE, both).await.context("the other did not get it in time")??;
    note(figures, "relayed_ms", milliseconds(start.elapsed()));
    note(figures, "cpu_ms", cpu.zip(system.cpu()).map(|(before, after)| milliseconds(after.saturating_sub(before))));
    let peak = usage::peak_resident_bytes(pid).ok();
    note(figures, "peak_mb", peak.zip(idle).map(|(peak, idle)| megabytes(peak.saturating_sub(idle))));
    Ok(())
}

/// Listens until all edits of the author have come.
async fn hear_all(other: &mut Attachment, clock: u64) -> Result<()> {
    let mut heard = 0;
    while heard < clock {
        other.socket.ready().await?;
        while let Some(event) = other.event()? {
            match event {
                Event::Update(update) | Event::Step2(update) => {
                    each_run(update, |run| {
                        if run.client == AUTHOR && run.clock <= heard {
                            heard = heard.max(run.clock + run.len);
                        }
                    })?;
                }
                Event::Ended(why) => bail!("the server ended the other's connection: {why}"),
                _ => {}
            }
        }
    }
    Ok(())
}
