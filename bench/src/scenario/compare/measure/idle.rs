//! What a connection costs that is open and does nothing, its document included.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::{Figures, Turn, note};
use crate::peers::Storage;
use crate::system::System;

/// Clients in each document.
const SHAPES: [(&str, usize); 2] = [("own_kb", 1), ("shared_kb", 10)];
/// Connections that come before, so that what a server needs once is not counted.
const FIRST: usize = 50;
/// Memory is read when what opening needed is done with.
const SETTLE: Duration = Duration::from_secs(1);

pub(super) async fn measure(turn: &Turn<'_>, figures: &mut Figures) -> Result<()> {
    let connections = turn.sizes().idle_connections;
    for (key, per_document) in SHAPES {
        // What one measurement has freed would hide what the next one needs.
        let system = turn.start(Storage::Memory).await?;
        let dialect = turn.contender.dialect();
        let first = turn.documents(&format!("{key}-first"), FIRST);
        let first = system.attach_all(dialect, first.iter()).await?;
        let before = settled_bytes(&system).await?;
        let documents = turn.documents(key, connections / per_document);
        let places = (0..connections).map(|index| &documents[index % documents.len()]);
        let attached = system.attach_all(dialect, places).await?;
        let after = settled_bytes(&system).await?;
        note(figures, key, (after as f64 - before as f64) / 1000.0 / connections as f64);
        for attachment in first.iter().chain(&attached) {
            attachment.socket.reset_on_drop()?;
        }
    }
    Ok(())
}

async fn settled_bytes(system: &System) -> Result<u64> {
    tokio::time::sleep(SETTLE).await;
    system.resident_bytes().context("the process is not known")
}
