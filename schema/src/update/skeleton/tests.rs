use proptest::prelude::*;
use yrs::updates::decoder::Decode;
use yrs::{ClientID, Doc, GetString, ReadTxn, Text, Transact, Update};

use super::list::Owner;
use super::run::NONE;
use super::*;
use crate::new_doc;
use crate::update::tests::{edit, steps};
use crate::update::{Steps, inspect};

type Raw = (u64, u64);

fn limits() -> UpdateLimits {
    UpdateLimits::default()
}

fn integrate(skeleton: &mut Skeleton, update: &[u8]) -> Result<Fit, UpdateRefused> {
    skeleton.integrate(update, &inspect(update, &limits()).unwrap(), &limits())
}

/// A skeleton of updates that fit.
fn skeleton_of(updates: &[Vec<u8>]) -> Skeleton {
    let mut skeleton = Skeleton::default();
    for update in updates {
        assert_eq!(integrate(&mut skeleton, update), Ok(Fit::Whole));
    }
    skeleton
}

/// What a skeleton looks like, to tell whether it changed.
fn shape(skeleton: &Skeleton) -> String {
    let Skeleton { clients, runs, lists, names, client_by_id, list_by_key, name_by_text, .. } = skeleton;
    format!("{:?}", (clients, runs, lists, names, client_by_id.len(), list_by_key.len(), name_by_text.len()))
}

/// Refuses an update for the given reason, and leaves no trace of it.
#[track_caller]
fn assert_refused(skeleton: &mut Skeleton, update: &[u8], reason: Misplaced) {
    let before = shape(skeleton);
    assert_eq!(integrate(skeleton, update), Err(UpdateRefused::Misplaced(reason)));
    assert_eq!(shape(skeleton), before);
}

// Updates, byte by byte. All numbers are below 128.

const TEXT: u8 = 4;
const TYPE: u8 = 7;
const VALUES: u8 = 8;
const MAP: &[u8] = &[1];
const ARRAY: &[u8] = &[0];

fn text(length: u8) -> Vec<u8> {
    [vec![length], vec![b'x'; length.into()]].concat()
}

fn values(count: u8) -> Vec<u8> {
    [vec![count], vec![126; count.into()]].concat()
}

fn id((client, clock): Raw) -> [u8; 2] {
    [client.try_into().unwrap(), clock.try_into().unwrap()]
}

/// An item between two others.
fn between(origin: Option<Raw>, right_origin: Option<Raw>, kind: u8, content: &[u8]) -> Vec<u8> {
    let flags = if origin.is_some() { 0x80 } else { 0 } | if right_origin.is_some() { 0x40 } else { 0 };
    let ids = origin.into_iter().chain(right_origin).flat_map(id);
    [vec![kind | flags], ids.collect(), content.to_vec()].concat()
}

/// The first item of a root, or of a key of it.
fn in_root(name: u8, key: Option<u8>, kind: u8, content: &[u8]) -> Vec<u8> {
    let flag = if key.is_some() { 0x20 } else { 0 };
    let key = key.map(|key| vec![1, key]).unwrap_or_default();
    [vec![kind | flag, 1, 1, name], key, content.to_vec()].concat()
}

/// The first item of a type.
fn in_type(parent: Raw, kind: u8, content: &[u8]) -> Vec<u8> {
    [vec![kind, 0], id(parent).to_vec(), content.to_vec()].concat()
}

/// An update of one client that deletes the given clocks of it.
fn deleting(client: u64, clock: u64, structs: &[Vec<u8>], deleted: &[Raw]) -> Vec<u8> {
    let [client, clock] = id((client, clock));
    let mut bytes = vec![1, u8::try_from(structs.len()).unwrap(), client, clock];
    bytes.extend(structs.concat());
    if deleted.is_empty() {
        bytes.push(0);
    } else {
        bytes.extend([1, client, u8::try_from(deleted.len()).unwrap()]);
        bytes.extend(deleted.iter().copied().flat_map(id));
    }
    bytes
}

fn update(client: u64, clock: u64, structs: &[Vec<u8>]) -> Vec<u8> {
    deleting(client, clock, structs, &[])
}

