//! The figures of the comparison: what each is called, and what our server should reach.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::client::Dialect;
use crate::system::Subject;

/// What is measured of every contender that can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scenario {
    FanOut,
    Saturation,
    ColdOpen,
    Storm,
    Idle,
    Upload,
    Durability,
    Receipts,
}

/// Who is compared: a system in one dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Contender {
    Relay,
    #[value(name = "glassbox")]
    #[serde(rename = "glassbox")]
    GlassBox,
    #[value(name = "glassbox-ws")]
    #[serde(rename = "glassbox-ws")]
    GlassBoxWs,
    Hocuspocus,
    YWebsocketServer,
    YSweet,
}

/// What our server should reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    /// At most so many times the relay's.
    WithinRelays(f64),
    /// At least so many times the relay's.
    OfRelays(f64),
    Within(f64),
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    pub(crate) scenario: Scenario,
    pub(crate) key: &'static str,
    /// With its unit.
    pub(crate) name: &'static str,
    pub(crate) target: Option<Target>,
    /// Whether it stands in the plot.
    pub(crate) plotted: bool,
}

const fn figure(scenario: Scenario, key: &'static str, name: &'static str) -> Figure {
    Figure { scenario, key, name, target: None, plotted: false }
}

impl Figure {
    const fn should(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    const fn plot(mut self) -> Self {
        self.plotted = true;
        self
    }

    /// Its name, with that of the group that it continues.
    pub(crate) fn title(&self) -> String {
        let Some(detail) = self.name.strip_prefix("… ") else { return self.name.to_owned() };
        let before = FIGURES.iter().take_while(|other| (other.scenario, other.key) != (self.scenario, self.key));
        let group = before.filter(|other| !other.name.starts_with('…')).last().map_or("", |group| group.name);
        // What follows in it is its own detail.
        let group = group.split_once(':').or_else(|| group.rsplit_once(',')).map_or(group, |(group, _)| group);
        format!("{group}: {detail}")
    }
}

/// All figures, in the order of the table.
pub(crate) const FIGURES: &[Figure] = {
    use Scenario::{ColdOpen, Durability, FanOut, Idle, Receipts, Saturation, Storm, Upload};
    use Target::{OfRelays, Within, WithinRelays};
    &[
        figure(FanOut, "one_p50_ms", "1 document × 100 clients, 9,900 deliveries/s: p50 (ms)"),
        figure(FanOut, "one_p99_ms", "… p99 (ms)").should(WithinRelays(1.3)),
        figure(FanOut, "one_cpu_us", "… server CPU per delivery (µs)").should(WithinRelays(1.15)).plot(),
        figure(FanOut, "one_postgres_us", "… Postgres CPU per delivery (µs)"),
        figure(FanOut, "one_delivered", "… delivered (%)"),
        figure(FanOut, "many_p50_ms", "100 documents × 10 clients, 9,000 deliveries/s: p50 (ms)"),
        figure(FanOut, "many_p99_ms", "… p99 (ms)").should(WithinRelays(1.2)),
        figure(FanOut, "many_cpu_us", "… server CPU per delivery (µs)").should(WithinRelays(1.2)),
        figure(FanOut, "many_postgres_us", "… Postgres CPU per delivery (µs)"),
        figure(FanOut, "many_delivered", "… delivered (%)"),
        figure(Saturation, "ramp_rate", "most deliveries/s with p99 < 100 ms, ramped up").should(OfRelays(0.5)).plot(),
        figure(Saturation, "cold_rate", "… met by a server just started"),
        figure(Saturation, "over_rate", "… delivered/s when asked for twice that"),
        figure(Saturation, "generator", "… generator at the best rate (% of its core)"),
        figure(ColdOpen, "hot_1_ms", "open a long document: in memory, 1 client (ms)"),
        figure(ColdOpen, "hot_50_ms", "… in memory, 50 clients at once, until the last has it (ms)"),
        figure(ColdOpen, "hot_200_ms", "… in memory, 200 clients (ms)").should(WithinRelays(1.5)).plot(),
        figure(ColdOpen, "hot_200_cpu_ms", "… in memory, 200 clients, server CPU (ms)"),
        figure(ColdOpen, "hot_200_peak_mb", "… in memory, 200 clients, peak above idle (MB)").should(Within(40.0)),
        figure(ColdOpen, "stored_1_ms", "… from the store after a restart, 1 client (ms)").should(Within(30.0)),
        figure(ColdOpen, "stored_50_ms", "… from the store after a restart, 50 clients (ms)").should(Within(80.0)),
        figure(Storm, "last_ms", "1,000 clients reconnect at once: until the last is in (ms)")
            .should(WithinRelays(1.4))
            .plot(),
        figure(Storm, "half_ms", "… until half are in (ms)"),
        figure(Storm, "cpu_ms", "… server CPU (ms)"),
        figure(Idle, "own_kb", "idle connection with a document of its own (KB)").should(Within(9.0)).plot(),
        figure(Idle, "shared_kb", "idle connection, ten in a document (KB)").should(Within(6.5)),
        figure(Upload, "relayed_ms", "260,000 edits made offline: until another client has them (ms)").plot(),
        figure(Upload, "cpu_ms", "… server CPU (ms)"),
        figure(Upload, "peak_mb", "… peak above idle (MB)"),
        figure(Durability, "confirmed", "kill -9 under 100 updates/s: updates confirmed"),
        figure(Durability, "confirmed_lost", "… confirmed, and missing after the restart").should(Within(0.0)).plot(),
        figure(Durability, "relayed", "… updates relayed to another client"),
        figure(Durability, "relayed_lost", "… relayed, and missing after the restart").plot(),
        figure(Receipts, "p50_ms", "5,000 updates/s until in the log: p50 (ms)").should(Within(5.0)),
        figure(Receipts, "p99_ms", "… p99 (ms)").should(Within(20.0)),
    ]
};

/// The figures of a scenario.
pub(crate) fn figures_of(scenario: Scenario) -> impl Iterator<Item = &'static Figure> {
    FIGURES.iter().filter(move |figure| figure.scenario == scenario)
}

