//! What an update changed, so that it can be taken back.

use super::Skeleton;
use super::run::NONE;

/// One change.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    /// A client came to the end of the clients.
    Client,
    /// A name came to the end of the names.
    Name,
    /// A list came to the end of the lists.
    List,
    /// A run grew, from this end.
    Extended { run: u32, end: u32 },
    /// A run was split; the right part is the last run.
    Split { left: u32 },
    /// The last run was put right of another, or first.
    Linked { after: u32 },
    /// The last run is in no list.
    Dead,
}

impl Skeleton {
    /// Takes back what the last update changed.
    pub fn undo(&mut self) {
        while let Some(change) = self.journal.pop() {
            match change {
                Change::Client => self.forget_last_client(),
                Change::Name => self.forget_last_name(),
                Change::List => self.forget_last_list(),
                Change::Extended { run, end } => self.runs[run as usize].end = end,
                Change::Split { left } => self.undo_split(left),
                Change::Linked { after } => self.undo_link(after),
                Change::Dead => drop(self.forget_last_run()),
            }
        }
    }

    fn forget_last_run(&mut self) -> Option<super::Run> {
        let run = self.runs.pop()?;
        let runs = &mut self.clients[run.client as usize].runs;
        let at = runs.iter().rposition(|of_client| of_client.run as usize == self.runs.len());
        at.map(|at| runs.remove(at));
        Some(run)
    }

    fn undo_split(&mut self, left: u32) {
        let Some(right) = self.forget_last_run() else { return };
        let left = &mut self.runs[left as usize];
        (left.end, left.next) = (right.end, right.next);
        self.lists[right.list as usize].runs -= 1;
    }

    fn undo_link(&mut self, after: u32) {
        let Some(run) = self.forget_last_run() else { return };
        let list = &mut self.lists[run.list as usize];
        list.runs -= 1;
        match after {
            NONE => list.first = run.next,
            after => self.runs[after as usize].next = run.next,
        }
    }
}
