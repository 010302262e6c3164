//! Whether what was confirmed survives a crash.
//!
//! Writers type numbered words and note which of them receipts confirm. At a random moment the server is killed. After
//! its restart, empty clients must find every confirmed word; then the writers come back with the replicas they had,
//! and every other word must arrive, too. Before the server, its database may crash or stop, and come back.

mod database;
mod writer;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, ValueEnum};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::JoinSet;

use crate::client::{Api, Attachment, Dialect};
use crate::process::postgres::{Postgres, Shutdown};
use crate::process::server::{Launch, ServerProcess, free_address};
use crate::report::{Report, Table};
use crate::system::{Bench, wait_until_serving};
use crate::typing::Replica;
use database::Database;
use writer::{Progress, Writer};

/// Writers type for a random time between these before the crash.
const TYPING: Range<Duration> = Duration::from_millis(50)..Duration::from_millis(500);
/// A database that was stopped is away for a random time between these.
const AWAY: Range<Duration> = Duration::from_millis(0)..Duration::from_millis(1500);
/// Documents are left for new ones after so many rounds, so that rounds stay short.
const ROUNDS_PER_DOCUMENT: usize = 20;
/// How long the writers may take to get everything confirmed after a restart.
const PATIENCE: Duration = Duration::from_mins(1);

/// What crashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Victim {
    /// The server.
    Server,
    /// The database, with all its processes; the server has to wait for it.
    Postgres,
    /// Nothing at first: the database is shut down in order (smart, fast or immediate) and comes back after a while.
    StopPostgres,
    /// The database, and at another moment shortly after the server.
    Both,
}

/// Kill the server under writers, again and again, and count what was confirmed and is lost (none may be)
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  bench durability --rounds 100
  bench durability --rounds 20 --kill stop-postgres   # with GLASSBOX_POSTGRES_INSTALL_DIR
  bench durability --rounds 20 --seed 7 --server-cmd 'target/release/glassbox serve --config crash.toml'
  bench durability --kill both --postgres-data-dir /var/lib/pg --postgres-start-cmd 'pg_ctl start -D /var/lib/pg'")]
pub(crate) struct Durability {
    /// How many crashes
    #[arg(long, default_value_t = 20)]
    pub(crate) rounds: usize,

    /// Who writes
    #[arg(long, default_value_t = 8)]
    pub(crate) writers: usize,

    /// How many documents they share
    #[arg(long, default_value_t = 4)]
    pub(crate) documents: usize,

    /// What is killed before the server, which always is
    #[arg(long, value_enum, default_value_t = Victim::Server)]
    pub(crate) kill: Victim,

    /// Starts the database in --postgres-data-dir again; without it, one is made for the run
    #[arg(long, value_name = "COMMAND")]
    pub(crate) postgres_start_cmd: Option<String>,
}

#[derive(Debug, Default)]
struct Totals {
    typed: u64,
    confirmed_at_crash: u64,
    unconfirmed_at_crash: u64,
    /// Confirmed before a crash, and gone after it.
    lost: u64,
    /// Not confirmed before a crash, and not there although the writer brought it again.
    missing: u64,
    /// Words that are there more than once.
    repeated: u64,
    /// How often the database was shut down in order, in each way.
    shutdowns: BTreeMap<&'static str, u64>,
    /// How often the server was seen to save again by itself after the database had come back.
    saved_again: u64,
    restart: Duration,
}

/// A run of rounds against one server.
struct Rounds<'a> {
    durability: &'a Durability,
    bench: &'a Bench,
    launch: Launch,
    database: Option<Database>,
    token: String,
    rng: StdRng,
    totals: Totals,
}

impl Durability {
    pub(crate) async fn run(&self, bench: &Bench) -> Result<Report> {
        ensure!(
            bench.server.server.is_none(),
            "a server is killed and started again here: give --server-cmd, not --server"
        );
        ensure!(self.writers >= self.documents && self.documents > 0, "every document needs a writer");
        let mut launch = bench.launch()?;
        let database = self.database(bench)?;
        if let Database::Own(postgres) = &database {
            launch.environment.push(("DATABASE_URL", postgres.url()));
        }
        let database = Some(database);
        let mut server = start(&launch).await?;
        let token = Api::new(launch.address)?.token("writer@bench.example").await?;
        let rng = StdRng::seed_from_u64(bench.seed);
        let mut rounds = Rounds { durability: self, bench, launch, database, token, rng, totals: Totals::default() };
        let started = Instant::now();
        let mut writers = Vec::new();
        for round in 0..self.rounds {
            if round.is_multiple_of(ROUNDS_PER_DOCUMENT) {
                rounds.totals.typed += writers.iter().map(Writer::typed).sum::<u64>();
                writers = rounds.new_writers(round);
            }
            (server, writers) = rounds.round(server, writers).await.with_context(|| format!("round {}", round + 1))?;
        }
        rounds.totals.typed += writers.iter().map(Writer::typed).sum::<u64>();
        Ok(self.report(&rounds.totals, started.elapsed()))
    }

