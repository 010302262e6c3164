//! From a keystroke on a socket to the event that tells of it, for those who listen to server-sent events.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use clap::Args;
use schema::ids::ClientID;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use yrs::updates::decoder::Decode as _;
use yrs::{Doc, Map as _, Out, ReadTxn as _, Transact as _, Update};

use crate::client::{Attachment, Dialect};
use crate::latency::Latency;
use crate::report::{Cell, Report, Table};
use crate::system::{Bench, Subject, System};

/// An event that takes longer is lost.
const PATIENCE: Duration = Duration::from_secs(20);
/// What is promised: an event within a second of the edit.
const PROMISED_MS: f64 = 1_000.0;

/// Measure from an edit over /ws to the event that tells of it
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  bench events\n  bench events --listeners 0,1,1000 --edits 50")]
pub(crate) struct Events {
    /// Streams that listen to the project
    #[arg(long, value_delimiter = ',', default_values_t = [0, 1, 100])]
    listeners: Vec<usize>,

    /// Edits for each number of listeners
    #[arg(long, default_value_t = 40)]
    edits: usize,

    /// The pause between two edits, so that each has an event of its own
    #[arg(long, default_value_t = 400)]
    pause_ms: u64,
}

/// A title that a stream told of, and when.
type Heard = (String, Instant);

/// A project with a node, and a replica of its canvas that is attached.
struct Stage {
    token: String,
    project: String,
    node: String,
    canvas: Doc,
    writer: Attachment,
}

/// What came of some edits.
struct Measured {
    first: Latency,
    last: Latency,
    server: Option<Duration>,
    postgres: Option<Duration>,
}

impl Events {
    pub(crate) async fn run(&self, bench: &Bench) -> Result<Report> {
        ensure!(bench.server.server.is_none(), "this scenario starts a server of its own, with other limits");
        let mut launch = bench.launch()?;
        launch.environment.push(("GLASSBOX_LIMITS_EVENT_STREAMS_PER_PRINCIPAL", "10000".to_owned()));
        let system = bench.start(Subject::GlassBox, launch).await?;
        let mut stage = Stage::set(&system).await?;

        let mut report = Report::new("events");
        let columns = [
            "listeners",
            "edits",
            "first p50 (ms)",
            "first p99 (ms)",
            "last p50 (ms)",
            "last p99 (ms)",
            "CPU (ms/edit)",
            "CPU (µs/event and listener)",
            "Postgres (ms/edit)",
        ];
        let mut table = Table::new("From an edit over /ws to its event on streams", columns);
        let mut without_listeners = None;
        for &listeners in &self.listeners {
            let measured = self.measure(&system, &mut stage, listeners).await?;
            let server = measured.server.map(|cpu| cpu.as_secs_f64() / self.edits as f64);
            if listeners == 0 {
                without_listeners = server;
            }
            let of_each = server.zip(without_listeners).filter(|_| listeners > 0);
            let of_each = of_each.map(|(with, without)| (with - without).max(0.0) * 1e6 / listeners as f64);
            let latency = |latency: &Latency, share| (latency.count() > 0).then(|| latency.quantile_ms(share));
            let cells: [Cell; 9] = [
                listeners.into(),
                self.edits.into(),
                latency(&measured.first, 0.5).into(),
                latency(&measured.first, 0.99).into(),
                latency(&measured.last, 0.5).into(),
                latency(&measured.last, 0.99).into(),
                server.map(|seconds| seconds * 1e3).into(),
                of_each.into(),
                measured.postgres.map(|cpu| cpu.as_secs_f64() * 1e3 / self.edits as f64).into(),
            ];
            table.row(cells);
            if listeners > 0 {
                let p99 = measured.last.quantile_ms(0.99);
                let what = format!("{listeners} listeners hear of an edit within a second (p99 of the last)");
                report.target(what, format!("{p99:.0} ms"), p99 < PROMISED_MS);
            }
        }
        report.table(table);
        report.note("An edit waits 200 ms for others, with which its event is made; what is above that is the way.");
        Ok(report)
    }

