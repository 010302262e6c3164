//! Inputs and outputs of nodes.

use axum::body::Body;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::server::{Answer, Client, Server};

/// A project with a node, and the node's path.
async fn with_node(server: &Server) -> (Client, String) {
    let (ada, _, project) = server.with_project("ada").await;
    let node = ada.post(&format!("/projects/{project}/nodes"), json!({"title": "Node"})).await;
    let id = node.expect(StatusCode::CREATED)["id"].as_str().unwrap().to_owned();
    (ada, format!("/nodes/{id}"))
}

async fn add(client: &Client, list: &str, item: Value) -> (String, Value) {
    let added = client.post(list, item).await.expect(StatusCode::CREATED);
    (format!("{list}/{}", added["id"].as_str().unwrap()), added)
}

/// A file whose bytes are still to come.
async fn announce_file(client: &Client, org: &str) -> Value {
    let file = json!({"filename": "a.txt", "contentType": "text/plain"});
    client.post(&format!("/orgs/{org}/files/upload"), file).await.expect(StatusCode::CREATED)["fileId"].clone()
}

#[tokio::test]
async fn items_of_all_types_are_added_in_order_and_say_where_they_come_from() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let nodes = format!("/projects/{project}/nodes");
    let node = format!("/nodes/{}", ada.post(&nodes, json!({"title": "Node"})).await.created_id());
    let file = announce_file(&ada, &org).await;
    let other = ada.post(&nodes, json!({"title": "Other"})).await.created_id();
    ada.patch(&format!("/nodes/{other}"), json!({"description": "More"})).await.expect(StatusCode::OK);
    let items = [
        json!({"type": "text", "text": "Some **words**", "label": "Words", "metadata": {"a": 1}}),
        json!({"type": "external_link", "url": "https://example.com/a"}),
        json!({"type": "node_reference", "sourceNodeId": other, "sourceVersion": 2}),
        json!({"type": "structured_data", "data": {"rows": [1, null]}}),
        json!({"type": "file", "fileId": file}),
    ];
    for side in ["inputs", "outputs"] {
        let mut added = Vec::new();
        for item in &items {
            let mut expected = item.clone();
            let (_, mut body) = add(&ada, &format!("{node}/{side}"), item.clone()).await;
            added.push(body.clone());
            assert_eq!(body["provenance"]["userId"], ada.user["id"]);
            assert!(body["provenance"]["createdAt"].is_string());
            if let Some(text) = body["text"].as_str() {
                body["text"] = json!(text.trim_end());
            }
            for (key, value) in expected.as_object_mut().unwrap() {
                assert_eq!(body[key], *value, "{key}");
            }
        }
        assert_eq!(ada.get(&node).await.expect(StatusCode::OK)[side], json!(added));
    }
}

#[tokio::test]
async fn an_item_is_changed_and_removed() {
    let server = Server::start().await;
    let (ada, node) = with_node(&server).await;
    let provenance = json!({"source": "crm", "userId": "somebody else"});
    let text = json!({"type": "text", "text": "one two three", "provenance": provenance});
    let (item, added) = add(&ada, &format!("{node}/inputs"), text).await;
    assert_eq!((&added["provenance"]["source"], &added["provenance"]["userId"]), (&json!("crm"), &ada.user["id"]));
    let patch = json!({"text": "one 2 three", "label": "Numbers", "metadata": {"x": 1}, "sortOrder": 4});
    let answer = ada.patch(&item, patch).await;
    let changed = answer.expect(StatusCode::OK);
    assert_eq!(changed["text"].as_str().unwrap().trim_end(), "one 2 three");
    let values = [&changed["label"], &changed["metadata"], &changed["sortOrder"], &changed["provenance"]];
    assert_eq!(values, [&json!("Numbers"), &json!({"x": 1}), &json!(4), &added["provenance"]]);
    let read = ada.get(&node).await;
    assert_eq!((&read.expect(StatusCode::OK)["inputs"], read.etag()), (&json!([changed]), answer.etag()));

    assert_eq!(ada.delete(&item).await.status, StatusCode::NO_CONTENT);
    assert_eq!(ada.get(&node).await.expect(StatusCode::OK)["inputs"], json!([]));
    ada.delete(&item).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    ada.patch(&item, json!({"label": "x"})).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
}

