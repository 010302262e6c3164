//! Taking back what somebody did.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use documents::history::Selection;
use platform::auth::Principal;
use platform::clock::ManualClock;
use platform::db::audit::Actor;
use platform::random::Random;
use platform::testing::TestDatabase;
use schema::ids::{RunId, Seq};
use schema::node;
use uuid::Uuid;
use yrs::{
    Any, GetString, Map, MapPrelim, Out, ReadTxn, Text, TransactionMut, WriteTxn, XmlElementPrelim, XmlFragment,
    XmlTextPrelim,
};

use crate::common::{Client, Instance, person, text_seen_by_a_newcomer};
use crate::scene::{Scene, reference};

fn of(who: u64) -> Selection {
    Selection { principals: vec![reference(who)], ..Selection::default() }
}

#[tokio::test]
async fn what_one_did_is_taken_back_and_what_others_did_since_stays() {
    let scene = Scene::new().await;
    scene.write(1, 0, 0, "The quick fox").await;
    scene.write(2, 4, 5, "slow").await;
    scene.write(1, 13, 0, "!").await;
    scene.write(3, 0, 0, "Look: ").await;
    assert_eq!(scene.live_text().await, "Look: The slow fox!");
    let mut reader = Client::new(900);
    reader.attach(&scene.instance, &scene.document).await;
    let undone = scene.history.undo(&scene.document, &person(3), &of(2), &Actor::SYSTEM).await.unwrap();
    assert!(undone.is_changed);
    assert_eq!(scene.live_text().await, "Look: The quick fox!");
    reader.until_text(|text| text == "Look: The quick fox!").await;
    assert_eq!(scene.text_at(undone.place.seq).await, "Look: The quick fox!");
    let again = scene.history.undo(&scene.document, &person(3), &of(2), &Actor::SYSTEM).await.unwrap();
    assert!(!again.is_changed, "there is nothing left to be taken back");
    let back = Selection { from: Some(undone.place.seq), ..of(3) };
    scene.history.undo(&scene.document, &person(1), &back, &Actor::SYSTEM).await.unwrap();
    assert_eq!(scene.live_text().await, "Look: The slow fox!", "taking back is taken back like anything else");
    assert_eq!(text_seen_by_a_newcomer(&scene.instance, &scene.document).await, "Look: The slow fox!");
    scene.stop().await;
}

#[tokio::test]
async fn what_was_taken_back_does_not_come_back_twice() {
    let scene = Scene::new().await;
    scene.write(1, 0, 0, "one two three").await;
    scene.write(2, 4, 4, "").await;
    let first = scene.history.undo(&scene.document, &person(3), &of(2), &Actor::SYSTEM).await.unwrap();
    assert_eq!(scene.live_text().await, "one two three");
    let undo_of_undo = Selection { from: Some(first.place.seq), ..Selection::default() };
    scene.history.undo(&scene.document, &person(3), &undo_of_undo, &Actor::SYSTEM).await.unwrap();
    assert_eq!(scene.live_text().await, "one three");
    scene.history.undo(&scene.document, &person(3), &of(2), &Actor::SYSTEM).await.unwrap();
    assert_eq!(scene.live_text().await, "one two three", "what took it back was taken back itself");
    scene.write(4, 4, 4, "").await;
    let again = scene.history.undo(&scene.document, &person(3), &of(2), &Actor::SYSTEM).await.unwrap();
    assert!(!again.is_changed && scene.live_text().await == "one three", "somebody else deleted it since");
    scene.stop().await;
}

#[tokio::test]
async fn values_that_others_set_since_stay() {
    let scene = Scene::new().await;
    let set = |key: &'static str, value: i64| {
        move |txn: &mut TransactionMut<'_>| {
            txn.get_or_insert_map("map").insert(txn, key, value);
        }
    };
    scene.edit(1, set("a", 1)).await;
    scene.edit(1, set("b", 1)).await;
    scene.edit(2, set("a", 2)).await;
    scene.edit(2, set("b", 2)).await;
    scene.edit(2, set("c", 2)).await;
    scene.edit(3, set("b", 3)).await;
    scene.history.undo(&scene.document, &person(1), &of(2), &Actor::SYSTEM).await.unwrap();
    let read = |txn: &yrs::Transaction<'_>| {
        let map = txn.get_map("map").unwrap();
        let mut values: Vec<_> = map.iter(txn).map(|(key, value)| (key.to_owned(), value.to_string(txn))).collect();
        values.sort();
        values
    };
    let (values, ..) = scene.instance.documents.read(&scene.document, read).await.unwrap();
    assert_eq!(values, [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "3".to_owned())]);
    scene.stop().await;
}

