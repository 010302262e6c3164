//! What people say of themselves.

use http::StatusCode;
use serde_json::{Value, json};

use crate::server::Server;

#[tokio::test]
async fn people_choose_their_name_picture_and_settings() {
    let server = Server::start().await;
    let ada = server.sign_in("ada").await;
    let changes =
        json!({"name": " Countess ", "avatarUrl": "https://example.com/a.png", "settings": {"theme": "dark"}});
    let after = ada.patch("/users/me", changes).await.expect(StatusCode::OK);
    assert_eq!((&after["name"], &after["avatarUrl"]), (&json!("Countess"), &json!("https://example.com/a.png")));
    ada.patch("/users/me", json!({"settings": {"zoom": 2}, "avatarUrl": null})).await.expect(StatusCode::OK);
    let me = ada.get("/users/me").await.expect(StatusCode::OK);
    assert_eq!((&me["settings"], &me["avatarUrl"]), (&json!({"theme": "dark", "zoom": 2}), &Value::Null));
    assert_eq!(server.sign_in("ada").await.user["name"], "Countess", "signing in again does not take the choice back");
    let problem = ada.patch("/users/me", json!({"name": "", "avatarUrl": "x", "settings": {"a": "\u{0}"}})).await;
    let problem = problem.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
    let fields: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
    assert_eq!(fields, ["name", "avatarUrl", "settings"]);
}
