use proptest::prelude::*;
use proptest::sample::Index;
use yrs::{Any, Doc, GetString, MapPrelim, Text, Transact, WriteTxn, XmlElementPrelim, XmlFragment, XmlTextPrelim};

use super::*;
use crate::node::{NodePatch, PatchErrorCode, Side, apply, read, set_body};
use crate::patch::PatchError;
use crate::rich_text::stream::{End, StreamWriter};
use crate::{ClientID, new_doc};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap()
}

fn ada() -> UserId {
    UserId::new(Uuid::from_u128(7))
}

fn document(body: &str) -> Doc {
    let doc = new_doc(ClientID::new(1));
    set_body(&mut doc.transact_mut(), body).unwrap();
    doc
}

fn body_of(doc: &Doc) -> String {
    read(&doc.transact()).body
}

fn try_patch(doc: &Doc, patch: &NodePatch) -> Result<(), PatchError> {
    apply(patch, &mut doc.transact_mut())
}

fn new(id: u128, change: ProposedChange) -> NewProposal {
    let run = Some(RunId::new(Uuid::from_u128(9)));
    let created_at = at(i64::try_from(id).unwrap());
    NewProposal { id: Uuid::from_u128(id), run, label: Some("A change".to_owned()), created_at, change }
}

/// Proposes what makes the body say something else; how many proposals that is.
fn propose_body(doc: &Doc, target: &str) -> u128 {
    let edits = edits_of_body(target, &doc.transact());
    let count = edits.len() as u128;
    for (id, edit) in (1..).zip(edits) {
        try_patch(doc, &NodePatch::Propose(Box::new(new(id, ProposedChange::Body(edit))))).unwrap();
    }
    count
}

fn accept(doc: &Doc, id: u128) -> Result<(), PatchError> {
    try_patch(doc, &NodePatch::AcceptProposal { id: Uuid::from_u128(id), by: ada(), at: at(100) })
}

fn reject(doc: &Doc, id: u128) -> Result<(), PatchError> {
    try_patch(doc, &NodePatch::RejectProposal { id: Uuid::from_u128(id), by: ada(), at: at(100) })
}

#[test]
fn what_is_proposed_is_read_and_changes_nothing_until_it_is_accepted() {
    let doc = document("# Title\n\none\n\ntwo");
    assert_eq!(propose_body(&doc, "# Title\n\n1\n\ntwo\n\nthree"), 2);
    let view = read(&doc.transact());
    assert_eq!(view.body, "# Title\n\none\n\ntwo");
    assert_eq!(view.problems, []);
    let [first, second] = view.proposals.as_slice() else { panic!("{:?}", view.proposals) };
    assert_eq!((first.kind, &*first.before, &*first.text), (ProposalKind::Replace, "one", "1"));
    assert_eq!((second.kind, &*second.before, &*second.text), (ProposalKind::Insert, "", "three"));
    assert_eq!((first.run_id, first.status), (Some(RunId::new(Uuid::from_u128(9))), ProposalStatus::Open));

    accept(&doc, 2).unwrap();
    reject(&doc, 1).unwrap();
    let view = read(&doc.transact());
    assert_eq!(view.body, "# Title\n\none\n\ntwo\n\nthree");
    assert_eq!(view.proposals[0].status, ProposalStatus::Rejected);
    let accepted = &view.proposals[1];
    assert_eq!(
        (accepted.status, accepted.decided_by, accepted.decided_at),
        (ProposalStatus::Accepted, Some(ada()), Some(at(100)))
    );
    assert_eq!(accept(&doc, 1).unwrap_err().code, PatchErrorCode::Stale);
    assert_eq!(accept(&doc, 2).unwrap_err().code, PatchErrorCode::Stale);
    assert_eq!(reject(&doc, 3).unwrap_err().code, PatchErrorCode::NotFound);
}

#[test]
fn what_has_changed_meanwhile_is_not_replaced() {
    let doc = document("one\n\nsame\n\ntwo\n\nsame");
    propose_body(&doc, "one\n\nother\n\ntwo\n\nsame");
    set_body(&mut doc.transact_mut(), "one\n\nsame!\n\ntwo\n\nsame").unwrap();
    assert_eq!(accept(&doc, 1).unwrap_err().code, PatchErrorCode::Stale);
    assert_eq!(body_of(&doc), "one\n\nsame!\n\ntwo\n\nsame");
    assert_eq!(read(&doc.transact()).proposals[0].status, ProposalStatus::Open);
}

