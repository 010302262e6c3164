//! Many runs of agents at once, and people who type beside them.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use axum::body::Body;
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Json, Router};
use clap::Args;
use futures_util::future::try_join_all;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::client::{Api, Attachment, Dialect, Event};
use crate::latency::Latency;
use crate::report::{Report, Table};
use crate::system::{Bench, Subject, System};
use crate::typing::Typist;

/// How often a person's edit is sent.
const TYPE_EVERY: Duration = Duration::from_millis(100);
/// What people may notice at most.
const TARGET_MS: f64 = 50.0;
/// How long all runs may take beyond what their models need.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often runs are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Words of an answer.
const WORDS: [&str; 8] = ["the ", "sea ", "is ", "wide ", "and ", "deep, ", "and ", "cold.\n\n"];

/// Measure runs of agents that stream at the same time, and people's edits beside them
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  bench agents\n  bench agents --runs 50 --tokens-per-second 50 --seconds 20")]
pub(crate) struct Agents {
    /// Runs at the same time
    #[arg(long, default_value_t = 50)]
    runs: usize,

    /// Tokens that each model says in a second
    #[arg(long, default_value_t = 50)]
    tokens_per_second: u64,

    /// For how long each model speaks
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

impl Agents {
    pub(crate) async fn run(&self, bench: &Bench) -> Result<Report> {
        ensure!(bench.server.server.is_none(), "this scenario starts a server of its own: it configures its model");
        let provider = self.provider().await?;
        let mut launch = bench.launch()?;
        let settings = [
            ("GLASSBOX_AGENTS_MODEL_BASE_URL", provider),
            ("GLASSBOX_AGENTS_MODEL_MODEL", "scripted".to_owned()),
            ("GLASSBOX_AGENTS_RUNS", self.runs.to_string()),
            ("GLASSBOX_AGENTS_RUNS_PER_ORGANIZATION", self.runs.to_string()),
            ("GLASSBOX_LIMITS_EXECUTIONS_PER_MINUTE_PER_PERSON", "1000000".to_owned()),
        ];
        launch.environment.extend(settings);
        let system = bench.start(Subject::GlassBox, launch).await?;
        let api = system.api()?;
        let token = api.token("agents@bench.example").await?;
        let nodes = self.furnish(&api, &token).await?;

        let alone = self.type_for(&system, "scratch:alone", Duration::from_secs(5)).await?;
        let pick_up = pick_up(&api, &token, &nodes[0]).await?;
        let (server, postgres, start) = (system.cpu(), system.postgres_cpu(), Instant::now());
        let runs = try_join_all(nodes[1..].iter().map(|node| begin(&api, &token, node))).await?;
        let (beside, ()) = tokio::try_join!(
            self.type_for(&system, "scratch:beside-agents", Duration::from_secs(self.seconds)),
            self.wait_for(&api, &token, &runs)
        )?;
        let seconds = start.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "there are far fewer than 2^52")]
        let tokens = (self.runs as u64 * self.tokens_per_second * self.seconds) as f64;
        let per_token = |now: Option<Duration>, before: Option<Duration>| {
            let used = now?.checked_sub(before?)?;
            Some(format!("{:.0}", used.as_secs_f64() * 1e6 / tokens))
        };

