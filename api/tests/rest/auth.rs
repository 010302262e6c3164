//! Tokens, and who calls.

use axum::body::Body;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{Request, StatusCode};
use platform::config::Mode;
use serde_json::json;

use crate::server::{Server, post};

const DEV_TOKEN: &str = "/api/v1/auth/dev-token";

#[tokio::test]
async fn a_development_token_signs_in_and_names_the_same_person_every_time() {
    let server = Server::start().await;
    let answer = server.call(post(DEV_TOKEN, &json!({"email": "Ada@Example.com"}))).await.expect(StatusCode::OK);
    let user = &answer["user"];
    assert_eq!((&user["email"], &user["name"]), (&json!("ada@example.com"), &json!("ada")));
    assert!(user["avatarUrl"].is_null());
    assert!(user["color"].as_str().unwrap().starts_with('#'));
    assert!(answer["expiresAt"].is_string());

    let ada = server.sign_in("ada").await;
    assert_eq!(ada.user["id"], user["id"]);
    let me = ada.get("/users/me").await.expect(StatusCode::OK);
    assert_eq!(me, ada.user);
}

#[tokio::test]
async fn production_mode_has_no_development_tokens() {
    let server = Server::start_in(Mode::Production).await;
    for body in [json!({"email": "ada@example.com"}), json!({})] {
        server.call(post(DEV_TOKEN, &body)).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
}

#[tokio::test]
async fn a_development_token_is_refused_in_production_mode() {
    let development = Server::start().await;
    let token = development.call(post(DEV_TOKEN, &json!({"email": "ada@example.com"}))).await.json();
    let production = Server::start_in(Mode::Production).await;
    let request = Request::get("/api/v1/users/me")
        .header(AUTHORIZATION, format!("Bearer {}", token["token"].as_str().unwrap()))
        .body(Body::empty())
        .unwrap();
    production.call(request).await.expect_problem(StatusCode::UNAUTHORIZED, "INVALID_TOKEN");
}

#[tokio::test]
async fn without_a_valid_token_nothing_is_answered() {
    let server = Server::start().await;
    let answer = server.get("/api/v1/users/me").await;
    answer.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
    assert_eq!(answer.headers[WWW_AUTHENTICATE], "Bearer");

    let request = Request::get("/api/v1/orgs").header(AUTHORIZATION, "Bearer x.y.z").body(Body::empty()).unwrap();
    let answer = server.call(request).await;
    answer.expect_problem(StatusCode::UNAUTHORIZED, "INVALID_TOKEN");
    assert_eq!(answer.headers[WWW_AUTHENTICATE], "Bearer error=\"invalid_token\"");
}

#[tokio::test]
async fn a_sockets_token_opens_sockets_and_not_the_interface() {
    let server = Server::start().await;
    let ada = server.sign_in("ada").await;
    let answer = ada.post("/auth/ws-token", json!({})).await.expect(StatusCode::OK);
    let token = answer["token"].as_str().unwrap();
    let socket = server.api.authenticator.authenticate_socket(token).await.unwrap();
    assert_eq!(json!(socket.principal.user.unwrap()), ada.user["id"]);
    let lasts = (answer["expiresAt"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap()
        - server.api.clock.now())
    .num_seconds();
    assert!((240..=300).contains(&lasts), "{lasts}");

    let request =
        Request::get("/api/v1/users/me").header(AUTHORIZATION, format!("Bearer {token}")).body(Body::empty()).unwrap();
    server.call(request).await.expect_problem(StatusCode::UNAUTHORIZED, "INVALID_TOKEN");
}

#[tokio::test]
async fn fields_of_a_sign_in_are_checked() {
    let server = Server::start().await;
    let answer = server.call(post(DEV_TOKEN, &json!({"email": "nobody", "name": ""}))).await;
    let problem = answer.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
    let fields: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
    assert_eq!(fields, ["email", "name"]);
}
