//! Webhooks, as admins manage them. Deliveries are tested where they are made.

use http::StatusCode;
use serde_json::{Value, json};

use crate::server::{Client, Server};

async fn create(client: &Client, org: &str, body: Value) -> Value {
    client.post(&format!("/orgs/{org}/webhooks"), body).await.expect(StatusCode::CREATED)
}

#[tokio::test]
async fn a_webhook_is_made_changed_and_deleted_and_its_secret_is_shown_once() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let body = json!({"url": "https://example.com/hooks", "description": "Tracker", "events": ["node_created", "node_created"]});
    let created = create(&ada, &org, body).await;
    let secret = created["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_"));
    assert_eq!((&created["events"], &created["active"]), (&json!(["node_created"]), &json!(true)));
    let path = format!("/orgs/{org}/webhooks/{}", created["id"].as_str().unwrap());
    let read = ada.get(&path).await.expect(StatusCode::OK);
    assert_eq!((read.get("secret"), &read["url"]), (None, &json!("https://example.com/hooks")));
    let list = ada.get(&format!("/orgs/{org}/webhooks")).await.expect(StatusCode::OK);
    assert_eq!(list["items"], json!([read]));

    let changed = ada.patch(&path, json!({"events": [], "active": false})).await.expect(StatusCode::OK);
    assert_eq!(
        (&changed["events"], &changed["active"], &changed["description"]),
        (&json!([]), &json!(false), &json!("Tracker"))
    );
    ada.patch(&path, json!({"url": null})).await.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
    let rotated = ada.post(&format!("{path}/rotate-secret"), json!({})).await.expect(StatusCode::OK);
    assert_ne!(rotated["secret"], created["secret"]);

    let pinged = ada.post(&format!("{path}/ping"), json!({})).await.expect(StatusCode::ACCEPTED);
    assert_eq!(
        (&pinged["type"], &pinged["state"], &pinged["attempts"]),
        (&json!("ping"), &json!("pending"), &json!(0))
    );
    let log = ada.get(&format!("{path}/deliveries?state=pending")).await.expect(StatusCode::OK);
    assert_eq!(log["items"], json!([pinged]));
    assert_eq!(ada.get(&format!("{path}/deliveries?state=failed")).await.expect(StatusCode::OK)["items"], json!([]));
    let delivery = format!("{path}/deliveries/{}", pinged["id"].as_str().unwrap());
    assert_eq!(ada.get(&delivery).await.expect(StatusCode::OK), pinged);
    let again = ada.post(&format!("{delivery}/redeliver"), json!({})).await.expect(StatusCode::ACCEPTED);
    assert_eq!(again["messageId"], pinged["messageId"]);
    assert_ne!(again["id"], pinged["id"]);

    ada.delete(&path).await.expect(StatusCode::NO_CONTENT);
    ada.get(&path).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    ada.delete(&path).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    let audit = ada.get(&format!("/orgs/{org}/audit-log?resourceType=webhook")).await.expect(StatusCode::OK);
    let actions: Vec<_> = audit["items"].as_array().unwrap().iter().map(|it| it["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["webhook.deleted", "webhook.secret_rotated", "webhook.updated", "webhook.created"]);
    assert!(!audit.to_string().contains("whsec_"));
}

#[tokio::test]
async fn a_repeated_request_with_the_same_key_makes_one_webhook() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let path = format!("/orgs/{org}/webhooks");
    let send = async || {
        let request = ada.json(http::Method::POST, &path).header("Idempotency-Key", "k1");
        ada.send(request, json!({"url": "https://example.com/"}).to_string()).await.expect(StatusCode::CREATED)
    };
    assert_eq!(send().await, send().await);
    assert_eq!(ada.get(&path).await.expect(StatusCode::OK)["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn webhooks_are_for_admins_and_lead_to_the_internet() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let (bob, eve) = (server.sign_in("bob").await, server.sign_in("eve").await);
    let body = json!({"email": "bob@example.com", "role": "member"});
    ada.post(&format!("/orgs/{org}/members"), body).await.expect(StatusCode::CREATED);
    let path = format!("/orgs/{org}/webhooks");
    bob.get(&path).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    bob.post(&path, json!({"url": "https://example.com/"})).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    eve.get(&path).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    for url in [
        "http://127.0.0.1/",
        "https://localhost/",
        "https://10.0.0.1/",
        "https://[::1]/",
        "ftp://example.com/",
        "https://a:b@example.com/",
    ] {
        let refused = ada.post(&path, json!({"url": url})).await;
        let problem = refused.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["field"], "url", "{url}");
    }
    let events =
        ada.post(&path, json!({"url": "https://example.com/", "events": ["node_exploded", "notification"]})).await;
    let problem = events.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 2);
    for number in 0..server.api.limits.webhooks_per_organization {
        create(&ada, &org, json!({"url": format!("https://example.com/{number}")})).await;
    }
    ada.post(&path, json!({"url": "https://example.com/"})).await.expect_problem(StatusCode::CONFLICT, "CONFLICT");
}
