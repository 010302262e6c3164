//! API keys.

use chrono::{TimeDelta, Utc};
use http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use platform::access::AccessChange;
use serde_json::{Value, json};

use crate::server::{Client, Server};

async fn make(by: &Client, org: &str, scopes: Value) -> Value {
    let body = json!({"name": "Nightly import", "scopes": scopes});
    by.post(&format!("/orgs/{org}/api-keys"), body).await.expect(StatusCode::CREATED)
}

fn program(server: &Server, made: &Value) -> Client {
    server.program(made["key"].as_str().unwrap())
}

#[tokio::test]
async fn a_key_is_shown_once_and_known_by_its_hint() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let path = format!("/orgs/{org}/api-keys");
    let answer = ada.post(&path, json!({"name": "Import", "scopes": ["api:write", "api:read", "api:read"]})).await;
    assert_eq!(answer.headers[CACHE_CONTROL], "no-store");
    let mut made = answer.expect(StatusCode::CREATED);
    let key = made.as_object_mut().unwrap().remove("key").unwrap();
    assert!(key.as_str().unwrap().starts_with(made["hint"].as_str().unwrap()));
    assert_eq!(made["scopes"], json!(["api:read", "api:write"]));
    let read = ada.get(&format!("{path}/{}", made["id"].as_str().unwrap())).await;
    assert_eq!(read.expect(StatusCode::OK), made);
    assert_eq!(ada.get(&path).await.expect(StatusCode::OK)["items"], json!([made]));
    let log = ada.get(&format!("/orgs/{org}/audit-log?action=api_key.created")).await;
    assert!(!String::from_utf8_lossy(&log.body).contains(key.as_str().unwrap()));
    assert_eq!(log.expect(StatusCode::OK)["items"][0]["resourceId"], made["id"]);
}

#[tokio::test]
async fn a_key_does_what_its_scopes_say_as_itself() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let (reader, writer) = (make(&ada, &org, json!(["api:read"])).await, make(&ada, &org, json!(["api:write"])).await);
    let nodes = format!("/projects/{project}/nodes");
    let (reading, writing) = (program(&server, &reader), program(&server, &writer));
    reading.get(&nodes).await.expect(StatusCode::OK);
    let refused = reading.post(&nodes, json!({"title": "No"})).await;
    refused.expect_problem(StatusCode::FORBIDDEN, "INSUFFICIENT_SCOPE");
    assert_eq!(refused.headers[WWW_AUTHENTICATE], r#"Bearer error="insufficient_scope", scope="api:write""#);
    writing.post(&nodes, json!({"title": "Yes"})).await.expect(StatusCode::CREATED);
    writing.get(&nodes).await.expect(StatusCode::OK);
    assert_eq!(writing.get("/users/me").await.expect(StatusCode::OK)["id"], ada.user["id"]);

    writing
        .post(&format!("/orgs/{org}/invitations"), json!({"email": "x@example.com", "role": "guest"}))
        .await
        .expect(StatusCode::CREATED);
    let log = ada.get(&format!("/orgs/{org}/audit-log?action=invitation.created")).await.expect(StatusCode::OK);
    assert_eq!(log["items"][0]["actor"], format!("api_key:{}", writer["id"].as_str().unwrap()));
    assert_eq!(log["items"][0]["userId"], ada.user["id"]);
}

#[tokio::test]
async fn what_takes_somebody_in_person_no_key_does() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let grace = server.sign_in("grace").await;
    let member = json!({"email": "grace@example.com", "role": "member"});
    ada.post(&format!("/orgs/{org}/members"), member).await.expect(StatusCode::CREATED);
    let key = program(&server, &make(&ada, &org, json!(["api:write"])).await);
    let keys = format!("/orgs/{org}/api-keys");
    for answer in [
        key.post("/orgs", json!({"name": "Mine"})).await,
        key.patch("/users/me", json!({"name": "Mine"})).await,
        key.get(&keys).await,
        key.post(&keys, json!({"name": "Another", "scopes": ["api:write"]})).await,
        key.delete(&format!("/orgs/{org}?confirm=org-of-ada")).await,
        key.delete(&format!("/orgs/{org}/members/{}", ada.id())).await,
        key.patch(&format!("/orgs/{org}/members/{}", grace.id()), json!({"role": "owner"})).await,
    ] {
        answer.expect_problem(StatusCode::FORBIDDEN, "PERSON_REQUIRED");
    }
}

#[tokio::test]
async fn a_key_knows_of_its_own_organization_alone() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let other = ada.post("/orgs", json!({"name": "Other"})).await.created_id();
    let project = ada.post(&format!("/orgs/{other}/projects"), json!({"name": "Other"})).await.created_id();
    let key = program(&server, &make(&ada, &org, json!(["api:write"])).await);
    let listed = key.get("/orgs").await.expect(StatusCode::OK);
    assert_eq!((listed["items"].as_array().unwrap().len(), &listed["items"][0]["id"]), (1, &json!(org)));
    for path in [
        format!("/orgs/{other}"),
        format!("/orgs/{other}/projects"),
        format!("/projects/{project}"),
        format!("/documents/project:{project}/snapshot"),
    ] {
        key.get(&path).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
    ada.delete(&format!("/projects/{project}")).await.expect(StatusCode::NO_CONTENT);
    let restored = key.post(&format!("/projects/{project}/restore"), json!({})).await;
    restored.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
}

