//! What an update changed, by where it stands in the document.

use super::Skeleton;
use super::list::Owner;
use super::place::clock_of;
use super::run::{DEAD, Kind, Place};
use crate::update::piece::{Content, Pieces, What};
use crate::update::{UpdateLimits, UpdateSummary};

/// A step on the way from a root into the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// To the value of a key.
    Key(&'a str),
    /// To an item of a list, by the client id and clock of the item.
    Child(u64, u64),
}

/// What an update did at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Deleted something, or brought what was deleted before.
    Deleted,
    /// Inserted words.
    Text,
    /// Inserted the begin or end of a format.
    Format,
    /// Inserted a shared type of this kind (`YArrayRefID` and so on).
    Type(u8),
    /// Inserted plain values.
    Values,
}

/// An item that an update inserted or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touched<'a> {
    /// The root that it is in.
    pub root: &'a str,
    /// The first step from there.
    pub first: Step<'a>,
    /// The second, unless the item is where the first leads.
    pub second: Option<Step<'a>>,
    /// How many steps it is away.
    pub depth: usize,
    /// The kind of the shared type whose child or value it is; roots have none.
    pub holder: Option<u8>,
    /// Whether it is the value of a key.
    pub has_key: bool,
    /// What was done.
    pub deed: Deed,
}

impl Deed {
    const fn of(content: Content) -> Self {
        match content {
            Content::Deleted => Self::Deleted,
            Content::Text => Self::Text,
            Content::Format => Self::Format,
            Content::Type(kind) => Self::Type(kind),
            Content::Other => Self::Values,
        }
    }
}

impl Skeleton {
    /// Tells of all that an update touched which has been taken in. What is in no list any more is left out.
    pub fn touched(
        &self,
        update: &[u8],
        summary: &UpdateSummary,
        limits: &UpdateLimits,
        mut tell: impl FnMut(&Touched<'_>),
    ) {
        for section in &summary.sections {
            let Some(&client) = self.client_by_id.get(&section.client) else { continue };
            let mut pieces = Pieces::new(update, section, limits);
            while let Ok(Some(piece)) = pieces.next() {
                let What::Item(item) = &piece.what else { continue };
                let run = self.run_at(Place { client, clock: clock_of(piece.start) });
                if let Some(touched) = self.place_of(run, piece.start, Deed::of(item.content)) {
                    tell(&touched);
                }
            }
        }
        let mut last_list = DEAD;
        for range in summary.deletions() {
            let Some(&client) = self.client_by_id.get(&range.client) else { continue };
            let runs = &self.clients[client as usize].runs;
            let first = runs.partition_point(|run| u64::from(run.clock) <= range.start).saturating_sub(1);
            for run in runs[first..].iter().take_while(|run| u64::from(run.clock) < range.end) {
                let list = self.runs[run.run as usize].list;
                if list != last_list
                    && let Some(touched) = self.place_of(run.run, run.clock.into(), Deed::Deleted)
                {
                    tell(&touched);
                }
                last_list = list;
            }
        }
    }

    /// Where an item of a run is.
    fn place_of(&self, run: u32, clock: u64, deed: Deed) -> Option<Touched<'_>> {
        let mut at = &self.runs[run as usize];
        if at.list == DEAD {
            return None;
        }
        let own_list = &self.lists[at.list as usize];
        let (mut clock, mut second, mut depth) = (clock, None, 1);
        let holder = match own_list.key.owner {
            Owner::Root(_) => None,
            Owner::Type(owner) => match self.runs[owner as usize].kind {
                Kind::Type(kind) => Some(kind),
                Kind::Plain | Kind::Deleted | Kind::Dead => return None,
            },
        };
        loop {
            let list = &self.lists[at.list as usize];
            let step = match list.key.key {
                Some(name) => Step::Key(&self.names[name as usize]),
                None => Step::Child(self.clients[at.client as usize].id, clock),
            };
            let owner = match list.key.owner {
                Owner::Root(name) => {
                    let root = &*self.names[name as usize];
                    let has_key = own_list.has_key;
                    return Some(Touched { root, first: step, second, depth, holder, has_key, deed });
                }
                Owner::Type(owner) => owner,
            };
            at = &self.runs[owner as usize];
            if at.list == DEAD {
                return None;
            }
            (clock, second, depth) = (at.start.into(), Some(step), depth + 1);
        }
    }
}
