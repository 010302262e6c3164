//! Taking up runs of which a queue tells.

use std::sync::Arc;
use std::time::Duration;

use platform::agent_queue::{AgentQueue, AgentQueueError, BATCH_MESSAGES_MAX, Message};
use platform::db::runs::{self, Claim, Leased};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{interval, sleep};

use super::{Driven, Inner, LOOK_EVERY};

/// A run of which the queue was told so long ago, and which nobody has taken up, is taken up without its message.
const OVERLOOKED_AFTER: Duration = Duration::from_secs(10);
/// So many times while it would stay with this worker a message is kept for longer.
const KEEPS_PER_VISIBILITY: u32 = 3;

impl Inner {
    /// Receives messages, as many as there are slots for runs.
    pub(super) async fn take_up_messages(self: &Arc<Self>, queue: &AgentQueue) {
        let mut failing = false;
        loop {
            let Some(mut slots) = self.free_slots().await else { return };
            if let Some(leased) = self.claim(Claim::Overlooked(OVERLOOKED_AFTER)).await {
                let Some(slot) = slots.pop() else { continue };
                self.spawn_drive(leased, slot);
                continue;
            }
            match queue.receive(slots.len()).await {
                Ok(messages) => {
                    failing = false;
                    for (message, slot) in messages.into_iter().zip(slots) {
                        self.spawn_answer(queue.clone(), message, slot);
                    }
                }
                Err(error) => {
                    if !failing {
                        tracing::warn!(%error, "nothing is heard of runs from the queue; they are looked for");
                        failing = true;
                    }
                    drop(slots);
                    sleep(LOOK_EVERY).await;
                }
            }
        }
    }

    /// At least one slot, as soon as there is one, and others that are free.
    async fn free_slots(&self) -> Option<Vec<OwnedSemaphorePermit>> {
        let first = Arc::clone(&self.slots).acquire_owned().await.ok()?;
        let more = std::iter::from_fn(|| Arc::clone(&self.slots).try_acquire_owned().ok());
        Some(std::iter::once(first).chain(more.take(BATCH_MESSAGES_MAX - 1)).collect())
    }

    fn spawn_answer(self: &Arc<Self>, queue: AgentQueue, message: Message, slot: OwnedSemaphorePermit) {
        let inner = Arc::clone(self);
        self.services.lifecycle.spawn("agent run", async move {
            if let Err(error) = inner.answer(&queue, &message).await {
                // It comes back by itself, and then there is nothing to do for it.
                tracing::warn!(%error, "a message of the queue of agents could not be settled");
            }
            drop(slot);
        });
    }

    /// Does what a message asks for, and settles the message.
    async fn answer(self: &Arc<Self>, queue: &AgentQueue, message: &Message) -> Result<(), AgentQueueError> {
        let Some(job) = &message.job else {
            tracing::warn!("a message of the queue of agents cannot be read; it is left for the dead-letter queue");
            return queue.give_back(message, Duration::ZERO).await;
        };
        let run = job.execution_id;
        let Some(leased) = self.claim(Claim::Of(run)).await else {
            // Somebody else drives it, it is over, or its organization has no room for it now.
            if let Err(error) = runs::announce_again(&self.services.db, run).await {
                tracing::warn!(%run, %error, "a run that cannot be taken up now is found again later");
            }
            return queue.delete(message).await;
        };
        match self.drive_and_keep(queue, message, leased).await {
            Driven::Settled => queue.delete(message).await,
            // It counts as a try of the message as well as of the run, so that both are given up together.
            Driven::NoFurther => queue.give_back(message, super::PAUSE).await,
        }
    }

    async fn drive_and_keep(self: &Arc<Self>, queue: &AgentQueue, message: &Message, leased: Leased) -> Driven {
        let mut renewal = interval(queue.visibility() / KEEPS_PER_VISIBILITY);
        // The first tick is at once.
        renewal.tick().await;
        let mut driving = Box::pin(self.drive(leased));
        loop {
            tokio::select! {
                driven = &mut driving => return driven,
                _ = renewal.tick() => {
                    if let Err(error) = queue.keep(message).await {
                        tracing::warn!(%error, "a message could not be kept; if it comes again, there is nothing to do for it");
                    }
                }
            }
        }
    }
}
