//! What is told of the connections to the database.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use sqlx::postgres::PgPool;

use crate::metrics::{Metrics, Reading};

#[derive(Debug, Clone)]
pub(super) struct DbMetrics {
    begin_seconds: Histogram,
    begin_failures: Counter,
}

impl Default for DbMetrics {
    fn default() -> Self {
        let begin_seconds = Histogram::new(exponential_buckets(0.0005, 2.0, 15));
        Self { begin_seconds, begin_failures: Counter::default() }
    }
}

impl DbMetrics {
    pub(super) fn register(&self, metrics: &Metrics, pool: &PgPool, log_pool: &PgPool, search_pool: &PgPool) {
        let open = pool.clone();
        metrics.on_read("database_connections", "Connections to the database that are open", move || {
            Reading::Gauge(f64::from(open.size()))
        });
        let busy = pool.clone();
        metrics.on_read("database_connections_in_use", "Connections to the database that are in use", move || {
            Reading::count((busy.size() as usize).saturating_sub(busy.num_idle()))
        });
        let max = f64::from(pool.options().get_max_connections());
        metrics
            .on_read("database_connections_max", "Connections to the database, at most", move || Reading::Gauge(max));
        let log = log_pool.clone();
        metrics.on_read("database_log_connections", "Connections for the log that are open", move || {
            Reading::Gauge(f64::from(log.size()))
        });
        let searches = search_pool.clone();
        metrics.on_read("database_search_connections", "Connections for searches that are open", move || {
            Reading::Gauge(f64::from(searches.size()))
        });
        let mut registry = metrics.registry();
        registry.register(
            "database_begin_seconds",
            "Seconds from a transaction's wish for a connection to its begin",
            self.begin_seconds.clone(),
        );
        registry.register(
            "database_begin_failures",
            "Transactions that got no connection, or could not begin",
            self.begin_failures.clone(),
        );
    }

    pub(super) fn begun<T, E>(&self, took: Duration, begun: &Result<T, E>) {
        self.begin_seconds.observe(took.as_secs_f64());
        if begun.is_err() {
            self.begin_failures.inc();
        }
    }
}