impl Scenario {
    pub(crate) const ALL: [Self; 8] = [
        Self::FanOut,
        Self::Saturation,
        Self::ColdOpen,
        Self::Storm,
        Self::Idle,
        Self::Upload,
        Self::Durability,
        Self::Receipts,
    ];

    /// Its name in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FanOut => "fan-out",
            Self::Saturation => "saturation",
            Self::ColdOpen => "cold-open",
            Self::Storm => "storm",
            Self::Idle => "idle",
            Self::Upload => "upload",
            Self::Durability => "durability",
            Self::Receipts => "receipts",
        }
    }

    /// Whether this contender can be measured in it.
    pub(crate) fn fits(self, contender: Contender) -> bool {
        use Contender::{GlassBoxWs, Hocuspocus, Relay, YSweet};
        match self {
            Self::FanOut => true,
            Self::Saturation | Self::ColdOpen | Self::Storm | Self::Idle => contender != GlassBoxWs,
            // A relay does not know what it would take in.
            Self::Upload => !matches!(contender, GlassBoxWs | Relay),
            // Those who have a store, in the dialect in which they confirm, if in any.
            Self::Durability => matches!(contender, GlassBoxWs | Hocuspocus | YSweet),
            Self::Receipts => contender == GlassBoxWs,
        }
    }
}

impl Contender {
    pub(crate) const ALL: [Self; 6] =
        [Self::Relay, Self::GlassBox, Self::GlassBoxWs, Self::Hocuspocus, Self::YWebsocketServer, Self::YSweet];

    /// Its name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Relay => "bare relay",
            Self::GlassBox => "GlassBox",
            Self::GlassBoxWs => "GlassBox, /ws",
            Self::Hocuspocus => "Hocuspocus",
            Self::YWebsocketServer => "y-websocket-server",
            Self::YSweet => "y-sweet",
        }
    }

    pub(crate) fn subject(self) -> Subject {
        match self {
            Self::Relay => Subject::Relay,
            Self::GlassBox | Self::GlassBoxWs => Subject::GlassBox,
            Self::Hocuspocus => Subject::Hocuspocus,
            Self::YWebsocketServer => Subject::YWebsocketServer,
            Self::YSweet => Subject::YSweet,
        }
    }

    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Self::GlassBoxWs => Dialect::Ws,
            other => other.subject().dialect(),
        }
    }

    /// Whether it can bring documents back after a restart.
    pub(crate) fn stores(self) -> bool {
        !matches!(self, Self::Relay | Self::YWebsocketServer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_names_the_group() {
        let titles = |scenario| figures_of(scenario).map(Figure::title).collect::<Vec<_>>();
        assert_eq!(
            titles(Scenario::FanOut)[2],
            "1 document × 100 clients, 9,900 deliveries/s: server CPU per delivery (µs)"
        );
        assert_eq!(titles(Scenario::ColdOpen)[2], "open a long document: in memory, 200 clients (ms)");
        assert_eq!(titles(Scenario::Saturation)[0], "most deliveries/s with p99 < 100 ms, ramped up");
    }

    #[test]
    fn a_figure_is_named_once() {
        for (index, figure) in FIGURES.iter().enumerate() {
            let same = |other: &&Figure| (other.scenario, other.key) == (figure.scenario, figure.key);
            assert_eq!(FIGURES.iter().position(|other| same(&other)), Some(index));
        }
    }

    #[test]
    fn each_contender_is_measured_in_something_and_each_scenario_has_figures() {
        for contender in Contender::ALL {
            assert!(Scenario::ALL.into_iter().any(|scenario| scenario.fits(contender)), "{contender:?}");
        }
        for scenario in Scenario::ALL {
            assert!(figures_of(scenario).next().is_some(), "{scenario:?}");
            assert!(Contender::ALL.into_iter().any(|contender| scenario.fits(contender)), "{scenario:?}");
        }
    }
}