#[tokio::test]
async fn a_deleted_paragraph_comes_back_with_what_is_in_it() {
    let scene = Scene::new().await;
    scene.edit(1, |txn| node::set_body(txn, "# Title\n\nKeep _this_ paragraph.\n\n- one\n- two").unwrap()).await;
    scene.edit(2, |txn| node::set_body(txn, "# Title\n\n- one").unwrap()).await;
    scene.edit(3, |txn| node::set_body(txn, "# A title\n\n- one").unwrap()).await;
    scene.history.undo(&scene.document, &person(1), &of(2), &Actor::SYSTEM).await.unwrap();
    let (body, ..) = scene.instance.documents.read(&scene.document, |txn| node::read(txn).body).await.unwrap();
    assert_eq!(body, "# A title\n\nKeep _this_ paragraph.\n\n- one\n- two");
    scene.stop().await;
}

#[tokio::test]
async fn a_version_is_restored_and_only_the_part_that_is_asked_for() {
    let scene = Scene::new().await;
    let edit = |text: &'static str, colour: &'static str| {
        move |txn: &mut TransactionMut<'_>| {
            node::set_body(txn, text).unwrap();
            txn.get_or_insert_map("map").insert(txn, "colour", colour);
        }
    };
    let then = scene.edit(1, edit("One.\n\nTwo.", "red")).await;
    scene.edit(2, edit("Two.\n\nThree.", "blue")).await;
    scene.edit(3, edit("Four.", "green")).await;
    let read = |txn: &yrs::Transaction<'_>| {
        (node::read(txn).body, txn.get_map("map").unwrap().get(txn, "colour").unwrap().to_string(txn))
    };
    let body = Some("body".to_owned());
    scene.history.restore(&scene.document, &person(1), then, body, &Actor::SYSTEM).await.unwrap();
    let (restored, ..) = scene.instance.documents.read(&scene.document, read).await.unwrap();
    assert_eq!(restored, ("One.\n\nTwo.".to_owned(), "green".to_owned()));
    let restored = scene.history.restore(&scene.document, &person(1), then, None, &Actor::SYSTEM).await.unwrap();
    let (all, ..) = scene.instance.documents.read(&scene.document, read).await.unwrap();
    assert_eq!(all, ("One.\n\nTwo.".to_owned(), "red".to_owned()));
    assert!(restored.is_changed);
    let again = scene.history.restore(&scene.document, &person(1), then, None, &Actor::SYSTEM).await.unwrap();
    let (same, ..) = scene.instance.documents.read(&scene.document, read).await.unwrap();
    assert_eq!(same, all, "restored twice it is the same: {again:?}");
    scene.history.restore(&scene.document, &person(1), Seq::ZERO, None, &Actor::SYSTEM).await.unwrap();
    let (empty, ..) = scene.instance.documents.read(&scene.document, |txn| node::read(txn).body).await.unwrap();
    assert_eq!(empty, "", "before the first update there was nothing");
    scene.stop().await;
}

/// What a model knows of a character that somebody wrote.
struct Written {
    author: u64,
    deleted_by: Option<u64>,
}

/// Random work of three people on a text, of which one's is taken back.
#[tokio::test]
async fn whatever_people_did_one_is_taken_back_and_the_others_stay() {
    let seeds = std::env::var("GLASSBOX_UNDO_SEEDS").map_or(12, |seeds| seeds.parse().unwrap());
    let scene = Scene::new().await;
    for seed in 0..seeds {
        run(&scene.another().await, seed).await;
    }
    scene.stop().await;
}

async fn run(scene: &Scene, seed: u64) {
    let random = Random::from_seed(seed);
    let mut written: BTreeMap<char, Written> = BTreeMap::new();
    let mut next = 0x4E00_u32;
    for _ in 0..30 {
        let who = 1 + random.below(3);
        let visible: Vec<char> = scene.live_text().await.chars().collect();
        let at = random.below(visible.len() as u64 + 1) as u32;
        let deleted = (random.below(4) as u32).min(visible.len() as u32 - at);
        let inserted: String = (0..random.below(4))
            .filter_map(|_| {
                next += 1;
                char::from_u32(next)
            })
            .collect();
        for gone in &visible[at as usize..(at + deleted) as usize] {
            written.get_mut(gone).unwrap().deleted_by = Some(who);
        }
        written.extend(inserted.chars().map(|char| (char, Written { author: who, deleted_by: None })));
        scene.write(who, at, deleted, &inserted).await;
    }
    let before = scene.live_text().await;
    scene.history.undo(&scene.document, &person(4), &of(2), &Actor::SYSTEM).await.unwrap();
    let after = scene.live_text().await;
    let stays = |it: &Written| it.author != 2 && it.deleted_by.is_none_or(|who| who == 2);
    let mut expected: Vec<char> = written.iter().filter(|(_, it)| stays(it)).map(|(char, _)| *char).collect();
    let mut found: Vec<char> = after.chars().collect();
    let kept = |text: &str| {
        text.chars().filter(|char| written[char].author != 2 && written[char].deleted_by.is_none()).collect::<String>()
    };
    assert_eq!(kept(&before), kept(&after), "what nobody deleted keeps its order, seed {seed}");
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected, "seed {seed}: {before} became {after}");
    assert_eq!(text_seen_by_a_newcomer(&scene.instance, &scene.document).await, after);
}

