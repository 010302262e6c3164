//! Looking at the past.

use documents::history::{Change, Grouping, HistoryError};
use platform::limits::Limits;
use schema::ids::{DocumentKind, Seq};
use schema::node;
use serde_json::json;
use std::collections::BTreeMap;
use yrs::updates::decoder::Decode;
use yrs::{IdMap, Map, WriteTxn};

use crate::scene::{Scene, marked, reference};

#[tokio::test]
async fn every_place_of_the_log_is_the_document_as_it_was() {
    // Snapshots now and then, so that places are reached from before and after them.
    let scene = Scene::with_limits(Limits { snapshot_every_updates: 7, ..Limits::default() }).await;
    let mut expected = vec![String::new()];
    for number in 0..40_u32 {
        let at = number % 5;
        let seq = scene.write(1 + u64::from(number % 3), at.min(number), 0, &format!("{number},")).await;
        assert_eq!(seq, Seq::new(u64::from(number) + 1));
        expected.push(scene.live_text().await);
    }
    for (seq, text) in expected.iter().enumerate() {
        assert_eq!(&scene.text_at(Seq::new(seq as u64)).await, text, "at {seq}");
    }
    let beyond = scene.history.state(&scene.document, Seq::new(41)).await;
    assert!(matches!(beyond, Err(HistoryError::Beyond { head }) if head == Seq::new(40)));
    scene.stop().await;
}

#[tokio::test]
async fn blame_tells_who_wrote_what_and_when() {
    let scene = Scene::new().await;
    let first = scene.write(1, 0, 0, "Hello world").await;
    let second = scene.write(2, 5, 0, ", dear").await;
    let third = scene.write(1, 0, 1, "J").await;
    let authors = scene.authors(third, "text").await;
    assert_eq!(authors, [("Jello".to_owned(), 1), (", dear".to_owned(), 2), (" world".to_owned(), 1)]);
    let authors = scene.authors(second, "text").await;
    assert_eq!(authors, [("Hello".to_owned(), 1), (", dear".to_owned(), 2), (" world".to_owned(), 1)]);
    let texts = scene.history.blame(&scene.document, third, None).await.unwrap();
    let by = texts[0].blocks[0].spans[1].inserted.as_ref().unwrap();
    assert_eq!((by.first, by.last, by.actor.principal), (second, second, reference(2)));
    assert!(scene.history.place_at(&scene.document, by.from).await.unwrap() >= first);
    scene.stop().await;
}

#[tokio::test]
async fn blame_looks_into_rich_text() {
    let scene = Scene::new().await;
    scene.edit(1, |txn| node::set_body(txn, "# Plan\n\nBuy milk.\n\n- one\n- two").unwrap()).await;
    let seq = scene.edit(2, |txn| node::set_body(txn, "# Plan B\n\nBuy oat milk.\n\n- one\n- two").unwrap()).await;
    let texts = scene.history.blame(&scene.document, seq, Some("body".to_owned())).await.unwrap();
    let told: Vec<_> = texts[0]
        .blocks
        .iter()
        .map(|block| {
            let spans = block.spans.iter();
            let who = |span: &documents::history::Span| span.inserted.as_ref().unwrap().actor.principal.id.as_u128();
            let spans: Vec<_> = spans.map(|span| format!("{}={}", span.text, who(span))).collect();
            (block.path.join(">"), spans.join("|"))
        })
        .collect();
    let expected = [
        ("heading", "Plan=1| B=2"),
        ("paragraph", "Buy =1|oat =2|milk.=1"),
        ("bulletList>listItem>paragraph", "one=1"),
        ("bulletList>listItem>paragraph", "two=1"),
    ];
    assert_eq!(told, expected.map(|(path, spans)| (path.to_owned(), spans.to_owned())));
    assert_eq!(texts[0].blocks[0].attributes, [("level".to_owned(), "1".to_owned())]);
    scene.stop().await;
}

