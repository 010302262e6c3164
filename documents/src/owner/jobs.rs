//! What an owner has done beside its room: reading and compacting the log, projecting, keeping what was harmful.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use platform::auth::PrincipalRef;
use platform::db::DbError;
use platform::db::documents::DocumentRef;
use platform::db::log;
use platform::db::nodes::{Touch, Touched};
use platform::db::quarantine::NewEntry;
use platform::db::versions::NodeChange;
use schema::ids::Seq;
use schema::repair::{Reason, Shape};

use super::heavy::heavy;
use super::touched::Noted;
use super::{Event, EventSender, Owner};
use crate::compaction::compact;
use crate::comparison::compare;
use crate::delivery::EndReason;
use crate::history::{History, SESSION_SUMMARY};
use crate::projection::project;
use crate::registry::Documents;
use crate::room::{Comparison, Quarantined};

/// The pause between two tries to load a document again.
const RELOAD_PAUSE: Duration = Duration::from_millis(500);
/// The pause after a failed read of the log.
const READ_PAUSE: Duration = Duration::from_millis(200);

/// Keeps what a node is now as a version. A failure is logged.
async fn keep_version(history: &History, node: &DocumentRef, change: NodeChange, summary: String, by: PrincipalRef) {
    if let Err(error) = history.record_node(node, change, summary, by).await {
        tracing::warn!(node = %node.id, %error, "no version of the node could be kept");
    }
}

/// Keeps what nodes of a canvas are now that they have another status.
async fn keep_restated(history: &History, canvas: &DocumentRef, restated: Vec<Touched>) {
    let Some(project) = canvas.project else { return };
    for Touched { node, touch, by, .. } in restated {
        let Touch::Restated(status) = touch else { continue };
        let node = DocumentRef::node(canvas.org, project, node);
        keep_version(history, &node, NodeChange::StatusChange, format!("Status: {status}"), by).await;
    }
}

/// Tells the room how something ended that it waits for, also when that panics.
struct Report {
    events: EventSender,
    event: Option<Event>,
}

impl Report {
    fn say(mut self, event: Event) {
        self.event = Some(event);
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if let Some(event) = self.event.take() {
            // A room that is gone waits for nothing.
            let _ = self.events.try_send(event);
        }
    }
}

impl Owner {
    /// What the room is told when this is dropped, unless something else is said before.
    fn report(&self, event: Event) -> Report {
        Report { events: self.events.clone(), event: Some(event) }
    }

    /// Starts what is due beside the room, and notes since when nobody is here.
    pub(super) fn housekeep(&mut self, registry: &Documents) {
        let now = self.now();
        if self.room.is_idle() {
            self.idle_since_ms.get_or_insert(now);
        } else {
            self.idle_since_ms = None;
        }
        if self.compaction.start_if_due(now) {
            let (services, document) = (Arc::clone(&self.services), self.document);
            let report = self.report(Event::Compacted(None));
            self.services.lifecycle.spawn("compaction", async move {
                report.say(Event::Compacted(compact(&services, &document).await));
            });
        }
        if self.projection.start_if_due(now) {
            self.start_projection(registry.history());
        }
        if let Some(by) = self.work.take_if_over(now, self.room.is_idle()) {
            self.keep_version(registry.history(), by);
        }
        let noted = self.touched.take_over(now, self.room.is_idle());
        if !noted.is_empty() {
            self.keep_noted(registry.history(), noted);
        }
    }

    /// Keeps what the node is now as a version.
    fn keep_version(&self, history: History, by: PrincipalRef) {
        let document = self.document;
        self.services.lifecycle.spawn("node version", async move {
            keep_version(&history, &document, NodeChange::Session, SESSION_SUMMARY.to_owned(), by).await;
        });
    }

    /// Keeps what nodes of the canvas are now as versions.
    fn keep_noted(&self, history: History, noted: Vec<Noted>) {
        let DocumentRef { org, project, .. } = self.document;
        let Some(project) = project else { return };
        self.services.lifecycle.spawn("node versions", async move {
            for Noted { node, change, through, by } in noted {
                let document = DocumentRef::node(org, project, node);
                if let Err(error) = history.record_on_canvas(&document, change, through, by).await {
                    tracing::warn!(%node, %error, "no version of the node could be kept");
                }
            }
        });
    }