#[test]
fn neighbours_of_two_parents_are_refused() {
    let mut skeleton = skeleton_of(&[
        update(1, 0, &[in_root(b'a', None, TEXT, &text(2)), in_root(b'b', None, TEXT, &text(2))]),
        update(2, 0, &[in_root(b'a', Some(b'k'), VALUES, &values(1))]),
        update(3, 0, &[vec![0, 2]]),
    ]);
    for [origin, right] in [[(1, 0), (1, 2)], [(1, 1), (2, 0)], [(3, 0), (1, 0)], [(1, 3), (3, 1)]] {
        let item = between(Some(origin), Some(right), TEXT, &text(1));
        assert_refused(&mut skeleton, &update(9, 0, &[item]), Misplaced::TwoParents);
    }
}

#[test]
fn a_parent_that_is_no_type_is_refused() {
    let mut skeleton = skeleton_of(&[update(
        1,
        0,
        &[in_root(b'a', None, TEXT, &text(2)), vec![0, 1], in_root(b'm', None, TYPE, MAP)],
    )]);
    assert_refused(&mut skeleton, &update(9, 0, &[in_type((1, 1), TEXT, &text(1))]), Misplaced::ParentIsNoType);
    for parent in [(1, 2), (1, 3)] {
        assert_eq!(integrate(&mut skeleton, &update(parent.1, 0, &[in_type(parent, TEXT, &text(1))])), Ok(Fit::Whole));
    }
}

#[test]
fn a_right_neighbour_left_of_the_left_one_is_left_out() {
    for (right, is_repaired) in [((1, 1), true), ((1, 3), true), ((1, 4), false), ((1, 6), false)] {
        // An insertion in the middle, and a few letters more.
        let inner = update(1, 5, &[between(Some((1, 1)), Some((1, 2)), TEXT, &text(2))]);
        let mut skeleton = skeleton_of(&[update(1, 0, &[in_root(b'a', None, TEXT, &text(5))]), inner]);
        let item = |right| update(9, 0, &[vec![0, 1], between(Some((1, 3)), right, TEXT, &text(1))]);
        assert_eq!(integrate(&mut skeleton, &item(Some(right))), Ok(Fit::Whole));
        let repaired = is_repaired.then(|| item(None));
        assert_eq!(skeleton.repaired(&item(Some(right))), repaired, "{right:?}");
        // It may come again, both as it was written and as it was passed on.
        assert_eq!(integrate(&mut skeleton, &item(Some(right))), Ok(Fit::Whole));
        if let Some(repaired) = repaired {
            assert_eq!(integrate(&mut skeleton, &repaired), Ok(Fit::Whole));
            assert_eq!(skeleton.repaired(&repaired), None);
        }
    }
}

/// Of these items, the last would be third or second, depending on whether it came before or after the third.
#[test]
fn neighbours_that_were_never_side_by_side_are_refused() {
    let [first, second] = [
        update(1, 0, &[in_root(b'a', None, TEXT, &text(1))]),
        update(2, 0, &[between(Some((1, 0)), None, TEXT, &text(1))]),
    ];
    let third = update(4, 0, &[between(Some((1, 0)), None, TEXT, &text(1))]);
    let last = update(3, 0, &[between(None, Some((2, 0)), TEXT, &text(1))]);
    let mut skeleton = skeleton_of(&[first.clone(), second.clone()]);
    assert_refused(&mut skeleton, &last, Misplaced::RightWithinOther);
    assert_eq!(integrate(&mut skeleton, &third), Ok(Fit::Whole));
    assert_refused(&mut skeleton, &last, Misplaced::RightWithinOther);

    // yrs would take it, and not agree with itself.
    let read = |order: [&[u8]; 4]| {
        let doc = new_doc(ClientID::new(9));
        for bytes in order {
            doc.transact_mut().apply_update(Update::decode_v1(bytes).unwrap()).unwrap();
        }
        let txn = doc.transact();
        [1, 2, 3, 4].map(|client| {
            let sticky = yrs::StickyIndex::from_id(yrs::ID::new(ClientID::new(client), 0), yrs::Assoc::After);
            sticky.get_offset(&txn).unwrap().index
        })
    };
    assert_ne!(read([&first, &second, &third, &last]), read([&first, &second, &last, &third]));
}