    async fn measure(&self, system: &System, stage: &mut Stage, listeners: usize) -> Result<Measured> {
        let (sender, mut heard) = unbounded_channel();
        let mut streams = JoinSet::new();
        for _ in 0..listeners {
            let stream = stage.listen(system).await?;
            streams.spawn_local(tell(stream, sender.clone()));
        }
        let (server, postgres) = (system.cpu(), system.postgres_cpu());
        let (mut first, mut last) = (Latency::new(), Latency::new());
        for number in 0..self.edits {
            let title = format!("Title {number} of {listeners}");
            let sent = Instant::now();
            stage.rename(&title)?;
            let times = hear(&mut heard, &title, listeners);
            let times = timeout(PATIENCE, times).await.map_err(|_| anyhow!("an event did not come"))??;
            if let (Some(earliest), Some(latest)) = (times.iter().min(), times.iter().max()) {
                first.record(earliest.duration_since(sent));
                last.record(latest.duration_since(sent));
            }
            stage.read_what_came()?;
            sleep(Duration::from_millis(self.pause_ms)).await;
        }
        let used = |now: Option<Duration>, before: Option<Duration>| Some(now?.saturating_sub(before?));
        let measured = Measured {
            first,
            last,
            server: used(system.cpu(), server),
            postgres: used(system.postgres_cpu(), postgres),
        };
        streams.shutdown().await;
        Ok(measured)
    }
}

impl Stage {
    async fn set(system: &System) -> Result<Self> {
        let api = system.api()?;
        let token = api.token("listener@bench.example").await?;
        let made = async |path: &str, body| -> Result<String> {
            let made = api.post(path, &token, &body).await?;
            made["id"].as_str().map(str::to_owned).context("an id")
        };
        let org = made("/orgs", json!({"name": "Bench"})).await?;
        let project = made(&format!("/orgs/{org}/projects"), json!({"name": "Bench"})).await?;
        let node = made(&format!("/projects/{project}/nodes"), json!({"title": "Node"})).await?;
        let name = format!("project:{project}");
        let (writer, content) = Attachment::open_synced(system.address, Dialect::Ws, &name, Some(&token)).await?;
        let canvas = schema::new_doc(ClientID::new(1_000_001));
        for update in content.updates() {
            canvas.transact_mut().apply_update(Update::decode_v1(&update?)?)?;
        }
        // Its first event is none of what is measured.
        sleep(Duration::from_secs(1)).await;
        Ok(Self { token, project, node, canvas, writer })
    }

    /// Gives the node another title, as a client of `/ws` does.
    fn rename(&mut self, title: &str) -> Result<()> {
        let update = {
            let mut txn = self.canvas.transact_mut();
            let nodes = txn.get_map("nodes").context("the canvas has nodes")?;
            let Some(Out::YMap(node)) = nodes.get(&txn, &self.node) else {
                return Err(anyhow!("the canvas lacks its node"));
            };
            node.insert(&mut txn, "title", title);
            txn.encode_update_v1()
        };
        self.writer.send_update(&update)?;
        Ok(())
    }

    fn read_what_came(&mut self) -> Result<()> {
        while self.writer.event()?.is_some() {}
        Ok(())
    }

    async fn listen(&self, system: &System) -> Result<reqwest::Response> {
        let url = format!("http://{}/api/v1/projects/{}/events?types=node_updated", system.address, self.project);
        let http = reqwest::Client::builder().no_proxy().build()?;
        let request = http.get(url).bearer_auth(&self.token).header("accept", "text/event-stream");
        let mut answer = request.send().await?;
        ensure!(answer.status().is_success(), "a stream: HTTP {}", answer.status());
        // What comes first says that it is open.
        answer.chunk().await?.context("the stream begins")?;
        Ok(answer)
    }
}

/// Tells of the titles that a stream brings, until it ends.
async fn tell(mut stream: reqwest::Response, heard: UnboundedSender<Heard>) {
    let mut text = String::new();
    while let Ok(Some(chunk)) = stream.chunk().await {
        let at = Instant::now();
        text.push_str(&String::from_utf8_lossy(&chunk));
        while let Some((message, rest)) = text.split_once("\n\n") {
            if let Some(title) = title_of(message) {
                let _ = heard.send((title, at));
            }
            text = rest.to_owned();
        }
    }
}

fn title_of(message: &str) -> Option<String> {
    let data = message.lines().find_map(|line| line.strip_prefix("data: "))?;
    let event: serde_json::Value = serde_json::from_str(data).ok()?;
    event["payload"]["changes"]["title"].as_str().map(str::to_owned)
}

/// Waits until so many have told of a title.
async fn hear(heard: &mut UnboundedReceiver<Heard>, title: &str, listeners: usize) -> Result<Vec<Instant>> {
    let mut times = Vec::with_capacity(listeners);
    while times.len() < listeners {
        let (of, at) = heard.recv().await.context("the streams go on")?;
        if of == title {
            times.push(at);
        }
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_read_from_an_event_and_from_nothing_else() {
        let event = "id: 7\nevent: node_updated\ndata: {\"payload\":{\"changes\":{\"title\":\"New\"},\"version\":2}}";
        assert_eq!(title_of(event).as_deref(), Some("New"));
        assert_eq!(title_of(": a comment"), None);
        assert_eq!(title_of("data: {\"payload\":{\"changes\":{\"status\":\"draft\"}}}"), None);
    }
}