#[tokio::test]
async fn a_key_ends_when_it_is_revoked_has_run_out_or_its_maker_leaves() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let grace = server.sign_in("grace").await;
    let admin = json!({"email": "grace@example.com", "role": "admin"});
    ada.post(&format!("/orgs/{org}/members"), admin).await.expect(StatusCode::CREATED);
    let path = format!("/projects/{project}");

    let revoked = make(&ada, &org, json!(["api:read"])).await;
    let key = program(&server, &revoked);
    key.get(&path).await.expect(StatusCode::OK);
    let news = server.api.access_news.listen();
    let of_key = format!("/orgs/{org}/api-keys/{}", revoked["id"].as_str().unwrap());
    ada.delete(&of_key).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(news.changed().await, AccessChange::Of(ada.id().parse().unwrap()), "sockets hear of it");
    key.get(&path).await.expect_problem(StatusCode::UNAUTHORIZED, "INVALID_TOKEN");
    ada.delete(&of_key).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    assert!(ada.get(&of_key).await.expect(StatusCode::OK)["revokedAt"].is_string());

    let soon = Utc::now() + TimeDelta::milliseconds(1500);
    let body = json!({"name": "Brief", "scopes": ["api:read"], "expiresAt": soon});
    let brief = ada.post(&format!("/orgs/{org}/api-keys"), body).await.expect(StatusCode::CREATED);
    let key = program(&server, &brief);
    key.get(&path).await.expect(StatusCode::OK);
    while Utc::now() <= soon {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    key.get(&path).await.expect_problem(StatusCode::UNAUTHORIZED, "TOKEN_EXPIRED");

    let key = program(&server, &make(&grace, &org, json!(["api:write"])).await);
    let members = format!("/orgs/{org}/members/{}", grace.id());
    ada.patch(&members, json!({"role": "guest"})).await.expect(StatusCode::OK);
    key.get(&path).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    ada.patch(&members, json!({"role": "admin"})).await.expect(StatusCode::OK);
    key.get(&path).await.expect(StatusCode::OK);
    grace.delete(&members).await.expect(StatusCode::NO_CONTENT);
    key.get(&path).await.expect_problem(StatusCode::UNAUTHORIZED, "INVALID_TOKEN");
    let admin = json!({"email": "grace@example.com", "role": "admin"});
    ada.post(&format!("/orgs/{org}/members"), admin).await.expect(StatusCode::CREATED);
    key.get(&path).await.expect_problem(StatusCode::UNAUTHORIZED, "INVALID_TOKEN");
}

#[tokio::test]
async fn a_token_for_sockets_that_a_key_gets_is_the_keys() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let made = make(&ada, &org, json!(["api:read"])).await;
    let answer = program(&server, &made).post("/auth/ws-token", json!({})).await.expect(StatusCode::OK);
    let token = answer["token"].as_str().unwrap();
    let socket = server.api.authenticator.authenticate_socket(token).await.unwrap();
    assert_eq!(socket.principal.reference().to_string(), format!("api_key:{}", made["id"].as_str().unwrap()));
    let name = format!("project:{project}").parse().unwrap();
    let api = &server.api;
    let granted = platform::access::document_access(&api.db, &socket.principal, &name, api.mode).await.unwrap();
    assert_eq!(granted.unwrap().access, platform::access::Access::Read, "within its scope");
}

#[tokio::test]
async fn when_a_key_was_last_used_is_known_to_the_minute() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let made = make(&ada, &org, json!(["api:read"])).await;
    let of_key = format!("/orgs/{org}/api-keys/{}", made["id"].as_str().unwrap());
    assert_eq!(ada.get(&of_key).await.json()["lastUsedAt"], Value::Null);
    let key = program(&server, &made);
    key.get("/orgs").await.expect(StatusCode::OK);
    let first = ada.get(&of_key).await.json()["lastUsedAt"].clone();
    assert!(first.is_string());
    key.get("/orgs").await.expect(StatusCode::OK);
    assert_eq!(ada.get(&of_key).await.json()["lastUsedAt"], first, "one write a minute");
}

#[tokio::test]
async fn fields_of_a_key_are_checked_and_only_admins_make_one() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let path = format!("/orgs/{org}/api-keys");
    for (body, field) in [
        (json!({"name": "", "scopes": ["api:read"]}), "name"),
        (json!({"name": "x", "scopes": []}), "scopes"),
        (json!({"name": "x", "scopes": ["api:admin"]}), "scopes[0]"),
        (json!({"name": "x", "scopes": ["api:read"], "expiresAt": "2001-01-01T00:00:00Z"}), "expiresAt"),
    ] {
        let answer = ada.post(&path, body).await;
        let problem = answer.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["field"], field);
    }
    let grace = server.sign_in("grace").await;
    let member = json!({"email": "grace@example.com", "role": "member"});
    ada.post(&format!("/orgs/{org}/members"), member).await.expect(StatusCode::CREATED);
    let body = json!({"name": "x", "scopes": ["api:read"]});
    grace.post(&path, body.clone()).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");

    let repeat = async || {
        let request = ada.json(Method::POST, &path).header("Idempotency-Key", "k1");
        ada.send(request, body.to_string()).await
    };
    repeat().await.expect(StatusCode::CREATED);
    repeat().await.expect_problem(StatusCode::CONFLICT, "CONFLICT");
    assert_eq!(ada.get(&path).await.json()["items"].as_array().unwrap().len(), 1);
}
