//! How long it takes until an edit is confirmed to be in the log; ours alone says so.

use anyhow::Result;

use super::{Figures, Turn, note};
use crate::peers::Storage;
use crate::scenario::receipts::Receipts;

const RATE: u32 = 5000;
/// Documents, with one writer each.
const DOCUMENTS: usize = 50;

pub(super) async fn measure(turn: &Turn<'_>, figures: &mut Figures) -> Result<()> {
    let system = turn.start(Storage::Files).await?;
    let receipts = Receipts { rates: vec![RATE], documents: DOCUMENTS, seconds: turn.sizes().receipts };
    let outcome =
        receipts.measure(turn.measuring.bench, &system, &format!("receipts-{}", turn.run), DOCUMENTS, 1, RATE).await?;
    note(figures, "p50_ms", outcome.latency.quantile_ms(0.5));
    note(figures, "p99_ms", outcome.latency.quantile_ms(0.99));
    Ok(())
}
