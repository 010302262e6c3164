//! Reading over REST: single nodes from the living document, and lists of many from the projection, beside a bare handler
//! that does one indexed query.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde_json::{Value, json};

use crate::latency::Latency;
use crate::project::Project;
use crate::report::{Report, Table};
use crate::requests::{COLUMNS, Load, Measured, Meter, Request};
use crate::system::{Bench, System};

/// How long lists may take to follow the canvas.
const FOLLOW_TIMEOUT: Duration = Duration::from_mins(2);

/// Measure reading nodes and lists of nodes over REST
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  bench rest\n  bench rest --nodes 10000 --seconds 10 --clients 32")]
pub(crate) struct Rest {
    /// Nodes of the project
    #[arg(long, default_value_t = 10_000)]
    nodes: usize,

    /// How long each is measured
    #[arg(long, default_value_t = 5)]
    seconds: u64,

    /// Requests under way at the same time
    #[arg(long, default_value_t = 16)]
    clients: usize,
}

/// The address of each request, by its number.
type Urls<'a> = Box<dyn Fn(usize) -> String + 'a>;

impl Rest {
    pub(crate) async fn run(&self, bench: &Bench) -> Result<Report> {
        ensure!(bench.server.server.is_none(), "this scenario starts a server of its own: it needs its database");
        let system = bench.glassbox().await?;
        let project = self.furnish(&system).await?;
        let handler = bench.bare_handler().await?;

        let mut report = Report::new("rest");
        let title = format!("Reading over REST, {} nodes, {} clients", self.nodes, self.clients);
        let mut table = Table::new(title, COLUMNS);
        let node = |at: usize| project.nodes[at % project.nodes.len()].clone();
        let base = |path: String| format!("http://{}{path}", system.address);
        let of_project = |query: &str| base(format!("/api/v1/projects/{}/nodes?{query}", project.id));
        let requests: [(&str, &System, Urls<'_>); 7] = [
            (
                "bare handler, one query",
                &handler,
                Box::new(|at| format!("http://{}/{}/{}", handler.address, project.org, node(at))),
            ),
            ("node, one that stays open", &system, Box::new(|_| base(format!("/api/v1/nodes/{}", node(0))))),
            ("node, any of them", &system, Box::new(|at| base(format!("/api/v1/nodes/{}", node(at * 7919))))),
            ("list, first page of 50", &system, Box::new(|_| of_project("limit=50"))),
            ("list, by title, 50", &system, Box::new(|_| of_project("limit=50&sort=title"))),
            (
                "list, by tag and status, newest",
                &system,
                Box::new(|_| of_project("limit=50&tag=t7&status=draft&sort=-updatedAt")),
            ),
            (
                "list, text in the title",
                &system,
                Box::new(|at| of_project(&format!("limit=50&title=Node%20{}", at % 100))),
            ),
        ];
        let load = Load { clients: self.clients, seconds: self.seconds };
        for (name, of, url) in requests {
            let measured = load.measure(of, &system, &project, |at| Request::Get(url(at))).await;
            table.row(measured.with_context(|| name.to_owned())?.row(name));
        }
        let paged = page_through(&system, &project).await?;
        table.row(paged.row("list, all pages of 200"));
        report.table(table);
        report.note("CPU is that of the server's process; what Postgres needs for it stands beside it.");
        Ok(report)
    }

    /// A project with so many nodes, which lists know.
    async fn furnish(&self, system: &System) -> Result<Project> {
        let node = |number: usize| {
            json!({"title": format!("Node {number}"),
                   "metadata": {"tags": [format!("t{}", number % 50)], "priority": "high"}})
        };
        let project = Project::furnish(system, self.nodes, node).await?;
        let body = json!({"body": "Some paragraphs of text.\n\n".repeat(20)});
        project.api.patch(&format!("/nodes/{}", project.nodes[0]), &project.token, &body).await?;
        wait_for_lists(&project).await?;
        Ok(project)
    }
}

/// One reader, who reads the whole list by its cursors.
async fn page_through(system: &System, project: &Project) -> Result<Measured> {
    let meter = Meter::start(system, system);
    let (mut latency, mut seen) = (Latency::new(), 0);
    let mut cursor = String::new();
    loop {
        let query = format!("limit=200&sort=-priority{cursor}");
        let sent = Instant::now();
        let url = format!("http://{}/api/v1/projects/{}/nodes?{query}", system.address, project.id);
        let page: Value = serde_json::from_slice(&project.api.fetch(&url, &project.token).await?)?;
        latency.record(sent.elapsed());
        seen += page["items"].as_array().map_or(0, Vec::len);
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    ensure!(seen == project.nodes.len(), "the pages have {seen} of {} nodes", project.nodes.len());
    Ok(meter.stop(latency))
}

async fn wait_for_lists(project: &Project) -> Result<()> {
    let deadline = Instant::now() + FOLLOW_TIMEOUT;
    let path = format!("/projects/{}/nodes?sort=-createdAt&limit=1", project.id);
    let path = format!("{path}&title=Node%20{}", project.nodes.len() - 1);
    loop {
        let page: Value = serde_json::from_slice(&project.api.fetch_path(&path, &project.token).await?)?;
        if page["items"].as_array().is_some_and(|items| !items.is_empty()) {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "the list does not follow the canvas");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