#[tokio::test]
async fn what_is_nested_in_what_was_deleted_comes_back_whole() {
    let scene = Scene::new().await;
    scene
        .edit(1, |txn| {
            let fragment = txn.get_or_insert_xml_fragment("body");
            let quote = fragment.push_back(txn, XmlElementPrelim::empty("blockquote"));
            let paragraph = quote.push_back(txn, XmlElementPrelim::empty("paragraph"));
            paragraph.push_back(txn, XmlTextPrelim::new("deep"));
            txn.get_or_insert_map("map").insert(txn, "outer", MapPrelim::from([("inner", "value")]));
        })
        .await;
    scene
        .edit(3, |txn| {
            let fragment = txn.get_or_insert_xml_fragment("body");
            let Some(yrs::XmlOut::Element(quote)) = fragment.get(txn, 0) else { panic!() };
            let Some(yrs::XmlOut::Element(paragraph)) = quote.get(txn, 0) else { panic!() };
            let Some(yrs::XmlOut::Text(text)) = paragraph.get(txn, 0) else { panic!() };
            text.insert(txn, 4, "er");
            let Some(Out::YMap(outer)) = txn.get_or_insert_map("map").get(txn, "outer") else { panic!() };
            outer.insert(txn, "more", Any::from(1));
        })
        .await;
    scene
        .edit(2, |txn| {
            txn.get_or_insert_xml_fragment("body").remove_range(txn, 0, 1);
            txn.get_or_insert_map("map").remove(txn, "outer");
        })
        .await;
    scene.history.undo(&scene.document, &person(1), &of(2), &Actor::SYSTEM).await.unwrap();
    let read = |txn: &yrs::Transaction<'_>| {
        (txn.get_xml_fragment("body").unwrap().get_string(txn), schema::free::read(txn)["map"].clone())
    };
    let (found, ..) = scene.instance.documents.read(&scene.document, read).await.unwrap();
    assert_eq!(found.0, "<blockquote><paragraph>deeper</paragraph></blockquote>");
    assert_eq!(found.1, serde_json::json!({"outer": {"inner": "value", "more": 1}}));
    scene.stop().await;
}

#[tokio::test]
async fn what_a_run_wrote_is_told_by_run_and_event_and_taken_back_without_what_people_wrote_in_it() {
    let scene = Scene::new().await;
    let (run, event) = (RunId::new(Uuid::new_v4()), Uuid::new_v4());
    let ann = person(1);
    scene.write(1, 0, 0, "Before. After.").await;
    let mut agent = Client::new(700);
    agent.principal = Arc::new(Principal::run(run, 1, ann.user.unwrap(), "Agent"));
    agent.attach(&scene.instance, &scene.document).await;
    agent.session.as_ref().unwrap().step(Some(event)).await.unwrap();
    agent.type_text("The agent writes. ").await;
    agent.until_saved().await;
    let seq = scene.write(2, 10, 0, "nonetheless ").await;
    assert_eq!(scene.live_text().await, "The agent nonetheless writes. Before. After.");
    let texts = scene.history.blame(&scene.document, seq, Some("text".to_owned())).await.unwrap();
    let spans = texts.iter().flat_map(|text| &text.blocks).flat_map(|block| &block.spans);
    let told: Vec<_> = spans
        .map(|span| {
            let actor = &span.inserted.as_ref().unwrap().actor;
            (span.text.as_str(), actor.run, actor.trace_event)
        })
        .collect();
    let by_run = |text| (text, Some(run), Some(event));
    let expected =
        [by_run("The agent "), ("nonetheless ", None, None), by_run("writes. "), ("Before. After.", None, None)];
    assert_eq!(told, expected);
    let of_run = Selection { runs: vec![run], ..Selection::default() };
    assert!(scene.history.undo(&scene.document, &ann, &of_run, &Actor::SYSTEM).await.unwrap().is_changed);
    assert_eq!(scene.live_text().await, "nonetheless Before. After.");
    assert!(!scene.history.undo(&scene.document, &ann, &of_run, &Actor::SYSTEM).await.unwrap().is_changed);
    scene.stop().await;
}

