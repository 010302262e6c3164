//! What asks a run to do something else than what is next.

use platform::executions::Control;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What asks a run to do something else than what is next. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Signals {
    /// What somebody asked of it.
    pub(crate) control: watch::Receiver<Option<Control>>,
    /// Cancelled when the lease is lost.
    pub(crate) lost: CancellationToken,
    /// Cancelled when the worker ends.
    pub(crate) leaving: CancellationToken,
}

/// What interrupts whatever a run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interruption {
    Control(Control),
    LeaseLost,
    Leaving,
}

impl Signals {
    /// What there is already.
    pub(crate) fn now(&self) -> Option<Interruption> {
        if self.lost.is_cancelled() {
            return Some(Interruption::LeaseLost);
        }
        if let Some(control) = *self.control.borrow() {
            return Some(Interruption::Control(control));
        }
        self.leaving.is_cancelled().then_some(Interruption::Leaving)
    }

    /// Waits for one.
    pub(crate) async fn any(&self) -> Interruption {
        let mut control = self.control.clone();
        tokio::select! {
            biased;
            () = self.lost.cancelled() => Interruption::LeaseLost,
            Ok(asked) = control.wait_for(Option::is_some) => Interruption::Control(asked.unwrap_or(Control::Cancel)),
            () = self.leaving.cancelled() => Interruption::Leaving,
        }
    }
}
