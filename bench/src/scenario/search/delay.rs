//! From when an edit is known to be durable until a search finds it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use schema::ids::ClientID;
use serde_json::json;
use tokio::time::{sleep, timeout};
use yrs::updates::decoder::Decode as _;
use yrs::{Doc, Transact as _, Update, WriteTxn as _, XmlElementPrelim, XmlFragment as _, XmlTextPrelim};

use crate::client::{Attachment, Dialect, Event};
use crate::latency::Latency;
use crate::project::Project;
use crate::report::{Report, Table};
use crate::system::System;

/// What is not found by then is lost.
const PATIENCE: Duration = Duration::from_secs(20);
/// What is promised of half of all edits.
const PROMISED_MS: f64 = 1_000.0;
/// How often it is searched.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The pause between two edits, and what is added to it: a different part each time, so that nothing else in the server
/// goes in step with them.
const PAUSE_MS: usize = 300;
const PAUSE_MORE_MS: usize = 500;

/// Somebody who has a node open.
struct Writer {
    body: Doc,
    attachment: Attachment,
}

/// Edits nodes over `/ws` and over REST, and looks for what was written.
pub(super) async fn delays(system: &System, project: &Project, edits: usize, report: &mut Report) -> Result<()> {
    let mut writer = Writer::open(system, project, &project.nodes[0]).await?;
    let typed = delay(project, "keystroke", edits, async |word: &str| writer.write(word).await).await?;
    let path = format!("/nodes/{}", project.nodes[1]);
    let patching = delay(project, "patched", edits, async |word: &str| {
        let body = json!({"body": format!("The only word that matters here is {word}.")});
        project.api.patch(&path, &project.token, &body).await.map(drop)
    });
    let patched = patching.await?;

    let columns = ["edit", "edits", "p50 (ms)", "p99 (ms)", "max (ms)"];
    let mut table = Table::new("From the receipt, or the answer, until a search finds the word", columns);
    for (name, latency) in [("over /ws", &typed), ("PATCH over REST", &patched)] {
        let (p50, p99) = (latency.quantile_ms(0.5), latency.quantile_ms(0.99));
        table.row(vec![name.into(), edits.into(), p50.into(), p99.into(), latency.max_ms().into()]);
        report.target(
            format!("half of the edits {name} are found within a second"),
            format!("{p50:.0} ms"),
            p50 <= PROMISED_MS,
        );
    }
    report.table(table);
    Ok(())
}

/// How long it takes from the end of each edit, which writes the word that it is given, until a search finds that.
async fn delay(
    project: &Project,
    word: &str,
    edits: usize,
    mut edit: impl AsyncFnMut(&str) -> Result<()>,
) -> Result<Latency> {
    let mut latency = Latency::new();
    for number in 0..edits {
        // All of a length: none of them begins like another.
        let word = format!("{word}{number:06}");
        edit(&word).await?;
        latency.record(until_found(project, &word).await?);
        let pause = PAUSE_MS + number * 137 % PAUSE_MORE_MS;
        sleep(Duration::from_millis(pause as u64)).await;
    }
    Ok(latency)
}

async fn until_found(project: &Project, word: &str) -> Result<Duration> {
    let start = Instant::now();
    let path = format!("/orgs/{}/search", project.org);
    let question = json!({"query": word, "limit": 1});
    loop {
        let page = project.api.post(&path, &project.token, &question).await?;
        if page["items"].as_array().is_some_and(|items| !items.is_empty()) {
            return Ok(start.elapsed());
        }
        ensure!(start.elapsed() < PATIENCE, "{word} is not found");
        sleep(LOOK_EVERY).await;
    }
}

impl Writer {
    async fn open(system: &System, project: &Project, node: &str) -> Result<Self> {
        let document = format!("node:{node}");
        let opening = Attachment::open_synced(system.address, Dialect::Ws, &document, Some(&project.token));
        let (attachment, content) = opening.await?;
        let body = schema::new_doc(ClientID::new(1_000_001));
        for update in content.updates() {
            body.transact_mut().apply_update(Update::decode_v1(&update?)?)?;
        }
        Ok(Self { body, attachment })
    }

    /// Writes a paragraph at the end, and waits for the receipt.
    async fn write(&mut self, word: &str) -> Result<()> {
        let update = {
            let mut txn = self.body.transact_mut();
            let body = txn.get_or_insert_xml_fragment("body");
            let paragraph = body.push_back(&mut txn, XmlElementPrelim::empty("paragraph"));
            paragraph.push_back(&mut txn, XmlTextPrelim::new(word));
            txn.encode_update_v1()
        };
        let number = self.attachment.send_update(&update)?;
        timeout(PATIENCE, self.confirmed(number)).await.context("an edit is not confirmed")?
    }

    async fn confirmed(&mut self, number: u64) -> Result<()> {
        loop {
            while let Some(event) = self.attachment.event()? {
                match event {
                    Event::Receipt(through) if through >= number => return Ok(()),
                    Event::Refused(why) | Event::Ended(why) => bail!("the server refused an edit: {why}"),
                    _ => {}
                }
            }
            self.attachment.socket.ready().await?;
        }
    }
}
