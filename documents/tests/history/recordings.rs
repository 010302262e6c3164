//! The history of a text that people really wrote, two of them at the same time.
//!
//! Played is the whole recording `clownschool.json.gz` where it is at hand (`GLASSBOX_TRACES` names its folder), else its
//! beginning.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use chrono::{TimeDelta, Utc};
use platform::db::log::{self, NewUpdate, Provenance, Relay, SnapshotOutcome, Writer};
use platform::random::Random;
use schema::ids::{ClientID, Epoch, Seq};
use serde_json::Value;
use yrs::updates::decoder::Decode;
use yrs::{Doc, GetString, ReadTxn, StateVector, Text, Transact, Update};

use crate::scene::{Scene, reference};

/// Updates in a transaction.
const BATCH: usize = 500;

/// Updates between two snapshots: otherwise each of the places is built from all that was before it.
const SNAPSHOT_EVERY: usize = 1_000;

/// Who typed what, and what came of it for somebody who read the updates in the log's order.
struct Played {
    updates: Vec<(u64, Bytes)>,
    /// What the text was at the places that are asked for.
    texts: BTreeMap<usize, String>,
    /// What the document was at the places of snapshots.
    snapshots: Vec<(usize, Bytes)>,
    /// Who typed each character of the text in the end.
    authors: Vec<u64>,
}

#[tokio::test]
async fn states_and_authors_are_those_of_the_recording() {
    let trace = recording();
    let head = trace["txns"].as_array().unwrap().len();
    let random = Random::from_seed(7);
    let places: BTreeSet<usize> = (0..100).map(|_| random.below(head as u64 + 1) as usize).chain([0, head]).collect();
    let played = play(&trace, &places);
    let scene = Scene::new().await;
    append(&scene, &played.updates).await;
    assert_eq!(scene.text_at(Seq::new(head as u64)).await, played.texts[&head], "from the log alone");
    save(&scene, &played.snapshots).await;
    for (place, text) in &played.texts {
        assert_eq!(scene.text_at(Seq::new(*place as u64)).await, *text, "at {place}");
    }
    let told = scene.authors(Seq::new(head as u64), "text").await;
    let told: Vec<(char, u64)> =
        told.iter().flat_map(|(text, who)| text.chars().map(move |char| (char, *who as u64))).collect();
    let expected: Vec<(char, u64)> = played.texts[&head].chars().zip(played.authors).collect();
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

async fn save(scene: &Scene, snapshots: &[(usize, Bytes)]) {
    let (db, document) = (&scene.database.db, &scene.document);
    for (place, state) in snapshots {
        let seq = Seq::new(*place as u64);
        let saved = log::save_snapshot(db, document.org, document.id, Epoch::FIRST, seq, state.clone()).await.unwrap();
        assert_eq!(saved, SnapshotOutcome::Saved);
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
fn play(trace: &Value, places: &BTreeSet<usize>) -> Played {
    let transactions = trace["txns"].as_array().unwrap();
    let agents = trace["numAgents"].as_u64().unwrap();
    let docs: Vec<Doc> = (0..agents).map(|agent| schema::new_doc(ClientID::new(100 + agent))).collect();
    let mut heard = vec![vec![false; transactions.len()]; agents as usize];
    let mut parents_of: Vec<Vec<usize>> = Vec::new();
    let reader = schema::new_doc(ClientID::new(1));
    let mut played = Played { updates: Vec::new(), texts: BTreeMap::new(), snapshots: Vec::new(), authors: Vec::new() };
    note(&mut played, &reader, places);
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
        played.updates.push((100 + agent as u64, update));
        note(&mut played, &reader, places);
    }
    assert_eq!(text_of(&reader), trace["endContent"].as_str().unwrap());
    played.authors = authors(&reader);
    played
}

/// Keeps what is asked for of what the reader has by now.
fn note(played: &mut Played, reader: &Doc, places: &BTreeSet<usize>) {
    let place = played.updates.len();
    if places.contains(&place) {
        played.texts.insert(place, text_of(reader));
    }
    if place > 0 && place.is_multiple_of(SNAPSHOT_EVERY) {
        let state = reader.transact().encode_state_as_update_v1(&StateVector::default());
        played.snapshots.push((place, state.into()));
    }
}

/// Who typed each character, as the engine itself knows it.
fn authors(doc: &Doc) -> Vec<u64> {
    use yrs::types::text::YChange;
    use yrs::{Any, Out, Snapshot};
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
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = std::env::var("GLASSBOX_TRACES").map_or_else(|_| here.join("../../shared/traces"), PathBuf::from);
    let whole = folder.join("clownschool.json.gz");
    let path = if whole.exists() { whole } else { here.join("../tests/fixtures/clownschool-excerpt.json.gz") };
    let output = Command::new("gzip").arg("-dc").arg(&path).output().expect("gzip can be run");
    assert!(output.status.success(), "{} cannot be unpacked", path.display());
    serde_json::from_slice(&output.stdout).unwrap()
}