#[test]
fn known_clocks_with_other_content_are_refused() {
    let mut skeleton = skeleton_of(&[update(1, 0, &[in_root(b'a', None, TEXT, &text(3)), vec![0, 1]])]);
    let of_other_root = update(1, 0, &[in_root(b'b', None, TEXT, &text(3))]);
    let of_other_origin = update(1, 1, &[between(Some((1, 2)), None, TEXT, &text(1))]);
    let of_other_right = update(1, 1, &[between(Some((1, 0)), Some((1, 2)), TEXT, &text(2))]);
    let no_garbage = update(1, 3, &[between(Some((1, 2)), None, TEXT, &text(2))]);
    for bytes in [of_other_root, of_other_origin, of_other_right, no_garbage] {
        assert_refused(&mut skeleton, &bytes, Misplaced::Contradiction);
    }
    let again = [
        update(1, 1, &[between(Some((1, 0)), None, TEXT, &text(2)), vec![0, 1], vec![0, 2]]),
        update(1, 0, &[vec![0, 3], vec![0, 3], between(Some((1, 2)), None, TEXT, &text(1))]),
    ];
    for bytes in again {
        assert_eq!(integrate(&mut skeleton, &bytes), Ok(Fit::Whole));
    }
    assert_eq!(skeleton.clock(1), 7);
}

#[test]
fn several_values_under_a_key_are_refused_unless_they_are_deleted() {
    let item = || in_root(b'a', Some(b'k'), VALUES, &values(3));
    assert_refused(&mut Skeleton::default(), &update(1, 0, &[item()]), Misplaced::ValuesUnderKey);
    assert_refused(&mut Skeleton::default(), &deleting(1, 0, &[item()], &[(0, 2)]), Misplaced::ValuesUnderKey);
    assert_eq!(integrate(&mut Skeleton::default(), &deleting(1, 0, &[item()], &[(0, 1), (1, 2)])), Ok(Fit::Whole));
}

#[test]
fn items_that_wait_for_one_another_are_refused() {
    let own = update(1, 0, &[between(Some((1, 0)), None, TEXT, &text(1))]);
    let own_later = update(1, 0, &[between(Some((1, 1)), None, TEXT, &text(1)), in_root(b'a', None, TEXT, &text(1))]);
    let [a, b] = [between(Some((2, 0)), None, TEXT, &text(1)), between(Some((1, 0)), None, TEXT, &text(1))];
    let two = [&[2, 1, 1, 0], &a[..], &[1, 2, 0], &b[..], &[0]].concat();
    for bytes in [own, own_later, two] {
        assert_refused(&mut Skeleton::default(), &bytes, Misplaced::Circle);
    }
}

#[test]
fn text_in_a_list_is_refused() {
    let mut skeleton =
        skeleton_of(&[update(1, 0, &[in_root(b'a', None, TYPE, ARRAY), in_root(b'm', None, TYPE, MAP)])]);
    assert_refused(&mut skeleton, &update(9, 0, &[in_type((1, 0), TEXT, &text(1))]), Misplaced::TextInList);
    assert_eq!(integrate(&mut skeleton, &update(9, 0, &[in_type((1, 0), VALUES, &values(1))])), Ok(Fit::Whole));
    assert_eq!(integrate(&mut skeleton, &update(8, 0, &[in_type((1, 1), TEXT, &text(1))])), Ok(Fit::Whole));
}

/// Types of client 1, each in the one before it.
fn nested(from: u64, count: u64) -> Vec<u8> {
    let item = |clock: u64| match clock {
        0 => in_root(b'a', None, TYPE, MAP),
        _ => in_type((1, clock - 1), TYPE, MAP),
    };
    update(1, from, &(from..from + count).map(item).collect::<Vec<_>>())
}

