//! Requests of one sort: how many are answered in a second, how long each takes, and what CPU it needs.

use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use futures_util::future::try_join_all;
use serde_json::Value;

use crate::latency::Latency;
use crate::project::Project;
use crate::report::Cell;
use crate::system::System;

/// The columns of a table with a row for each sort.
pub(crate) const COLUMNS: [&str; 8] = [
    "request",
    "requests",
    "requests/s",
    "p50 (ms)",
    "p99 (ms)",
    "max (ms)",
    "CPU (µs/request)",
    "Postgres (µs/request)",
];

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    /// For what is at an address.
    Get(String),
    /// For what is at an address, with a question.
    Post(String, Value),
}

/// Clients that ask again as soon as they are answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) clients: usize,
    pub(crate) seconds: u64,
}

/// Looks at what is used while something is done.
#[derive(Debug)]
pub(crate) struct Meter<'a> {
    of: &'a System,
    with_postgres: &'a System,
    start: Instant,
    server: Option<Duration>,
    postgres: Option<Duration>,
}

/// What requests of one sort were found to need.
#[derive(Debug)]
pub(crate) struct Measured {
    requests: u64,
    seconds: f64,
    latency: Latency,
    server: Option<Duration>,
    postgres: Option<Duration>,
}

impl Request {
    pub(crate) async fn answer(&self, project: &Project) -> Result<Bytes> {
        match self {
            Self::Get(url) => project.api.fetch(url, &project.token).await,
            Self::Post(url, question) => project.api.ask(url, &project.token, question).await,
        }
    }
}

impl Load {
    /// Has `of` answer the requests, each by its number. Its queries are answered by the Postgres of `with_postgres`.
    pub(crate) async fn measure(
        self,
        of: &System,
        with_postgres: &System,
        project: &Project,
        request: impl Fn(usize) -> Request,
    ) -> Result<Measured> {
        let meter = Meter::start(of, with_postgres);
        let until = meter.start + Duration::from_secs(self.seconds);
        let request = &request;
        let client = |number: usize| async move {
            let (mut latency, mut at) = (Latency::new(), number);
            while Instant::now() < until {
                let request = request(at);
                let sent = Instant::now();
                request.answer(project).await?;
                latency.record(sent.elapsed());
                at += self.clients;
            }
            anyhow::Ok(latency)
        };
        let mut latency = Latency::new();
        for one in try_join_all((0..self.clients).map(client)).await? {
            latency.add(&one);
        }
        Ok(meter.stop(latency))
    }
}

impl<'a> Meter<'a> {
    /// Begins to look at a server, and at the Postgres of the same or of another one.
    pub(crate) fn start(of: &'a System, with_postgres: &'a System) -> Self {
        let (server, postgres) = (of.cpu(), with_postgres.postgres_cpu());
        Self { of, with_postgres, start: Instant::now(), server, postgres }
    }

    /// What was needed since for requests that took so long.
    pub(crate) fn stop(self, latency: Latency) -> Measured {
        let used = |now: Option<Duration>, before: Option<Duration>| Some(now?.saturating_sub(before?));
        Measured {
            requests: latency.count(),
            seconds: self.start.elapsed().as_secs_f64(),
            server: used(self.of.cpu(), self.server),
            postgres: used(self.with_postgres.postgres_cpu(), self.postgres),
            latency,
        }
    }
}

impl Measured {
    /// A row under [`COLUMNS`].
    pub(crate) fn row(&self, name: &str) -> [Cell; 8] {
        let each = |used: Option<Duration>| used.map(|used| used.as_secs_f64() * 1e6 / self.requests as f64);
        [
            name.into(),
            self.requests.into(),
            (self.requests as f64 / self.seconds).into(),
            self.latency.quantile_ms(0.5).into(),
            self.latency.quantile_ms(0.99).into(),
            self.latency.max_ms().into(),
            each(self.server).into(),
            each(self.postgres).into(),
        ]
    }
}
