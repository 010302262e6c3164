//! Steady loads: latency and CPU of each delivery.

use anyhow::{Result, ensure};

use super::{Figures, Turn, note};
use crate::peers::Storage;
use crate::scenario::fan_out::load::{DRAIN, Load, run};

/// Documents, clients in each, and updates per second in each.
const SHAPES: [(&str, usize, usize, f64); 2] = [("one", 1, 100, 100.0), ("many", 100, 10, 10.0)];

pub(super) async fn measure(turn: &Turn<'_>, figures: &mut Figures) -> Result<()> {
    let system = turn.start(Storage::Memory).await?;
    for (name, documents, clients, updates_per_second) in SHAPES {
        let load = Load {
            documents: turn.documents(name, documents),
            clients_per_document: clients,
            updates_per_second,
            duration: turn.sizes().fan_out,
            drain: DRAIN,
            dialect: turn.contender.dialect(),
            seed: turn.measuring.bench.seed,
        };
        let outcome = run(&system, &load).await?;
        let delivered = outcome.delivered as f64 / outcome.expected.max(1) as f64;
        note(figures, format!("{name}_delivered"), delivered * 100.0);
        ensure!(outcome.delivered > 0, "nothing was delivered");
        note(figures, format!("{name}_p50_ms"), outcome.latency.quantile_ms(0.5));
        note(figures, format!("{name}_p99_ms"), outcome.latency.quantile_ms(0.99));
        note(figures, format!("{name}_cpu_us"), outcome.cpu_micros());
        note(figures, format!("{name}_postgres_us"), outcome.postgres_micros());
    }
    Ok(())
}