#[tokio::test]
async fn what_others_wrote_in_a_text_since_it_was_read_is_kept() {
    let server = Server::start().await;
    let (ada, node) = with_node(&server).await;
    for side in ["inputs", "outputs"] {
        let text = json!({"type": "text", "text": "Buy milk.\n\nThe end."});
        let (item, read) = add(&ada, &format!("{node}/{side}"), text).await;
        let text = |answer: Answer| answer.expect(StatusCode::OK)["text"].as_str().unwrap().trim_end().to_owned();
        ada.patch(&item, json!({"text": "Buy milk, please.\n\nThe end."})).await.expect(StatusCode::OK);
        let changed = json!({"text": "Buy oat milk.\n\nThe end.", "baseText": read["text"]});
        assert_eq!(text(ada.patch(&item, changed).await), "Buy oat milk, please.\n\nThe end.", "{side}");
        let alone = ada.patch(&item, json!({"text": "Nothing else."})).await;
        assert_eq!(text(alone), "Nothing else.", "without the text that was read");

        let emptied = ada.patch(&item, json!({"text": null, "baseText": "Nothing else."})).await;
        assert_eq!(text(emptied), "");

        let refused = ada.patch(&item, json!({"baseText": "", "label": "Note"})).await;
        let problem = refused.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["field"], "baseText");
    }
    let (link, _) = add(&ada, &format!("{node}/inputs"), json!({"type": "external_link", "url": "https://a.b"})).await;
    let refused = ada.patch(&link, json!({"text": "words", "baseText": ""})).await;
    let problem = refused.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
    assert_eq!(problem["errors"][0]["field"], "text");
}

#[tokio::test]
async fn what_does_not_fit_an_item_is_refused_by_name() {
    let server = Server::start().await;
    let (ada, node) = with_node(&server).await;
    let list = format!("{node}/outputs");
    let (item, added) = add(&ada, &list, json!({"type": "external_link", "url": "https://example.com"})).await;
    for (item, field) in [
        (json!({"type": "external_link"}), "url"),
        (json!({"type": "external_link", "url": "ftp://example.com"}), "url"),
        (json!({"type": "text", "data": 1}), "data"),
        (json!({"type": "unheard of"}), "type"),
        (json!({"type": "text", "label": "x".repeat(256)}), "label"),
        (json!({"type": "node_reference", "sourceNodeId": Uuid::nil(), "sourceVersion": 0}), "sourceVersion"),
    ] {
        let problem = ada.post(&list, item).await;
        let problem = problem.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    for (changes, field) in [
        (json!({"url": null}), "url"),
        (json!({"url": "no address"}), "url"),
        (json!({"text": "words"}), "text"),
        (json!({"label": "x".repeat(256)}), "label"),
        (json!({"metadata": {"big": "x".repeat(300_000)}}), "metadata"),
        (json!({"provenance": {}}), "provenance"),
    ] {
        let problem = ada.patch(&item, changes).await;
        let problem = problem.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    assert_eq!(ada.get(&node).await.expect(StatusCode::OK)["outputs"], json!([added]));
    ada.patch(&format!("{list}/not-a-uuid"), json!({})).await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_ID");
}

#[tokio::test]
async fn a_reference_is_to_a_version_that_there_is() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let nodes = format!("/projects/{project}/nodes");
    let new_node = async || ada.post(&nodes, json!({"title": "Node"})).await.created_id();
    let (node, one, other) = (new_node().await, new_node().await, new_node().await);
    ada.patch(&format!("/nodes/{one}"), json!({"body": "More"})).await.expect(StatusCode::OK);
    let (eve, _, project) = server.with_project("eve").await;
    let of_eve = eve.post(&format!("/projects/{project}/nodes"), json!({"title": "Eve's"})).await.created_id();
    let list = format!("/nodes/{node}/inputs");
    let to =
        |node: &str, version: i64| json!({"type": "node_reference", "sourceNodeId": node, "sourceVersion": version});
    let expect_refused = |answer: Answer| {
        let problem = answer.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["field"], "sourceVersion", "{problem}");
    };
    let nobody = Uuid::new_v4().to_string();
    for (source, version) in [(&one, 3), (&one, 0), (&one, 1 << 40), (&other, 2), (&of_eve, 1), (&nobody, 1)] {
        expect_refused(ada.post(&list, to(source, version)).await);
    }
    let (item, added) = add(&ada, &list, to(&one, 2)).await;
    assert_eq!(added["sourceVersion"], 2);
    expect_refused(ada.patch(&item, json!({"sourceVersion": 9})).await);
    expect_refused(ada.patch(&item, json!({"sourceNodeId": other})).await);
    let changed = ada.patch(&item, json!({"sourceNodeId": other, "sourceVersion": 1})).await.expect(StatusCode::OK);
    assert_eq!((&changed["sourceNodeId"], &changed["sourceVersion"]), (&json!(other), &json!(1)));
    let latest = ada.patch(&item, json!({"sourceNodeId": one, "sourceVersion": null})).await.expect(StatusCode::OK);
    assert_eq!(latest["sourceVersion"], Value::Null);
    eve.post(&list, to(&of_eve, 1)).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
}

