//! Items that follow on one another, in clocks and in place.

use super::journal::Change;
use super::place::{Insertion, clock_of};
use super::{Skeleton, StartOfRun};
use crate::update::piece::{Content, Id};

/// No client, run or list.
pub(super) const NONE: u32 = u32::MAX;

/// The list of what was deleted with all around it: nothing is known of its order, and nobody sees it.
pub(super) const DEAD: u32 = NONE;

/// Clocks of a client, `end` excluded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) client: u32,
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    pub(super) const fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

/// A clock of a client, by the client's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) client: u32,
    pub(super) clock: u32,
}

impl Place {
    const NONE: Self = Self { client: NONE, clock: 0 };

    fn some(self) -> Option<Self> {
        (self.client != NONE).then_some(self)
    }
}

/// A place, and where it is: in which run, and at which index among its client's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) place: Place,
    index: usize,
    pub(super) run: u32,
}

/// What the items of a run are. Runs of types are one item long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Type(u8),
    /// Came as deleted: what it was is unknown.
    Deleted,
    /// In no list any more.
    Dead,
}

impl Kind {
    pub(super) fn of(content: Content) -> Self {
        match content {
            Content::Type(type_ref) => Self::Type(type_ref),
            Content::Deleted => Self::Deleted,
            Content::Text | Content::Format | Content::Other => Self::Plain,
        }
    }
}

/// Items of a client with the clocks `start..end`. The origin of each but the first is the one before it, and their
/// right origin is the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) client: u32,
    pub(super) start: u32,
    pub(super) end: u32,
    /// The first clock from which on the origin of each item of the client is the one before it.
    pub(super) chain: u32,
    origin: Place,
    right_origin: Place,
    /// The run right of it in its list.
    pub(super) next: u32,
    pub(super) list: u32,
    pub(super) kind: Kind,
}

impl Run {
    pub(super) fn origin(&self) -> Option<Place> {
        self.origin.some()
    }

    /// The origin of an item of this run.
    pub(super) fn origin_of(&self, item: Place) -> Option<Place> {
        if item.clock == self.start { self.origin() } else { Some(Place { clock: item.clock - 1, ..item }) }
    }

    pub(super) fn right_origin(&self) -> Option<Place> {
        self.right_origin.some()
    }
}

impl Skeleton {
    /// The clock after a client's last.
    pub(super) fn end_of(&self, client: u32) -> u32 {
        self.clients[client as usize].runs.last().map_or(0, |last| self.runs[last.run as usize].end)
    }

    /// Finds something that is here. `client` is a client id with its number, which is the one most asked for.
    pub(super) fn find(&self, id: Id, client: (u64, u32)) -> Found {
        let number =
            if id.client == client.0 { client.1 } else { self.client_by_id.get(&id.client).copied().unwrap_or(NONE) };
        self.find_place(Place { client: number, clock: clock_of(id.clock) })
    }

    /// Finds a place that is here.
    pub(super) fn find_place(&self, place: Place) -> Found {
        let runs = &self.clients[place.client as usize].runs;
        let last = runs.len() - 1;
        // Most edits are beside what the client wrote last.
        let index = if runs[last].clock <= place.clock {
            last
        } else {
            runs.partition_point(|run| run.clock <= place.clock) - 1
        };
        Found { place, index, run: runs[index].run }
    }

    /// The run that holds an item.
    pub(super) fn run_at(&self, place: Place) -> u32 {
        self.find_place(place).run
    }

    /// The run right of `left` in a list, or the list's first.
    pub(super) fn next_in(&self, list: u32, left: u32) -> u32 {
        if left == NONE { self.lists[list as usize].first } else { self.runs[left as usize].next }
    }

    /// The run that ends with an item of a list, split off if necessary.
    pub(super) fn run_that_ends_with(&mut self, found: Found) -> u32 {
        let Found { place, index, run } = found;
        if self.runs[run as usize].end > place.clock + 1 {
            self.split(place.client, index, place.clock + 1);
        }
        run
    }

