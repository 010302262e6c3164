//! Reading over REST: single nodes from the living document, and lists of many from the projection, beside a bare handler
//! that does one indexed query.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use futures_util::future::try_join_all;
use platform::config::Config;
use platform::embedded_postgres::EmbeddedPostgres;
use serde_json::{Value, json};

use crate::client::Api;
use crate::latency::Latency;
use crate::process::server::{Launch, free_address};
use crate::report::{Report, Table};
use crate::system::{Bench, Subject, System};

/// Nodes that one template makes.
const NODES_PER_TEMPLATE: usize = 200;
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

/// A project to read.
struct Project {
    api: Api,
    token: String,
    org: String,
    id: String,
    nodes: Vec<String>,
}

/// What one sort of request was found to need.
struct Measured {
    requests: u64,
    seconds: f64,
    latency: Latency,
    server: Option<Duration>,
    postgres: Option<Duration>,
}

impl Rest {
    pub(crate) async fn run(&self, bench: &Bench) -> Result<Report> {
        ensure!(bench.server.server.is_none(), "this scenario starts a server of its own: it needs its database");
        let system = bench.glassbox().await?;
        let project = self.furnish(&system).await?;
        let handler = bare_handler(bench).await?;

        let mut report = Report::new("rest");
        let columns = [
            "request",
            "requests",
            "requests/s",
            "p50 (ms)",
            "p99 (ms)",
            "max (ms)",
            "CPU (µs/request)",
            "Postgres (µs/request)",
        ];
        let mut table =
            Table::new(format!("Reading over REST, {} nodes, {} clients", self.nodes, self.clients), columns);
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
        for (name, of, url) in requests {
            let measured = self.measure(of, &system, &project, url).await.with_context(|| name.to_owned())?;
            table.row(measured.row(name));
        }
        let paged = self.page_through(&system, &project).await?;
        table.row(paged.row("list, all pages of 200"));
        report.table(table);
        report.note("CPU is that of the server's process; what Postgres needs for it stands beside it.");
        Ok(report)
    }

    /// A project with so many nodes, which lists know.
    async fn furnish(&self, system: &System) -> Result<Project> {
        let api = system.api()?;
        let token = api.token("reader@bench.example").await?;
        let post = async |path: &str, body: Value| api.post(path, &token, &body).await;
        let text = |value: &Value| value.as_str().map(str::to_owned).context("an id");
        let org = text(&post("/orgs", json!({"name": "Bench"})).await?["id"])?;
        let id = text(&post(&format!("/orgs/{org}/projects"), json!({"name": "Bench"})).await?["id"])?;
        let mut nodes = Vec::with_capacity(self.nodes);
        while nodes.len() < self.nodes {
            let count = NODES_PER_TEMPLATE.min(self.nodes - nodes.len());
            let template = json!({"name": "Nodes", "structure": {"nodes": (0..count).map(|at| {
                let number = nodes.len() + at;
                json!({"key": format!("n{at}"), "title": format!("Node {number}"), "x": number,
                       "metadata": {"tags": [format!("t{}", number % 50)], "priority": "high"}})
            }).collect::<Vec<_>>()}});
            let template = text(&post(&format!("/orgs/{org}/templates"), template).await?["id"])?;
            let applied = post(&format!("/templates/{template}/apply"), json!({"projectId": id})).await?;
            for node in applied["nodes"].as_array().context("nodes")? {
                nodes.push(text(&node["id"])?);
            }
        }
        let body = json!({"body": "Some paragraphs of text.\n\n".repeat(20)});
        api.patch(&format!("/nodes/{}", nodes[0]), &token, &body).await?;
        let project = Project { api, token, org, id, nodes };
        project.wait_for_lists().await?;
        Ok(project)
    }

    async fn measure(
        &self,
        of: &System,
        with_postgres: &System,
        project: &Project,
        url: impl Fn(usize) -> String,
    ) -> Result<Measured> {
        let (server, postgres) = (of.cpu(), with_postgres.postgres_cpu());
        let start = Instant::now();
        let until = start + Duration::from_secs(self.seconds);
        let url = &url;
        let client = |number: usize| async move {
            let (mut latency, mut at) = (Latency::new(), number);
            while Instant::now() < until {
                let sent = Instant::now();
                project.api.fetch(&url(at), &project.token).await?;
                latency.record(sent.elapsed());
                at += self.clients;
            }
            anyhow::Ok(latency)
        };
        let mut latency = Latency::new();
        for one in try_join_all((0..self.clients).map(client)).await? {
            latency.add(&one);
        }
        let used = |now: Option<Duration>, before: Option<Duration>| Some(now?.saturating_sub(before?));
        Ok(Measured {
            requests: latency.count(),
            seconds: start.elapsed().as_secs_f64(),
            server: used(of.cpu(), server),
            postgres: used(with_postgres.postgres_cpu(), postgres),
            latency,
        })
    }

    /// One reader, who reads the whole list by its cursors.
    async fn page_through(&self, system: &System, project: &Project) -> Result<Measured> {
        let (server, postgres) = (system.cpu(), system.postgres_cpu());
        let (start, mut latency, mut seen) = (Instant::now(), Latency::new(), 0);
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
        let used = |now: Option<Duration>, before: Option<Duration>| Some(now?.saturating_sub(before?));
        Ok(Measured {
            requests: latency.count(),
            seconds: start.elapsed().as_secs_f64(),
            server: used(system.cpu(), server),
            postgres: used(system.postgres_cpu(), postgres),
            latency,
        })
    }
}

impl Project {
    async fn wait_for_lists(&self) -> Result<()> {
        let deadline = Instant::now() + FOLLOW_TIMEOUT;
        let path = format!("/projects/{}/nodes?sort=-createdAt&limit=1", self.id);
        let last = format!("Node {}", self.nodes.len() - 1);
        loop {
            let title = format!("{path}&title={}", last.replace(' ', "%20"));
            let page: Value = serde_json::from_slice(&self.api.fetch_path(&title, &self.token).await?)?;
            if page["items"].as_array().is_some_and(|items| !items.is_empty()) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "the list does not follow the canvas");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

impl Measured {
    fn row(&self, name: &str) -> [crate::report::Cell; 8] {
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

/// The bare handler, on the server's core and its database.
async fn bare_handler(bench: &Bench) -> Result<System> {
    let mut config = Config::default().postgres;
    config.data_dir = bench.postgres_data_dir();
    config.install_dir = std::env::var_os("GLASSBOX_POSTGRES_INSTALL_DIR").map(Into::into).or(config.install_dir);
    let url = EmbeddedPostgres::url_of_running(&config)?.context("the server's Postgres is not running")?;
    let address = free_address()?;
    let command = format!("'{}' bare --listen {address}", std::env::current_exe()?.display());
    let command = format!("{command} --database-url '{url}'");
    let log = bench.folder().join("bare.log");
    bench.start(Subject::Relay, Launch { command, address, environment: Vec::new(), log }).await
}
