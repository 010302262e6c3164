//! Free documents, and snapshots of all documents.

use std::sync::Arc;

use axum::body::Body;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, StatusCode};
use platform::access::document_access;
use platform::auth::Principal;
use platform::config::Mode;
use schema::ClientID;
use schema::ids::DocumentName;
use serde_json::{Value, json};
use yrs::updates::decoder::Decode;
use yrs::{GetString, ReadTxn, Text, Transact, Update, WriteTxn};

use crate::server::{Answer, Client, Server};

async fn snapshot(client: &Client, name: &str, accept: &str) -> Answer {
    let request = client.request(Method::GET, &format!("/documents/{name}/snapshot")).header(ACCEPT, accept);
    client.send(request, Body::empty()).await
}

/// The text of a root, after a Yjs replica has applied the snapshot.
fn text_of(update: &[u8], root: &str) -> String {
    let doc = schema::new_doc(ClientID::new(1));
    let mut txn = doc.transact_mut();
    txn.apply_update(Update::decode_v1(update).unwrap()).unwrap();
    txn.get_or_insert_text(root).get_string(&txn)
}

/// Writes a text as a Yjs editor would.
async fn write_text(server: &Server, client: &Client, name: &str, text: &'static str) {
    let principal = Principal::user(client.user["id"].as_str().unwrap().parse().unwrap(), "ada");
    let name: DocumentName = name.parse().unwrap();
    let granted = document_access(&server.api.db, &principal, &name, server.api.mode).await.unwrap().unwrap();
    let patch = Box::new(move |txn: &mut yrs::TransactionMut<'_>| {
        txn.get_or_insert_text("content").insert(txn, 0, text);
        Ok(())
    });
    server.api.documents.edit(&granted.document, Arc::new(principal), None, patch).await.unwrap();
}

#[tokio::test]
async fn a_free_document_begins_empty_and_is_read_as_json_and_as_an_update() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let path = format!("/projects/{project}/documents");
    let document = ada.post(&path, json!({"title": "Whiteboard"})).await.expect(StatusCode::CREATED);
    assert_eq!(document["title"], "Whiteboard");
    assert_eq!(document["projectId"], json!(project));
    let name = document["name"].as_str().unwrap();
    assert_eq!(name, format!("doc:{}", document["id"].as_str().unwrap()));
    let empty = snapshot(&ada, name, "application/json").await;
    assert_eq!(empty.expect(StatusCode::OK), json!({}));
    assert_eq!((empty.etag(), &empty.headers["x-glassbox-seq"]), ("\"1-0\"", &"0".parse().unwrap()));

    write_text(&server, &ada, name, "Grüße 👋").await;
    let written = snapshot(&ada, name, "*/*").await;
    assert_eq!(written.expect(StatusCode::OK), json!({"content": "Grüße 👋"}));
    assert_eq!(written.headers[CONTENT_TYPE], "application/json");
    assert_eq!(written.etag(), "\"1-1\"");
    for accept in ["application/octet-stream", "application/vnd.yjs.update"] {
        let update = snapshot(&ada, name, accept).await;
        assert_eq!(update.status, StatusCode::OK);
        assert_eq!(update.headers[CONTENT_TYPE], accept);
        assert_eq!(update.headers["x-glassbox-epoch"], "1");
        assert_eq!(update.headers["x-glassbox-seq"], "1");
        assert_eq!(text_of(&update.body, "content"), "Grüße 👋");
    }
}

#[tokio::test]
async fn a_node_is_read_as_json_as_markdown_and_as_an_update() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let node = json!({"title": "One", "description": "# Title\n\n- [x] done"});
    let node = ada.post(&format!("/projects/{project}/nodes"), node).await.expect(StatusCode::CREATED);
    let name = format!("node:{}", node["id"].as_str().unwrap());

    let markdown = snapshot(&ada, &name, "text/markdown").await;
    assert_eq!(markdown.status, StatusCode::OK);
    assert_eq!(markdown.headers[CONTENT_TYPE], "text/markdown; charset=utf-8");
    assert_eq!(std::str::from_utf8(&markdown.body).unwrap().trim_end(), "# Title\n\n- [x] done");
    let typed = snapshot(&ada, &name, "application/json").await.expect(StatusCode::OK);
    assert_eq!(typed["body"], node["body"]);
    let update = snapshot(&ada, &name, "application/octet-stream").await;
    let replica = schema::new_doc(ClientID::new(1));
    replica.transact_mut().apply_update(Update::decode_v1(&update.body).unwrap()).unwrap();
    assert_eq!(json!(schema::node::read(&replica.transact()).body), node["body"]);

    // The parameter goes before the header.
    let request = ada.request(Method::GET, &format!("/documents/{name}/snapshot?format=markdown"));
    let parameter = ada.send(request.header(ACCEPT, "application/json"), Body::empty()).await;
    assert_eq!(parameter.body, markdown.body);
}