#[test]
fn a_block_that_was_put_there_anew_is_replaced() {
    let doc = document("one\n\ntwo");
    propose_body(&doc, "one\n\n2");
    let body = doc.get_or_insert_xml_fragment(keys::BODY);
    body.remove(&mut doc.transact_mut(), 1);
    assert_eq!(accept(&doc, 1).unwrap_err().code, PatchErrorCode::Stale);
    set_body(&mut doc.transact_mut(), "zero\n\none\n\ntwo").unwrap();
    accept(&doc, 1).unwrap();
    assert_eq!(body_of(&doc), "zero\n\none\n\n2");
}

#[test]
fn a_text_can_be_written_until_it_is_decided() {
    let doc = document("");
    let id = Uuid::from_u128(1);
    try_patch(&doc, &NodePatch::Propose(Box::new(new(1, ProposedChange::Output { text: String::new() })))).unwrap();
    let text = text_of_proposal(id, &doc.transact()).unwrap();
    let mut writer = StreamWriter::at_end(&text, &doc.transact());
    writer.write(&text, &mut doc.transact_mut(), "# A report\n\nwords", End::Reached);
    accept(&doc, 1).unwrap();
    let view = read(&doc.transact());
    let [output] = view.outputs.as_slice() else { panic!("{:?}", view.outputs) };
    assert_eq!(
        (output.id, output.label.as_deref(), output.text.as_deref()),
        (id, Some("A change"), Some("# A report\n\nwords"))
    );
    assert_eq!(output.provenance.as_ref().unwrap()["runId"], Uuid::from_u128(9).to_string());
    assert_eq!(text_of_proposal(id, &doc.transact()), None);
    assert!(crate::node::text_of(&doc.transact_mut(), Side::Outputs, id).is_some());
}

#[test]
fn the_oldest_that_are_decided_make_room() {
    let doc = document("");
    let propose = |id| {
        let change = ProposedChange::Output { text: String::new() };
        try_patch(&doc, &NodePatch::Propose(Box::new(new(id, change))))
    };
    let most = u128::try_from(PROPOSALS_MAX).unwrap();
    for id in 1..=most {
        propose(id).unwrap();
    }
    assert_eq!(propose(most + 1).unwrap_err().code, PatchErrorCode::TooMany);
    reject(&doc, 5).unwrap();
    reject(&doc, 4).unwrap();
    propose(most + 1).unwrap();
    let left = read(&doc.transact()).proposals;
    assert_eq!(left.len(), PROPOSALS_MAX);
    assert!(left.iter().all(|proposal| proposal.id != Uuid::from_u128(4)));
    assert_eq!(propose(most + 1).unwrap_err().code, PatchErrorCode::AlreadyExists);
}

#[test]
fn proposals_of_any_shape_are_read() {
    let doc = document("one");
    propose_body(&doc, "two");
    {
        let mut txn = doc.transact_mut();
        let all = txn.get_or_insert_map(keys::PROPOSALS);
        all.insert(&mut txn, "no uuid", 1);
        all.insert(&mut txn, Uuid::from_u128(50).to_string(), "no map");
        for (id, key, value) in [
            (51, keys::KIND, Any::from("dance")),
            (52, keys::STATUS, Any::from(1)),
            (53, keys::TEXT, Any::from("no fragment")),
            (54, keys::PART, Any::from("elsewhere")),
        ] {
            let map = all.insert(&mut txn, Uuid::from_u128(id).to_string(), MapPrelim::default());
            map.insert(&mut txn, keys::KIND, "insert");
            map.insert(&mut txn, keys::STATUS, "open");
            map.insert(&mut txn, keys::PART, "body");
            map.insert(&mut txn, key, value);
        }
    }
    for place in [Any::Null, Any::from("x"), Any::Array([Any::from(1.5), Any::from(-1)].into()), Any::Array([].into())]
    {
        let mut txn = doc.transact_mut();
        let first = find(Uuid::from_u128(1), &txn).unwrap();
        first.insert(&mut txn, keys::PLACE, place);
        let view = read(&txn);
        assert_eq!(view.proposals.len(), 1);
        assert!(view.problems.len() >= 6, "{:?}", view.problems);
    }
    for id in 50..=54 {
        assert_eq!(accept(&doc, id).unwrap_err().code, PatchErrorCode::NotFound);
    }
    accept(&doc, 1).unwrap();
    assert_eq!(body_of(&doc), "two");
}

