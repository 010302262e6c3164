//! What was measured so far, kept in a file after every measurement, so that an interrupted run keeps what it had.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::figures::{Contender, Scenario};

/// Figures by their keys.
pub(crate) type Figures = BTreeMap<String, f64>;

/// Everything that a table is made from.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Results {
    pub(crate) setting: Setting,
    /// Who is not there, and why.
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) measurements: Vec<Measurement>,
}

/// Where, when and with what was measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Setting {
    pub(crate) version: String,
    /// Of each peer and of Node.js.
    pub(crate) versions: BTreeMap<String, String>,
    pub(crate) date: String,
    pub(crate) machine: String,
    /// Shortened scenarios, whose figures are rough.
    pub(crate) quick: bool,
    pub(crate) document_kilobytes: usize,
}

/// A contender that is left out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Skipped {
    pub(crate) contender: Contender,
    pub(crate) why: String,
}

/// One run of a scenario with one contender.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Measurement {
    pub(crate) scenario: Scenario,
    pub(crate) contender: Contender,
    pub(crate) run: usize,
    /// The share of the machine (0 to 1) that others used just before.
    #[serde(default)]
    pub(crate) others: f64,
    pub(crate) figures: Figures,
    /// Why it ended early; its figures up to then count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failed: Option<String>,
}

/// The middle of several runs, and how far they lie apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
    pub(crate) runs: usize,
}

impl Summary {
    /// `None` of nothing.
    pub(crate) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.retain(|value| value.is_finite());
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len().is_multiple_of(2) {
            f64::midpoint(values[middle - 1], values[middle])
        } else {
            values[middle]
        };
        Some(Self { median, least, most, runs: values.len() })
    }
}

impl Results {
    /// Nothing measured yet.
    pub(crate) fn new(setting: Setting) -> Self {
        Self { setting, skipped: Vec::new(), measurements: Vec::new() }
    }

    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} holds no results of bench compare", path.display()))
    }

    /// Writes the file anew; an interruption leaves the old one.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let new = path.with_extension("json.new");
        fs::write(&new, serde_json::to_vec_pretty(self)?).with_context(|| format!("writing {}", new.display()))?;
        fs::rename(&new, path).with_context(|| format!("writing {}", path.display()))
    }

    /// Whether this was measured already.
    pub(crate) fn has(&self, scenario: Scenario, contender: Contender, run: usize) -> bool {
        let same = |of: &&Measurement| (of.scenario, of.contender, of.run) == (scenario, contender, run);
        self.measurements.iter().any(|measurement| same(&measurement))
    }

    /// A figure over all runs.
    pub(crate) fn summary(&self, scenario: Scenario, contender: Contender, key: &str) -> Option<Summary> {
        let of = self.measurements.iter().filter(|of| (of.scenario, of.contender) == (scenario, contender));
        Summary::of(of.filter_map(|measurement| measurement.figures.get(key).copied()).collect())
    }

    /// Whether anything went wrong with a contender in a scenario.
    pub(crate) fn failure(&self, scenario: Scenario, contender: Contender) -> Option<&str> {
        let mut of = self.measurements.iter().filter(|of| (of.scenario, of.contender) == (scenario, contender));
        of.find_map(|measurement| measurement.failed.as_deref())
    }

    /// Who was measured at all, in the order of the table.
    pub(crate) fn contenders(&self) -> Vec<Contender> {
        let measured = |contender: &Contender| self.measurements.iter().any(|of| of.contender == *contender);
        Contender::ALL.into_iter().filter(measured).collect()
    }

    /// The most runs that a scenario had.
    pub(crate) fn runs(&self) -> usize {
        self.measurements.iter().map(|measurement| measurement.run).max().unwrap_or(0)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Results with one figure in two runs, for the relay and for our server.
    pub(crate) fn results(key: &str, scenario: Scenario, relay: [f64; 2], glassbox: [f64; 2]) -> Results {
        let setting = Setting {
            version: "0.1.0".to_owned(),
            versions: BTreeMap::from([("hocuspocus".to_owned(), "4.7.0".to_owned())]),
            date: "2026-11-21".to_owned(),
            machine: "two cores".to_owned(),
            quick: false,
            document_kilobytes: 1500,
        };
        let mut results = Results::new(setting);
        for (contender, values) in [(Contender::Relay, relay), (Contender::GlassBox, glassbox)] {
            for (run, value) in values.into_iter().enumerate() {
                let figures = Figures::from([(key.to_owned(), value)]);
                results.measurements.push(Measurement {
                    scenario,
                    contender,
                    run: run + 1,
                    others: 0.0,
                    figures,
                    failed: None,
                });
            }
        }
        results
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        let summary = Summary::of(vec![4.0, 1.0, f64::NAN, 3.0, 2.0]).unwrap();
        assert_eq!(summary, Summary { median: 2.5, least: 1.0, most: 4.0, runs: 4 });
        let summary = Summary::of(vec![9.0, 1.0, 2.0]).unwrap();
        assert_eq!(summary, Summary { median: 2.0, least: 1.0, most: 9.0, runs: 3 });
        assert_eq!(Summary::of(Vec::new()), None);
    }

    #[test]
    fn an_interrupted_run_keeps_what_it_had() {
        let folder = std::env::temp_dir().join(format!("glassbox-bench-results-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("compare.json");
        results("last_ms", Scenario::Storm, [1.0, 3.0], [2.0, 2.0]).write(&path).unwrap();
        let read = Results::read(&path).unwrap();
        assert!(read.has(Scenario::Storm, Contender::GlassBox, 2));
        assert!(!read.has(Scenario::Storm, Contender::GlassBox, 3));
        assert!(!read.has(Scenario::Idle, Contender::GlassBox, 1));
        let summary = read.summary(Scenario::Storm, Contender::Relay, "last_ms");
        assert_eq!(summary, Some(Summary { median: 2.0, least: 1.0, most: 3.0, runs: 2 }));
        assert_eq!(read.contenders(), [Contender::Relay, Contender::GlassBox]);
        assert_eq!(read.runs(), 2);
        fs::remove_dir_all(folder).unwrap();
    }
}
