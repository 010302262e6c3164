//! What is counted of deliveries to webhooks.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::sender::{Sent, Verdict};
use crate::db::webhooks::Backlog;
use crate::metrics::Metrics;

/// Upper bounds of the durations that are told apart, in seconds.
const DURATION_BOUNDS_SECONDS: [f64; 8] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 20.0];

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
enum AttemptOutcome {
    Taken,
    Refused,
    Gone,
    Unanswered,
}

impl AttemptOutcome {
    const ALL: [Self; 4] = [Self::Taken, Self::Refused, Self::Gone, Self::Unanswered];

    const fn of(sent: &Sent) -> Self {
        match (sent.verdict, sent.attempt.status) {
            (Verdict::Taken, _) => Self::Taken,
            (Verdict::Gone, _) => Self::Gone,
            (Verdict::Refused(_), Some(_)) => Self::Refused,
            (Verdict::Refused(_), None) => Self::Unanswered,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    outcome: AttemptOutcome,
}

/// Counters of deliveries, and how much waits.
#[derive(Debug)]
pub(super) struct WebhookMetrics {
    attempts: Family<AttemptLabels, Counter>,
    durations: Histogram,
    pub(super) given_up: Counter,
    pub(super) disabled: Counter,
    pending: Gauge,
    failing: Gauge,
}

impl WebhookMetrics {
    pub(super) fn register(metrics: &Metrics) -> Self {
        let this = Self {
            attempts: Family::default(),
            durations: Histogram::new(DURATION_BOUNDS_SECONDS),
            given_up: Counter::default(),
            disabled: Counter::default(),
            pending: Gauge::default(),
            failing: Gauge::default(),
        };
        // They are told from the first read on, so that a rise from nothing is seen as one.
        for outcome in AttemptOutcome::ALL {
            drop(this.attempts.get_or_create(&AttemptLabels { outcome }));
        }
        let mut registry = metrics.registry();
        let registry = registry.sub_registry_with_prefix("webhooks");
        registry.register("attempts", "Attempts to deliver, by what came of them", this.attempts.clone());
        registry.register("attempt_seconds", "Seconds that an attempt took", this.durations.clone());
        registry.register("given_up", "Deliveries that were given up", this.given_up.clone());
        registry.register("disabled", "Webhooks that were made inactive", this.disabled.clone());
        registry.register("pending", "Deliveries that wait, of all instances", this.pending.clone());
        registry.register("failing", "Active webhooks whose last delivery failed", this.failing.clone());
        this
    }

    pub(super) fn tried(&self, sent: &Sent) {
        self.attempts.get_or_create(&AttemptLabels { outcome: AttemptOutcome::of(sent) }).inc();
        self.durations.observe(sent.attempt.duration.as_secs_f64());
    }

    pub(super) fn waits(&self, backlog: Backlog) {
        self.pending.set(backlog.pending);
        self.failing.set(backlog.failing);
    }
}