#[test]
fn types_that_nest_too_deep_are_refused_also_when_they_come_in_several_updates() {
    let limits = UpdateLimits { nesting_max: 50, ..limits() };
    let mut skeleton = Skeleton::default();
    let mut nest = |from, count| {
        let update = nested(from, count);
        skeleton.integrate(&update, &inspect(&update, &limits).unwrap(), &limits)
    };
    let refused = Err(UpdateRefused::OverLimit { what: "levels of nested types", limit: 50 });
    assert_eq!(nest(0, 52), refused);
    assert_eq!(nest(0, 30), Ok(Fit::Whole));
    // Inner levels before outer ones: nobody knows how deep they are, and they are not taken in.
    assert_eq!(nest(40, 20), Ok(Fit::Waits(vec![(1, 40)])));
    assert_eq!(nest(30, 22), refused);
    assert_eq!(nest(30, 21), Ok(Fit::Whole), "the outermost is in no other");
}

#[test]
fn what_lacks_something_waits_for_all_of_it() {
    let mut skeleton = skeleton_of(&[update(1, 0, &[in_root(b'a', None, TEXT, &text(3))])]);
    let cases: [(&[u8], &[Raw]); 6] = [
        (&update(1, 5, &[between(Some((1, 4)), None, TEXT, &text(1))]), &[(1, 5)]),
        (&update(2, 0, &[between(Some((1, 7)), Some((3, 4)), TEXT, &text(1))]), &[(1, 8), (3, 5)]),
        (&update(2, 0, &[in_type((3, 4), TEXT, &text(1))]), &[(3, 5)]),
        (&deleting(1, 3, &[vec![0, 1]], &[(0, 9)]), &[(1, 9)]),
        (&deleting(2, 0, &[in_root(b'a', None, TEXT, &text(9))], &[(2, 3)]), &[]),
        // yjs looks at what a struct says before it sees that it is known.
        (&update(1, 1, &[between(Some((4, 0)), None, TEXT, &text(2))]), &[(4, 1)]),
    ];
    for (bytes, needs) in cases {
        let before = shape(&skeleton);
        match integrate(&mut skeleton, bytes).unwrap() {
            Fit::Whole => assert!(needs.is_empty(), "{bytes:?}"),
            Fit::Waits(waits) => {
                assert_eq!(waits, needs);
                assert_eq!(shape(&skeleton), before);
            }
        }
    }
}

/// Whoever sorts these passes all of the left ones for each of the right ones.
#[test]
fn the_work_to_find_places_is_bounded() {
    /// Letters beside one another, each left of another letter of the text: their writer claims to know of none of them.
    fn letters(client: u8, count: u8, first_right: u8) -> Vec<u8> {
        let items: Vec<_> = (0..count)
            .map(|index| between(Some((1, 0)), Some((1, u64::from(first_right + index))), TEXT, &text(1)))
            .collect();
        update(client.into(), 0, &items)
    }
    let mut skeleton =
        skeleton_of(&[update(1, 0, &[in_root(b'a', None, TEXT, &text(1)), in_root(b'a', None, TEXT, &text(120))])]);
    let over = (2..120).find_map(|client| integrate(&mut skeleton, &letters(client, 100, 2)).err());
    assert!(matches!(over, Some(UpdateRefused::OverLimit { .. })), "{over:?}");
    // Those who type beside them are not hindered, and what was accepted once is again.
    assert_eq!(
        integrate(&mut skeleton, &update(127, 0, &[between(Some((1, 5)), Some((1, 6)), TEXT, &text(1))])),
        Ok(Fit::Whole)
    );
    let again = letters(126, 100, 2);
    let unbounded = UpdateLimits { steps: Steps::Unlimited, ..limits() };
    assert_eq!(skeleton.integrate(&again, &inspect(&again, &limits()).unwrap(), &unbounded), Ok(Fit::Whole));
}

/// The letter that stands for a clock of a client in the texts below.
fn letter(client: u64, clock: u64) -> char {
    char::from_u32(u32::try_from(0x4e00 + client * 0x800 + clock).unwrap()).unwrap()
}

/// The items of a root in their order, as letters.
fn read(skeleton: &Skeleton, root: &str) -> String {
    let Some(name) = skeleton.name_by_text.get(root) else { return String::new() };
    let list = skeleton.list_by_key[&ListKey { owner: Owner::Root(*name), key: None }];
    let mut text = String::new();
    let mut next = skeleton.lists[list as usize].first;
    while next != NONE {
        let run = &skeleton.runs[next as usize];
        let client = skeleton.clients[run.client as usize].id;
        text.extend((run.start..run.end).map(|clock| letter(client, clock.into())));
        next = run.next;
    }
    text
}

