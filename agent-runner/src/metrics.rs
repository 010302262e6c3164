//! What is counted of runs.

use std::time::Duration;

use platform::executions::Status;
use platform::metrics::Metrics;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use crate::entry::{Ended, Entry};
use crate::model::{ErrorKind, Usage};

/// Upper bounds of the times for which runs wait for a worker, in seconds.
const WAIT_BOUNDS_SECONDS: [f64; 8] = [0.01, 0.025, 0.05, 0.1, 0.5, 2.0, 10.0, 60.0];
/// Upper bounds of the durations of calls, in seconds.
const CALL_BOUNDS_SECONDS: [f64; 8] = [0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0];
/// What came of a call that was answered to its end; of others, the code of what went wrong.
const ANSWERED: &str = "ANSWERED";
const OVER: [Status; 3] = [Status::Complete, Status::Failed, Status::Cancelled];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndLabels {
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    outcome: String,
}

/// Counters of the runs that are driven here.
#[derive(Debug)]
pub(crate) struct RunMetrics {
    pub(crate) driven: Gauge,
    waits: Histogram,
    ended: Family<EndLabels, Counter>,
    pub(crate) lost: Counter,
    pub(crate) given_back: Counter,
    calls: Family<CallLabels, Counter>,
    call_durations: Histogram,
    tokens_in: Counter,
    tokens_out: Counter,
    batches: Counter,
}

impl RunMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let this = Self {
            driven: Gauge::default(),
            waits: Histogram::new(WAIT_BOUNDS_SECONDS),
            ended: Family::default(),
            lost: Counter::default(),
            given_back: Counter::default(),
            calls: Family::default(),
            call_durations: Histogram::new(CALL_BOUNDS_SECONDS),
            tokens_in: Counter::default(),
            tokens_out: Counter::default(),
            batches: Counter::default(),
        };
        // They are told from the first read on, so that a rise from nothing is seen as one.
        for status in OVER {
            drop(this.ended.get_or_create(&EndLabels { status: status.as_str() }));
        }
        for outcome in ErrorKind::ALL.map(ErrorKind::code).into_iter().chain([ANSWERED]) {
            drop(this.calls.get_or_create(&CallLabels { outcome: outcome.to_owned() }));
        }
        let mut registry = metrics.registry();
        let registry = registry.sub_registry_with_prefix("agent_runs");
        registry.register("driven", "Runs that are driven here now", this.driven.clone());
        registry.register(
            "wait_seconds",
            "Seconds from a run's beginning until a worker took it up",
            this.waits.clone(),
        );
        registry.register("ended", "Runs that are over, by how they ended", this.ended.clone());
        registry.register(
            "leases_lost",
            "Runs that another worker took while they were driven here",
            this.lost.clone(),
        );
        registry.register("given_back", "Runs that could not go on here, and were given back", this.given_back.clone());
        registry.register("calls", "Calls to models, by what came of them", this.calls.clone());
        registry.register("call_seconds", "Seconds that an answer took to its end", this.call_durations.clone());
        registry.register("tokens_in", "Tokens that models read", this.tokens_in.clone());
        registry.register("tokens_out", "Tokens that models wrote", this.tokens_out.clone());
        registry.register("batches", "Parts of answers that were written into documents", this.batches.clone());
        this
    }

    /// A run was taken up for the first time.
    pub(crate) fn waited(&self, time: Duration) {
        self.waits.observe(time.as_secs_f64());
    }

    /// An entry is in a journal.
    pub(crate) fn noted(&self, entry: &Entry) {
        match entry {
            Entry::Wrote { .. } => {
                self.batches.inc();
            }
            Entry::CallEnded { usage, duration_ms, .. } => {
                self.called(ANSWERED);
                self.used(usage);
                self.call_durations.observe(Duration::from_millis(duration_ms.unsigned_abs()).as_secs_f64());
            }
            Entry::CallFailed { code, usage, .. } => {
                self.called(code);
                self.used(usage);
            }
            Entry::Paused { usage } | Entry::CallBrokenOff { usage } => self.used(usage),
            Entry::Ended { ended, usage } => {
                self.used(usage);
                self.ended(ended);
            }
            _ => {}
        }
    }

    fn called(&self, outcome: &str) {
        self.calls.get_or_create(&CallLabels { outcome: outcome.to_owned() }).inc();
    }

    fn used(&self, usage: &Usage) {
        self.tokens_in.inc_by(usage.tokens_in);
        self.tokens_out.inc_by(usage.tokens_out);
    }

    fn ended(&self, ended: &Ended) {
        let status = match ended {
            Ended::Complete => Status::Complete,
            Ended::Failed { .. } => Status::Failed,
            Ended::Cancelled => Status::Cancelled,
        };
        self.ended.get_or_create(&EndLabels { status: status.as_str() }).inc();
    }
}
