//! What it costs to bring an edit to everybody else in a document, next to a bare relay.

pub(crate) mod load;

use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum as _};

use crate::client::Dialect;
use crate::report::{Cell, Report, Table};
use crate::system::{Bench, Subject, System};
use load::{Load, Outcome};

/// The most CPU per delivery, as a multiple of the relay's.
const LOW_LOAD_RATIO: f64 = 1.3;
const HIGH_LOAD_RATIO: f64 = 2.0;
/// A rate of deliveries counts as sustained while the 99th percentile stays below this, in milliseconds.
const SUSTAINED_P99_MS: f64 = 100.0;
/// Each step of the ramp types so much faster than the one before.
const RAMP_FACTOR: f64 = 1.6;
/// Above this share of its core the generator measures itself.
const GENERATOR_LIMIT: f64 = 0.95;

const COLUMNS: [&str; 10] = [
    "load",
    "system",
    "updates/s",
    "deliveries/s",
    "server CPU (µs/delivery)",
    "Postgres CPU (µs/delivery)",
    "p50 (ms)",
    "p99 (ms)",
    "max (ms)",
    "generator (% of its core)",
];

/// Measure fan-out: server CPU per delivered update and latency, next to a bare relay
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  bench fan-out\n  bench fan-out --seconds 20 --dialect ws\n  bench fan-out --ramp-from 2000 --ramp-to 20000"
)]
pub(crate) struct FanOut {
    /// How long each steady load lasts
    #[arg(long, default_value_t = 5.0)]
    pub(crate) seconds: f64,

    /// The protocol spoken to the server
    #[arg(long, value_enum, default_value_t = Dialect::Yjs)]
    pub(crate) dialect: Dialect,

    /// Measure one of the two systems only
    #[arg(long, value_parser = one_of_the_two)]
    pub(crate) only: Option<Subject>,

    /// The first step of the ramp, in updates per second into one document with 100 clients
    #[arg(long, default_value_t = 500.0)]
    pub(crate) ramp_from: f64,

    /// The last step of the ramp; 0 for no ramp
    #[arg(long, default_value_t = 40_000.0)]
    pub(crate) ramp_to: f64,

    /// How long each step of the ramp lasts, in seconds
    #[arg(long, default_value_t = 2.0)]
    pub(crate) ramp_seconds: f64,
}

/// A steady load by its shape.
#[derive(Debug, Clone, Copy)]
struct Shape {
    name: &'static str,
    documents: usize,
    clients: usize,
    updates_per_second: f64,
}

const SHAPES: [Shape; 2] = [
    Shape { name: "1 document, 100 clients, 100/s", documents: 1, clients: 100, updates_per_second: 100.0 },
    Shape { name: "100 documents, 10 clients, 10/s each", documents: 100, clients: 10, updates_per_second: 10.0 },
];

fn one_of_the_two(name: &str) -> Result<Subject, String> {
    match Subject::from_str(name, false)? {
        subject @ (Subject::GlassBox | Subject::Relay) => Ok(subject),
        _ => Err("glassbox or relay; bench compare measures the others".to_owned()),
    }
}

impl FanOut {
    pub(crate) async fn run(&self, bench: &Bench) -> Result<Report> {
        let mut systems = Vec::new();
        if self.only != Some(Subject::GlassBox) {
            systems.push(bench.relay().await?);
        }
        if self.only != Some(Subject::Relay) {
            systems.push(bench.glassbox().await?);
        }
        let mut report = Report::new("fan-out");
        self.steady(bench, &systems, &mut report).await?;
        if self.ramp_to > 0.0 {
            self.ramp(bench, &systems, &mut report).await?;
        }
        Ok(report)
    }

    async fn steady(&self, bench: &Bench, systems: &[System], report: &mut Report) -> Result<()> {
        let mut table = Table::new("Steady loads", COLUMNS);
        for (index, shape) in SHAPES.into_iter().enumerate() {
            let mut outcomes = Vec::new();
            for system in systems {
                let load = self.load(bench, system, shape, &format!("steady-{index}"), self.seconds);
                let outcome = load::run(system, &load).await?;
                table.row(row(shape.name, system, &outcome));
                require_complete(report, shape.name, system, &outcome);
                outcomes.push(outcome);
            }
            if let [relay, glassbox] = &outcomes[..] {
                compare(report, shape.name, relay, glassbox, LOW_LOAD_RATIO);
            }
        }
        report.table(table);
        Ok(())
    }

