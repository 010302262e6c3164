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
const RAMP_FACTOR: f64 = 1.4;
/// A contender that was measured before begins so many steps below what it sustained.
const STEPS_BELOW: i32 = 2;
/// A server that does not meet a rate cold is started again for the next lower one, so often.
const COLD_TRIES: usize = 5;
/// Each of these tries is so much lower.
const COLD_FACTOR: f64 = 2.0;
const OVERLOAD_FACTOR: f64 = 2.0;
/// How long late deliveries of a step may take.
const DRAIN: Duration = Duration::from_secs(1);
/// Nobody waits for what is late under too much load: the server is ended.
const NO_DRAIN: Duration = Duration::from_millis(1);

pub(super) async fn measure(turn: &Turn<'_>, figures: &mut Figures) -> Result<()> {
    let (mut rate, best) = ramp(turn).await?;
    let Some(best) = best else {
        note(figures, "ramp_rate", 0.0);
        return Ok(());
    };
    note(figures, "ramp_rate", best.rate());
    note(figures, "generator", best.generator_share() * 100.0);
    let overload = rate * OVERLOAD_FACTOR;

    let mut met = 0.0;
    for attempt in 0..COLD_TRIES {
        let system = turn.start(Storage::Memory).await?;
        let outcome = run(&system, &load(turn, &format!("cold-{attempt}"), rate, turn.sizes().ramp_step, DRAIN)).await;
        if let Ok(outcome) = outcome
            && is_sustained(&outcome)
        {
            met = outcome.rate();
            break;
        }
        rate /= COLD_FACTOR;
    }
    note(figures, "cold_rate", met);

    let system = turn.start(Storage::Memory).await?;
    let outcome = run(&system, &load(turn, "over", overload, turn.sizes().overload, NO_DRAIN)).await?;
    note(figures, "over_rate", outcome.rate_in_time);
    Ok(())
}

/// Types faster and faster while the system keeps up: the last rate with which it did, in updates per second, and what
/// came of it.
async fn ramp(turn: &Turn<'_>) -> Result<(f64, Option<Outcome>)> {
    let known = turn.sustained.map(|deliveries| deliveries / (CLIENTS - 1) as f64 / RAMP_FACTOR.powi(STEPS_BELOW));
    let climbed = climb(turn, known.unwrap_or(RAMP_FROM).max(RAMP_FROM)).await?;
    // It does worse than before: from the bottom.
    if climbed.1.is_none() && known.is_some() { climb(turn, RAMP_FROM).await } else { Ok(climbed) }
}

async fn climb(turn: &Turn<'_>, from: f64) -> Result<(f64, Option<Outcome>)> {
    let mut system = turn.start(Storage::Memory).await?;
    let (mut rate, mut best) = (from, (from, None));
    while rate <= RAMP_TO {
        let mut outcome = step(turn, &system, rate).await;
        if outcome.is_none() {
            // Once may be somebody else's fault. What waits in the server is not the next step's.
            system = turn.measuring.bench.restart(system, End::Kill).await?;
            outcome = step(turn, &system, rate).await;
        }
        let Some(outcome) = outcome else { break };
        best = (rate, Some(outcome));
        rate *= RAMP_FACTOR;
    }
    Ok(best)
}

/// What came of a rate, if it was sustained.
async fn step(turn: &Turn<'_>, system: &System, rate: f64) -> Option<Outcome> {
    let name = format!("ramp-{}-{rate:.0}", system.address.port());
    // Who disconnects clients does not sustain it.
    let load = load(turn, &name, rate, turn.sizes().ramp_step, DRAIN);
    let Ok(outcome) = run(system, &load).await else { return None };
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
