//! The life of the process: which tasks run, and how they end in order.
//!
//! Before a shutdown, [`Lifecycle::leaving`] may be cancelled: everything goes on, but no more requests should come here.
//! A shutdown has two phases. First [`Lifecycle::draining`] is cancelled: clients are told, and connections finish.
//! Then [`Lifecycle::shutdown_token`] is cancelled: background tasks finish what they hold and end.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The share of the grace that connections may use up; the rest is for the background tasks.
const DRAINING_PERCENT: u32 = 70;

/// The tasks of the process and their end. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    leaving: CancellationToken,
    draining: CancellationToken,
    shutdown: CancellationToken,
    failed: CancellationToken,
    running: Mutex<Running>,
    ended: Notify,
}

/// How many of each name run.
#[derive(Debug, Default)]
struct Running {
    connections: Names,
    tasks: Names,
    panicked: Names,
}

/// How many there are of each name.
type Names = BTreeMap<&'static str, usize>;

tokio::task_local! {
    static TASK: &'static str;
}

/// The name of the spawned task that is running here, if there is one.
#[must_use]
pub fn current_task() -> Option<&'static str> {
    TASK.try_get().ok()
}

impl Lifecycle {
    /// A process that has just started.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs a background task, which must end soon after [`Self::shutdown_token`] is cancelled. A panic in it ends
    /// this task only and is reported under its name.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn_guarded(name, Need::Own, task);
    }

    /// Runs a background task without which the process is of no use: a panic in it cancels [`Self::failed`].
    pub fn spawn_vital(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn_guarded(name, Need::Everybody, task);
    }

    fn spawn_guarded(&self, name: &'static str, need: Need, task: impl Future<Output = ()> + Send + 'static) {
        let guard = self.enter(name, Part::Task);
        let lifecycle = self.clone();
        // Not an async block around the task: that would keep room for the task twice.
        let guarded = AssertUnwindSafe(task).catch_unwind().map(move |ended| {
            if ended.is_err() {
                // The panic hook has said why; see `telemetry`.
                *lifecycle.running().panicked.entry(name).or_default() += 1;
                if need == Need::Everybody {
                    lifecycle.0.failed.cancel();
                }
            }
            drop(guard);
        });
        tokio::spawn(TASK.scope(name, guarded));
    }

    /// Counts a connection that somebody else runs (a socket, the listener). It must end after [`Self::draining`] is
    /// cancelled, and has ended when the guard is dropped.
    #[must_use = "the connection has ended when the guard is dropped"]
    pub fn connection(&self, name: &'static str) -> ConnectionGuard {
        ConnectionGuard { _guard: self.enter(name, Part::Connection) }
    }

    /// Says that this process will stop soon.
    pub fn leave(&self) {
        self.0.leaving.cancel();
    }

    /// Cancelled when the process will stop soon, at the latest when it does.
    #[must_use]
    pub fn leaving(&self) -> CancellationToken {
        self.0.leaving.clone()
    }

    /// Cancelled first: take no new connections, tell clients, finish and close. What saves their edits still runs.
    #[must_use]
    pub fn draining(&self) -> CancellationToken {
        self.0.draining.clone()
    }

    /// Cancelled when connections have ended: finish what is held, then end.
    #[must_use]
    pub fn shutdown_token(&self) -> CancellationToken {
        self.0.shutdown.clone()
    }

    /// Cancelled when a task has panicked without which the process is of no use: it should be shut down and started anew.
    #[must_use]
    pub fn failed(&self) -> CancellationToken {
        self.0.failed.clone()
    }

    /// How many tasks have panicked.
    #[must_use]
    pub fn panics(&self) -> usize {
        self.running().panicked.values().sum()
    }

    /// Ends everything in order and answers after `grace` at the latest.
    pub async fn shutdown(&self, grace: Duration) -> ShutdownReport {
        let start = Instant::now();
        self.leave();
        self.0.draining.cancel();
        let connections_deadline = start + grace * DRAINING_PERCENT / 100;
        let drained = tokio::time::timeout_at(connections_deadline, self.ended(|running| &running.connections)).await;
        if drained.is_err() {
            tracing::warn!("connections are still open; ending the background tasks");
        }
        self.0.shutdown.cancel();
        let all_ended = async {
            self.ended(|running| &running.connections).await;
            self.ended(|running| &running.tasks).await;
        };
        // Whoever is late is in the report.
        let _ = tokio::time::timeout_at(start + grace, all_ended).await;
        let running = self.running();
        let mut unfinished = running.connections.clone();
        for (name, count) in &running.tasks {
            *unfinished.entry(name).or_default() += count;
        }
        ShutdownReport { unfinished, panicked: running.panicked.clone() }
    }

    async fn ended(&self, part: impl Fn(&Running) -> &Names) {
        loop {
            let changed = self.0.ended.notified();
            if part(&self.running()).is_empty() {
                return;
            }
            changed.await;
        }
    }

    fn enter(&self, name: &'static str, part: Part) -> Guard {
        *self.running().part(part).entry(name).or_default() += 1;
        Guard { lifecycle: self.clone(), name, part }
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who needs a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// What it does, and nothing else.
    Own,
    /// The whole process.
    Everybody,
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Connection,
    Task,
}

