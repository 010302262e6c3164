//! Where tests look on, and stop a worker dead: before and after each entry of a journal, and at each part of an answer.
//! In a server nobody does.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

/// A moment in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// An entry is about to be appended.
    BeforeAppend(i32),
    /// An entry is in the journal, and its edit was not sent.
    AfterAppend(i32),
    /// A part of an answer has come.
    Delta,
}

/// Looks on.
pub type Watcher = Arc<dyn Fn(Moment) -> BoxFuture<'static, ()> + Send + Sync>;

/// Who looks on, if anybody.
#[derive(Clone, Default)]
pub struct Probe(Option<Watcher>);

impl Probe {
    /// Waits at each moment until `watcher` lets it pass.
    #[must_use]
    pub fn new(watcher: Watcher) -> Self {
        Self(Some(watcher))
    }

    pub(crate) async fn before_append(&self, seq: i32) {
        self.at(Moment::BeforeAppend(seq)).await;
    }

    pub(crate) async fn after_append(&self, seq: i32) {
        self.at(Moment::AfterAppend(seq)).await;
    }

    pub(crate) async fn on_delta(&self) {
        self.at(Moment::Delta).await;
    }

    async fn at(&self, moment: Moment) {
        if let Some(watcher) = &self.0 {
            watcher(moment).await;
        }
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "Probe(watched)" } else { "Probe" })
    }
}
