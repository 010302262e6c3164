//! What an update of the quarantine would do to its document, tried on a copy.

use std::sync::Arc;

use platform::access::Access;
use platform::db::log::StoredDocument;
use platform::limits::Limits;
use platform::random::Random;
use schema::ids::{DocumentKind, Epoch, Seq};
use serde::Serialize;
use serde_json::{Value, json};

use super::Kept;
use crate::delivery::Outgoing;
use crate::replica::ApplyError;
use crate::room::{Attach, Effect, Input, Mode, Receipts, Room, SessionId, UnsavedBudget, UpdateKind};

/// The most changes that a rehearsal tells one by one.
pub const CHANGES_MAX: usize = 200;
/// The session that brings the update to the copy.
const SESSION: SessionId = SessionId(1);

/// What would happen.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rehearsal {
    /// The document's lineage.
    pub epoch: Epoch,
    /// The last place of the log that the copy was made of.
    pub seq: Seq,
    /// What would become of the update.
    pub verdict: Verdict,
    /// What would change in what the document holds, as far as its kind lets that be told.
    pub changes: Vec<Change>,
    /// How many more changes there are.
    pub further_changes: usize,
}

/// What would become of an update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "camelCase")]
pub enum Verdict {
    /// It would be logged and relayed.
    Accepted,
    /// It would be logged, and wait for content that is missing.
    Waits,
    /// It adds nothing: it would be answered and not logged.
    NothingNew,
    /// It would be refused.
    Refused {
        /// The code of SPEC G23.
        code: &'static str,
        /// Why.
        message: String,
    },
    /// The document engine fails at it: it would be refused, and the document be loaded anew.
    Breaks {
        /// What the engine says.
        message: String,
    },
    /// It was made for another lineage, whose content must never be merged into this one.
    OtherEpoch {
        /// The update's lineage.
        epoch: Epoch,
    },
}

impl Verdict {
    /// Whether the update may be replayed.
    #[must_use]
    pub const fn is_harmless(&self) -> bool {
        matches!(self, Self::Accepted | Self::Waits | Self::NothingNew)
    }
}

/// One change in what a document holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Where, such as `nodes.<id>.title`.
    pub path: String,
    /// What is there; nothing when it would be added.
    pub before: Option<Value>,
    /// What would be there; nothing when it would go.
    pub after: Option<Value>,
}

/// Tries an update on a copy of its document, as its sender would send it now. An error says that the document itself
/// cannot be read. Takes as long as opening the document: not for a thread that others wait for.
pub fn rehearse(
    stored: StoredDocument,
    kind: DocumentKind,
    kept: &Kept,
    limits: &Limits,
    random: &Random,
) -> Result<Rehearsal, ApplyError> {
    let budget = UnsavedBudget::new(limits.unsaved_bytes);
    let mut room = Room::open(stored.into(), Arc::new(limits.clone()), budget, random.clone())?;
    let (epoch, seq) = (room.epoch(), room.head());
    if kept.epoch != epoch {
        let verdict = Verdict::OtherEpoch { epoch: kept.epoch };
        return Ok(Rehearsal { epoch, seq, verdict, changes: Vec::new(), further_changes: 0 });
    }
    let before = contents(&mut room, kind);
    let verdict = bring(&mut room, kept);
    let mut changes = Vec::new();
    if verdict.is_harmless() {
        compare("", before.as_ref(), contents(&mut room, kind).as_ref(), &mut changes);
    }
    let further_changes = changes.len().saturating_sub(CHANGES_MAX);
    changes.truncate(CHANGES_MAX);
    Ok(Rehearsal { epoch, seq, verdict, changes, further_changes })
}

fn bring(room: &mut Room, kept: &Kept) -> Verdict {
    let principal = Arc::new(kept.principal());
    let mode = Mode::Sync { receipts: Receipts::Sent };
    room.handle(0, Input::Attach(Attach { session: SESSION, principal, access: Access::Write, mode }), &mut Vec::new());
    let mut effects = Vec::new();
    room.handle(0, Input::Update(SESSION, UpdateKind::Step2, kept.update.clone()), &mut effects);
    let refusal = effects.iter().find_map(|effect| match effect {
        Effect::Send(_, Outgoing::Refused { refusal, .. }) => Some(refusal),
        _ => None,
    });
    let is_logged = effects.iter().any(|effect| matches!(effect, Effect::Append(_)));
    // The room asks for what is missing.
    let is_held = effects.iter().any(|effect| matches!(effect, Effect::Send(_, Outgoing::Step1(_))));
    match refusal {
        Some(refusal) if room.is_broken() => Verdict::Breaks { message: refusal.message() },
        Some(refusal) => Verdict::Refused { code: refusal.code(), message: refusal.message() },
        None if is_logged && is_held => Verdict::Waits,
        None if is_logged => Verdict::Accepted,
        None => Verdict::NothingNew,
    }
}

/// What a document holds, as far as its kind says how to read it. `None` when the engine fails.
fn contents(room: &mut Room, kind: DocumentKind) -> Option<Value> {
    let view = match kind {
        DocumentKind::Project => room.read(|txn| serde_json::to_value(schema::canvas::read(txn))).ok()?.ok()?,
        DocumentKind::Node => room.read(|txn| serde_json::to_value(schema::node::read(txn))).ok()?.ok()?,
        // Its shape is its editor's.
        DocumentKind::Free | DocumentKind::Scratch => json!({}),
    };
    let mut view = view;
    view["stateBytes"] = json!(room.state().ok()?.len());
    Some(view)
}

