//! Documents whose projections were left behind: an instance ended before it made them. They are opened, which projects
//! them, even if nobody asks for them.

use std::collections::HashMap;
use std::time::Duration;

use platform::db::documents::DocumentRef;
use platform::db::{DbError, log};
use schema::ids::Seq;
use uuid::Uuid;

use crate::owner::Event;
use crate::registry::Documents;

/// Documents in one query.
const QUERY_DOCUMENTS: u32 = 1_000;
/// Documents that are opened in one round.
const OPENED_PER_ROUND: usize = 100;
/// Documents that are remembered from one round to the next.
const REMEMBERED: usize = 100_000;
/// How often a document is opened for it while nothing happens to it. Once may not do: a node's rows wait for its canvas's.
const TRIES_MAX: u32 = 5;
/// The first two rounds are at the start, or not far from it: whatever was left behind before is found then.
const SECOND_ROUND: Duration = Duration::from_secs(5);

/// Documents that were found behind, and how far their logs reached.
#[derive(Debug, Default)]
struct Rounds {
    found: HashMap<Uuid, Seq>,
    /// Those that were opened at this head, and how often.
    tried: HashMap<Uuid, (Seq, u32)>,
}

impl Rounds {
    /// Whether a document is to be opened. Behind for a moment is every document that somebody writes in; left behind is
    /// one to which nothing has happened since it was seen.
    fn is_left(&self, document: Uuid, head: Seq) -> bool {
        self.found.get(&document) == Some(&head) && self.tries(document, head) < TRIES_MAX
    }

    fn tries(&self, document: Uuid, head: Seq) -> u32 {
        self.tried.get(&document).filter(|(at, _)| *at == head).map_or(0, |(_, tries)| *tries)
    }
}

/// Looks for them until the process ends.
pub(crate) async fn run(documents: Documents) {
    let services = documents.services();
    let shutdown = services.lifecycle.shutdown_token();
    let pause = Duration::from_millis(services.limits.projection_check_ms);
    let mut rounds = Rounds::default();
    let mut wait = Duration::ZERO;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        // Instances that start together do not look together.
        let apart = Duration::from_millis(services.random.below(services.limits.projection_check_ms / 4 + 1));
        let is_first = wait.is_zero();
        wait = if is_first { SECOND_ROUND.min(pause) } else { pause + apart };
        if let Err(error) = round(&documents, &mut rounds).await {
            tracing::warn!(%error, "documents whose rows are behind could not be looked for");
        }
    }
}

async fn round(documents: &Documents, rounds: &mut Rounds) -> Result<(), DbError> {
    let found = all_behind(documents).await?;
    let left: Vec<_> = found.iter().filter(|(document, head)| rounds.is_left(document.id, *head)).collect();
    if !left.is_empty() {
        tracing::info!(documents = left.len(), "the rows of documents were left behind");
    }
    for (document, head) in left.into_iter().take(OPENED_PER_ROUND) {
        // What opens finds out by itself that its rows are behind, and stays open until they are not; what is open is told.
        if documents.open(document).is_none() {
            return Ok(());
        }
        documents.tell(document.id, Event::RowsBehind);
        let tries = rounds.tries(document.id, *head) + 1;
        rounds.tried.insert(document.id, (*head, tries));
    }
    rounds.found = found.into_iter().map(|(document, head)| (document.id, head)).collect();
    let Rounds { found, tried } = rounds;
    tried.retain(|id, (head, _)| found.get(id) == Some(head));
    Ok(())
}

async fn all_behind(documents: &Documents) -> Result<Vec<(DocumentRef, Seq)>, DbError> {
    let services = documents.services();
    let mut found: Vec<(DocumentRef, Seq)> = Vec::new();
    while found.len() < REMEMBERED {
        let after = found.last().map_or(Uuid::nil(), |(document, _)| document.id);
        let page = log::behind_projection(&services.db, after, QUERY_DOCUMENTS).await?;
        let is_last = page.len() < QUERY_DOCUMENTS as usize;
        found.extend(page);
        if is_last {
            break;
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stays_behind_is_opened_and_not_for_ever() {
        let id = Uuid::from_u128(1);
        let mut rounds = Rounds::default();
        assert!(!rounds.is_left(id, Seq::new(3)), "it may be behind for a moment");
        rounds.found.insert(id, Seq::new(3));
        assert!(rounds.is_left(id, Seq::new(3)) && !rounds.is_left(id, Seq::new(4)), "somebody writes in it");
        rounds.tried.insert(id, (Seq::new(3), TRIES_MAX));
        assert!(!rounds.is_left(id, Seq::new(3)));
        rounds.found.insert(id, Seq::new(4));
        assert!(rounds.is_left(id, Seq::new(4)), "something has happened to it");
    }
}
