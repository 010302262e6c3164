//! How much can be delivered in time: ramped up, met cold, and what happens beyond.

use std::time::Duration;

use anyhow::Result;

use super::{Figures, Turn, note};
use crate::peers::Storage;
use crate::scenario::fan_out::load::{Load, Outcome, run};
use crate::system::{End, System};

/// Clients of the one document.
const CLIENTS: usize = 100;
/// A rate counts as sustained while everything is delivered and the 99th percentile stays below this, in milliseconds.
const SUSTAINED_P99_MS: f64 = 100.0;
/// The first step of the ramp, in updates per second.
const RAMP_FROM: f64 = 600.0;
const RAMP_TO: f64 = 150_000.0;
const RAMP_FACTOR: f64 = 1.6;
/// Behind the last step that was sustained comes one more, finer.
const FINE_FACTOR: f64 = 1.25;
/// A contender that was measured before begins so far below what it sustained.
const HEAD_START: f64 = 0.5;
/// A server that does not meet a rate cold is started again for a lower one, so often.
const COLD_TRIES: usize = 5;
const COLD_FACTOR: f64 = 0.5;
const OVERLOAD_FACTOR: f64 = 2.0;
/// How long late deliveries of a step may take.
const DRAIN: Duration = Duration::from_millis(700);
/// Nobody waits for what is late under too much load: the server is ended.
const NO_DRAIN: Duration = Duration::from_millis(1);

pub(super) async fn measure(turn: &Turn<'_>, figures: &mut Figures) -> Result<()> {
    let (rate, best) = ramp(turn).await?;
    note(figures, "ramp_rate", best.as_ref().map_or(0.0, Outcome::rate));
    let Some(best) = best else { return Ok(()) };
    note(figures, "generator", best.generator_share() * 100.0);

    let (mut cold_rate, mut met) = (rate, None);
    let mut system = turn.start(Storage::Memory).await?;
    for attempt in 0..COLD_TRIES {
        met = step(turn, &system, &format!("cold-{attempt}"), cold_rate).await;
        if met.is_some() {
            break;
        }
        cold_rate *= COLD_FACTOR;
        system = turn.measuring.bench.restart(system, End::Kill).await?;
    }
    note(figures, "cold_rate", met.as_ref().map_or(0.0, Outcome::rate));

    let overload = load(turn, "over", rate * OVERLOAD_FACTOR, turn.sizes().overload, NO_DRAIN);
    note(figures, "over_rate", run(&system, &overload).await?.rate_in_time);
    Ok(())
}

/// Types faster and faster while the system keeps up: the last rate with which it did, in updates per second, and what
/// came of it.
async fn ramp(turn: &Turn<'_>) -> Result<(f64, Option<Outcome>)> {
    let known = turn.sustained.map(|deliveries| deliveries / (CLIENTS - 1) as f64 * HEAD_START);
    let climbed = climb(turn, known.unwrap_or(RAMP_FROM).max(RAMP_FROM)).await?;
    // It does worse than before: from the bottom.
    if climbed.1.is_none() && known.is_some() { climb(turn, RAMP_FROM).await } else { Ok(climbed) }
}

async fn climb(turn: &Turn<'_>, from: f64) -> Result<(f64, Option<Outcome>)> {
    let system = turn.start(Storage::Memory).await?;
    let (mut rate, mut best) = (from, (from, None));
    while rate <= RAMP_TO {
        let Some(outcome) = step(turn, &system, "ramp", rate).await else { break };
        best = (rate, Some(outcome));
        rate *= RAMP_FACTOR;
    }
    if best.1.is_some() {
        // What waits in the server is not the next step's.
        let system = turn.measuring.bench.restart(system, End::Kill).await?;
        let rate = best.0 * FINE_FACTOR;
        if let Some(outcome) = step(turn, &system, "fine", rate).await {
            best = (rate, Some(outcome));
        }
    }
    Ok(best)
}

/// What came of a rate, if it was sustained. Who disconnects clients does not sustain it.
async fn step(turn: &Turn<'_>, system: &System, name: &str, rate: f64) -> Option<Outcome> {
    let name = format!("{name}-{}-{rate:.0}", system.address.port());
    let outcome = run(system, &load(turn, &name, rate, turn.sizes().ramp_step, DRAIN)).await.ok()?;
    is_sustained(&outcome).then_some(outcome)
}

fn is_sustained(outcome: &Outcome) -> bool {
    outcome.delivered == outcome.expected && outcome.latency.quantile_ms(0.99) < SUSTAINED_P99_MS
}

fn load(turn: &Turn<'_>, name: &str, updates_per_second: f64, duration: Duration, drain: Duration) -> Load {
    Load {
        documents: vec![turn.document(name)],
        clients_per_document: CLIENTS,
        updates_per_second,
        duration,
        drain,
        dialect: turn.contender.dialect(),
        seed: turn.measuring.bench.seed,
    }
}
