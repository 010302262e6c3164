//! Noting what a run does, before anybody sees it.

use platform::db::runs::{self, Append, AppendError, Leased};
use platform::executions::trace_event_id;
use serde_json::json;

use super::{Along, DB_PAUSE, DB_TRIES, Run, Stop, failed_stop};
use crate::entry::Entry;
use crate::services::Services;
use crate::state::State;
use crate::trace;
use crate::workspace::Edit;

impl Run<'_> {
    /// Notes an entry, with what others see of it, and then sends the edit that goes with it.
    pub(super) async fn append(&mut self, entry: Entry, along: Along) -> Result<(), Stop> {
        let seq = self.state.seq + 1;
        let update = along.edit.as_ref().map(|(document, update)| (document.document_id(), update.clone()));
        let mut append = Append { seq, entry: json!(entry), update, changes: None };
        // Most entries are parts of an answer: for them the state, which is large, is not copied.
        let after = (!entry.is_quiet()).then(|| {
            let mut after = self.state.clone();
            after.apply(&entry);
            let mut changes = trace::changes(&self.state, &after, &entry, self.services.clock.now());
            (changes.made, changes.subrun) = (along.made, along.subrun);
            append.changes = Some(changes);
            after
        });
        self.services.probe.before_append(seq).await;
        self.write_to_journal(&append).await?;
        self.services.probe.after_append(seq).await;
        self.services.metrics.noted(&entry);
        match after {
            Some(after) => self.state = after,
            None => self.state.apply(&entry),
        }
        if let Some((document, update)) = along.edit {
            let event = trace_event_id(self.leased.run, self.state.step_of());
            self.workspace.send(Edit { document, update, event, seq })?;
        }
        Ok(())
    }

    async fn write_to_journal(&self, append: &Append) -> Result<(), Stop> {
        let mut tries = 0;
        loop {
            match runs::append(&self.services.db, &self.leased, append).await {
                Ok(()) => return Ok(()),
                Err(AppendError::NoTokensLeft) => {
                    let message = "the organization's tokens of this month are used up";
                    return Err(failed_stop("ORGANIZATION_BUDGET_EXCEEDED", message));
                }
                // Perhaps by this very call, whose answer was lost.
                Err(AppendError::LeaseLost(_))
                    if tries > 0 && runs::has(&self.services.db, &self.leased, append).await? =>
                {
                    return Ok(());
                }
                Err(AppendError::LeaseLost(_)) => return Err(Stop::LeaseLost),
                Err(AppendError::Db(error)) if error.is_temporary() && tries < DB_TRIES => {
                    tries += 1;
                    tracing::warn!(run = %self.leased.run, %error, tries, "a journal cannot be written");
                    tokio::time::sleep(DB_PAUSE).await;
                }
                Err(AppendError::Db(error)) => return Err(error.into()),
            }
        }
    }
}

/// Notes an entry of a run without its documents: that it is over or stands still, when it does not get to them.
pub(crate) async fn note_without_documents(services: &Services, leased: &Leased, entry: Entry) -> Result<(), Stop> {
    let mut before = State::new(leased.options.clone());
    for entry in runs::journal(&services.db, leased).await? {
        // One that cannot be read may be why the run is given up.
        if let Ok(noted) = serde_json::from_value(entry.entry) {
            before.apply(&noted);
        }
        before.seq = entry.seq;
    }
    let mut after = before.clone();
    after.apply(&entry);
    let changes = Some(trace::changes(&before, &after, &entry, services.clock.now()));
    let append = Append { seq: after.seq, entry: json!(entry), update: None, changes };
    match runs::append(&services.db, leased, &append).await {
        Ok(()) => {
            services.metrics.noted(&entry);
            Ok(())
        }
        Err(AppendError::Db(error)) => Err(error.into()),
        Err(AppendError::LeaseLost(_) | AppendError::NoTokensLeft) => Err(Stop::LeaseLost),
    }
}
