//! What a struct of an update is in the document: which list it belongs to, and what of it is new.

use super::Skeleton;
use super::list::{ListKey, Owner};
use super::repair::Repair;
use super::run::{DEAD, Kind, Place, Span};
use crate::update::piece::{Content, Item, Parent, Piece, What};
use crate::update::{ClientRange, Misplaced, UpdateLimits, UpdateRefused, UpdateSummary};

/// An item on its way into its list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Insertion {
    pub(super) span: Span,
    pub(super) list: u32,
    pub(super) origin: Option<Place>,
    pub(super) right_origin: Option<Place>,
    pub(super) kind: Kind,
}

impl Skeleton {
    /// Puts what is new of a struct into its place. All that it needs is here.
    pub(super) fn place(
        &mut self,
        piece: &Piece<'_>,
        summary: &UpdateSummary,
        limits: &UpdateLimits,
    ) -> Result<(), UpdateRefused> {
        if matches!(piece.what, What::Gap) {
            return Ok(());
        }
        let client = self.client(piece.client);
        let mut span = Span { client, start: clock_of(piece.start), end: clock_of(piece.end) };
        let known = self.end_of(client);
        let What::Item(item) = &piece.what else {
            span.start = span.start.max(known);
            self.append_dead(span);
            return Ok(());
        };
        let mut new = self.insertion(span, item)?;
        if let (Some(origin), Some(right)) = (new.origin, new.right_origin)
            && self.follows(origin, right)
        {
            new.right_origin = None;
            self.repairs.push(Repair { at: piece.at, right_origin: item.right_origin_at.clone() });
        }
        if span.start < known {
            let last = Place { client, clock: known.min(span.end) - 1 };
            self.check_known(&new, last)?;
            (new.span.start, new.origin) = (known.max(span.start), Some(last));
        }
        if new.span.is_empty() {
            return Ok(());
        }
        if new.list == DEAD {
            self.append_dead(new.span);
            return Ok(());
        }
        self.check_content(&new, item.content, summary, limits)?;
        self.insert(new)
    }

    fn insertion(&mut self, span: Span, item: &Item<'_>) -> Result<Insertion, UpdateRefused> {
        let list = self.list_of(item)?;
        let origin = item.origin.map(|origin| self.place_of(origin));
        let right_origin = item.right_origin.map(|right| self.place_of(right));
        Ok(Insertion { span, list, origin, right_origin, kind: Kind::of(item.content) })
    }

    /// The list that an item is in: that of its neighbours, or else of its parent and key.
    fn list_of(&mut self, item: &Item<'_>) -> Result<u32, UpdateRefused> {
        let Some(parent) = item.parent else {
            let neighbours = [item.origin, item.right_origin];
            let mut lists = neighbours.into_iter().flatten().map(|id| self.list_at(self.place_of(id)));
            let list = lists.next().unwrap_or(DEAD);
            return if lists.all(|other| other == list) { Ok(list) } else { Err(Misplaced::TwoParents.into()) };
        };
        let owner = match parent {
            Parent::Root(name) => Owner::Root(self.name(name)),
            Parent::Type(id) => {
                let owner = self.run_at(self.place_of(id));
                match self.runs[owner as usize].kind {
                    Kind::Type(_) => Owner::Type(owner),
                    Kind::Deleted | Kind::Dead => return Ok(DEAD),
                    Kind::Plain => return Err(Misplaced::ParentIsNoType.into()),
                }
            }
        };
        let key = item.key.map(|key| self.name(key));
        Ok(self.list(ListKey { owner, key }))
    }

    /// Whether an item is the same as another or follows it in one run, each right of the one before when it was typed.
    fn follows(&self, item: Place, other: Place) -> bool {
        let run = &self.runs[self.run_at(item) as usize];
        item.client == other.client && run.list != DEAD && (run.chain..=item.clock).contains(&other.clock)
    }

    /// Checks that what is known of an item, up to `last`, says the same as it does: yjs acts on what it says before it
    /// sees that it is known.
    fn check_known(&self, item: &Insertion, last: Place) -> Result<(), Misplaced> {
        let first = Place { client: item.span.client, clock: item.span.start };
        let from = &self.runs[self.run_at(first) as usize];
        let to = &self.runs[self.run_at(last) as usize];
        let agrees = if from.list == DEAD || to.list == DEAD {
            item.list == DEAD
        } else {
            (from.list, from.origin_of(first), to.right_origin()) == (item.list, item.origin, item.right_origin)
                && (first == last || to.chain <= first.clock)
        };
        if agrees { Ok(()) } else { Err(Misplaced::Contradiction) }
    }

    fn check_content(
        &self,
        new: &Insertion,
        content: Content,
        summary: &UpdateSummary,
        limits: &UpdateLimits,
    ) -> Result<(), UpdateRefused> {
        let Span { client, start, end } = new.span;
        let list = &self.lists[new.list as usize];
        let client = self.clients[client as usize].id;
        let is_deleted = || summary.deletes_all(ClientRange { client, start: start.into(), end: end.into() });
        match content {
            // yrs and yjs delete nested types by recursion: some ten thousand levels overflow the stack, which nothing
            // can catch.
            Content::Type(_) if list.depth as usize > limits.nesting_max => {
                Err(UpdateRefused::OverLimit { what: "levels of nested types", limit: limits.nesting_max })
            }
            Content::Text if list.holds_no_text() => Err(Misplaced::TextInList.into()),
            Content::Text | Content::Other if list.has_key && end - start > 1 && !is_deleted() => {
                Err(Misplaced::ValuesUnderKey.into())
            }
            _ => Ok(()),
        }
    }
}

/// Clocks are below [`crate::update::CLOCK_MAX`] in all that was inspected.
pub(super) fn clock_of(clock: u64) -> u32 {
    u32::try_from(clock).unwrap_or(u32::MAX)
}
