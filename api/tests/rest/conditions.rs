//! What is changed only if it is still what the caller has read: things that have no log, so that their tags are digests.

use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::files::upload;
use crate::server::{Answer, Client, Server};

/// Something that can be changed, with three changes that make it something else each.
struct Case {
    path: String,
    changes: [Value; 3],
}

/// One of each, of an organization of the caller.
async fn cases(server: &Server, ada: &Client, org: &str, project: &str) -> Vec<Case> {
    let structure = json!({"nodes": [{"key": "a", "title": "A"}]});
    let template = json!({"name": "T", "structure": structure});
    let template = ada.post(&format!("/orgs/{org}/templates"), template).await.created_id();
    let hook = json!({"url": "https://example.com/"});
    let hook = ada.post(&format!("/orgs/{org}/webhooks"), hook).await.created_id();
    let model = json!({"name": "m", "baseUrl": "https://models.example.com/v1", "model": "m", "contextTokens": 1000,
                       "outputTokens": 100});
    let model = ada.post(&format!("/orgs/{org}/models"), model).await.created_id();
    let document = json!({"title": "D"});
    let document = ada.post(&format!("/projects/{project}/documents"), document).await.created_id();
    let file = json!({"filename": "a.txt", "contentType": "text/plain"});
    let file = upload(server, ada, org, file, "words").await;
    let changes = |field: &str, values: [&str; 3]| values.map(|value| json!({field: value}));
    vec![
        Case { path: format!("/templates/{template}"), changes: changes("name", ["U", "V", "W"]) },
        Case { path: format!("/orgs/{org}/webhooks/{hook}"), changes: changes("description", ["U", "V", "W"]) },
        Case { path: format!("/orgs/{org}/models/{model}"), changes: changes("model", ["U", "V", "W"]) },
        Case { path: format!("/documents/doc:{document}"), changes: changes("title", ["U", "V", "W"]) },
        Case { path: format!("/files/{file}"), changes: changes("filename", ["U", "V", "W"]) },
    ]
}

async fn patch(client: &Client, path: &str, tag: &str, body: &Value) -> Answer {
    client.send(client.json(Method::PATCH, path).header(IF_MATCH, tag), body.to_string()).await
}

#[tokio::test]
async fn what_somebody_else_has_changed_is_not_overwritten() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    for Case { path, changes: [first, second, third] } in cases(&server, &ada, &org, &project).await {
        let read = ada.get(&path).await;
        read.expect(StatusCode::OK);
        let tag = read.etag().to_owned();
        assert_eq!(ada.get(&path).await.etag(), tag, "{path}: it says the same");
        let changed = patch(&ada, &path, &tag, &first).await;
        changed.expect(StatusCode::OK);
        let now = changed.etag().to_owned();
        assert_ne!(now, tag, "{path}");
        assert_eq!(ada.get(&path).await.etag(), now, "{path}: what was answered is what there is");

        let refused = patch(&ada, &path, &tag, &second).await;
        refused.expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
        assert_eq!(refused.etag(), now, "{path}");
        assert_eq!(patch(&ada, &path, &tag, &json!({})).await.status, StatusCode::PRECONDITION_FAILED, "{path}");
        assert_eq!(ada.get(&path).await.etag(), now, "{path}: nothing was changed");
        patch(&ada, &path, "no tag", &second).await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");

        patch(&ada, &path, "*", &second).await.expect(StatusCode::OK);
        let unconditional = ada.patch(&path, third).await;
        unconditional.expect(StatusCode::OK);
        assert!(unconditional.etag() != now && unconditional.etag() != tag, "{path}");
    }
}

#[tokio::test]
async fn of_two_who_change_what_both_have_read_one_does() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    for Case { path, changes: [first, second, _] } in cases(&server, &ada, &org, &project).await {
        let tag = ada.get(&path).await.etag().to_owned();
        let (one, other) = tokio::join!(patch(&ada, &path, &tag, &first), patch(&ada, &path, &tag, &second));
        let mut statuses = [one.status.as_u16(), other.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412], "{path}");
    }
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    for Case { path, changes: [change, ..] } in cases(&server, &ada, &org, &project).await {
        let tag = ada.get(&path).await.etag().to_owned();
        let again = async || ada.send(ada.request(Method::GET, &path).header(IF_NONE_MATCH, &tag), "").await;
        // Where a file can be downloaded is another address each time, so it is sent each time.
        let expected = if path.starts_with("/files/") { StatusCode::OK } else { StatusCode::NOT_MODIFIED };
        let answer = again().await;
        assert_eq!((answer.status, answer.etag()), (expected, tag.as_str()), "{path}");
        ada.patch(&path, change).await.expect(StatusCode::OK);
        assert_eq!(again().await.status, StatusCode::OK, "{path}");
    }
}
