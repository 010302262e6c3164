//! An update of the quarantine, brought into its document after all.

use std::sync::Arc;

use platform::access::Access;
use platform::db::documents::DocumentRef;
use schema::ids::{Epoch, Seq};
use thiserror::Error;
use tokio::sync::mpsc;

use super::Kept;
use crate::delivery::{Delivery, Outgoing, Refusal, Sink, Taken};
use crate::error::AttachError;
use crate::registry::{Documents, Newcomer};
use crate::room::{Edited, Mode, Receipts, UpdateKind};

/// Why an update was not replayed.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// The document cannot be opened, or its lineage is another.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// The update was refused.
    #[error("the update was refused ({}): {}", .0.code(), .0.message())]
    Refused(Refusal),
    /// The document was closed before the update was known to be in the log.
    #[error("the document was closed; the update may be in the log, and it does no harm to replay it again")]
    Closed,
}

/// Sends an update as its sender would, in answer to the server's step 1: it is checked, attributed, logged and passed
/// on as any other. Returns its place once it is durable; the head if it added nothing.
pub async fn replay(documents: &Documents, document: &DocumentRef, kept: &Kept) -> Result<Edited, ReplayError> {
    let (told, mut inbox) = mpsc::unbounded_channel();
    let newcomer = Newcomer {
        principal: Arc::new(kept.principal()),
        access: Access::Write,
        mode: Mode::Sync { receipts: Receipts::Sent },
        replica_epoch: Some(kept.epoch),
        sink: Arc::new(Answers(told)),
    };
    let session = documents.attach(document, newcomer).await?;
    session.update(UpdateKind::Step2, kept.update.clone()).await.map_err(|_| ReplayError::Closed)?;
    match inbox.recv().await {
        Some(Answer::Durable(epoch, seq)) => Ok(Edited { epoch, seq }),
        Some(Answer::Refused(refusal)) => Err(ReplayError::Refused(refusal)),
        Some(Answer::Ended) | None => Err(ReplayError::Closed),
    }
}

enum Answer {
    Durable(Epoch, Seq),
    Refused(Refusal),
    Ended,
}

/// Hears what becomes of the one update, and nothing else. There are no more answers than that has.
struct Answers(mpsc::UnboundedSender<Answer>);

impl Sink for Answers {
    fn deliver(&self, delivery: &Delivery) -> Taken {
        let answer = match &delivery.message {
            Outgoing::Receipt { epoch, seq, .. } => Answer::Durable(*epoch, *seq),
            Outgoing::Refused { refusal, .. } => Answer::Refused(refusal.clone()),
            Outgoing::Ended(_) => Answer::Ended,
            _ => return Taken::Yes,
        };
        let _ = self.0.send(answer);
        Taken::Yes
    }
}
