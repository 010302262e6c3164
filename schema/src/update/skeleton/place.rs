//! What a struct of an update is in the document: which list it belongs to, and what of it is new.

use super::Skeleton;
use super::list::{ListKey, Owner};
use super::repair::Repair;
use super::run::{DEAD, Found, Kind, Place, Span};
use crate::update::piece::{Content, Item, Parent, Piece, What};
use crate::update::{ClientRange, Misplaced, UpdateLimits, UpdateRefused, UpdateSummary};

/// An item on its way into its list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Insertion {
    pub(super) span: Span,
    pub(super) list: u32,
    pub(super) origin: Option<Found>,
    pub(super) right_origin: Option<Found>,
    pub(super) kind: Kind,
}

impl Skeleton {
    /// Puts what is new of a struct into its place. All that it needs is here. `client` is the number of its client,
    /// which it gets here if it is new.
    pub(super) fn place(
        &mut self,
        piece: &Piece<'_>,
        client: &mut Option<u32>,
        summary: &UpdateSummary,
        limits: &UpdateLimits,
    ) -> Result<(), UpdateRefused> {
        if matches!(piece.what, What::Gap) {
            return Ok(());
        }
        let client = *client.get_or_insert_with(|| self.client(piece.client));
        let mut span = Span { client, start: clock_of(piece.start), end: clock_of(piece.end) };
        let known = self.end_of(client);
        let What::Item(item) = &piece.what else {
            span.start = span.start.max(known);
            self.append_dead(span);
            return Ok(());
        };
        let mut new = self.insertion(span, (piece.client, client), item)?;
        if let (Some(origin), Some(right)) = (new.origin, new.right_origin)
            && self.follows(origin, right)
        {
            new.right_origin = None;
            self.repairs.push(Repair { at: piece.at, right_origin: item.right_origin_at.clone() });
        }
        if span.start < known {
            let last = Place { client, clock: known.min(span.end) - 1 };
            self.check_known(&new, last)?;
            (new.span.start, new.origin) = (known.max(span.start), Some(self.find_place(last)));
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

    /// Finds the list that an item is in, that of its neighbours or else of its parent and key, and its neighbours.
    fn insertion(&mut self, span: Span, client: (u64, u32), item: &Item<'_>) -> Result<Insertion, UpdateRefused> {
        let origin = item.origin.map(|origin| self.find(origin, client));
        let right_origin = item.right_origin.map(|right| self.find(right, client));
        let list_of = |neighbour: Found| self.runs[neighbour.run as usize].list;
        let list = match (origin.map(list_of), right_origin.map(list_of)) {
            (Some(left), Some(right)) if left != right => return Err(Misplaced::TwoParents.into()),
            (Some(list), _) | (None, Some(list)) => list,
            (None, None) => self.list_in(item, client)?,
        };
        Ok(Insertion { span, list, origin, right_origin, kind: Kind::of(item.content) })
    }

    /// The list of a parent and key.
    fn list_in(&mut self, item: &Item<'_>, client: (u64, u32)) -> Result<u32, UpdateRefused> {
        let owner = match item.parent {
            None => return Ok(DEAD),
            Some(Parent::Root(name)) => Owner::Root(self.name(name)),
            Some(Parent::Type(id)) => {
                let owner = self.find(id, client).run;
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
    fn follows(&self, item: Found, other: Found) -> bool {
        let run = &self.runs[item.run as usize];
        let (item, other) = (item.place, other.place);
        item.client == other.client && run.list != DEAD && (run.chain..=item.clock).contains(&other.clock)
    }

    /// Checks that what is known of an item, up to `last`, says the same as it does: yjs acts on what it says before it
    /// sees that it is known.
    fn check_known(&self, item: &Insertion, last: Place) -> Result<(), Misplaced> {
        let first = Place { client: item.span.client, clock: item.span.start };
        let from = &self.runs[self.run_at(first) as usize];
        let to = &self.runs[self.run_at(last) as usize];
        let origin = item.origin.map(|origin| origin.place);
        let right_origin = item.right_origin.map(|right| right.place);
        let agrees = if from.list == DEAD || to.list == DEAD {
            item.list == DEAD
        } else {
            (from.list, from.origin_of(first), to.right_origin()) == (item.list, origin, right_origin)
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
            Content::Text | Content::Format | Content::Other if list.has_key && end - start > 1 && !is_deleted() => {
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
