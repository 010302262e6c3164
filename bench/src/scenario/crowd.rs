//! One document with a thousand people in it, in all dialects: some write, all are seen.

mod member;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use clap::Args;
use tokio::task::JoinSet;

use crate::client::{Attachment, Dialect};
use crate::report::{Report, Table};
use crate::system::{Bench, System};
use crate::typing::Replica;
use member::{FIRST_CLIENT, Member, Tally};

/// In turn.
const DIALECTS: [Dialect; 3] = [Dialect::Yjs, Dialect::Ws, Dialect::Hocuspocus];
/// Of those of a dialect that names people, so many are the same person: a server bounds the sockets of each.
const SOCKETS_OF_A_PERSON: usize = 100;
/// How many come in at the same moment.
const AT_ONCE: usize = 50;
/// How often the server sends presence at most (SPEC P4).
const PRESENCE_FRAMES_PER_SECOND: f64 = 20.0;
/// How long what is late may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// What edits may take, in milliseconds.
const P99_MS: f64 = 250.0;
/// What each person in the document may cost the server, in KiB, presence included.
const MEMORY_KIB: f64 = 512.0;

/// Measure one document with a thousand writers and viewers, over all dialects, each with presence
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  bench crowd\n  bench crowd --writers 1000 --viewers 0 --updates 500")]
pub(crate) struct Crowd {
    /// How many write
    #[arg(long, default_value_t = 200)]
    writers: usize,

    /// How many only look
    #[arg(long, default_value_t = 800)]
    viewers: usize,

    /// Edits per second, of all writers together
    #[arg(long, default_value_t = 50.0)]
    updates: f64,

    /// How often each moves its cursor, in seconds
    #[arg(long, default_value_t = 5.0)]
    cursor_seconds: f64,

    /// How long they go on
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
}

/// How much is done by how many.
#[derive(Debug, Clone, Copy)]
struct Plan {
    members: usize,
    writers: usize,
    edit_period: Duration,
    cursor_period: Duration,
    duration: Duration,
    seed: u64,
}

impl Crowd {
    pub(crate) async fn run(&self, bench: &Bench) -> Result<Report> {
        let plan = Plan {
            members: self.writers + self.viewers,
            writers: self.writers,
            edit_period: Duration::from_secs_f64(self.writers as f64 / self.updates),
            cursor_period: Duration::from_secs_f64(self.cursor_seconds),
            duration: Duration::from_secs_f64(self.seconds),
            seed: bench.seed,
        };
        let system = bench.glassbox().await?;
        let document = bench.document("crowd");
        let before = system.resident_bytes();
        let start = Instant::now();
        let attachments = come_in(&system, &document, plan.members).await?;
        let opened = start.elapsed();
        let tally = Rc::new(RefCell::new(Tally::new(plan.writers, plan.members)));
        let cpu = system.cpu();
        let start = Instant::now();
        let mut members = JoinSet::new();
        for (index, attachment) in attachments.into_iter().enumerate() {
            members.spawn_local(Member::new(index, attachment, &plan, start, Rc::clone(&tally)).take_part());
        }
        let settled = until_settled(&plan, start, &tally, &mut members).await?;
        let cpu = cpu.zip(system.cpu()).map(|(before, after)| after.saturating_sub(before));
        let memory = before.zip(system.resident_bytes()).map(|(before, now)| now.saturating_sub(before));
        let newcomer = read(&system, &document).await?;

        let mut report = Report::new("crowd");
        report.note(format!("{} came in within {:.1} s", plan.members, opened.as_secs_f64()));
        let tally = tally.borrow();
        tabulate(&mut report, &plan, &tally, start.elapsed(), cpu, memory);
        judge(&mut report, &plan, &tally, settled, memory);
        let complete =
            (0..plan.writers).all(|writer| newcomer.clock_of(FIRST_CLIENT + writer as u64) == tally.clock_of(writer));
        report.must("who comes new reads all that was written", if complete { "yes" } else { "no" }, complete);
        drop(members);
        Ok(report)
    }
}

/// Whether all that was said was heard in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Settled {
    Yes,
    No,
}