impl Running {
    fn part(&mut self, part: Part) -> &mut Names {
        match part {
            Part::Connection => &mut self.connections,
            Part::Task => &mut self.tasks,
        }
    }
}

/// While this lives, a connection is open.
#[derive(Debug)]
pub struct ConnectionGuard {
    _guard: Guard,
}

#[derive(Debug)]
struct Guard {
    lifecycle: Lifecycle,
    name: &'static str,
    part: Part,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut running = self.lifecycle.running();
        let names = running.part(self.part);
        if let Some(count) = names.get_mut(self.name) {
            *count -= 1;
            if *count == 0 {
                names.remove(self.name);
            }
        }
        let none_left = names.is_empty();
        drop(running);
        if none_left {
            self.lifecycle.0.ended.notify_waiters();
        }
    }
}

/// How a shutdown went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShutdownReport {
    /// What had not ended when the grace was over, and how many of each name.
    pub unfinished: BTreeMap<&'static str, usize>,
    /// Tasks that panicked during the life of the process, and how often.
    pub panicked: BTreeMap<&'static str, usize>,
}

impl ShutdownReport {
    /// Whether everything ended in time.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.unfinished.is_empty()
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return formatter.write_str("everything ended in time");
        }
        formatter.write_str("still running:")?;
        self.unfinished.iter().try_for_each(|(name, count)| write!(formatter, " {name} ({count})"))
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    const GRACE: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn connections_end_before_background_tasks_are_told_to() {
        let lifecycle = Lifecycle::new();
        let (draining, shutdown) = (lifecycle.draining(), lifecycle.shutdown_token());
        let connection = lifecycle.connection("socket");
        let (tell, told) = oneshot::channel();
        tokio::spawn({
            let shutdown = shutdown.clone();
            async move {
                draining.cancelled().await;
                tell.send(shutdown.is_cancelled()).unwrap();
                drop(connection);
            }
        });
        lifecycle.spawn("writer", async move { shutdown.cancelled().await });
        let report = lifecycle.shutdown(GRACE).await;
        assert!(report.is_clean(), "{report}");
        assert!(!told.await.unwrap(), "the writer was stopped while a connection was open");
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_end_is_named_after_the_grace() {
        let lifecycle = Lifecycle::new();
        let _connection = lifecycle.connection("socket");
        lifecycle.spawn("stubborn", std::future::pending());
        lifecycle.spawn("stubborn", std::future::pending());
        let start = Instant::now();
        let report = lifecycle.shutdown(GRACE).await;
        assert_eq!(start.elapsed().as_secs(), GRACE.as_secs());
        assert_eq!(report.unfinished, Names::from([("socket", 1), ("stubborn", 2)]));
        assert_eq!(report.to_string(), "still running: socket (1) stubborn (2)");
    }

    #[tokio::test]
    async fn a_panic_ends_one_task_and_is_counted_under_its_name() {
        let lifecycle = Lifecycle::new();
        let token = lifecycle.shutdown_token();
        lifecycle.spawn("healthy", async move { token.cancelled().await });
        lifecycle.spawn("broken", async { panic!("as the test wants") });
        let report = lifecycle.shutdown(GRACE).await;
        assert!(report.is_clean(), "{report}");
        assert_eq!(report.panicked, Names::from([("broken", 1)]));
        assert_eq!(lifecycle.panics(), 1);
        assert!(!lifecycle.failed().is_cancelled());
    }

    #[tokio::test]
    async fn the_process_has_failed_when_a_task_panics_that_all_depend_on() {
        let lifecycle = Lifecycle::new();
        lifecycle.spawn_vital("vital", async { panic!("as the test wants") });
        lifecycle.failed().cancelled().await;
        assert_eq!(lifecycle.panics(), 1);
    }

    #[tokio::test]
    async fn a_task_knows_its_name() {
        let lifecycle = Lifecycle::new();
        let (tell, told) = oneshot::channel();
        lifecycle.spawn("named", async move { tell.send(current_task()).unwrap() });
        assert_eq!(told.await.unwrap(), Some("named"));
        assert_eq!(current_task(), None);
    }
}