#[tokio::test]
async fn a_reference_is_to_a_file_or_a_node_of_the_organization() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let (eve, of_eve, projects_of_eve) = server.with_project("eve").await;
    let nodes = format!("/projects/{project}/nodes");
    let (node, other) = (
        ada.post(&nodes, json!({"title": "Node"})).await.created_id(),
        ada.post(&nodes, json!({"title": "Other"})).await.created_id(),
    );
    let foreign = eve.post(&format!("/projects/{projects_of_eve}/nodes"), json!({"title": "Eve's"})).await.created_id();
    let (file, foreign_file) = (announce_file(&ada, &org).await, announce_file(&eve, &of_eve).await);
    let list = format!("/nodes/{node}/inputs");
    let to_file = |file: &Value| json!({"type": "file", "fileId": file});
    let to_node = |node: &str| json!({"type": "node_reference", "sourceNodeId": node});
    let expect_refused = |answer: Answer, field: &str| {
        let problem = answer.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    };
    for nowhere in [foreign_file, json!(Uuid::new_v4())] {
        expect_refused(ada.post(&list, to_file(&nowhere)).await, "fileId");
        let (item, _) = add(&ada, &list, to_file(&file)).await;
        expect_refused(ada.patch(&item, json!({"fileId": nowhere})).await, "fileId");
    }
    for nowhere in [foreign, Uuid::new_v4().to_string()] {
        expect_refused(ada.post(&list, to_node(&nowhere)).await, "sourceNodeId");
        let (item, _) = add(&ada, &list, to_node(&other)).await;
        expect_refused(ada.patch(&item, json!({"sourceNodeId": nowhere})).await, "sourceNodeId");
    }
}

#[tokio::test]
async fn a_repeated_request_with_the_same_key_adds_one_item() {
    let server = Server::start().await;
    let (ada, node) = with_node(&server).await;
    let list = format!("{node}/inputs");
    let send = async || {
        let request = ada.json(Method::POST, &list).header("Idempotency-Key", "k1");
        ada.send(request, json!({"type": "text", "text": "once"}).to_string()).await.expect(StatusCode::CREATED)
    };
    let first = send().await;
    assert_eq!(send().await, first);
    assert_eq!(ada.get(&node).await.expect(StatusCode::OK)["inputs"], json!([first]));
}

#[tokio::test]
async fn a_change_of_an_item_of_a_node_that_has_changed_is_refused() {
    let server = Server::start().await;
    let (ada, node) = with_node(&server).await;
    let old = ada.get(&node).await;
    let (item, added) = add(&ada, &format!("{node}/inputs"), json!({"type": "text", "text": "words"})).await;
    let stale = |method| ada.json(method, &item).header("If-Match", old.etag());
    let patch = ada.send(stale(Method::PATCH), json!({"text": "other"}).to_string()).await;
    patch.expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
    let delete = ada.send(stale(Method::DELETE), Body::empty()).await;
    delete.expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
    assert_eq!(patch.etag(), ada.get(&node).await.etag());
    assert_eq!(ada.get(&node).await.expect(StatusCode::OK)["inputs"], json!([added]));
}

#[tokio::test]
async fn items_of_nodes_that_one_may_not_see_or_are_in_the_trash_do_not_exist() {
    let server = Server::start().await;
    let (ada, node) = with_node(&server).await;
    let (item, _) = add(&ada, &format!("{node}/inputs"), json!({"type": "text"})).await;
    let eve = server.sign_in("eve").await;
    let text = json!({"type": "text"});
    eve.post(&format!("{node}/inputs"), text.clone()).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    eve.patch(&item, json!({"text": "x"})).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    eve.delete(&item).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    assert_eq!(ada.delete(&node).await.status, StatusCode::NO_CONTENT);
    ada.post(&format!("{node}/inputs"), text).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
}

#[tokio::test]
async fn items_are_read_one_by_one_and_put_into_another_order() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let node = ada.post(&format!("/projects/{project}/nodes"), json!({"title": "N"})).await.expect(StatusCode::CREATED);
    let list = format!("/nodes/{}/outputs", node["id"].as_str().unwrap());
    let mut ids = Vec::new();
    for label in ["a", "b", "c"] {
        let item = ada.post(&list, json!({"type": "text", "label": label, "text": label})).await;
        ids.push(item.expect(StatusCode::CREATED)["id"].clone());
    }
    let item = ada.get(&format!("{list}/{}", ids[1].as_str().unwrap())).await.expect(StatusCode::OK);
    assert_eq!((&item["id"], &item["label"]), (&ids[1], &json!("b")));
    let labels =
        |page: &Value| page["items"].as_array().unwrap().iter().map(|item| item["label"].clone()).collect::<Vec<_>>();
    assert_eq!(labels(&ada.get(&list).await.expect(StatusCode::OK)), ["a", "b", "c"]);
    let order = format!("{list}/order");
    let turned: Vec<_> = ids.iter().rev().collect();
    let answer = ada.post(&order, json!({"ids": turned})).await.expect(StatusCode::OK);
    assert_eq!(labels(&answer), ["c", "b", "a"]);
    assert_eq!(labels(&ada.get(&list).await.expect(StatusCode::OK)), ["c", "b", "a"]);
    for wrong in [json!([ids[0], ids[1]]), json!([ids[0], ids[0], ids[1], ids[2]]), json!([ids[0], ids[1], project])] {
        ada.post(&order, json!({"ids": wrong})).await.expect_problem(StatusCode::CONFLICT, "CONFLICT");
    }
    let gone = format!("{list}/{project}");
    ada.get(&gone).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
}