    async fn ramp(&self, bench: &Bench, systems: &[System], report: &mut Report) -> Result<()> {
        let mut table = Table::new("Ramp: 1 document, 100 clients", COLUMNS);
        let mut sustained = Vec::new();
        for system in systems {
            let outcomes = self.climb(bench, system, &mut table, report).await?;
            let best = outcomes.last().map_or(0.0, Outcome::rate);
            let name = system.name();
            report.note(format!("{name} sustains {best:.0} deliveries/s with a p99 below {SUSTAINED_P99_MS} ms"));
            sustained.push(outcomes);
        }
        report.table(table);
        // The last step that both sustain.
        if let [relay, glassbox] = &sustained[..]
            && let Some((relay, glassbox)) = relay.iter().zip(glassbox).next_back()
        {
            compare(report, &format!("at {:.0} deliveries/s", glassbox.rate()), relay, glassbox, HIGH_LOAD_RATIO);
        }
        Ok(())
    }

    /// Types faster and faster while the system keeps up: what came of the steps that it kept up with.
    async fn climb(
        &self,
        bench: &Bench,
        system: &System,
        table: &mut Table,
        report: &mut Report,
    ) -> Result<Vec<Outcome>> {
        let mut sustained = Vec::new();
        let mut rate = self.ramp_from;
        while rate <= self.ramp_to {
            let shape = Shape { name: "ramp", documents: 1, clients: 100, updates_per_second: rate };
            let load = self.load(bench, system, shape, &format!("ramp-{rate:.0}"), self.ramp_seconds);
            let outcome = load::run(system, &load).await?;
            table.row(row(&format!("{rate:.0}/s"), system, &outcome));
            if !outcome.is_complete() || outcome.latency.quantile_ms(0.99) >= SUSTAINED_P99_MS {
                report.note(ramp_end(system, rate, &outcome));
                break;
            }
            sustained.push(outcome);
            rate *= RAMP_FACTOR;
        }
        Ok(sustained)
    }

    fn load(&self, bench: &Bench, system: &System, shape: Shape, name: &str, seconds: f64) -> Load {
        Load {
            documents: (0..shape.documents).map(|index| bench.document(&format!("fan-{name}-{index}"))).collect(),
            clients_per_document: shape.clients,
            updates_per_second: shape.updates_per_second,
            duration: Duration::from_secs_f64(seconds),
            drain: load::DRAIN,
            dialect: if system.subject == Subject::GlassBox { self.dialect } else { system.subject.dialect() },
            seed: bench.seed,
        }
    }
}

fn row(load: &str, system: &System, outcome: &Outcome) -> Vec<Cell> {
    vec![
        load.into(),
        system.name().into(),
        (outcome.sent as f64 / outcome.wall.as_secs_f64()).into(),
        outcome.rate().into(),
        outcome.cpu_micros().into(),
        outcome.postgres_micros().into(),
        outcome.latency.quantile_ms(0.5).into(),
        outcome.latency.quantile_ms(0.99).into(),
        outcome.latency.max_ms().into(),
        (outcome.generator_share() * 100.0).into(),
    ]
}

fn require_complete(report: &mut Report, load: &str, system: &System, outcome: &Outcome) {
    let measured = format!("{} of {}", outcome.delivered, outcome.expected);
    report.must(format!("{load}: {} delivers every update", system.name()), measured, outcome.is_complete());
}

fn compare(report: &mut Report, load: &str, relay: &Outcome, glassbox: &Outcome, limit: f64) {
    let ratio = relay.cpu_micros().zip(glassbox.cpu_micros()).map(|(relay, glassbox)| glassbox / relay);
    let what = format!("{load}: at most {limit} times the relay's CPU per delivery");
    match ratio {
        Some(ratio) => report.target(what, format!("{ratio:.2} times"), ratio <= limit),
        None => report.note(format!("{what}: not measured, the server's process is not known (--server-pid)")),
    }
}

fn ramp_end(system: &System, rate: f64, outcome: &Outcome) -> String {
    let why = if outcome.is_complete() {
        format!("the p99 reached {:.0} ms", outcome.latency.quantile_ms(0.99))
    } else if outcome.merged > 0 {
        format!("receivers were behind and got {} merged updates", outcome.merged)
    } else {
        format!("{} of {} deliveries were missing", outcome.expected - outcome.delivered, outcome.expected)
    };
    let limit =
        if outcome.generator_share() > GENERATOR_LIMIT { "; the generator itself was at its limit" } else { "" };
    format!("the ramp of {} ended at {rate:.0} updates/s: {why}{limit}", system.name())
}