/// What is left of `abcd`, a letter a minute from noon on, when a selection is taken back.
async fn left_without(selection: Selection) -> String {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let clock = Arc::new(ManualClock::new(noon()));
    let instance = Instance::at(database.db.clone(), Arc::clone(&clock) as _);
    let history = instance.documents.history();
    let scene = Scene { database: Arc::new(database), instance: Arc::new(instance), document, history };
    for (place, letter) in (0..).zip(["a", "b", "c", "d"]) {
        scene.write(1, place, 0, letter).await;
        clock.advance(Duration::from_mins(1));
    }
    scene.history.undo(&scene.document, &person(2), &selection, &Actor::SYSTEM).await.unwrap();
    let left = scene.live_text().await;
    scene.stop().await;
    left
}

fn noon() -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

#[tokio::test]
async fn places_and_times_bound_what_is_taken_back() {
    let all = Selection::default;
    let (second, third) = (Some(Seq::new(2)), Some(Seq::new(3)));
    assert_eq!(left_without(Selection { from: third, ..all() }).await, "ab");
    assert_eq!(left_without(Selection { through: second, ..all() }).await, "cd");
    assert_eq!(left_without(Selection { from: second, through: third, ..all() }).await, "ad");
    let after = |minutes| Some(noon() + TimeDelta::minutes(minutes));
    assert_eq!(left_without(Selection { since: after(1), until: after(3), ..all() }).await, "ad");
    assert_eq!(left_without(Selection { since: after(2), principals: vec![reference(1)], ..all() }).await, "ab");
    assert_eq!(left_without(Selection { since: after(9), ..all() }).await, "abcd");
}

#[tokio::test]
async fn only_a_part_of_an_edit_is_taken_back() {
    let scene = Scene::new().await;
    let both = |txn: &mut TransactionMut<'_>| {
        txn.get_or_insert_text("text").insert(txn, 0, "typed");
        let map = txn.get_or_insert_map("map");
        let inner = map.insert(txn, "inner", MapPrelim::default());
        inner.insert(txn, "a", 1);
        map.insert(txn, "b", 2);
    };
    scene.edit(1, both).await;
    let values = async || {
        let keys = |txn: &yrs::Transaction<'_>| {
            let map = txn.get_map("map").unwrap();
            let inner = map.get(txn, "inner").and_then(|inner| inner.cast::<yrs::MapRef>().ok());
            (inner.map(|inner| inner.len(txn)), map.get(txn, "b").is_some())
        };
        scene.instance.documents.read(&scene.document, keys).await.unwrap().0
    };
    let of_part = |part: &str| Selection { part: Some(part.to_owned()), ..of(1) };
    scene.history.undo(&scene.document, &person(2), &of_part("map/inner"), &Actor::SYSTEM).await.unwrap();
    assert_eq!((values().await, scene.live_text().await.as_str()), ((Some(0), true), "typed"));
    scene.history.undo(&scene.document, &person(2), &of_part("text"), &Actor::SYSTEM).await.unwrap();
    assert_eq!((values().await, scene.live_text().await.as_str()), ((Some(0), true), ""));
    scene.stop().await;
}

#[tokio::test]
async fn what_came_back_in_one_part_comes_back_in_the_others_later_and_only_there() {
    let scene = Scene::new().await;
    let in_both = |edit: fn(&yrs::TextRef, &mut TransactionMut<'_>)| {
        move |txn: &mut TransactionMut<'_>| {
            for root in ["text", "other"] {
                let text = txn.get_or_insert_text(root);
                edit(&text, txn);
            }
        }
    };
    scene.edit(1, in_both(|text, txn| text.insert(txn, 0, "abc"))).await;
    scene.edit(2, in_both(|text, txn| text.remove_range(txn, 1, 1))).await;
    let texts = async || {
        let read =
            |txn: &yrs::Transaction<'_>| ["text", "other"].map(|root| txn.get_text(root).unwrap().get_string(txn));
        scene.instance.documents.read(&scene.document, read).await.unwrap().0
    };
    let undo = async |part: Option<&str>| {
        let selection = Selection { part: part.map(str::to_owned), ..of(2) };
        scene.history.undo(&scene.document, &person(3), &selection, &Actor::SYSTEM).await.unwrap().is_changed
    };
    assert!(undo(Some("text")).await);
    assert_eq!(texts().await, ["abc", "ac"]);
    assert!(!undo(Some("text")).await);
    assert!(undo(None).await);
    assert_eq!(texts().await, ["abc", "abc"]);
    assert!(!undo(None).await && !undo(Some("other")).await);
    assert_eq!(texts().await, ["abc", "abc"]);
    scene.stop().await;
}
