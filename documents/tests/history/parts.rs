//! Taking back in a part of a document: a value, an item of a list, a block of rich text.

use documents::history::{HistoryError, Selection};
use platform::db::audit::Actor;
use schema::ids::Seq;
use schema::node;
use serde_json::{Value, json};
use yrs::{Array, Map, MapPrelim, TransactionMut, WriteTxn};

use crate::common::person;
use crate::scene::{Scene, reference};

impl Scene {
    /// Takes back what the second person did in a part, or everywhere. Returns whether that changed something.
    async fn undo_in(&self, part: Option<&str>) -> Result<bool, HistoryError> {
        self.undo_since(Seq::ZERO, part).await
    }

    async fn undo_since(&self, from: Seq, part: Option<&str>) -> Result<bool, HistoryError> {
        let (principals, part) = (vec![reference(2)], part.map(str::to_owned));
        let selection = Selection { principals, from: Some(from), part, ..Selection::default() };
        let undone = self.history.undo(&self.document, &person(3), &selection, &Actor::SYSTEM).await?;
        Ok(undone.is_changed)
    }

    async fn restore_in(&self, to: Seq, part: &str) {
        let part = Some(part.to_owned());
        self.history.restore(&self.document, &person(3), to, part, &Actor::SYSTEM).await.unwrap();
    }

    async fn root(&self, name: &'static str) -> Value {
        let read = move |txn: &yrs::Transaction<'_>| schema::free::read(txn)[name].clone();
        self.instance.documents.read(&self.document, read).await.unwrap().0
    }

    async fn body(&self) -> String {
        self.instance.documents.read(&self.document, |txn| node::read(txn).body).await.unwrap().0
    }
}

fn is_no_part(undone: &Result<bool, HistoryError>) -> bool {
    matches!(undone, Err(HistoryError::NoSuchPart(_)))
}

/// Sets values of the root `map`, and removes those that are `None`.
fn set(values: &'static [(&'static str, Option<&'static str>)]) -> impl FnOnce(&mut TransactionMut<'_>) {
    move |txn| {
        let map = txn.get_or_insert_map("map");
        for (key, value) in values {
            if let Some(value) = value {
                map.insert(txn, *key, *value);
            } else {
                map.remove(txn, key);
            }
        }
    }
}

#[tokio::test]
async fn a_single_value_of_a_map_is_taken_back() {
    let scene = Scene::new().await;
    scene.edit(1, set(&[("a", Some("one")), ("b", Some("one")), ("c", Some("one"))])).await;
    scene.edit(2, set(&[("a", Some("two")), ("b", Some("two")), ("c", None), ("d", Some("two"))])).await;

    assert!(scene.undo_in(Some("map/a")).await.unwrap());
    assert_eq!(scene.root("map").await, json!({"a": "one", "b": "two", "d": "two"}));
    assert!(!scene.undo_in(Some("map/a")).await.unwrap(), "there is nothing left to be taken back");
    assert!(scene.undo_in(Some("map/c")).await.unwrap());
    assert_eq!(scene.root("map").await, json!({"a": "one", "b": "two", "c": "one", "d": "two"}));
    assert!(scene.undo_in(Some("map/d")).await.unwrap());
    assert_eq!(scene.root("map").await, json!({"a": "one", "b": "two", "c": "one"}));
    for part in ["map/e", "map/a/b", "map/e/f"] {
        assert!(is_no_part(&scene.undo_in(Some(part)).await), "{part}");
    }
    assert!(scene.undo_in(None).await.unwrap());
    let all = json!({"a": "one", "b": "one", "c": "one"});
    assert_eq!(scene.root("map").await, all, "what was taken back in one place is still to be in the others");
    assert!(!scene.undo_in(None).await.unwrap());
    scene.stop().await;
}

#[tokio::test]
async fn a_single_value_of_a_map_is_restored() {
    let scene = Scene::new().await;
    let then = scene.edit(1, set(&[("a", Some("one")), ("b", Some("one")), ("c", Some("one"))])).await;
    scene.edit(2, set(&[("a", Some("two")), ("b", Some("two")), ("c", None), ("d", Some("two"))])).await;
    scene.edit(3, set(&[("a", Some("three"))])).await;
    for part in ["map/a", "map/c", "map/d"] {
        scene.restore_in(then, part).await;
    }
    assert_eq!(scene.root("map").await, json!({"a": "one", "b": "two", "c": "one"}));
    scene.stop().await;
}