    /// The run that starts with an item of a list, split off if necessary. Another run may have been split since the
    /// item was found.
    pub(super) fn run_that_starts_with(&mut self, found: Found) -> u32 {
        let Found { place, mut index, .. } = found;
        let runs = &self.clients[place.client as usize].runs;
        while runs.get(index + 1).is_some_and(|next| next.clock <= place.clock) {
            index += 1;
        }
        let StartOfRun { clock, run } = runs[index];
        if clock < place.clock { self.split(place.client, index, place.clock) } else { run }
    }

    /// Splits the run at an index of its client before a clock. Returns the new one, on the right.
    fn split(&mut self, client: u32, index: usize, clock: u32) -> u32 {
        let left = self.clients[client as usize].runs[index].run;
        let right = self.next_run();
        let mut run = self.runs[left as usize];
        run.origin = Place { client, clock: clock - 1 };
        run.start = clock;
        self.runs.push(run);
        let split = &mut self.runs[left as usize];
        (split.end, split.next) = (clock, right);
        self.clients[client as usize].runs.insert(index + 1, StartOfRun { clock, run: right });
        self.lists[run.list as usize].runs += 1;
        self.journal.push(Change::Split { left });
        right
    }

    /// Adds items to a list, to the right of the run `after`. The run `left` ends with their origin.
    pub(super) fn link(&mut self, new: &Insertion, left: u32, after: u32) {
        let Insertion { span: Span { client, start, end }, list, kind, .. } = *new;
        let origin = new.origin.map(|origin| origin.place);
        let right_origin = new.right_origin.map(|right| right.place);
        let follows = start > 0 && origin == Some(Place { client, clock: start - 1 });
        if follows && after != NONE && !matches!(kind, Kind::Type(_)) {
            let left = &mut self.runs[after as usize];
            let continues = left.client == client && left.end == start && left.kind == kind;
            if continues && left.right_origin() == right_origin {
                self.journal.push(Change::Extended { run: after, end: left.end });
                left.end = end;
                return;
            }
        }
        let chain = if follows { self.runs[left as usize].chain } else { start };
        let origin = origin.unwrap_or(Place::NONE);
        let right_origin = right_origin.unwrap_or(Place::NONE);
        let next = self.next_in(list, after);
        let run = self.append(Run { client, start, end, chain, origin, right_origin, next, list, kind });
        self.lists[list as usize].runs += 1;
        self.journal.push(Change::Linked { after });
        match after {
            NONE => self.lists[list as usize].first = run,
            after => self.runs[after as usize].next = run,
        }
    }

    /// Adds items that are in no list.
    pub(super) fn append_dead(&mut self, span: Span) {
        if span.is_empty() {
            return;
        }
        let Span { client, start, end } = span;
        if let Some(last) = self.clients[client as usize].runs.last()
            && let last_run = &mut self.runs[last.run as usize]
            && last_run.kind == Kind::Dead
        {
            self.journal.push(Change::Extended { run: last.run, end: last_run.end });
            last_run.end = end;
            return;
        }
        let (origin, right_origin) = (Place::NONE, Place::NONE);
        let kind = Kind::Dead;
        self.append(Run { client, start, end, chain: start, origin, right_origin, next: NONE, list: DEAD, kind });
        self.journal.push(Change::Dead);
    }

    fn append(&mut self, run: Run) -> u32 {
        let number = self.next_run();
        self.clients[run.client as usize].runs.push(StartOfRun { clock: run.start, run: number });
        self.runs.push(run);
        number
    }

    /// The number of the run that is added next. There are fewer runs than clocks, and each takes 50 bytes of memory.
    fn next_run(&self) -> u32 {
        u32::try_from(self.runs.len()).expect("no process has memory for 2^32 runs")
    }
}
