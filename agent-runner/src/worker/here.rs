//! The runs that are driven here, and how to ask something of them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use platform::db::runs::Leased;
use platform::executions::Control;
use schema::ids::RunId;
use tokio::sync::watch;

/// The runs that are driven here. One that was lost and taken up again may be driven twice for a while: whoever has the
/// newer lease is the one who is asked.
#[derive(Default)]
pub(super) struct Here(Mutex<HashMap<RunId, Driven>>);

struct Driven {
    /// The lease's number.
    epoch: i64,
    control: watch::Sender<Option<Control>>,
}

impl Here {
    /// Enters a run with its lease. Returns where it hears what is asked of it.
    pub(super) fn enter(&self, leased: &Leased) -> watch::Receiver<Option<Control>> {
        let (control, heard) = watch::channel(leased.control);
        let mut here = self.lock();
        if here.get(&leased.run).is_none_or(|driven| driven.epoch < leased.epoch) {
            here.insert(leased.run, Driven { epoch: leased.epoch, control });
        }
        heard
    }

    /// Takes a run out, unless it was entered with another lease since.
    pub(super) fn leave(&self, leased: &Leased) {
        let mut here = self.lock();
        if here.get(&leased.run).is_some_and(|driven| driven.epoch == leased.epoch) {
            here.remove(&leased.run);
        }
    }

    pub(super) fn contains(&self, run: RunId) -> bool {
        self.lock().contains_key(&run)
    }

    pub(super) fn runs(&self) -> Vec<RunId> {
        self.lock().keys().copied().collect()
    }

    /// Tells a run what is asked of it now.
    pub(super) fn tell(&self, run: RunId, control: Option<Control>) {
        if let Some(driven) = self.lock().get(&run) {
            driven.control.send_replace(control);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, Driven>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use platform::executions::ExecuteOptions;
    use uuid::Uuid;

    use super::*;

    fn leased(epoch: i64) -> Leased {
        Leased {
            run: Uuid::nil().into(),
            org: Uuid::nil().into(),
            project: Uuid::nil().into(),
            node: Uuid::nil().into(),
            user: Uuid::nil().into(),
            agent_name: "Agent".to_owned(),
            options: ExecuteOptions::default(),
            depth: 0,
            control: None,
            answer: None,
            token_budget: 1,
            epoch,
            attempts: 0,
            waited: Duration::ZERO,
        }
    }

    #[test]
    fn a_run_that_was_taken_up_again_is_told_what_is_asked_of_it_when_its_former_lease_ends() {
        let (here, run) = (Here::default(), leased(1).run);
        drop(here.enter(&leased(1)));
        let heard = here.enter(&leased(2));
        here.leave(&leased(1));
        here.tell(run, Some(Control::Cancel));
        assert_eq!(*heard.borrow(), Some(Control::Cancel));
        here.leave(&leased(2));
        assert!(!here.contains(run));
    }
}