    fn start_projection(&mut self, history: History) {
        let view = heavy(&self.services, &mut self.room, |room| self.projection.view(room));
        let (services, document) = (Arc::clone(&self.services), self.document);
        let report = self.report(Event::Projected(None, Vec::new()));
        self.services.lifecycle.spawn("projection", async move {
            let done = match view {
                Some(view) => project(&services, &document, view).await,
                None => None,
            };
            let (done, touched) = done.map_or((None, Vec::new()), |(done, touched)| (Some(done), touched));
            let (restated, touched) = touched.into_iter().partition(|it| matches!(it.touch, Touch::Restated(_)));
            report.say(Event::Projected(done, touched));
            keep_restated(&history, &document, restated).await;
        });
    }

    pub(super) fn read_log(&self, after: Seq) {
        let (services, document) = (Arc::clone(&self.services), self.document);
        let report = self.report(Event::LogRead(None, Vec::new()));
        self.services.lifecycle.spawn("log read", async move {
            let read = log::read_tail(&services.db, document.org, document.id, after).await;
            let (epoch, updates) = match read {
                Ok(Some(tail)) => (Some(tail.epoch), tail.updates),
                Ok(None) => (None, Vec::new()),
                Err(DbError::Trimmed { .. }) => return report.say(Event::LogTrimmed),
                Err(error) => {
                    tracing::warn!(document = %document.id, %error, "the log could not be read");
                    (None, Vec::new())
                }
            };
            if updates.is_empty() {
                // The room asks again as long as it misses something, which a database that lost commits never has.
                tokio::time::sleep(READ_PAUSE).await;
            }
            let updates = updates.into_iter().map(|update| (update.seq, update.update)).collect();
            report.say(Event::LogRead(epoch, updates));
        });
    }

    /// Finds out whether the room holds what the log says.
    pub(super) fn compare(&self, comparison: Comparison) {
        let (services, document, events) = (Arc::clone(&self.services), self.document, self.events.clone());
        self.services.lifecycle.spawn("comparison", async move {
            let agreement = compare(&services, &document, comparison).await;
            let _ = events.try_send(Event::Compared(agreement));
        });
    }

    /// Counts what was repaired.
    pub(super) fn report_repair(&self, shape: Shape, reasons: &[Reason]) {
        let kinds: BTreeSet<&str> = reasons.iter().map(|reason| reason.as_str()).collect();
        tracing::info!(document = %self.document.id, violations = reasons.len(), ?kinds, "a document was repaired");
        for reason in reasons {
            self.services.metrics.repaired(shape, *reason);
        }
    }

    pub(super) fn quarantine(&self, quarantined: Quarantined) {
        let Quarantined { update, principal, reason } = quarantined;
        tracing::warn!(document = %self.document.id, %principal, bytes = update.len(), reason, "an update is put into quarantine");
        self.services.quarantine.keep(NewEntry {
            org: self.document.org,
            document: self.document.id,
            epoch: self.room.epoch(),
            update,
            sender: principal,
            reason,
            received_at: self.services.clock.now(),
        });
    }

    /// Builds the replica anew from the log, however long the database takes. Nothing else is handled meanwhile.
    pub(super) async fn reload(&mut self) {
        self.services.metrics.reloads.inc();
        let shutdown = self.services.lifecycle.shutdown_token();
        tracing::error!(document = %self.document.id, "the document engine failed; loading the document anew");
        loop {
            let stored = tokio::select! {
                stored = log::load(&self.services.db, self.document.org, self.document.id) => stored,
                () = shutdown.cancelled() => return,
            };
            match stored {
                Ok(Some(stored)) => {
                    let mut effects = vec![];
                    let reloaded = self.services.work_long(|| self.room.reload(stored.into(), &mut effects));
                    if let Err(error) = reloaded {
                        tracing::error!(document = %self.document.id, %error, "the document cannot be rebuilt from its log");
                        self.end_all(EndReason::Unavailable);
                    }
                    for effect in effects {
                        self.carry_out(effect, &mut Vec::new());
                    }
                    return;
                }
                Err(DbError::Unavailable(_)) => tokio::time::sleep(RELOAD_PAUSE).await,
                Ok(None) | Err(_) => return self.end_all(EndReason::Unavailable),
            }
        }
    }
}
