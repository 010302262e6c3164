//! What passages mean.

use std::time::Duration;

use platform::db::DbError;
use platform::db::search::{self, Waiting};
use platform::embedding::{Embedding, EmbeddingError};
use platform::search::passages::with_title;
use tokio::time::{Instant, sleep};

use super::metrics::EmbeddingFailure;
use super::{Inner, LOOK_EVERY};

/// Passages that are embedded at once.
const PASSAGES_AT_ONCE: usize = 64;
/// For so long passages are left to whoever embeds them.
const CLAIM: Duration = Duration::from_mins(3);
/// How often a passage is tried that is refused for what it says, at most. With the pauses between them, that is about a day.
const ATTEMPTS_MAX: i32 = 30;
/// The pause after a passage's first failure, doubled for each more ...
const PAUSE_FIRST: Duration = Duration::from_secs(5);
/// ... up to this.
const PAUSE_MAX: Duration = Duration::from_hours(1);
/// How often it is looked for passages of other embedders: an instance that is about to end may have written some.
const FORGET_EVERY: Duration = Duration::from_mins(10);

/// What came of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    /// There was nothing to do.
    Idle,
    /// Some were embedded; there may be more.
    Done,
    /// None could be embedded.
    Failed,
}

impl Inner {
    /// Embeds passages, as long as the process runs.
    pub(super) async fn embed_passages(&self) {
        self.try_again_what_was_given_up().await;
        let mut forget_at = Instant::now();
        let mut failures = 0;
        loop {
            if Instant::now() >= forget_at {
                self.forget_other_embedders().await;
                forget_at = Instant::now() + FORGET_EVERY;
            }
            let round = self.embed_some().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "passages could not be embedded");
                Round::Idle
            });
            match round {
                Round::Done => failures = 0,
                Round::Idle => sleep(LOOK_EVERY).await,
                // A provider that is in trouble is not asked for one passage after the other.
                Round::Failed => {
                    sleep(self.pause(failures)).await;
                    failures += 1;
                }
            }
        }
    }

    /// Whoever starts it anew may have set up what made all of them fail.
    async fn try_again_what_was_given_up(&self) {
        if let Err(error) = search::try_again_what_was_given_up(&self.db).await {
            tracing::warn!(%error, "passages that were given up are not tried again");
        }
    }

    /// Has everything computed anew that another embedder computed, which cannot be compared.
    async fn forget_other_embedders(&self) {
        loop {
            match search::forget_other_embedders(&self.db, self.embedder.name()).await {
                Ok(0) => return,
                Ok(count) => tracing::info!(count, "passages of another embedder are embedded anew"),
                Err(error) => {
                    tracing::warn!(%error, "passages of other embedders could not be looked up");
                    sleep(LOOK_EVERY).await;
                }
            }
        }
    }

    async fn embed_some(&self) -> Result<Round, DbError> {
        let claimed = search::claim(&self.db, PASSAGES_AT_ONCE, CLAIM).await?;
        if claimed.is_empty() {
            return Ok(Round::Idle);
        }
        match self.embed(&claimed).await {
            Ok(embeddings) => {
                let embedded: Vec<_> = claimed.into_iter().zip(embeddings).collect();
                self.write(&embedded).await?;
                Ok(Round::Done)
            }
            Err(error) if claimed.len() > 1 && EmbeddingFailure::of(&error) == EmbeddingFailure::TextRefused => {
                self.embed_one_by_one(claimed).await
            }
            Err(error) => {
                self.note_failure(&claimed, &error).await?;
                Ok(Round::Failed)
            }
        }
    }

    /// One of the texts is refused; the others must not suffer for it.
    async fn embed_one_by_one(&self, claimed: Vec<Waiting>) -> Result<Round, DbError> {
        let mut round = Round::Failed;
        for passage in claimed {
            match self.embed(std::slice::from_ref(&passage)).await {
                Ok(embeddings) => {
                    let embedded: Vec<_> = [passage].into_iter().zip(embeddings).collect();
                    self.write(&embedded).await?;
                    round = Round::Done;
                }
                Err(error) => self.note_failure(&[passage], &error).await?,
            }
        }
        Ok(round)
    }

    async fn embed(&self, passages: &[Waiting]) -> Result<Vec<Embedding>, EmbeddingError> {
        let texts: Vec<String> = passages.iter().map(|passage| with_title(&passage.title, &passage.text)).collect();
        self.embedder.embed(&texts).await
    }

    async fn write(&self, embedded: &[(Waiting, Embedding)]) -> Result<(), DbError> {
        let written = search::write(&self.db, self.embedder.name(), embedded).await?;
        self.metrics.embedded(written);
        Ok(())
    }

    async fn note_failure(&self, passages: &[Waiting], error: &EmbeddingError) -> Result<(), DbError> {
        tracing::warn!(%error, passages = passages.len(), "passages could not be embedded");
        // Only a text that is refused is given up: everything else is the provider's trouble, and ends some time.
        let reason = EmbeddingFailure::of(error);
        let wait = |passage: &Waiting| {
            (reason != EmbeddingFailure::TextRefused || passage.attempts < ATTEMPTS_MAX)
                .then(|| self.pause(passage.attempts - 1))
        };
        let postponed: Vec<_> = passages.iter().map(|passage| (passage.clone(), wait(passage))).collect();
        let given_up = postponed.iter().filter(|(_, wait)| wait.is_none()).count();
        self.metrics.failed(reason, passages.len(), given_up);
        search::postpone(&self.db, &postponed).await
    }

    /// Longer after each failure, and never quite the same.
    fn pause(&self, failures: i32) -> Duration {
        let pause = backoff(failures);
        let quarter = u64::try_from(pause.as_millis() / 4).unwrap_or(u64::MAX);
        pause.saturating_sub(Duration::from_millis(self.random.below(quarter)))
    }
}

fn backoff(failures: i32) -> Duration {
    let doublings = failures.clamp(0, 30).unsigned_abs();
    PAUSE_FIRST.checked_mul(2_u32.pow(doublings)).unwrap_or(PAUSE_MAX).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest_and_are_about_a_day_together() {
        assert_eq!(
            [0, 1, 2, 9, 10, i32::MAX].map(|failures| backoff(failures).as_secs()),
            [5, 10, 20, 2_560, 3_600, 3_600]
        );
        let all: Duration = (0..ATTEMPTS_MAX).map(backoff).sum();
        assert!(all > Duration::from_hours(20) && all < Duration::from_hours(48), "{all:?}");
    }
}
