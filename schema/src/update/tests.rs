use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    Any, Array, ArrayPrelim, ClientID, Doc, Map, MapPrelim, ReadTxn, StateVector, Text, TextPrelim, Transact, Update,
    XmlElementPrelim, XmlFragment, XmlTextPrelim,
};

use super::*;
use crate::new_doc;

fn check(bytes: &[u8]) -> Result<UpdateSummary, UpdateRefused> {
    inspect(bytes, &UpdateLimits::default())
}

/// The ranges that yrs reports, in the form of [`UpdateSummary::insertions`] but sorted.
fn insertions_by_yrs(bytes: &[u8]) -> Vec<ClientRange> {
    let insertions = Update::decode_v1(bytes).expect("yrs decodes what was inspected").insertions(true);
    let mut ranges: Vec<_> = insertions
        .iter()
        .flat_map(|(client, ranges)| {
            let range = |clocks: &std::ops::Range<u32>| ClientRange {
                client: client.get(),
                start: clocks.start.into(),
                end: clocks.end.into(),
            };
            ranges.iter().map(range).collect::<Vec<_>>()
        })
        .collect();
    ranges.sort_unstable();
    ranges
}

fn sorted(summary: &UpdateSummary) -> Vec<ClientRange> {
    let mut ranges = summary.insertions().to_vec();
    ranges.sort_unstable();
    ranges
}

fn fixtures() -> Vec<(String, Vec<u8>, serde_json::Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let index: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&fs::read(folder.join("index.json")).unwrap()).unwrap();
    index
        .into_iter()
        .map(|(name, facts)| {
            let bytes = fs::read(folder.join(format!("{name}.update"))).unwrap();
            (name, bytes, facts)
        })
        .collect()
}

#[test]
fn what_yjs_writes_passes_with_the_ranges_that_yjs_reads() {
    let fixtures = fixtures();
    assert!(fixtures.len() >= 12);
    for (name, bytes, facts) in fixtures {
        let summary = check(&bytes).unwrap_or_else(|refused| panic!("{name}: {refused}"));
        let ranges: Vec<_> = summary.insertions().iter().map(|range| [range.client, range.start, range.end]).collect();
        assert_eq!(serde_json::json!(ranges), facts["insertions"], "{name}");
        assert_eq!(serde_json::json!(summary.structs()), facts["structs"], "{name}");
        assert_eq!(serde_json::json!(summary.deletes()), facts["deletes"], "{name}");
        assert_eq!(sorted(&summary), insertions_by_yrs(&bytes), "{name}");
    }
}

#[test]
fn every_truncation_is_refused() {
    for (name, bytes, _) in fixtures() {
        for length in 0..bytes.len() {
            assert!(check(&bytes[..length]).is_err(), "{name} cut to {length} bytes");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(check(&longer).is_err(), "{name} with a byte more");
    }
}

/// One struct of client 1 at clock 0 under the root `r`, and an empty delete set.
fn update_of(info: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1, 1, 1, 0, info];
    if info & 0x1f != 0 && info & 0x1f != 10 {
        bytes.extend([1, 1, b'r']);
    }
    bytes.extend(content);
    bytes.push(0);
    bytes
}

#[test]
fn content_that_not_every_client_reads_is_refused_by_name() {
    use UnsupportedContent as U;
    let cases: [(u8, &[u8], U); 9] = [
        (2, &[1, 1, b'1'], U::LegacyJson),
        (9, &[1, b'g', 126], U::SubDocument),
        (11, &[0, 1, 0, 1, 1], U::Move),
        (12, &[], U::ContentKind(12)),
        (31, &[], U::ContentKind(31)),
        (7, &[5, 1, b'h'], U::XmlHook),
        (7, &[7, 0, 1, 0], U::WeakLink),
        (7, &[15], U::TypeRef(15)),
        (7, &[8], U::TypeRef(8)),
    ];
    for (info, content, expected) in cases {
        assert_eq!(check(&update_of(info, content)), Err(UpdateRefused::Unsupported(expected)));
    }
}