        let mut report = Report::new("agents");
        let title = format!("{} runs, {} tokens/s each, for {} s", self.runs, self.tokens_per_second, self.seconds);
        let mut table = Table::new(title, ["figure", "value"]);
        let ms = |value: f64| format!("{value:.2}");
        let rows = [
            ("an idle server picks a run up after (ms)", ms(pick_up.as_secs_f64() * 1e3)),
            ("people's edits, nobody else: p50 (ms)", ms(alone.quantile_ms(0.5))),
            ("… p99 (ms)", ms(alone.quantile_ms(0.99))),
            ("people's edits beside the runs: p50 (ms)", ms(beside.quantile_ms(0.5))),
            ("… p99 (ms)", ms(beside.quantile_ms(0.99))),
            ("all runs were complete after (s)", format!("{seconds:.1}")),
            ("server CPU (µs/token)", per_token(system.cpu(), server).unwrap_or_default()),
            ("Postgres CPU (µs/token)", per_token(system.postgres_cpu(), postgres).unwrap_or_default()),
        ];
        for (name, value) in rows {
            table.row(vec![name.into(), value.into()]);
        }
        report.table(table);
        let (picked_up, p99) = (pick_up.as_secs_f64() * 1e3, beside.quantile_ms(0.99));
        report.target("an idle server picks a run up within 50 ms", ms(picked_up), picked_up <= TARGET_MS);
        report.target("people's edits beside the runs: p99 at most 50 ms", ms(p99), p99 <= TARGET_MS);
        report.note(
            "The server drives the runs itself: its CPU is that of the worker, the sockets and the documents together.",
        );
        Ok(report)
    }

    /// A provider of models that says words at a steady rate.
    async fn provider(&self) -> Result<String> {
        let period = Duration::from_secs(1) / u32::try_from(self.tokens_per_second).context("tokens per second")?;
        let count = usize::try_from(self.tokens_per_second * self.seconds)?;
        let answer = move |Json(_): Json<Value>| async move {
            let words = stream::iter(0..count).then(move |at| async move {
                tokio::time::sleep(period).await;
                event(&json!({"choices": [{"index": 0, "delta": {"content": WORDS[at % WORDS.len()]}}]}))
            });
            let end = event(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}));
            let chunks = words.chain(stream::iter([end, "data: [DONE]\n\n".to_owned()]));
            let body = Body::from_stream(chunks.map(Ok::<_, Infallible>));
            ([("content-type", "text/event-stream")], body).into_response()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/v1", listener.local_addr()?);
        let app = Router::new().route("/v1/chat/completions", post(answer));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(url)
    }

    /// A project with a node for each run, and one more.
    async fn furnish(&self, api: &Api, token: &str) -> Result<Vec<String>> {
        let text = |value: &Value| value.as_str().map(str::to_owned).context("an id");
        let org = text(&api.post("/orgs", token, &json!({"name": "Bench"})).await?["id"])?;
        let project = api.post(&format!("/orgs/{org}/projects"), token, &json!({"name": "Bench"})).await?;
        let path = format!("/projects/{}/nodes", text(&project["id"])?);
        let mut nodes = Vec::with_capacity(self.runs + 1);
        for at in 0..=self.runs {
            nodes.push(text(&api.post(&path, token, &json!({"title": format!("Node {at}")})).await?["id"])?);
        }
        Ok(nodes)
    }

    /// Two people in a document: how long the edits of one take to the other.
    async fn type_for(&self, system: &System, document: &str, time: Duration) -> Result<Latency> {
        let (mut writer, _) = Attachment::open_synced(system.address, Dialect::Yjs, document, None).await?;
        let (mut reader, _) = Attachment::open_synced(system.address, Dialect::Yjs, document, None).await?;
        let client = 1 + u64::from(std::process::id());
        let (mut typist, mut latency, until) = (Typist::new(client, 1), Latency::new(), Instant::now() + time);
        while Instant::now() < until {
            let sent = Instant::now();
            writer.send_update(&typist.next_update())?;
            hear_update(&mut reader).await?;
            latency.record(sent.elapsed());
            while writer.event()?.is_some() {}
            tokio::time::sleep(TYPE_EVERY.saturating_sub(sent.elapsed())).await;
        }
        Ok(latency)
    }

    async fn wait_for(&self, api: &Api, token: &str, runs: &[String]) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(self.seconds) + PATIENCE;
        for run in runs {
            loop {
                let execution = api.get(token, &format!("executions/{run}")).await?;
                match execution["status"].as_str() {
                    Some("complete") => break,
                    Some("failed") => bail!("a run failed: {}", execution["error"]),
                    _ => ensure!(Instant::now() < deadline, "a run does not end: {execution}"),
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        Ok(())
    }
}

async fn begin(api: &Api, token: &str, node: &str) -> Result<String> {
    let execution = api.post(&format!("/nodes/{node}/execute"), token, &json!({"plan": false})).await?;
    execution["id"].as_str().map(str::to_owned).context("an id")
}

/// How long it takes from the answer to the request until a worker has begun.
async fn pick_up(api: &Api, token: &str, node: &str) -> Result<Duration> {
    let since = Instant::now();
    let run = begin(api, token, node).await?;
    while api.get(token, &format!("executions/{run}")).await?["startedAt"].is_null() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let waited = since.elapsed();
    api.post(&format!("/executions/{run}/cancel"), token, &json!({})).await?;
    Ok(waited)
}

async fn hear_update(reader: &mut Attachment) -> Result<()> {
    loop {
        while let Some(event) = reader.event()? {
            match event {
                Event::Update(_) => return Ok(()),
                Event::Ended(reason) => bail!("the server ended it: {reason}"),
                _ => {}
            }
        }
        reader.socket.ready().await?;
    }
}

fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}