/// Texts of which many blocks are alike.
fn any_body() -> impl Strategy<Value = Vec<&'static str>> {
    let block = prop::sample::select(vec![
        "a",
        "b",
        "b c",
        "# d",
        "- e\n- f",
        "- [ ] g",
        "> h",
        "---",
        "```\ni\n```",
        "1. j\n2. k",
    ]);
    prop::collection::vec(block, 0..8)
}

fn shuffled(count: u128, order: &[Index]) -> Vec<u128> {
    let mut left: Vec<u128> = (1..=count).collect();
    let mut order = order.iter();
    std::iter::from_fn(|| {
        let next = order.next().map_or(0, |index| index.index(left.len().max(1)));
        (!left.is_empty()).then(|| left.remove(next))
    })
    .collect()
}

/// The Markdown of a body, as a document would say it.
fn said(blocks: &[&str]) -> String {
    body_of(&document(&separated(blocks)))
}

/// Two lists that follow one another would be read as one.
fn separated(blocks: &[&str]) -> String {
    blocks.join("\n\n<!-- -->\n\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_proposals_together_are_the_whole_edit(
        before in any_body(), after in any_body(), order in prop::collection::vec(any::<Index>(), 10),
    ) {
        let doc = document(&separated(&before));
        let count = propose_body(&doc, &separated(&after));
        for id in shuffled(count, &order) {
            accept(&doc, id).unwrap();
        }
        prop_assert_eq!(body_of(&doc), said(&after), "{:?} from {:?}", after, before);
    }

    #[test]
    fn what_people_write_elsewhere_meanwhile_stays(
        before in any_body(), after in any_body(), order in prop::collection::vec(any::<Index>(), 10),
    ) {
        let doc = document(&separated(&before));
        let count = propose_body(&doc, &separated(&after));
        let body = doc.get_or_insert_xml_fragment(keys::BODY);
        for id in shuffled(count, &order) {
            {
                let mut txn = doc.transact_mut();
                let end = body.len(&txn);
                let note = body.insert(&mut txn, end, XmlElementPrelim::empty("paragraph"));
                note.insert(&mut txn, 0, XmlTextPrelim::new(format!("note {id}")));
            }
            accept(&doc, id).unwrap();
        }
        let said_now = body_of(&doc);
        for id in 1..=count {
            let note = format!("note {id}");
            prop_assert_eq!(said_now.matches(&note).count(), 1, "{}", said_now);
        }
        let without_notes: Vec<&str> = said_now.split("\n\n").filter(|block| !block.is_empty() && !block.starts_with("note ")).collect();
        let expected = said(&after);
        prop_assert_eq!(without_notes, expected.split("\n\n").filter(|block| !block.is_empty()).collect::<Vec<_>>());
    }

    #[test]
    fn words_in_a_block_that_stays_stay(words in "[a-z]{1,5}", after in any_body()) {
        let doc = document("a\n\nkept\n\nb");
        let target = [&after[..], &["kept"], &after[..]].concat();
        let count = propose_body(&doc, &separated(&target));
        let text = {
            let txn = doc.transact();
            let body = txn.get_xml_fragment(keys::BODY).unwrap();
            body.successors(&txn).filter_map(yrs::XmlOut::into_xml_text).find(|text| text.get_string(&txn) == "kept").unwrap()
        };
        text.push(&mut doc.transact_mut(), &words);
        for id in (1..=count).rev() {
            accept(&doc, id).unwrap();
        }
        let kept = format!("kept{words}");
        let expected: Vec<&str> = target.iter().map(|block| if *block == "kept" { kept.as_str() } else { *block }).collect();
        prop_assert_eq!(body_of(&doc), said(&expected));
    }
}