#[tokio::test]
async fn a_canvas_is_read_in_its_own_shape() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let node =
        ada.post(&format!("/projects/{project}/nodes"), json!({"title": "One"})).await.expect(StatusCode::CREATED);
    let name = format!("project:{project}");
    let canvas = snapshot(&ada, &name, "application/json").await.expect(StatusCode::OK);
    assert_eq!(canvas["project"]["name"], "Project");
    assert_eq!(canvas["nodes"][node["id"].as_str().unwrap()]["title"], "One");
    let update = snapshot(&ada, &name, "application/vnd.yjs.update").await;
    let replica = schema::new_doc(ClientID::new(1));
    replica.transact_mut().apply_update(Update::decode_v1(&update.body).unwrap()).unwrap();
    assert!(replica.transact().get_map("nodes").is_some());
}

#[tokio::test]
async fn a_form_that_a_document_does_not_have_is_refused_with_those_that_it_has() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let name = format!("project:{project}");
    for accept in ["text/markdown", "image/png"] {
        let answer = snapshot(&ada, &name, accept).await;
        let problem = answer.expect_problem(StatusCode::NOT_ACCEPTABLE, "NOT_ACCEPTABLE");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("application/json") && !detail.contains("markdown"), "{detail}");
    }
    for query in ["format=markdown", "format=pdf", "form=json"] {
        let answer = ada.get(&format!("/documents/{name}/snapshot?{query}")).await;
        assert!(answer.status.is_client_error(), "{query}");
    }
}

#[tokio::test]
async fn a_snapshot_that_is_known_is_not_sent_again() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let document = ada.post(&format!("/projects/{project}/documents"), json!({})).await.json();
    let name = document["name"].as_str().unwrap();
    write_text(&server, &ada, name, "one").await;
    let known = snapshot(&ada, name, "application/json").await;
    let again = async |etag: &str| {
        let request = ada.request(Method::GET, &format!("/documents/{name}/snapshot"));
        ada.send(request.header("If-None-Match", etag), Body::empty()).await
    };
    let unchanged = again(known.etag()).await;
    assert_eq!(unchanged.status, StatusCode::NOT_MODIFIED);
    assert!(unchanged.body.is_empty());
    assert_eq!(unchanged.etag(), known.etag());
    write_text(&server, &ada, name, "two, ").await;
    assert_eq!(again(known.etag()).await.expect(StatusCode::OK), json!({"content": "two, one"}));
}

#[tokio::test]
async fn scratch_documents_are_there_in_development_mode_only() {
    let server = Server::start().await;
    let ada = server.sign_in("ada").await;
    let scratch = snapshot(&ada, "scratch:try-me", "application/json").await;
    assert_eq!(scratch.expect(StatusCode::OK), json!({}));

    let principal = Principal::user(ada.user["id"].as_str().unwrap().parse().unwrap(), "ada");
    let name = "scratch:try-me".parse().unwrap();
    assert!(document_access(&server.api.db, &principal, &name, Mode::Production).await.unwrap().is_none());
}