/// Notes where two values differ.
fn compare(path: &str, before: Option<&Value>, after: Option<&Value>, changes: &mut Vec<Change>) {
    match (before, after) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            for key in old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))) {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                compare(&path, old.get(key), new.get(key), changes);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            for index in 0..old.len().max(new.len()) {
                compare(&format!("{path}.{index}"), old.get(index), new.get(index), changes);
            }
        }
        _ if before == after => {}
        _ => changes.push(Change { path: path.to_owned(), before: before.cloned(), after: after.cloned() }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use bytes::Bytes;
    use platform::auth::{PrincipalKind, PrincipalRef};
    use platform::db::log::{EventSourcingLevel, Relay, StoredUpdate};
    use schema::ids::{ClientID, OrgId};
    use uuid::Uuid;
    use yrs::{Map, Text, Transact};

    use super::*;

    const ANN: PrincipalRef = PrincipalRef { kind: PrincipalKind::User, id: Uuid::from_u128(1) };

    fn stored(tail: &[Bytes]) -> StoredDocument {
        StoredDocument {
            id: Uuid::nil(),
            org: OrgId::new(Uuid::nil()),
            project: None,
            epoch: Epoch::FIRST,
            head: Seq::new(tail.len() as u64),
            projected: Seq::ZERO,
            level: EventSourcingLevel::Full,
            snapshot: None,
            tail: (1..)
                .zip(tail)
                .map(|(seq, update)| StoredUpdate {
                    seq: Seq::new(seq),
                    update: update.clone(),
                    relay: Relay::AsStored,
                })
                .collect(),
            client_owners: HashMap::from([(7, ANN)]).into_iter().collect(),
        }
    }

    fn tried(kind: DocumentKind, tail: &[Bytes], update: &[u8]) -> Rehearsal {
        let kept = Kept { update: Bytes::copy_from_slice(update), sender: ANN, epoch: Epoch::FIRST };
        rehearse(stored(tail), kind, &kept, &Limits::default(), &Random::from_seed(1)).unwrap()
    }

    /// Two edits of one client of a text, the second upon the first.
    fn two_edits() -> [Bytes; 2] {
        let doc = schema::new_doc(ClientID::new(7));
        let text = doc.get_or_insert_text("text");
        ["one", "two"].map(|words| {
            let mut txn = doc.transact_mut();
            text.push(&mut txn, words);
            txn.encode_update_v1().into()
        })
    }

    #[test]
    fn tells_what_would_become_of_an_update() {
        let [first, second] = two_edits();
        let of = |tail: &[Bytes], update: &[u8]| tried(DocumentKind::Free, tail, update).verdict;
        assert_eq!(of(&[], &first), Verdict::Accepted);
        assert_eq!(of(&[], &second), Verdict::Waits);
        assert_eq!(of(std::slice::from_ref(&first), &second), Verdict::Accepted);
        assert_eq!(of(&[first.clone(), second], &first), Verdict::NothingNew);
        let cut_off = of(&[], &first[..first.len() - 1]);
        assert!(matches!(cut_off, Verdict::Refused { code: "MALFORMED_UPDATE", .. }), "{cut_off:?}");
        let a_move = [1, 1, 7, 0, 11, 1, 1, b't', 0, 0, 0, 0, 0];
        assert!(matches!(of(&[], &a_move), Verdict::Refused { code: "UNSUPPORTED_CONTENT", .. }));
    }

    #[test]
    fn tells_what_a_canvas_would_show_instead() {
        let doc = schema::new_doc(ClientID::new(7));
        let project = doc.get_or_insert_map("project");
        let mut txn = doc.transact_mut();
        project.insert(&mut txn, "name", "Renamed");
        let rehearsal = tried(DocumentKind::Project, &[], &txn.encode_update_v1());
        let renamed = Change { path: "project.name".into(), before: Some("".into()), after: Some("Renamed".into()) };
        assert!(rehearsal.changes.contains(&renamed), "{rehearsal:?}");
        assert!(rehearsal.changes.iter().all(|it| it == &renamed || it.path == "stateBytes"), "{rehearsal:?}");
    }

    #[test]
    fn what_was_made_for_another_lineage_is_not_even_tried() {
        let [first, _] = two_edits();
        let kept = Kept { update: first, sender: ANN, epoch: Epoch::FIRST.next() };
        let limits = Limits::default();
        let tried = rehearse(stored(&[]), DocumentKind::Free, &kept, &limits, &Random::from_seed(1)).unwrap();
        assert_eq!(tried.verdict, Verdict::OtherEpoch { epoch: Epoch::FIRST.next() });
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let random = Random::from_seed(3);
        let [first, second] = two_edits();
        for round in 0..2_000 {
            let mut bytes = if round % 2 == 0 { first.to_vec() } else { second.to_vec() };
            for _ in 0..=random.below(3) {
                let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
                bytes[at] = random.bytes::<1>()[0];
            }
            tried(DocumentKind::Node, std::slice::from_ref(&first), &bytes);
        }
    }
}
