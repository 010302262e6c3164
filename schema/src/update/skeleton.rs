//! Where every item of a document stands, without its content.
//!
//! A Yjs update says of each item between which two others it was inserted. Replicas agree on the order of items
//! whatever order they arrive in, as long as these claims are of a kind that an honest client makes; they do not when
//! somebody makes them up. A [`Skeleton`] takes the updates of a document in just as Yjs does (the algorithm is that
//! of yjs's `Item.integrate`), refuses what no client that follows the protocol can have written, and knows what an
//! update lacks, before the document engine sees it. It also bounds the work that an update makes for every replica.
//!
//! What makes replicas agree: the items of a list form a tree by their origins, whose depth-first order is the list.
//! An item whose right origin is a child of its own origin, or is no descendant of it at all, goes among the children
//! of its origin; nothing ever ends up within the subtree of another. Of two items that were neighbours once, the right
//! one is always of that kind.

mod insert;
mod journal;
mod list;
mod needs;
mod place;
mod repair;
mod run;
#[cfg(test)]
mod tests;
mod touched;
mod ways;

use std::collections::HashMap;
use std::sync::Arc;

use journal::Change;
use list::{List, ListKey};
use repair::Repair;
use run::Run;
pub use touched::{Deed, Step, Touched};

use super::piece::{Id, Piece, Pieces, What};
use super::{Misplaced, Section, UpdateLimits, UpdateRefused, UpdateSummary};

/// Whether an update was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    /// All of it is in.
    Whole,
    /// Nothing of it is: it refers to content that is not here yet. For each client id, the clock that must be reached.
    Waits(Vec<(u64, u64)>),
}

/// One client's content: runs by clock, without a gap.
#[derive(Debug, Default)]
struct Client {
    id: u64,
    runs: Vec<StartOfRun>,
}

/// The first clock of a run, and its number.
#[derive(Debug, Clone, Copy)]
struct StartOfRun {
    clock: u32,
    run: u32,
}

/// Where every item of a document stands.
#[derive(Debug, Default)]
pub struct Skeleton {
    clients: Vec<Client>,
    client_by_id: HashMap<u64, u32>,
    runs: Vec<Run>,
    lists: Vec<List>,
    list_by_key: HashMap<ListKey, u32>,
    names: Vec<Arc<str>>,
    name_by_text: HashMap<Arc<str>, u32>,
    /// What the last update changed.
    journal: Vec<Change>,
    /// What is to be left out of it.
    repairs: Vec<Repair>,
    /// Steps that may be taken to find places.
    steps_left: usize,
}

impl Skeleton {
    /// The clock up to which a client's content is here.
    #[must_use]
    pub fn clock(&self, client: u64) -> u64 {
        self.client_by_id.get(&client).map_or(0, |client| self.end_of(*client).into())
    }

    /// The client ids that have content here.
    pub fn clients(&self) -> impl Iterator<Item = u64> {
        self.clients.iter().map(|client| client.id)
    }

