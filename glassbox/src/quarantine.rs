//! `glassbox quarantine`: updates that were refused as harmful, for operators.

mod discard;
mod list;
mod replay;
mod show;
mod since;
mod text;

use anyhow::Context;
use bytes::Bytes;
use clap::{Args, Subcommand};
use documents::quarantine::{Kept, Rehearsal, rehearse};
use platform::clock::{Clock, SystemClock};
use platform::config::Config;
use platform::db::log;
use platform::db::quarantine::{self, Entry, Handled, Outcome};
use platform::random::Random;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::storage::{Sharing, Storage};

/// What to do with the quarantine.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// List what is there, the newest first.
    #[command(after_help = "Examples:\n  \
        glassbox quarantine list\n  \
        glassbox quarantine list --since 24h --org 0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e\n  \
        glassbox quarantine list --document node:0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e --all --json")]
    List(list::List),
    /// Show one: who sent it, when, why it was refused, what is in it, and what it would do now.
    #[command(after_help = "Examples:\n  \
        glassbox quarantine show 5f0e8c1e-6f0a-4c36-9d0f-0a4b1a6f7c11 --hexdump\n  \
        glassbox quarantine show 5f0e8c1e-6f0a-4c36-9d0f-0a4b1a6f7c11 --out update.bin")]
    Show(show::Show),
    /// Try one on a copy of its document and say what would happen; with --apply, bring it into the document.
    #[command(after_help = "Examples:\n  \
        glassbox quarantine replay 5f0e8c1e-6f0a-4c36-9d0f-0a4b1a6f7c11\n  \
        glassbox quarantine replay 5f0e8c1e-6f0a-4c36-9d0f-0a4b1a6f7c11 --apply --by olga --why 'fixed in 0.2'\n\n\
        With --apply the update is checked, logged and passed on like any other. Servers may be running, and the\n\
        document may be open: they hear of it over Redis, or else when they next compare their documents with the log.")]
    Replay(replay::Replay),
    /// Note that one is not wanted. It stays listed with --all until it is too old.
    #[command(after_help = "Example:\n  \
        glassbox quarantine discard 5f0e8c1e-6f0a-4c36-9d0f-0a4b1a6f7c11 --by olga --why 'a test of ours'")]
    Discard(discard::Discard),
}

/// How to answer.
#[derive(Args)]
struct Output {
    /// Answer with JSON, for programs.
    #[arg(long)]
    json: bool,
}

impl Output {
    /// Prints the one or the other.
    fn print(&self, json: impl FnOnce() -> Value, text: impl FnOnce() -> String) {
        if self.json { println!("{:#}", json()) } else { println!("{}", text().trim_end()) }
    }
}

/// Carries the command out.
pub(crate) async fn run(config: Config, command: Command) -> anyhow::Result<()> {
    let storage = Storage::open(&config, Sharing::WithServer).await?;
    let done = match command {
        Command::List(list) => list.run(&storage.db).await,
        Command::Show(show) => show.run(&config, &storage.db).await,
        Command::Replay(replay) => replay.run(&config, &storage.db).await,
        Command::Discard(discard) => discard.run(&storage.db).await,
    };
    storage.close().await;
    done
}

/// An update of the quarantine, or advice.
async fn find(db: &platform::db::Db, id: Uuid) -> anyhow::Result<(Entry, Bytes)> {
    let found = quarantine::find(db, id).await?;
    found.with_context(|| format!("there is no update {id} in quarantine; see `glassbox quarantine list --all`"))
}

/// Refuses what was handled before.
fn check_unhandled(entry: &Entry) -> anyhow::Result<()> {
    match &entry.handled {
        None => Ok(()),
        Some(handled) => anyhow::bail!("this update was {} already", text::handled(handled)),
    }
}

/// Notes what was done.
async fn note(db: &platform::db::Db, id: Uuid, outcome: Outcome, by: String, why: String) -> anyhow::Result<()> {
    let handled = Handled { outcome, at: SystemClock::new().now(), by, why };
    let noted = quarantine::handle(db, id, &handled).await?;
    anyhow::ensure!(noted, "somebody else has handled this update at the same moment; see `glassbox quarantine show`");
    Ok(())
}

/// Tries an update on a copy of its document. `None` when the document is gone.
async fn try_on_copy(
    config: &Config,
    db: &platform::db::Db,
    entry: &Entry,
    kept: Kept,
) -> anyhow::Result<Option<Rehearsal>> {
    let Some(document) = entry.document else { return Ok(None) };
    let Some(stored) = log::load(db, document.org, document.id).await? else { return Ok(None) };
    let limits = config.limits.clone();
    let trying = move || rehearse(stored, document.kind, &kept, &limits, &Random::from_os());
    let tried = tokio::task::spawn_blocking(trying).await.context("the document engine failed")?;
    Ok(Some(tried.context("the document cannot be read, with or without this update")?))
}

/// An update as JSON.
fn entry_json(entry: &Entry) -> Value {
    json!({
        "id": entry.id,
        "organization": entry.org,
        "document": entry.document_name(),
        "documentId": entry.document_id,
        "epoch": entry.epoch,
        "bytes": entry.size_bytes,
        "sender": entry.sender.to_string(),
        "reason": entry.reason,
        "receivedAt": entry.received_at,
        "handled": entry.handled.as_ref().map(|handled| json!({
            "outcome": handled.outcome.as_str(),
            "at": handled.at,
            "by": handled.by,
            "why": handled.why,
        })),
    })
}