async fn come_in(system: &System, document: &str, members: usize) -> Result<Vec<Attachment>> {
    let mut tokens = BTreeMap::new();
    let mut attachments = Vec::with_capacity(members);
    for first in (0..members).step_by(AT_ONCE) {
        let mut opening = Vec::new();
        for index in first..members.min(first + AT_ONCE) {
            let dialect = DIALECTS[index % DIALECTS.len()];
            let person = index / SOCKETS_OF_A_PERSON;
            if dialect == Dialect::Ws && !tokens.contains_key(&person) {
                tokens.insert(person, system.api()?.token(&format!("crowd-{person}@bench.example")).await?);
            }
            let token = tokens.get(&person).filter(|_| dialect == Dialect::Ws).cloned();
            opening.push(
                async move { Attachment::open_synced(system.address, dialect, document, token.as_deref()).await },
            );
        }
        let opened = futures_util::future::try_join_all(opening).await?;
        attachments.extend(opened.into_iter().map(|(attachment, _)| attachment));
    }
    Ok(attachments)
}

/// Waits until all is typed, and everybody has heard of all of it.
async fn until_settled(
    plan: &Plan,
    start: Instant,
    tally: &RefCell<Tally>,
    members: &mut JoinSet<Result<()>>,
) -> Result<Settled> {
    loop {
        tokio::select! {
            Some(ended) = members.join_next() => {
                // They take part until they are told to stop.
                let why = ended?.err().unwrap_or_else(|| anyhow!("somebody left"));
                return Err(why.context("somebody was disconnected"));
            }
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
        let Some(late) = start.elapsed().checked_sub(plan.duration) else { continue };
        if tally.borrow().is_settled() {
            return Ok(Settled::Yes);
        }
        if late > PATIENCE {
            return Ok(Settled::No);
        }
    }
}

async fn read(system: &System, document: &str) -> Result<Replica> {
    let (_attachment, content) = Attachment::open_synced(system.address, Dialect::Yjs, document, None).await?;
    Replica::reading(1, &content)
}

fn tabulate(
    report: &mut Report,
    plan: &Plan,
    tally: &Tally,
    wall: Duration,
    cpu: Option<Duration>,
    memory: Option<u64>,
) {
    let columns = [
        "people",
        "writers",
        "deliveries/s",
        "p50 (ms)",
        "p99 (ms)",
        "max (ms)",
        "presence frames/s to each",
        "presence (kB/s to each)",
        "server CPU (% of its core)",
        "memory (MiB)",
    ];
    let mut table = Table::new("One document, all dialects, each with presence", columns);
    let per_second = |count: u64| count as f64 / wall.as_secs_f64();
    table.row([
        plan.members.into(),
        plan.writers.into(),
        per_second(tally.delivered).into(),
        tally.latency.quantile_ms(0.5).into(),
        tally.latency.quantile_ms(0.99).into(),
        tally.latency.max_ms().into(),
        (per_second(tally.presence_frames) / plan.members as f64).into(),
        (per_second(tally.presence_bytes) / 1000.0 / plan.members as f64).into(),
        cpu.map(|cpu| cpu.as_secs_f64() / wall.as_secs_f64() * 100.0).into(),
        memory.map(|bytes| bytes as f64 / (1024.0 * 1024.0)).into(),
    ]);
    report.table(table);
}

fn judge(report: &mut Report, plan: &Plan, tally: &Tally, settled: Settled, memory: Option<u64>) {
    let measured = format!("{} of {}", tally.delivered, tally.expected());
    report.must("everybody hears every edit", measured, tally.delivered == tally.expected());
    let seen = if settled == Settled::Yes { "yes" } else { "not in time" };
    report.must("some of each dialect see everybody as they are last", seen, settled == Settled::Yes);
    let p99 = tally.latency.quantile_ms(0.99);
    report.target(format!("edits: p99 at most {P99_MS} ms"), format!("{p99:.0} ms"), p99 <= P99_MS);
    let busiest = tally.busiest_presence();
    let most = PRESENCE_FRAMES_PER_SECOND * (busiest.seconds + 1.0);
    let measured = format!("{} in {:.1} s", busiest.frames, busiest.seconds);
    report.must("nobody gets more than a frame of presence per tick", measured, busiest.frames as f64 <= most);
    if let Some(memory) = memory {
        let each = memory as f64 / 1024.0 / plan.members as f64;
        report.target(
            format!("memory: at most {MEMORY_KIB} KiB for each"),
            format!("{each:.0} KiB"),
            each <= MEMORY_KIB,
        );
    }
}