#[test]
fn malformed_structs_are_refused() {
    let malformed: [(&str, Vec<u8>); 17] = [
        ("an empty text", update_of(4, &[0])),
        ("no values", update_of(8, &[0])),
        ("an empty gap", update_of(10, &[0])),
        ("garbage of no length", update_of(0, &[0])),
        ("deleted content of no length", update_of(1, &[0])),
        ("text that is not UTF-8", update_of(4, &[1, 0xff])),
        ("embed that is not JSON", update_of(5, &[1, b'{'])),
        ("embed of two JSON values", update_of(5, &[3, b'1', b' ', b'2'])),
        ("an unknown kind of value", update_of(8, &[1, 115])),
        ("a gap with an item's flag", vec![1, 1, 1, 0, 0x8a, 1, 0, 1, 0]),
        ("garbage with an item's flag", vec![1, 1, 1, 0, 0x20, 1, 0]),
        ("a client without structs", vec![1, 0, 1, 0, 0]),
        ("a parent of neither form", vec![1, 1, 1, 0, 4, 2, 1, b'r', 1, b'x', 0]),
        ("a client twice", vec![2, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 0]),
        ("overlapping delete ranges", vec![0, 1, 1, 2, 0, 3, 2, 1]),
        ("delete ranges out of order", vec![0, 1, 1, 2, 5, 1, 0, 1]),
        ("a client twice in the delete set", vec![0, 2, 1, 1, 0, 1, 1, 1, 3, 1]),
    ];
    for (what, bytes) in malformed {
        assert!(matches!(check(&bytes), Err(UpdateRefused::Malformed { .. })), "{what}: {:?}", check(&bytes));
    }
    assert!(check(&update_of(4, &[1, b'x'])).is_ok(), "the frame of these cases is sound");
}

#[test]
fn numbers_beyond_their_range_are_refused() {
    let clock_max = [0xff, 0xff, 0xff, 0xff, 7];
    let cases = [
        (
            "client id 2^53",
            [vec![1, 1], vec![0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10], vec![0, 0, 1, 0]].concat(),
        ),
        ("client id of nine groups", [vec![1, 1], vec![0x80; 8], vec![1, 0, 0, 1, 0]].concat()),
        ("clock beyond the largest", [&[1, 1, 1], &clock_max[..], &[0, 1, 0]].concat()),
        ("delete beyond the largest", [&[0, 1, 1, 1], &clock_max[..], &[1]].concat()),
    ];
    for (what, bytes) in cases {
        assert!(matches!(check(&bytes), Err(UpdateRefused::Malformed { .. })), "{what}: {:?}", check(&bytes));
    }
    let last_clock = [&[1, 1, 1], &[0xfe, 0xff, 0xff, 0xff, 7][..], &[0, 1, 0]].concat();
    assert_eq!(check(&last_clock).unwrap().insertions()[0].end, CLOCK_MAX);
}

#[test]
fn limits_hold() {
    let limits = UpdateLimits {
        bytes_max: 64,
        elements_max: 4,
        clients_max: 1,
        value_depth_max: 3,
        nesting_max: 1,
        steps: Steps::Unlimited,
    };
    let over = |bytes: &[u8]| matches!(inspect(bytes, &limits), Err(UpdateRefused::OverLimit { .. }));
    assert!(over(&[0; 65]));
    assert!(over(&update_of(8, &[4, 126, 126, 126, 126])), "elements");
    assert!(!over(&update_of(8, &[3, 126, 126, 126])));
    assert!(over(&update_of(8, &[1, 117, 1, 117, 1, 117, 1, 126])), "depth of values");
    assert!(!over(&update_of(8, &[1, 117, 1, 117, 1, 126])));
    assert!(over(&[2, 1, 1, 0, 0, 1, 1, 2, 0, 0, 1, 0]), "clients");
    assert!(inspect(&update_of(5, b"\x08[[[[]]]]"), &limits).is_err(), "JSON depth");
}

