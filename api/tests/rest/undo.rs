//! Which updates are taken back, and how work is told in sessions, as callers ask for it.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use http::StatusCode;
use serde_json::{Value, json};

use crate::history::{Scene, principal};
use crate::server::Server;

/// A time that is neither that of what was done before, nor of what is done after.
async fn between() -> String {
    const PAUSE: Duration = Duration::from_millis(20);
    tokio::time::sleep(PAUSE).await;
    let now: DateTime<Utc> = Utc::now();
    tokio::time::sleep(PAUSE).await;
    now.to_rfc3339_opts(SecondsFormat::Micros, true)
}

async fn undo(scene: &Scene, selection: Value) -> bool {
    let undone = scene.ada.post(&scene.history("/undo"), selection).await.expect(StatusCode::OK);
    undone["changed"].as_bool().unwrap()
}

async fn outputs(scene: &Scene) -> usize {
    let node = scene.ada.get(&format!("/nodes/{}", scene.node)).await.expect(StatusCode::OK);
    node["outputs"].as_array().unwrap().len()
}

#[tokio::test]
async fn places_times_and_parts_bound_what_is_taken_back() {
    let server = Server::start().await;
    let scene = Scene::in_server(&server).await;
    let bob = principal(&scene.bob);
    let begun = between().await;
    scene.write(&scene.bob, json!({"body": "Buy milk. One."})).await;
    let time = between().await;
    scene.write(&scene.bob, json!({"body": "Buy milk. One. Two."})).await;
    scene.write(&scene.bob, json!({"body": "Buy milk. One. Two. Three."})).await;
    let output = json!({"type": "text", "text": "Oats"});
    scene.bob.post(&format!("/nodes/{}/outputs", scene.node), output).await.created_id();

    assert!(undo(&scene, json!({"principals": [bob], "throughSeq": 3, "fromSeq": 3})).await);
    assert_eq!(scene.body().await, "Buy milk. One. Three.");
    assert!(undo(&scene, json!({"principals": [bob], "until": time})).await);
    assert_eq!(scene.body().await, "Buy milk. Three.");
    assert!(!undo(&scene, json!({"principals": [bob], "until": begun})).await);
    assert!(undo(&scene, json!({"principals": [bob], "since": time, "part": "body"})).await);
    assert_eq!((scene.body().await.as_str(), outputs(&scene).await), ("Buy milk.", 1));
    assert!(undo(&scene, json!({"principals": [bob], "part": "outputs"})).await);
    assert_eq!((scene.body().await.as_str(), outputs(&scene).await), ("Buy milk.", 0));
    let nowhere = scene.ada.post(&scene.history("/undo"), json!({"principals": [bob], "part": "nowhere"})).await;
    nowhere.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
}

#[tokio::test]
async fn a_single_value_and_a_block_are_taken_back_and_restored() {
    let server = Server::start().await;
    let scene = Scene::in_server(&server).await;
    let bob = principal(&scene.bob);
    scene.write(&scene.ada, json!({"body": "Buy oat milk.\n\nBuy rye bread."})).await;
    scene
        .write(
            &scene.bob,
            json!({"body": "Buy milk.\n\nBuy bread.", "title": "List", "metadata": {"priority": "high"}}),
        )
        .await;
    assert!(undo(&scene, json!({"principals": [bob], "part": "body/1"})).await);
    assert_eq!(scene.body().await, "Buy milk.\n\nBuy rye bread.");
    let restore = scene.history("/restore");
    scene.ada.post(&restore, json!({"seq": 2, "part": "body/0"})).await.expect(StatusCode::OK);
    assert_eq!(scene.body().await, "Buy oat milk.\n\nBuy rye bread.");

    let canvas = format!("/documents/project:{}/history/undo", scene.project);
    let title = json!({"principals": [bob], "part": format!("nodes/{}/title", scene.node)});
    let undone = scene.ada.post(&canvas, title).await.expect(StatusCode::OK);
    assert_eq!(undone["changed"], true);
    let node = scene.ada.get(&format!("/nodes/{}", scene.node)).await.expect(StatusCode::OK);
    assert_eq!((&node["title"], &node["metadata"]), (&json!("Plan"), &json!({"priority": "high"})));
    for part in ["body/7", "body/x"] {
        let refused = scene.ada.post(&scene.history("/undo"), json!({"principals": [bob], "part": part})).await;
        refused.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
    }
}

#[tokio::test]
async fn sessions_are_as_long_as_the_caller_says() {
    let server = Server::start().await;
    let scene = Scene::in_server(&server).await;
    for body in ["Buy oat milk.", "Buy soy milk."] {
        between().await;
        scene.write(&scene.bob, json!({"body": body})).await;
    }
    let of_bob = async |query: &str| {
        let told = scene.ada.get(&scene.history(&format!("/sessions?{query}"))).await.expect(StatusCode::OK);
        let sessions = told["sessions"].as_array().unwrap().clone().into_iter();
        sessions.filter(|session| session["principal"] == principal(&scene.bob)).count()
    };
    assert_eq!(of_bob("gap=3600").await, 1);
    assert_eq!(of_bob("gap=0").await, 2, "no pause is short enough");
    assert_eq!(of_bob("length=3600").await, 1);
    assert_eq!(of_bob("length=0").await, 2, "a session is one edit");
    for query in ["gap=31622401", "length=31622401", "gap=-1", "length=x"] {
        let answer = scene.ada.get(&scene.history(&format!("/sessions?{query}"))).await;
        answer.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    }
}
