//! What in the document is not of its shape, and when it is put right (SPEC D10, D11).
//!
//! Nobody is refused for it: a client cannot take back what its replica has. The room looks at what each update touched.
//! What it finds it puts right a moment later by an edit of the server's own, which takes the way of all edits. What
//! other instances took is left to them for a while. The edit's Yjs client id follows from the edit, so that instances
//! that make the same one at the same time make it once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use platform::auth::PrincipalRef;
use platform::rate::{Rate, TokenBucket};
use schema::repair::{Reason, Shape, Spot, Violation, violations};

use super::message::{Effect, SessionId};
use super::saving::Waiter;
use super::{Room, intake};
use crate::delivery::{Outgoing, RepairNotice};
use crate::replica::Replica;

/// From an update that leaves a violation to its repair. What is written meanwhile is repaired with it.
const PAUSE_MS: u64 = 20;
/// How long is waited for another instance to repair what it took, and for a client to complete what it has begun.
const PATIENCE_MS: u64 = 2_000;
/// So many repairs a document may have at once, and then one in three seconds. The last of them is owed, and waited for.
const REPAIRS_BURST: u64 = 20;
const REPAIRS: Rate = Rate::per_minute(20, REPAIRS_BURST - 1);
/// Client ids that are tried for a repair before one is drawn.
const CLIENT_IDS_TRIED: u32 = 8;

/// What waits to be repaired.
#[derive(Debug)]
pub(super) struct Repairs {
    shape: Option<Shape>,
    pending: BTreeMap<Spot, Found>,
    /// Something was found when nobody knew what time it was.
    undated: bool,
    due_ms: Option<u64>,
    left: TokenBucket,
    /// When the next repair may be made.
    allowed_ms: u64,
}

#[derive(Debug, Clone, Copy)]
struct Found {
    due_ms: u64,
    author: Option<(SessionId, PrincipalRef)>,
}

/// Whose update it was that touched something.
#[derive(Debug, Clone, Copy)]
pub(super) enum Author {
    /// A session's of this room.
    Session(SessionId),
    /// The server's own.
    Server,
    /// Somebody's at another instance.
    Elsewhere,
}

impl Repairs {
    pub(super) fn none() -> Self {
        let left = TokenBucket::full(&REPAIRS, 0);
        Self { shape: None, pending: BTreeMap::new(), undated: false, due_ms: None, left, allowed_ms: 0 }
    }

    /// When the next repair can be made.
    pub(super) fn deadline(&self) -> Option<u64> {
        if self.undated { Some(0) } else { self.due_ms.map(|due| due.max(self.allowed_ms)) }
    }

    fn made_one(&mut self, now: u64) {
        let wait = self.left.spend(&REPAIRS, now, 1);
        self.allowed_ms = now + u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    }

    fn add(&mut self, spot: Spot, found: Found) {
        let pending = self.pending.entry(spot).or_insert(found);
        pending.due_ms = pending.due_ms.min(found.due_ms);
        pending.author = found.author.or(pending.author);
        self.due_ms = Some(self.due_ms.map_or(found.due_ms, |due| due.min(found.due_ms)));
    }

    /// Takes out what is due.
    fn take_due(&mut self, now: u64) -> BTreeMap<Spot, Found> {
        let due = self.pending.extract_if(.., |_, found| found.due_ms <= now).collect();
        self.due_ms = self.pending.values().map(|found| found.due_ms).min();
        due
    }
}

impl Room {
    /// The document is of this shape: from now on, what is not is repaired.
    #[must_use]
    pub fn with_shape(mut self, shape: Option<Shape>) -> Self {
        self.repairs.shape = shape;
        self.watch();
        self
    }

    /// Whether something waits to be repaired.
    pub(crate) fn owes_repairs(&self) -> bool {
        !self.repairs.pending.is_empty()
    }

    /// Looks at the whole document, and from then on at what updates touch.
    pub(super) fn watch(&mut self) {
        let Some(shape) = self.repairs.shape else { return };
        self.replica.watch(shape);
        let spots = self.replica.read(|txn| {
            let spots = Spot::all(shape, txn).into_iter();
            spots.filter(|spot| !violations(spot, txn).is_empty()).collect::<Vec<_>>()
        });
        for spot in spots.unwrap_or_default() {
            self.repairs.undated = true;
            self.repairs.add(spot, Found { due_ms: u64::MAX, author: None });
        }
    }

    /// Gives what was found without a clock its time.
    pub(super) fn date_repairs(&mut self, now: u64) {
        if std::mem::take(&mut self.repairs.undated) {
            let due_ms = now + self.patience();
            for found in self.repairs.pending.values_mut().filter(|found| found.due_ms == u64::MAX) {
                found.due_ms = due_ms;
            }
            self.repairs.due_ms = self.repairs.pending.values().map(|found| found.due_ms).min();
        }
    }

    /// Instances lose their patience at different times.
    fn patience(&self) -> u64 {
        PATIENCE_MS + self.random.below(PATIENCE_MS)
    }