#[test]
fn what_differs_in_the_order_of_keys_alone_compares_as_the_same() {
    let comparable = |update: &[u8]| comparable(update, &UpdateLimits::default()).unwrap();
    let keyed = |first: u8, second: u8| update_of(8, &[1, 118, 2, 1, first, 126, 1, second, 126]);
    let json = |text: &str| update_of(5, &[&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat());
    assert_ne!(keyed(b'a', b'b'), keyed(b'b', b'a'));
    assert_eq!(comparable(&keyed(b'a', b'b')), comparable(&keyed(b'b', b'a')));
    assert_ne!(comparable(&keyed(b'a', b'b')), comparable(&keyed(b'a', b'c')));
    assert_eq!(comparable(&json(r#"{"a":1,"b":2}"#)), comparable(&json(r#"{"b":2,"a":1}"#)));
    let text = |letters: &[u8; 2]| update_of(4, &[&[2][..], letters].concat());
    assert_ne!(comparable(&text(b"ab")), comparable(&text(b"ba")), "letters have their order");
}

#[test]
fn counts_that_are_only_claimed_cost_nothing() {
    let claimed = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
    for prefix in [&[][..], &[1], &[1, 1, 1, 0, 8, 1, 1, b'r'], &[1, 1, 1, 0, 8, 1, 1, b'r', 1, 117], &[0], &[0, 1, 1]]
    {
        assert!(check(&[prefix, &claimed[..]].concat()).is_err());
    }
}

#[test]
fn deep_values_neither_pass_nor_overflow_the_stack() {
    const DEPTH: usize = 1_000_000;
    let nested: Vec<u8> = std::iter::repeat_n([117, 1], DEPTH).flatten().collect();
    let mut content = vec![1];
    content.extend(nested);
    content.push(126);
    assert!(matches!(check(&update_of(8, &content)), Err(UpdateRefused::OverLimit { .. })));

    let mut content = vec![0x80, 0x80, 0x20]; // 2^19
    content.extend(vec![b'['; 1 << 19]);
    assert!(check(&update_of(5, &content)).is_err());
}

/// One edit by one of a few writers, who now and then hear of one another.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) writer: usize,
    action: u8,
    place: u32,
    text: String,
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..3usize, 0..12u8, any::<u32>(), "[a-zé漢🙂]{1,6}").prop_map(|(writer, action, place, text)| Step {
        writer,
        action,
        place,
        text,
    });
    prop::collection::vec(step, 1..40)
}

pub(super) fn edit(doc: &Doc, step: &Step) -> Vec<u8> {
    let text = doc.get_or_insert_text("t");
    let map = doc.get_or_insert_map("m");
    let array = doc.get_or_insert_array("a");
    let fragment = doc.get_or_insert_xml_fragment("x");
    let mut txn = doc.transact_mut();
    let (text_length, array_length) = (text.len(&txn), array.len(&txn));
    let within = |length: u32| if length == 0 { 0 } else { step.place % length };
    match step.action {
        0 | 1 => text.insert(&mut txn, text_length, &step.text),
        2 if text_length > 0 => text.remove_range(&mut txn, 0, 1 + within(text_length)),
        3 => {
            let bold = [("bold".into(), Any::from(true))].into();
            text.insert_with_attributes(&mut txn, 0, &step.text, bold);
        }
        4 => drop(map.insert(&mut txn, step.text.as_str(), Any::from(f64::from(step.place) / 3.0))),
        5 => drop(map.insert(&mut txn, "nested", MapPrelim::from([("k", step.text.as_str())]))),
        6 => drop(map.remove(&mut txn, "nested")),
        7 => drop(array.insert(&mut txn, within(array_length), Any::from(step.text.as_str()))),
        8 => {
            let values = [Any::Null, Any::Bool(true), Any::from(step.place), Any::from(vec![Any::Undefined])];
            array.push_back(&mut txn, ArrayPrelim::from(values));
        }
        9 if array_length > 0 => array.remove(&mut txn, within(array_length)),
        10 => {
            let paragraph = fragment.push_back(&mut txn, XmlElementPrelim::empty("paragraph"));
            paragraph.push_back(&mut txn, XmlTextPrelim::new(step.text.as_str()));
        }
        11 => drop(map.insert(&mut txn, "t", TextPrelim::new(step.text.as_str()))),
        _ => {}
    }
    txn.encode_update_v1()
}

proptest! {
    #[test]
    fn what_yrs_writes_passes_with_the_ranges_that_yrs_reads(steps in steps(), hear in any::<u64>()) {
        let docs: Vec<_> = [3, 1 << 31, CLIENT_ID_MAX].map(|id| new_doc(ClientID::new(id))).into();
        for (number, step) in steps.iter().enumerate() {
            let update = edit(&docs[step.writer], step);
            prop_assert_eq!(sorted(&check(&update).unwrap()), insertions_by_yrs(&update));
            if hear >> (number % 64) & 1 == 1 {
                let other = &docs[(step.writer + 1) % docs.len()];
                other.transact_mut().apply_update(Update::decode_v1(&update).unwrap()).unwrap();
            }
        }
        for doc in &docs {
            let state = doc.transact().encode_state_as_update_v1(&StateVector::default());
            let summary = check(&state).unwrap();
            prop_assert_eq!(sorted(&summary), insertions_by_yrs(&state));
            prop_assert_eq!(summary.deletes(), !Update::decode_v1(&state).unwrap().delete_set().is_empty());
        }
    }

    #[test]
    fn what_passes_is_decoded_alike_by_yrs(which in any::<prop::sample::Index>(), hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let fixtures = fixtures();
        let mut bytes = which.get(&fixtures).1.clone();
        for (place, value) in hits {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Ok(summary) = check(&bytes) {
            prop_assert_eq!(sorted(&summary), insertions_by_yrs(&bytes));
            Update::decode_v1(&bytes).unwrap().encode_v1();
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(summary) = check(&bytes) {
            prop_assert_eq!(sorted(&summary), insertions_by_yrs(&bytes));
        }
    }
}
