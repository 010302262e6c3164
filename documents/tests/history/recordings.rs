//! The history of a text that people really wrote, two of them at the same time.
//!
//! `GLASSBOX_TRACES` names a folder with the whole recording `clownschool.json.gz`; without it, its beginning is played.

use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use chrono::{TimeDelta, Utc};
use platform::db::log::{self, NewUpdate, Provenance, Relay, Writer};
use platform::random::Random;
use schema::ids::{ClientID, Epoch, Seq};
use serde_json::Value;
use yrs::updates::decoder::Decode;
use yrs::{Doc, GetString, Text, Transact, Update};

use crate::scene::{Scene, reference};

/// Updates in a transaction.
const BATCH: usize = 500;

/// Who typed what, and what the text was after each update for somebody who read them in the log's order.
struct Played {
    updates: Vec<(u64, Bytes)>,
    texts: Vec<String>,
    /// Who typed each character of the text in the end.
    authors: Vec<u64>,
}

#[tokio::test]
async fn states_and_authors_are_those_of_the_recording() {
    let played = play();
    let scene = Scene::new().await;
    append(&scene, &played.updates).await;
    let head = played.updates.len();
    let random = Random::from_seed(7);
    for place in (0..100).map(|_| random.below(head as u64 + 1) as usize).chain([0, head]) {
        assert_eq!(scene.text_at(Seq::new(place as u64)).await, played.texts[place], "at {place}");
    }
    let told = scene.authors(Seq::new(head as u64), "text").await;
    let told: Vec<(char, u64)> =
        told.iter().flat_map(|(text, who)| text.chars().map(move |char| (char, *who as u64))).collect();
    let expected: Vec<(char, u64)> = played.texts[head].chars().zip(played.authors).collect();
    assert_eq!(told, expected);
    scene.stop().await;
}

async fn append(scene: &Scene, updates: &[(u64, Bytes)]) {
    let mut writer = Writer::new(uuid::Uuid::new_v4());
    let start = Utc::now() - TimeDelta::days(1);
    for (number, batch) in updates.chunks(BATCH).enumerate() {
        let batch: Vec<NewUpdate> = batch
            .iter()
            .enumerate()
            .map(|(index, (who, update))| NewUpdate {
                document: scene.document.id,
                org: scene.document.org,
                epoch: Epoch::FIRST,
                update: update.clone(),
                principal: reference(*who),
                run: None,
                provenance: Provenance::Own,
                client_ids: vec![*who],
                new_clients: vec![*who],
                received_at: start + TimeDelta::seconds((number * BATCH + index) as i64),
                relay: Relay::AsStored,
            })
            .collect();
        log::append(&scene.database.db, writer.next_batch(), &batch).await.unwrap();
    }
}

fn apply(doc: &Doc, update: &[u8]) {
    doc.transact_mut().apply_update(Update::decode_v1(update).unwrap()).unwrap();
}

fn text_of(doc: &Doc) -> String {
    let text = doc.get_or_insert_text("text");
    text.get_string(&doc.transact())
}

/// Plays the recording: every agent in a document of their own, in which they have what they had then.
fn play() -> Played {
    let trace = recording();
    let transactions = trace["txns"].as_array().unwrap();
    let agents = trace["numAgents"].as_u64().unwrap();
    let docs: Vec<Doc> = (0..agents).map(|agent| schema::new_doc(ClientID::new(100 + agent))).collect();
    let mut heard = vec![vec![false; transactions.len()]; agents as usize];
    let mut parents_of: Vec<Vec<usize>> = Vec::new();
    let reader = schema::new_doc(ClientID::new(1));
    let mut played = Played { updates: Vec::new(), texts: vec![String::new()], authors: Vec::new() };
    for (number, transaction) in transactions.iter().enumerate() {
        let agent = transaction["agent"].as_u64().unwrap() as usize;
        let parents = transaction["parents"].as_array().unwrap().iter();
        let parents: Vec<usize> = parents.map(|parent| parent.as_u64().unwrap() as usize).collect();
        let (mut unheard, mut left) = (Vec::new(), parents.clone());
        while let Some(other) = left.pop() {
            if !std::mem::replace(&mut heard[agent][other], true) {
                unheard.push(other);
                left.extend(&parents_of[other]);
            }
        }
        unheard.sort_unstable();
        for other in unheard {
            apply(&docs[agent], &played.updates[other].1);
        }
        let text = docs[agent].get_or_insert_text("text");
        let mut txn = docs[agent].transact_mut();
        for patch in transaction["patches"].as_array().unwrap() {
            let [at, deleted] = [0, 1].map(|index| patch[index].as_u64().unwrap() as u32);
            text.remove_range(&mut txn, at, deleted);
            text.insert(&mut txn, at, patch[2].as_str().unwrap());
        }
        let update = Bytes::from(txn.encode_update_v1());
        drop(txn);
        heard[agent][number] = true;
        parents_of.push(parents);
        apply(&reader, &update);
        played.texts.push(text_of(&reader));
        played.updates.push((100 + agent as u64, update));
    }
    assert_eq!(text_of(&reader), trace["endContent"].as_str().unwrap());
    played.authors = authors(&reader);
    played
}

/// Who typed each character, as the engine itself knows it.
fn authors(doc: &Doc) -> Vec<u64> {
    use yrs::types::text::YChange;
    use yrs::{Any, Out, ReadTxn, Snapshot};
    let now = doc.transact().snapshot();
    let text = doc.get_or_insert_text("text");
    let pieces = text.diff_range(&mut doc.transact_mut(), Some(&now), Some(&Snapshot::default()), YChange::identity);
    let who = |piece: yrs::types::text::Diff<YChange>| {
        let Out::Any(Any::String(text)) = piece.insert else { panic!("there is only text") };
        vec![piece.ychange.unwrap().id.client.get(); text.chars().count()]
    };
    pieces.into_iter().flat_map(who).collect()
}

fn recording() -> Value {
    let whole = std::env::var("GLASSBOX_TRACES").map(|folder| PathBuf::from(folder).join("clownschool.json.gz"));
    let excerpt = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/clownschool-excerpt.json.gz");
    let path = whole.unwrap_or(excerpt);
    let output = Command::new("gzip").arg("-dc").arg(&path).output().expect("gzip can be run");
    assert!(output.status.success(), "{} cannot be unpacked", path.display());
    serde_json::from_slice(&output.stdout).unwrap()
}
