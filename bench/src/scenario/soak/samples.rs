//! What was measured each second, and what follows from it.

use std::ops::RangeInclusive;

use super::population::{Counts, Window};
use crate::latency::Latency;
use crate::plot::{Line, Panel, Plot, Scale};
use crate::report::Table;

/// How many rows the table has.
const ROWS: usize = 10;
const MEBIBYTE: f64 = (1 << 20) as f64;

/// A second of a run.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    /// Seconds from the beginning to the end of it.
    pub(super) at: f64,
    /// Memory that the server held, in bytes.
    pub(super) resident: u64,
    pub(super) connections: u64,
    /// Since the run began.
    pub(super) counts: Counts,
    /// During this second.
    pub(super) window: Window,
}

/// How memory develops: by so many bytes a second, as the straight line that fits best.
pub(super) fn slope(samples: &[Sample]) -> f64 {
    let count = samples.len() as f64;
    let mean = |of: fn(&Sample) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (at, resident) = (mean(|it| it.at), mean(|it| it.resident as f64));
    let covariance: f64 = samples.iter().map(|it| (it.at - at) * (it.resident as f64 - resident)).sum();
    let variance: f64 = samples.iter().map(|it| (it.at - at).powi(2)).sum();
    if variance > 0.0 { covariance / variance } else { 0.0 }
}

/// In mebibytes.
pub(super) fn mebibytes(bytes: f64) -> f64 {
    bytes / MEBIBYTE
}

/// The run in a few rows.
pub(super) fn table(samples: &[Sample]) -> Table {
    let columns = [
        "until (min)",
        "updates/s",
        "connections",
        "delivery p50 (ms)",
        "p99",
        "receipt p50 (ms)",
        "p99",
        "longest",
        "memory (MiB)",
        "documents looked at again",
    ];
    let mut table = Table::new("The run", columns);
    let mut before = (0.0, 0);
    for part in samples.chunks(samples.len().div_ceil(ROWS).max(1)) {
        let Some(last) = part.last() else { continue };
        let window = all(part);
        let rate = (last.counts.typed - before.1) as f64 / (last.at - before.0);
        let resident = part.iter().map(|it| it.resident as f64).sum::<f64>() / part.len() as f64;
        table.row([
            (last.at / 60.0).into(),
            rate.into(),
            last.connections.into(),
            window.delivery.quantile_ms(0.5).into(),
            window.delivery.quantile_ms(0.99).into(),
            window.receipts.quantile_ms(0.5).into(),
            window.receipts.quantile_ms(0.99).into(),
            window.receipts.max_ms().into(),
            mebibytes(resident).into(),
            last.counts.documents.into(),
        ]);
        before = (last.at, last.counts.typed);
    }
    table
}

/// The windows of several samples as one.
pub(super) fn all(samples: &[Sample]) -> Window {
    let mut all = Window { delivery: Latency::new(), receipts: Latency::new() };
    for Sample { window, .. } in samples {
        all.delivery.add(&window.delivery);
        all.receipts.add(&window.receipts);
    }
    all
}

/// The run as a picture. `away` is when the database was not there, in seconds.
pub(super) fn plot(samples: &[Sample], away: &RangeInclusive<f64>, title: String) -> Plot {
    let line = |name: &str, of: &dyn Fn(&Sample) -> f64| {
        let points = samples.iter().map(|sample| (sample.at / 60.0, of(sample))).collect();
        Line { name: name.to_owned(), points }
    };
    let rates = samples.windows(2).map(|pair| {
        let typed = (pair[1].counts.typed - pair[0].counts.typed) as f64;
        (pair[1].at / 60.0, typed / (pair[1].at - pair[0].at))
    });
    let rate = Line { name: "all writers".to_owned(), points: rates.collect() };
    let panel = |title: &str, scale, lines| Panel { title: title.to_owned(), scale, lines };
    Plot {
        title,
        x_title: "minutes".to_owned(),
        panels: vec![
            panel(
                "Memory of the server (MiB)",
                Scale::Linear,
                vec![line("resident", &|it| mebibytes(it.resident as f64))],
            ),
            panel(
                "Latency (ms)",
                Scale::Logarithmic,
                vec![
                    line("delivery p50", &|it| it.window.delivery.quantile_ms(0.5)),
                    line("delivery p99", &|it| it.window.delivery.quantile_ms(0.99)),
                    line("receipt p50", &|it| it.window.receipts.quantile_ms(0.5)),
                    line("receipt p99", &|it| it.window.receipts.quantile_ms(0.99)),
                ],
            ),
            panel("Updates per second", Scale::Linear, vec![rate]),
            panel("Connections", Scale::Linear, vec![line("open", &|it| it.connections as f64)]),
        ],
        marks: vec![(away.start() / 60.0, "Postgres stops".to_owned()), (away.end() / 60.0, String::new())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(resident: impl Fn(u64) -> u64) -> Vec<Sample> {
        let window = Window { delivery: Latency::new(), receipts: Latency::new() };
        let sample = |at: u64| Sample {
            at: at as f64,
            resident: resident(at),
            connections: 1,
            counts: Counts { typed: at * 10, ..Counts::default() },
            window: window.clone(),
        };
        (1..=100).map(sample).collect()
    }

    #[test]
    fn memory_that_grows_has_a_slope_and_memory_that_swings_has_none() {
        assert!((slope(&samples(|at| 1000 + 7 * at)) - 7.0).abs() < 1e-6);
        assert!(slope(&samples(|at| 1000 + at % 2)).abs() < 0.01);
        assert!(slope(&[]).abs() < 1e-6);
    }

    #[test]
    fn a_long_run_becomes_few_rows() {
        assert!(table(&samples(|_| 5)).to_string().lines().count() <= ROWS + 2);
    }
}