    /// How many runs of items there are: a measure of the memory that this takes, some 50 bytes each.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.runs.len()
    }

    /// Takes an update in, as a whole or not at all.
    ///
    /// Among items that were inserted in one place by writers who did not know of each other, places are found step by
    /// step, here and in every replica. Each struct that comes adds to the steps that may be taken for it and for later
    /// ones; who takes far more than others is refused.
    pub fn integrate(
        &mut self,
        update: &[u8],
        summary: &UpdateSummary,
        limits: &UpdateLimits,
    ) -> Result<Fit, UpdateRefused> {
        let left = self.allow_steps(summary.structs(), limits.steps);
        let fit = self.fit(update, summary, limits);
        self.steps_left = left.unwrap_or(self.steps_left);
        fit
    }

    fn fit(&mut self, update: &[u8], summary: &UpdateSummary, limits: &UpdateLimits) -> Result<Fit, UpdateRefused> {
        self.journal.clear();
        self.repairs.clear();
        let done = self.integrate_sections(update, summary, limits);
        if let Ok(true) = done
            && summary.deletions().iter().all(|range| range.end <= self.clock(range.client))
        {
            return Ok(Fit::Whole);
        }
        self.undo();
        done?;
        let needs = self.needs(update, summary, limits)?;
        if needs.is_empty() { Err(Misplaced::Circle.into()) } else { Ok(Fit::Waits(needs)) }
    }

    /// Places all items, those first that others wait for. Returns whether there was nothing left to wait for.
    fn integrate_sections(
        &mut self,
        update: &[u8],
        summary: &UpdateSummary,
        limits: &UpdateLimits,
    ) -> Result<bool, UpdateRefused> {
        if let [section] = summary.sections[..] {
            // Such as a letter typed.
            return self.integrate_section(&mut Unplaced::new(update, &section, limits), summary, limits);
        }
        let mut sections: Vec<_> = summary.sections.iter().map(|it| Unplaced::new(update, it, limits)).collect();
        let by_client: HashMap<u64, usize> = summary.sections.iter().map(|it| it.client).zip(0..).collect();
        // Each waits for the next.
        let mut waiting = Vec::new();
        for first in 0..sections.len() {
            waiting.push(first);
            while let Some(&at) = waiting.last() {
                let section = &mut sections[at];
                let Some(piece) = section.next()? else {
                    waiting.pop();
                    if waiting.is_empty() {
                        break;
                    }
                    // The one before waits for what is not in here.
                    return Ok(false);
                };
                section.client = section.client.or_else(|| self.client_by_id.get(&piece.client).copied());
                let Some(missing) = self.missing(&piece, section.client) else {
                    self.place(&piece, &mut section.client, summary, limits)?;
                    // Perhaps this is what the one before waits for.
                    if waiting.len() > 1 {
                        waiting.pop();
                        section.waits = false;
                    }
                    continue;
                };
                section.head = Some(piece);
                section.waits = true;
                match by_client.get(&missing.client) {
                    Some(of_missing) if !sections[*of_missing].waits => waiting.push(*of_missing),
                    _ => return Ok(false),
                }
            }
        }
        Ok(true)
    }

    /// Places the items of an update of one client.
    fn integrate_section(
        &mut self,
        section: &mut Unplaced<'_>,
        summary: &UpdateSummary,
        limits: &UpdateLimits,
    ) -> Result<bool, UpdateRefused> {
        while let Some(piece) = section.next()? {
            section.client = section.client.or_else(|| self.client_by_id.get(&piece.client).copied());
            if self.missing(&piece, section.client).is_some() {
                return Ok(false);
            }
            self.place(&piece, &mut section.client, summary, limits)?;
        }
        Ok(true)
    }

    /// The first thing that must be here before a struct of a client (by number, if it has one) and is not. yjs asks
    /// this of structs that are known, too.
    fn missing(&self, piece: &Piece<'_>, client: Option<u32>) -> Option<Id> {
        if matches!(piece.what, What::Gap) {
            return None;
        }
        let known = client.map_or(0, |client| self.end_of(client).into());
        if piece.start > known {
            return Some(Id { client: piece.client, clock: piece.start - 1 });
        }
        let clock_of = |client| if client == piece.client { known } else { self.clock(client) };
        piece.what.needs().find(|id| id.clock >= clock_of(id.client))
    }
}

/// What is not placed yet of what an update inserts under one client id.
struct Unplaced<'a> {
    head: Option<Piece<'a>>,
    rest: Pieces<'a>,
    /// The client's number, if it is known to have one.
    client: Option<u32>,
    /// Whether its head waits for something.
    waits: bool,
}

impl<'a> Unplaced<'a> {
    const fn new(update: &'a [u8], section: &Section, limits: &'a UpdateLimits) -> Self {
        Self { head: None, rest: Pieces::new(update, section, limits), client: None, waits: false }
    }

    fn next(&mut self) -> Result<Option<Piece<'a>>, UpdateRefused> {
        match self.head.take() {
            None => self.rest.next(),
            head => Ok(head),
        }
    }
}
