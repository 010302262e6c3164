//! Making the project, and then having it indexed: one after the other, so that how fast indexing is shows by itself.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use tokio::time::sleep;

use crate::client::Api;
use crate::corpus::Corpus;
use crate::project::Project;
use crate::report::{Report, Table};
use crate::system::{Bench, End, Subject, System};

/// Which roles a server takes; while the project is made, not the one that indexes.
const ROLES: &str = "GLASSBOX_SERVER_ROLES";
const ROLES_WITHOUT_INDEXER: &str = "api,sync";
/// What is counted no more for so long has come to its end: longer than passages wait that have just changed.
const STILL: Duration = Duration::from_secs(4);
/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long it may go on without an end.
const PATIENCE: Duration = Duration::from_mins(20);

/// How a counter of the server has risen.
#[derive(Debug, Clone, Copy)]
struct Rise {
    count: f64,
    /// Until it rose for the last time.
    time: Duration,
}

/// What indexing was found to need.
#[derive(Debug, Clone, Copy)]
pub(super) struct Indexed {
    nodes: Rise,
    passages: Rise,
    /// Of all of both.
    server: Option<Duration>,
    postgres: Option<Duration>,
}

/// Starts a server that notes what is to be indexed, and leaves it.
pub(super) async fn start_without_indexer(bench: &Bench) -> Result<System> {
    let mut launch = bench.launch()?;
    launch.environment.push((ROLES, ROLES_WITHOUT_INDEXER.to_owned()));
    bench.start(Subject::GlassBox, launch).await
}

/// Makes a project with a node for each of the texts, which have all come to the tables that lists and searches read.
pub(super) async fn furnish(system: &System, corpus: &Corpus, count: usize) -> Result<Project> {
    let node = |number: usize| {
        let text = corpus.text(number);
        let metadata = json!({"tags": [format!("t{}", number % 50)], "priority": "high"});
        json!({"title": text.title, "body": text.body, "metadata": metadata})
    };
    let project = Project::furnish(system, count, node).await?;
    // One for each node at least, and some of the canvas.
    rise(&project.api, "documents_projections_total", count).await?;
    Ok(project)
}

/// Starts the server anew, with all of its roles, and waits until nothing is left to be indexed.
pub(super) async fn index(bench: &Bench, mut system: System, project: &mut Project) -> Result<(System, Indexed)> {
    if let Some(launch) = &mut system.launch {
        launch.environment.retain(|(key, _)| *key != ROLES);
    }
    let system = bench.restart(system, End::Stop).await?;
    project.reconnect(&system).await?;
    let (server, postgres) = (system.cpu(), system.postgres_cpu());
    let count = project.nodes.len();
    let (nodes, passages) = tokio::try_join!(
        rise(&project.api, "search_nodes_indexed_total", count),
        rise(&project.api, "search_passages_embedded_total", count),
    )?;
    let used = |now: Option<Duration>, before: Option<Duration>| Some(now?.saturating_sub(before?));
    let (server, postgres) = (used(system.cpu(), server), used(system.postgres_cpu(), postgres));
    Ok((system, Indexed { nodes, passages, server, postgres }))
}

/// Waits until a counter has come to `wanted` and rises no more.
async fn rise(api: &Api, counter: &str, wanted: usize) -> Result<Rise> {
    let start = Instant::now();
    let first = api.metric(counter).await.unwrap_or(0.0);
    let (mut last, mut rose) = (first, start);
    while last < wanted as f64 || rose.elapsed() < STILL {
        ensure!(start.elapsed() < PATIENCE, "{counter} is at {last} and should come to {wanted}");
        sleep(LOOK_EVERY).await;
        let now = api.metric(counter).await.unwrap_or(last);
        if now > last {
            (last, rose) = (now, Instant::now());
        }
    }
    Ok(Rise { count: last - first, time: rose - start })
}

impl Indexed {
    pub(super) fn tell(&self, report: &mut Report) {
        let mut table = Table::new("Indexing, of all nodes at once", ["what", "count", "seconds", "per second"]);
        for (what, Rise { count, time }) in [("nodes, by words", self.nodes), ("passages, by meaning", self.passages)] {
            let seconds = time.as_secs_f64();
            table.row(vec![what.into(), count.into(), seconds.into(), (count / seconds).into()]);
        }
        report.table(table);
        let each = |used: Option<Duration>| used.map(|used| used.as_secs_f64() * 1e6 / self.nodes.count);
        let mut table = Table::new("CPU of both together", ["server (µs/node)", "Postgres (µs/node)"]);
        table.row(vec![each(self.server).into(), each(self.postgres).into()]);
        report.table(table);
    }
}
