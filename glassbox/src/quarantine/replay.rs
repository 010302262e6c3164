use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use documents::Documents;
use documents::quarantine::{Kept, Rehearsal, replay};
use documents::room::Edited;
use platform::bus::{BusState, World};
use platform::clock::{Clock, SystemClock};
use platform::config::Config;
use platform::db::Db;
use platform::db::documents::DocumentRef;
use platform::db::quarantine::Outcome;
use platform::lifecycle::Lifecycle;
use platform::metrics::Metrics;
use platform::random::Random;
use serde_json::json;
use uuid::Uuid;

use super::{Output, check_unhandled, find, note, text, try_on_copy};
use crate::serve::open_bus;

/// How long Redis may take to answer; without it other instances find the update by themselves, and later.
const BUS_WAIT: Duration = Duration::from_secs(3);
/// How long the update may take to be durable.
const REPLAY_TIMEOUT: Duration = Duration::from_mins(1);
/// How long the document may take to be closed.
const GRACE: Duration = Duration::from_secs(20);

#[derive(Args)]
pub(crate) struct Replay {
    /// The update's id, as `list` shows it.
    id: Uuid,
    /// Bring it into the document.
    #[arg(long, requires_all = ["by", "why"])]
    apply: bool,
    /// Who you are.
    #[arg(long, env = "GLASSBOX_OPERATOR", value_name = "NAME")]
    by: Option<String>,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    #[command(flatten)]
    output: Output,
}

impl Replay {
    pub(super) async fn run(self, config: &Config, db: &Db) -> anyhow::Result<()> {
        let (entry, update) = find(db, self.id).await?;
        check_unhandled(&entry)?;
        let kept = Kept { update, sender: entry.sender, epoch: entry.epoch };
        let tried = try_on_copy(config, db, &entry, kept.clone()).await?;
        let gone = "its document was deleted, so it cannot be replayed";
        let (Some(tried), Some(document)) = (tried, entry.document) else { anyhow::bail!(gone) };
        let (true, Some(by), Some(why)) = (self.apply, self.by.clone(), self.why.clone()) else {
            self.print(&tried, None);
            return Ok(());
        };
        if !tried.verdict.is_harmless() {
            self.print(&tried, None);
            anyhow::bail!("it was not applied");
        }
        let place = apply(config, db, &document, &kept).await?;
        note(db, self.id, Outcome::Replayed, by, why).await?;
        self.print(&tried, Some(place));
        Ok(())
    }

    fn print(&self, tried: &Rehearsal, applied: Option<Edited>) {
        let place = applied.map(|edited| format!("{}-{}", edited.epoch, edited.seq));
        self.output.print(
            || json!({ "id": self.id, "rehearsal": tried, "applied": place }),
            || match &place {
                Some(place) => format!("{}applied     it is durable at {place}", text::rehearsal(tried)),
                None if tried.verdict.is_harmless() => {
                    format!("{}Nothing was changed. To apply it: --apply --by NAME --why TEXT", text::rehearsal(tried))
                }
                None => text::rehearsal(tried),
            },
        );
    }
}

/// Opens the document as any instance of the server does, and sends the update to it.
async fn apply(config: &Config, db: &Db, document: &DocumentRef, kept: &Kept) -> anyhow::Result<Edited> {
    let (random, lifecycle, metrics) = (Random::from_os(), Lifecycle::new(), Metrics::new());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let bus = open_bus(config, &World { random: &random, lifecycle: &lifecycle, metrics: &metrics })?;
    let mut bus_state = bus.state();
    if tokio::time::timeout(BUS_WAIT, bus_state.wait_for(|state| *state == BusState::Up)).await.is_err() {
        tracing::warn!("Redis does not answer; running servers will find the update in the log, a little later");
    }
    let limits = config.limits.clone();
    let documents = Documents::new(db.clone(), bus, clock, random, lifecycle.clone(), limits, &metrics);
    let replayed = tokio::time::timeout(REPLAY_TIMEOUT, replay(&documents, document, kept)).await;
    let report = lifecycle.shutdown(GRACE).await;
    if !report.is_clean() {
        tracing::warn!(%report, "not everything had ended");
    }
    let edited = replayed.context("the update was not durable in time; it does no harm to replay it again")?;
    Ok(edited?)
}