#[tokio::test]
async fn a_document_that_does_not_exist_is_not_found() {
    let server = Server::start().await;
    let ada = server.sign_in("ada").await;
    for kind in ["project", "node", "doc"] {
        let answer = snapshot(&ada, &format!("{kind}:{}", uuid::Uuid::new_v4()), "*/*").await;
        answer.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
}

#[tokio::test]
async fn free_documents_are_listed_renamed_and_deleted() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let path = format!("/projects/{project}/documents");
    for title in ["b", "a", "c"] {
        ada.post(&path, json!({"title": title})).await.expect(StatusCode::CREATED);
    }
    let titles = async |query: &str| {
        let page = ada.get(&format!("{path}?{query}")).await.expect(StatusCode::OK);
        page["items"].as_array().unwrap().iter().map(|item| item["title"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(titles("").await, ["b", "a", "c"]);
    assert_eq!(titles("sort=-title").await, ["c", "b", "a"]);
    let first = ada.get(&format!("{path}?limit=1&sort=title")).await.expect(StatusCode::OK);
    assert_eq!(titles(&format!("sort=title&cursor={}", first["nextCursor"].as_str().unwrap())).await, ["b", "c"]);

    let name = first["items"][0]["name"].as_str().unwrap();
    let document = format!("/documents/{name}");
    assert_eq!(ada.get(&document).await.expect(StatusCode::OK), first["items"][0]);
    let renamed = ada.patch(&document, json!({"title": "A"})).await.expect(StatusCode::OK);
    assert_eq!(renamed["title"], "A");
    assert_eq!(ada.patch(&document, json!({})).await.expect(StatusCode::OK), renamed);
    assert_eq!(ada.patch(&document, json!({"title": null})).await.expect(StatusCode::OK)["title"], Value::Null);
    ada.patch(&document, json!({"title": ""}))
        .await
        .expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");

    ada.delete(&document).await.expect(StatusCode::NO_CONTENT);
    for answer in
        [ada.get(&document).await, ada.delete(&document).await, ada.get(&format!("{document}/snapshot")).await]
    {
        answer.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
    assert_eq!(titles("").await, ["b", "c"]);
    assert_eq!(titles("deleted=true").await, [Value::Null], "it is in the trash");
    let canvas = format!("/documents/project:{project}");
    ada.get(&canvas).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
}

#[tokio::test]
async fn a_free_document_comes_out_of_the_trash_as_it_was() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let path = format!("/projects/{project}/documents");
    let document = ada.post(&path, json!({"title": "Whiteboard"})).await.expect(StatusCode::CREATED);
    assert_eq!(document["deletedAt"], Value::Null);
    let name = document["name"].as_str().unwrap();
    write_text(&server, &ada, name, "kept").await;
    let restore = format!("/documents/{name}/restore");
    ada.post(&restore, json!({})).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    ada.delete(&format!("/documents/{name}")).await.expect(StatusCode::NO_CONTENT);
    let trash = ada.get(&format!("{path}?deleted=true")).await.expect(StatusCode::OK);
    assert_eq!(trash["items"][0]["name"], name);
    assert!(trash["items"][0]["deletedAt"].is_string());

    let eve = server.sign_in("eve").await;
    eve.post(&restore, json!({})).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    assert_eq!(ada.post(&restore, json!({})).await.expect(StatusCode::OK), document);
    assert_eq!(snapshot(&ada, name, "application/json").await.expect(StatusCode::OK), json!({"content": "kept"}));
    assert_eq!(ada.get(&format!("{path}?deleted=true")).await.expect(StatusCode::OK)["items"], json!([]));
    let id = document["id"].as_str().unwrap();
    let log = ada.get(&format!("/orgs/{org}/audit-log?resourceId={id}")).await.expect(StatusCode::OK);
    let actions: Vec<_> = log["items"].as_array().unwrap().iter().map(|entry| entry["action"].clone()).collect();
    assert_eq!(actions, ["document.recovered", "document.deleted", "document.created"]);
}

#[tokio::test]
async fn an_administrator_deletes_a_free_document_for_good_out_of_the_trash() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let grace = server.sign_in("grace").await;
    let member = json!({"email": "grace@example.com", "role": "member"});
    ada.post(&format!("/orgs/{org}/members"), member).await.expect(StatusCode::CREATED);
    let path = format!("/projects/{project}/documents");
    let document = ada.post(&path, json!({"title": "Whiteboard"})).await.expect(StatusCode::CREATED);
    let (name, id) = (document["name"].as_str().unwrap(), document["id"].as_str().unwrap());
    write_text(&server, &ada, name, "secret").await;
    let erase = format!("/documents/{name}?permanently=true");
    ada.delete(&erase).await.expect_problem(StatusCode::CONFLICT, "CONFLICT");
    grace.delete(&format!("/documents/{name}")).await.expect(StatusCode::NO_CONTENT);
    grace.delete(&erase).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    ada.delete(&erase).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(ada.get(&format!("{path}?deleted=true")).await.expect(StatusCode::OK)["items"], json!([]));
    for answer in [ada.delete(&erase).await, ada.post(&format!("/documents/{name}/restore"), json!({})).await] {
        answer.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
    let erased = format!("SELECT NOT EXISTS (SELECT FROM document_updates WHERE document_id = '{id}')");
    ada.eventually(async || server.database().is_so(&erased).await.then_some(())).await;
    let log = ada.get(&format!("/orgs/{org}/audit-log?resourceId={id}&limit=1")).await.expect(StatusCode::OK);
    assert_eq!(log["items"][0]["action"], "document.erased");
    // Canvases and nodes are not deleted here, whatever state they are in.
    let canvas = ada.delete(&format!("/documents/project:{project}?permanently=true")).await;
    canvas.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
}

#[tokio::test]
async fn documents_in_the_trash_of_a_project_in_the_trash_stay_there() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let path = format!("/projects/{project}/documents");
    let create = async |title: &str| {
        let document = ada.post(&path, json!({"title": title})).await.expect(StatusCode::CREATED);
        format!("/documents/{}", document["name"].as_str().unwrap())
    };
    let (before, with) = (create("before").await, create("with").await);
    ada.delete(&before).await.expect(StatusCode::NO_CONTENT);
    ada.delete(&format!("/projects/{project}")).await.expect(StatusCode::NO_CONTENT);
    for document in [&before, &with] {
        let answer = ada.post(&format!("{document}/restore"), json!({})).await;
        answer.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
    ada.post(&format!("/projects/{project}/restore"), json!({})).await.expect(StatusCode::OK);
    ada.get(&with).await.expect(StatusCode::OK);
    ada.get(&before).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    ada.post(&format!("{before}/restore"), json!({})).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_document_is_created_once_for_a_key() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let send = async || {
        let request = ada.json(http::Method::POST, &format!("/projects/{project}/documents"));
        ada.send(request.header("Idempotency-Key", "k"), json!({"title": "t"}).to_string())
            .await
            .expect(StatusCode::CREATED)
    };
    assert_eq!(send().await, send().await);
}