    /// Looks at what updates touched since the last look.
    pub(super) fn look(&mut self, now: u64, author: Author) {
        let spots = self.replica.take_touched();
        if spots.is_empty() {
            return;
        }
        let found = self.replica.read(|txn| {
            let found = spots.into_iter().map(|spot| (violations(&spot, txn), spot));
            found.filter(|(found, _)| !found.is_empty()).collect::<Vec<_>>()
        });
        let whose = match author {
            Author::Session(session) => self.sessions.get(session).map(|it| (session, it.principal.reference())),
            Author::Server | Author::Elsewhere => None,
        };
        for (found, spot) in found.unwrap_or_default() {
            let is_begun = found.iter().all(|violation| violation.reason == Reason::Incomplete);
            let waits = is_begun || matches!(author, Author::Elsewhere);
            let due_ms = now + if waits { self.patience() } else { PAUSE_MS };
            self.repairs.add(spot, Found { due_ms, author: whose });
        }
    }

    /// Whether a principal has to wait until what it wrote before is repaired.
    pub(super) fn has_to_wait_for_repair(&self, now: u64, principal: PrincipalRef) -> bool {
        let repairs = &self.repairs;
        repairs.due_ms.is_some_and(|due| due <= now)
            && repairs.allowed_ms > now
            && repairs
                .pending
                .values()
                .any(|found| found.due_ms <= now && found.author.is_some_and(|(_, author)| author == principal))
    }

    /// Repairs what is due.
    pub(super) fn repair_due(&mut self, now: u64, out: &mut Vec<Effect>) {
        if self.repairs.due_ms.is_none_or(|due| due > now) || self.repairs.allowed_ms > now {
            return;
        }
        let due = self.repairs.take_due(now);
        // Somebody may have put it right meanwhile.
        let found = self.replica.read(|txn| {
            let found = due.keys().map(|spot| (spot.clone(), violations(spot, txn)));
            found.filter(|(_, found)| !found.is_empty()).collect::<BTreeMap<_, _>>()
        });
        let Ok(found) = found else { return self.keep(due, now) };
        if found.is_empty() {
            return;
        }
        let spots: Vec<Spot> = found.keys().cloned().collect();
        let repaired = self.repair(now, &spots, out);
        if !repaired {
            return self.keep(due, now + PATIENCE_MS);
        }
        self.repairs.made_one(now);
        self.tell_of_repair(&due, found, out);
        // A repair changes so much at a time. What is left is another's turn.
        let left = self
            .replica
            .read(|txn| spots.into_iter().filter(|spot| !violations(spot, txn).is_empty()).collect::<BTreeSet<_>>());
        let left = left.unwrap_or_default();
        self.keep(due.into_iter().filter(|(spot, _)| left.contains(spot)).collect(), now + PAUSE_MS);
        self.look(now, Author::Server);
    }

    fn keep(&mut self, due: BTreeMap<Spot, Found>, due_ms: u64) {
        for (spot, found) in due {
            self.repairs.add(spot, Found { due_ms, ..found });
        }
    }

    /// Makes the edit. False when it cannot be made now.
    fn repair(&mut self, now: u64, spots: &[Spot], out: &mut Vec<Effect>) -> bool {
        let Ok(draft) = self.replica.repair(DRAFT_CLIENT, spots) else { return false };
        let client = self.client_for_repair(&draft);
        let Ok(update) = self.replica.repair(client, spots) else { return false };
        let Ok(Some(append)) = self.take_own(now, update, PrincipalRef::SYSTEM) else { return false };
        self.pass_on_own(append, Waiter::Nobody, out);
        true
    }

    /// A client id that nobody has, the same for the same edit. It is used for one edit only.
    fn client_for_repair(&self, draft: &[u8]) -> u64 {
        let mut ids = (0..CLIENT_IDS_TRIED).map(|attempt| schema::repair::client_id(draft, attempt));
        let is_free = |client: &u64| {
            !self.owners.contains_key(client)
                && self.presence.owner_of(*client).is_none()
                && !self.replica.knows_client(*client)
        };
        ids.find(is_free).unwrap_or_else(|| intake::new_client_id(&self.random))
    }

    fn tell_of_repair(
        &self,
        due: &BTreeMap<Spot, Found>,
        found: BTreeMap<Spot, Vec<Violation>>,
        out: &mut Vec<Effect>,
    ) {
        let mut by_author: BTreeMap<SessionId, Vec<Violation>> = BTreeMap::new();
        for (spot, violations) in &found {
            if let Some((session, _)) = due.get(spot).and_then(|found| found.author)
                && self.sessions.get(session).is_some()
            {
                by_author.entry(session).or_default().extend_from_slice(violations);
            }
        }
        for (session, violations) in by_author {
            out.push(Effect::Send(session, Outgoing::Repaired(Arc::new(RepairNotice::of(violations)))));
        }
        if let Some(shape) = self.repairs.shape {
            let reasons = found.into_values().flatten().map(|violation| violation.reason).collect();
            out.push(Effect::Repaired(shape, reasons));
        }
    }
}

/// The client id under which an edit is drafted to see what it is.
const DRAFT_CLIENT: u64 = 1;

impl Replica {
    /// Makes the repair on a copy, as a client, and returns it as an update that is not applied yet.
    fn repair(&mut self, client: u64, spots: &[Spot]) -> Result<bytes::Bytes, crate::replica::Broken> {
        self.edit_copy(client, |txn| drop(schema::repair::repair(spots, txn))).map(|((), update)| update)
    }
}