    /// The database that the server runs on. It must be one that somebody starts again while the server lives on.
    fn database(&self, bench: &Bench) -> Result<Database> {
        let outlived = matches!(self.kill, Victim::Postgres | Victim::StopPostgres);
        let given = bench.server.postgres_data_dir.is_some() || self.postgres_start_cmd.is_some();
        if outlived && !given && Postgres::is_available() {
            let postgres = Postgres::create(&bench.folder().join("postgres"), free_address()?, None)?;
            return Ok(Database::Own(Box::new(postgres)));
        }
        ensure!(
            self.kill != Victim::StopPostgres || self.postgres_start_cmd.is_some(),
            "stopping the database needs one that can be started again: set GLASSBOX_POSTGRES_INSTALL_DIR, or give \
             --postgres-data-dir and --postgres-start-cmd"
        );
        let start_command = self.postgres_start_cmd.clone();
        Ok(Database::Found { data_dir: bench.postgres_data_dir(), start_command })
    }

    fn report(&self, totals: &Totals, took: Duration) -> Report {
        let mut report = Report::new("durability");
        let columns =
            ["rounds", "updates typed", "confirmed at crashes", "not yet confirmed", "lost", "s/round", "restart (ms)"];
        let mut table = Table::new(
            format!("{} writers, {} documents, killing {:?}", self.writers, self.documents, self.kill),
            columns,
        );
        table.row([
            self.rounds.into(),
            totals.typed.into(),
            totals.confirmed_at_crash.into(),
            totals.unconfirmed_at_crash.into(),
            totals.lost.into(),
            (took.as_secs_f64() / self.rounds as f64).into(),
            (totals.restart.as_secs_f64() * 1000.0 / self.rounds as f64).into(),
        ]);
        report.table(table);
        if self.kill == Victim::StopPostgres {
            let mut table = Table::new("Shutdowns of the database", ["smart", "fast", "immediate", "saved again"]);
            let count = |how| totals.shutdowns.get(how).copied().unwrap_or_default();
            table.row([
                count("smart").into(),
                count("fast").into(),
                count("immediate").into(),
                totals.saved_again.into(),
            ]);
            report.table(table);
        }
        report.must("nothing that was confirmed is lost", format!("{} lost", totals.lost), totals.lost == 0);
        let missing = format!("{} missing", totals.missing);
        report.must("everything that was not confirmed arrives later", missing, totals.missing == 0);
        report.must("nothing arrives twice", format!("{} repeated", totals.repeated), totals.repeated == 0);
        let tested = totals.confirmed_at_crash > 0;
        report.must("something was confirmed before the crashes", totals.confirmed_at_crash.to_string(), tested);
        report.note("a killed process leaves the kernel's cache intact: this tests the server's word, not the disk's");
        report
    }
}