#[tokio::test]
async fn the_difference_shows_texts_and_values_and_who_worked() {
    let scene = Scene::new().await;
    let before = scene
        .edit(1, |txn| {
            node::set_body(txn, "# Plan\n\nBuy milk.\n\nGone soon.").unwrap();
            txn.get_or_insert_map("inputs_meta").insert(txn, "colour", "red");
        })
        .await;
    scene.edit(2, |txn| node::set_body(txn, "# Plan\n\nBuy oat milk.\n\nGone soon.").unwrap()).await;
    scene.edit(2, |txn| node::set_body(txn, "# Plan\n\nBuy oat milk.\n\nNew.").unwrap()).await;
    let after = scene
        .edit(3, |txn| {
            txn.get_or_insert_map("inputs_meta").insert(txn, "colour", "blue");
        })
        .await;
    let diff = scene.history.diff(&scene.document, DocumentKind::Free, before, after).await.unwrap();
    let body = diff.texts.iter().find(|text| text.part == "body").unwrap();
    assert_eq!(marked(body)[..2], ["heading: Plan", "paragraph: Buy {+oat +}milk."]);
    let deleted: String = body
        .blocks
        .iter()
        .flat_map(|block| &block.spans)
        .filter(|span| span.change == Change::Deleted)
        .map(|span| span.text.as_str())
        .collect();
    assert!(deleted.contains("Go") && !deleted.contains("Buy"), "{deleted}");
    let gone = body.blocks.iter().flat_map(|block| &block.spans).find(|span| span.change == Change::Deleted).unwrap();
    assert_eq!(gone.inserted.as_ref().unwrap().actor.principal, reference(1));
    assert_eq!(gone.deleted.as_ref().unwrap().actor.principal, reference(2));
    let colour = diff.fields.iter().find(|field| field.path == ["inputs_meta", "colour"]).unwrap();
    assert_eq!((colour.before.clone(), colour.after.clone()), (Some(json!("red")), Some(json!("blue"))));
    let updates: Vec<_> = diff.contributions.iter().map(|it| (it.principal, it.updates)).collect();
    assert_eq!(updates, [(reference(2), 2), (reference(3), 1)]);
    let nothing = scene.history.diff(&scene.document, DocumentKind::Free, after, after).await.unwrap();
    assert!(nothing.texts.is_empty() && nothing.fields.is_empty() && nothing.contributions.is_empty());
    scene.stop().await;
}

#[tokio::test]
async fn sessions_tell_who_worked_when_and_how_much() {
    let scene = Scene::new().await;
    scene.write(1, 0, 0, "abc").await;
    scene.write(2, 3, 0, "de").await;
    let last = scene.write(1, 0, 2, "").await;
    let sessions = scene.history.sessions(&scene.document, Grouping::default()).await.unwrap();
    let told: Vec<_> = sessions
        .iter()
        .map(|it| (it.principal, it.first.get(), it.last.get(), it.updates, it.inserted, it.deleted))
        .collect();
    assert_eq!(told, [(reference(1), 1, 3, 2, 3, 2), (reference(2), 2, 2, 1, 2, 0)]);
    let each = Grouping { length: chrono::TimeDelta::milliseconds(-1), ..Grouping::default() };
    assert_eq!(scene.history.sessions(&scene.document, each).await.unwrap().len(), 3);
    let summary = scene.history.summary(&scene.document).await.unwrap();
    assert_eq!((summary.extent.head, summary.extent.trimmed), (last, Seq::ZERO));
    assert!(summary.started_at <= summary.ended_at && summary.started_at.is_some());
    scene.stop().await;
}

#[tokio::test]
async fn attributions_are_read_by_yrs() {
    let scene = Scene::new().await;
    scene.write(1, 0, 0, "abc").await;
    let last = scene.write(2, 1, 1, "x").await;
    let told = scene.history.attributions(&scene.document, last).await.unwrap();
    let read = |bytes: &[u8]| {
        let map = IdMap::<Value>::decode_v1(bytes).unwrap();
        let ranges = map.iter().map(|(_, it)| {
            let attributes: BTreeMap<_, _> =
                it.attrs.iter().map(|it| (it.name().to_owned(), it.value().0.clone())).collect();
            (it.range.clone(), attributes)
        });
        ranges.collect::<Vec<_>>()
    };
    let inserted = read(&told.inserted);
    let by: Vec<_> = inserted.iter().map(|(range, it)| (range.len(), it["insert"].clone())).collect();
    let expected = [(3, json!(reference(1).to_string())), (1, json!(reference(2).to_string()))];
    assert!(by.iter().all(|it| expected.contains(it)) && by.len() == 2, "{by:?}");
    assert!(inserted[0].1["insertAt"].as_f64().unwrap() > 1e12);
    let deleted = read(&told.deleted);
    assert_eq!((deleted.len(), deleted[0].0.clone(), &deleted[0].1["delete"]), (1, 1..2, &expected[1].1));
    scene.stop().await;
}

/// Any value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(transparent)]
struct Value(serde_json::Value);