fn type_letters(doc: &Doc, place: u32, length: u32) -> Vec<u8> {
    let text = doc.get_or_insert_text("t");
    let mut txn = doc.transact_mut();
    let client = doc.client_id();
    let clock = txn.state_vector().get(&client);
    let index = place % (text.len(&txn) + 1);
    if place.is_multiple_of(7) && index > 0 {
        text.remove_range(&mut txn, index - 1, 1);
    }
    let index = index.min(text.len(&txn));
    let letters: String = (clock..clock + length).map(|clock| letter(client.get(), clock.into())).collect();
    text.insert(&mut txn, index, &letters);
    txn.encode_update_v1()
}

proptest! {
    #[test]
    fn items_stand_as_in_yrs_in_whatever_order_they_come(
        edits in prop::collection::vec((0..3usize, any::<u32>(), 1..4u32, any::<bool>()), 1..60),
        order in any::<u64>(),
    ) {
        let docs = [1, 2, 3].map(|id| new_doc(ClientID::new(id)));
        let mut updates = Vec::new();
        for (writer, place, length, hears) in edits {
            updates.push(type_letters(&docs[writer], place, length));
            if hears {
                let other = docs[(writer + 1) % 3].transact().state_vector();
                let news = docs[writer].transact().encode_diff_v1(&other);
                docs[(writer + 1) % 3].transact_mut().apply_update(Update::decode_v1(&news).unwrap()).unwrap();
            }
        }
        let all = new_doc(ClientID::new(9));
        for update in &updates {
            all.transact_mut().apply_update(Update::decode_v1(update).unwrap()).unwrap();
        }
        let text = all.get_or_insert_text("t").get_string(&all.transact());

        let mut skeleton = Skeleton::default();
        let mut random = order | 1;
        while !updates.is_empty() {
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let at = usize::try_from(random >> 33).unwrap() % updates.len();
            if integrate(&mut skeleton, &updates[at]).unwrap() == Fit::Whole {
                updates.swap_remove(at);
            }
        }
        let shown: String = read(&skeleton, "t").chars().filter(|letter| text.contains(*letter)).collect();
        prop_assert_eq!(shown, text);
    }

    #[test]
    fn what_clients_write_fits(steps in steps(), hear in any::<u64>()) {
        let docs: Vec<_> = [3, 1 << 31, crate::update::CLIENT_ID_MAX].map(|id| new_doc(ClientID::new(id))).into();
        let mut skeleton = Skeleton::default();
        for (number, step) in steps.iter().enumerate() {
            let update = edit(&docs[step.writer], step);
            prop_assert_eq!(integrate(&mut skeleton, &update), Ok(Fit::Whole));
            if hear >> (number % 64) & 1 == 1 {
                let (from, to) = (&docs[step.writer], &docs[(step.writer + 1) % docs.len()]);
                let news = from.transact().encode_diff_v1(&to.transact().state_vector());
                to.transact_mut().apply_update(Update::decode_v1(&news).unwrap()).unwrap();
            }
        }
        for doc in &docs {
            let state = doc.transact().encode_state_as_update_v1(&yrs::StateVector::default());
            prop_assert_eq!(integrate(&mut skeleton, &state), Ok(Fit::Whole));
            skeleton_of(&[state]);
        }
    }

    #[test]
    fn what_is_taken_back_leaves_no_trace(steps in steps(), split in any::<prop::sample::Index>()) {
        let doc = new_doc(ClientID::new(3));
        let updates: Vec<_> = steps.iter().map(|step| edit(&doc, step)).collect();
        let (before, after) = updates.split_at(split.index(updates.len()));
        let mut skeleton = skeleton_of(before);
        for update in after {
            let shape_before = shape(&skeleton);
            prop_assert_eq!(integrate(&mut skeleton, update), Ok(Fit::Whole));
            skeleton.undo();
            prop_assert_eq!(shape(&skeleton), shape_before);
            prop_assert_eq!(integrate(&mut skeleton, update), Ok(Fit::Whole));
        }
    }
}