impl Rounds<'_> {
    fn new_writers(&mut self, round: usize) -> Vec<Writer> {
        let document = |index: usize| self.bench.document(&format!("crash-{round}-{index}"));
        let documents: Vec<_> = (0..self.durability.documents).map(document).collect();
        (0..self.durability.writers)
            .map(|index| {
                Writer::new(index, documents[index % documents.len()].clone(), self.rng.random_range(1..1 << 50))
            })
            .collect()
    }

    /// One crash. Returns the new server and the writers, all of whose words are confirmed.
    async fn round(&mut self, mut server: ServerProcess, writers: Vec<Writer>) -> Result<(ServerProcess, Vec<Writer>)> {
        let progress: Vec<_> = writers.iter().map(Writer::progress).collect();
        let mut typing = JoinSet::new();
        for writer in writers {
            typing.spawn_local(writer.run(self.launch.address, self.token.clone()));
        }
        tokio::time::sleep(self.rng.random_range(TYPING)).await;
        self.disturb_database(&progress).await?;
        // What survives in the server's memory proves nothing: it is killed in any case.
        server.kill()?;
        let writers = ended(typing).await?;
        self.totals.confirmed_at_crash += writers.iter().map(Writer::confirmed).sum::<u64>();
        self.totals.unconfirmed_at_crash +=
            writers.iter().map(|writer| writer.typed() - writer.confirmed()).sum::<u64>();

        let restarting = Instant::now();
        if self.durability.kill == Victim::Both {
            self.start_database().await?;
        }
        let server = start(&self.launch).await?;
        self.totals.restart += restarting.elapsed();
        self.totals.lost += self.count_missing(&writers, Writer::confirmed).await?;
        let writers = self.come_back(writers).await?;
        self.totals.missing += self.count_missing(&writers, Writer::typed).await?;
        Ok((server, writers))
    }

    /// What happens to the database before the server is killed.
    async fn disturb_database(&mut self, writers: &[Progress]) -> Result<()> {
        let database = self.database.as_mut().context("a start of the database has failed")?;
        match self.durability.kill {
            Victim::Server => Ok(()),
            Victim::Both => {
                database.crash()?;
                self.typing_goes_on().await
            }
            Victim::Postgres => {
                database.crash()?;
                self.typing_goes_on().await?;
                self.start_database().await?;
                self.typing_goes_on().await
            }
            Victim::StopPostgres => {
                let (how, name) =
                    [(Shutdown::Smart, "smart"), (Shutdown::Fast, "fast"), (Shutdown::Immediate, "immediate")]
                        [self.rng.random_range(0..3)];
                database.stop(how, self.rng.random_range(TYPING)).await?;
                *self.totals.shutdowns.entry(name).or_default() += 1;
                tokio::time::sleep(self.rng.random_range(AWAY)).await;
                self.start_database().await?;
                self.crash_or_wait_for_saving(writers).await
            }
        }
    }

    /// The server meets a database that is gone or back, with writers going on.
    async fn typing_goes_on(&mut self) -> Result<()> {
        tokio::time::sleep(self.rng.random_range(TYPING)).await;
        Ok(())
    }

    /// The server may be killed before it has saved again; or it must do so by itself.
    async fn crash_or_wait_for_saving(&mut self, writers: &[Progress]) -> Result<()> {
        if self.rng.random() {
            return self.typing_goes_on().await;
        }
        let before: Vec<u64> = writers.iter().map(Progress::confirmed).collect();
        let deadline = Instant::now() + PATIENCE;
        while writers.iter().zip(&before).any(|(writer, before)| writer.confirmed() == *before) {
            ensure!(Instant::now() < deadline, "the database is back, and the server does not save what is typed");
            tokio::time::sleep(TYPING.start).await;
        }
        self.totals.saved_again += 1;
        Ok(())
    }

    async fn start_database(&mut self) -> Result<()> {
        let database = self.database.take().context("a start of the database has failed")?;
        self.database = Some(database.start().await?);
        Ok(())
    }

    /// The writers connect again and bring what the server lacks, until all is confirmed.
    async fn come_back(&self, writers: Vec<Writer>) -> Result<Vec<Writer>> {
        let mut returning = JoinSet::new();
        for writer in writers {
            returning.spawn_local(writer.save_all(self.launch.address, self.token.clone()));
        }
        tokio::time::timeout(PATIENCE, ended(returning)).await.context("not everything was confirmed in time")?
    }

    /// How many of the words that `expected` counts, from each writer's first on, new clients do not find.
    async fn count_missing(&mut self, writers: &[Writer], expected: fn(&Writer) -> u64) -> Result<u64> {
        let mut found: BTreeMap<&str, BTreeMap<(usize, u64), u64>> = BTreeMap::new();
        let mut missing = 0;
        for writer in writers {
            if !found.contains_key(writer.document()) {
                found.insert(writer.document(), read_words(self.launch.address, &self.token, writer.document()).await?);
            }
            let words = &found[writer.document()];
            missing +=
                (0..expected(writer)).filter(|word| !words.contains_key(&(writer.index(), *word))).count() as u64;
        }
        let times = found.values().flat_map(BTreeMap::values);
        self.totals.repeated += times.map(|times| times - 1).sum::<u64>();
        Ok(missing)
    }
}

async fn start(launch: &Launch) -> Result<ServerProcess> {
    let mut server = ServerProcess::start(launch, None)?;
    wait_until_serving(launch.address, Some(&mut server)).await?;
    Ok(server)
}

async fn ended(mut writers: JoinSet<Result<Writer>>) -> Result<Vec<Writer>> {
    let mut all = Vec::new();
    while let Some(writer) = writers.join_next().await {
        all.push(writer??);
    }
    Ok(all)
}

/// All words of a document as a new, empty client reads them, and how often each is there.
async fn read_words(address: SocketAddr, token: &str, document: &str) -> Result<BTreeMap<(usize, u64), u64>> {
    let (_, content) = Attachment::open_synced(address, Dialect::Ws, document, Some(token)).await?;
    let reader = Replica::reading(1, &content)?;
    let mut words = BTreeMap::new();
    for word in reader.text().split_whitespace() {
        let Some(word) = writer::parse_word(word) else { bail!("{document} holds a word that nobody typed: {word:?}") };
        *words.entry(word).or_default() += 1;
    }
    Ok(words)
}