#[tokio::test]
async fn the_only_value_of_a_root_comes_back() {
    let scene = Scene::new().await;
    scene.edit(1, set(&[("a", Some("one"))])).await;
    scene.edit(2, set(&[("a", None)])).await;
    assert!(scene.undo_in(Some("map/a")).await.unwrap());
    assert_eq!(scene.root("map").await, json!({"a": "one"}));
    scene.stop().await;
}

#[tokio::test]
async fn a_value_is_taken_back_in_a_map_that_the_same_person_made() {
    let scene = Scene::new().await;
    let make = |txn: &mut TransactionMut<'_>| {
        let inner = MapPrelim::from([("a", "two"), ("b", "two")]);
        txn.get_or_insert_map("map").insert(txn, "inner", inner);
    };
    scene.edit(2, make).await;
    assert!(scene.undo_in(Some("map/inner/a")).await.unwrap());
    assert_eq!(scene.root("map").await, json!({"inner": {"b": "two"}}));
    scene.stop().await;
}

#[tokio::test]
async fn an_item_of_a_list_is_taken_back() {
    let scene = Scene::new().await;
    let add = |txn: &mut TransactionMut<'_>| {
        let list = txn.get_or_insert_array("list");
        for id in ["first", "second", "third"] {
            list.push_back(txn, MapPrelim::from([("id", id)]));
        }
    };
    scene.edit(2, add).await;
    assert!(scene.undo_in(Some("list/second")).await.unwrap());
    assert_eq!(scene.root("list").await, json!([{"id": "first"}, {"id": "third"}]));
    assert!(scene.undo_in(Some("list/1")).await.unwrap());
    assert_eq!(scene.root("list").await, json!([{"id": "first"}]));
    assert!(is_no_part(&scene.undo_in(Some("list/third")).await));
    scene.stop().await;
}

fn write(text: &'static str) -> impl FnOnce(&mut TransactionMut<'_>) {
    move |txn| node::set_body(txn, text).unwrap()
}

#[tokio::test]
async fn a_block_of_a_body_is_taken_back() {
    let scene = Scene::new().await;
    scene.edit(1, write("A quick fox.\n\nA lazy dog.\n\nThe end.")).await;
    scene.edit(2, write("A fox.\n\nA dog.\n\nThe end.")).await;

    assert!(scene.undo_in(Some("body/1")).await.unwrap());
    assert_eq!(scene.body().await, "A fox.\n\nA lazy dog.\n\nThe end.");
    scene.edit(1, write("Once.\n\nA fox.\n\nA lazy dog.\n\nThe end.")).await;
    assert!(!scene.undo_in(Some("body/2")).await.unwrap(), "it is the same block, at another place");
    assert!(is_no_part(&scene.undo_in(Some("body/4")).await));
    assert!(scene.undo_in(None).await.unwrap());
    assert_eq!(scene.body().await, "Once.\n\nA quick fox.\n\nA lazy dog.\n\nThe end.");

    let from = scene.edit(2, write("Once.\n\nA quick fox.\n\nA cat.\n\nA lazy dog.\n\nThe end, at last.")).await;
    assert!(scene.undo_since(from, Some("body/2")).await.unwrap());
    let left = "Once.\n\nA quick fox.\n\nA lazy dog.\n\nThe end, at last.";
    assert_eq!(scene.body().await, left, "a block that was inserted goes as a whole");
    scene.stop().await;
}

#[tokio::test]
async fn a_block_of_a_body_is_restored() {
    let scene = Scene::new().await;
    let then = scene.edit(1, write("A quick fox.\n\nA lazy dog.")).await;
    scene.edit(2, write("A fox.\n\nA dog.")).await;
    scene.edit(3, write("A fox.\n\nA big dog.")).await;
    scene.restore_in(then, "body/1").await;
    assert_eq!(scene.body().await, "A fox.\n\nA lazy dog.");
    scene.stop().await;
}
