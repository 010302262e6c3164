//! Nodes: living documents behind REST.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::server::{Answer, Client, Server};

async fn create(client: &Client, project: &str, body: Value) -> (String, Answer) {
    let answer = client.post(&format!("/projects/{project}/nodes"), body).await;
    let id = answer.expect(StatusCode::CREATED)["id"].as_str().unwrap().to_owned();
    (format!("/nodes/{id}"), answer)
}

async fn patch_if(client: &Client, node: &str, etag: &str, body: Value) -> Answer {
    client.send(client.json(Method::PATCH, node).header("If-Match", etag), body.to_string()).await
}

/// Reads the project's list until it is as expected.
async fn list_until(client: &Client, project: &str, is_expected: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    client
        .eventually(async || {
            let page = client.get(&format!("/projects/{project}/nodes")).await.expect(StatusCode::OK);
            let items = page["items"].as_array().unwrap().clone();
            is_expected(&items).then_some(items)
        })
        .await
}

/// A node without what its row and its versions say of it, which come a moment later.
fn content(mut node: Value) -> Value {
    for told in ["updatedAt", "version"] {
        node.as_object_mut().unwrap().remove(told);
    }
    node
}

#[tokio::test]
async fn a_node_is_created_with_its_body_and_read_live() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let (node, created) = create(
        &ada,
        &project,
        json!({
            "title": "Interviews",
            "body": "# Twelve\n\n- one\n- two",
            "status": "in_progress",
            "position": {"x": 120, "y": -80.5},
            "width": 320,
            "height": 200.5,
            "metadata": {"tags": ["research"], "priority": "high"},
        }),
    )
    .await;
    let body = created.json();
    assert_eq!(body["title"], "Interviews");
    assert_eq!(body["status"], "in_progress");
    assert_eq!(body["body"].as_str().unwrap().trim_end(), "# Twelve\n\n- one\n- two");
    assert_eq!(body["position"], json!({"x": 120.0, "y": -80.5}));
    assert_eq!((&body["width"], &body["height"]), (&json!(320.0), &json!(200.5)));
    assert_eq!(body["metadata"], json!({"tags": ["research"], "priority": "high"}));
    assert_eq!((&body["authorType"], &body["authorUserId"]), (&json!("human"), &ada.user["id"]));
    assert_eq!(body["projectId"], json!(project));
    assert_eq!((&body["inputs"], &body["outputs"]), (&json!([]), &json!([])));

    let read = ada.get(&node).await;
    assert_eq!(read.expect(StatusCode::OK), body);
    assert_eq!(read.etag(), created.etag());
    let unchanged = ada.request(Method::GET, &node).header("If-None-Match", read.etag());
    let unchanged = ada.send(unchanged, axum::body::Body::empty()).await;
    assert_eq!(unchanged.status, StatusCode::NOT_MODIFIED);
    assert!(unchanged.body.is_empty());
}

#[tokio::test]
async fn the_body_of_a_new_node_may_be_called_description_but_not_both() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let (_, created) = create(&ada, &project, json!({"title": "One", "description": "Text"})).await;
    assert_eq!(created.json()["body"].as_str().unwrap().trim_end(), "Text");
    assert_eq!((&created.json()["width"], &created.json()["height"]), (&Value::Null, &Value::Null));
    let nodes = format!("/projects/{project}/nodes");
    for (wrong, field) in [
        (json!({"title": "One", "body": "a", "description": "b"}), ""),
        (json!({"title": "One", "width": -1}), "width"),
        (json!({"title": "One", "height": "high"}), "height"),
    ] {
        let refused = ada.post(&nodes, wrong).await;
        let problem = refused.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
        assert!(problem["errors"][0]["field"].as_str().unwrap().starts_with(field), "{problem}");
    }
}

#[tokio::test]
async fn a_repeated_request_with_the_same_key_creates_one_node_and_keeps_later_edits() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let path = format!("/projects/{project}/nodes");
    let send = async || {
        let request = ada.json(Method::POST, &path).header("Idempotency-Key", "k1");
        let body = json!({"title": "One", "description": "first"}).to_string();
        ada.send(request, body).await.expect(StatusCode::CREATED)
    };
    let first = send().await;
    let node = format!("/nodes/{}", first["id"].as_str().unwrap());
    ada.patch(&node, json!({"title": "Two", "body": "second"})).await.expect(StatusCode::OK);
    let again = send().await;
    assert_eq!(again["id"], first["id"]);
    assert_eq!((&again["title"], again["body"].as_str().unwrap().trim_end()), (&json!("Two"), "second"));
    list_until(&ada, &project, |items| items.len() == 1).await;
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_nothing_else() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let (parent, _) = create(&ada, &project, json!({"title": "Parent"})).await;
    let parent_id = parent.strip_prefix("/nodes/").unwrap();
    let (node, created) = create(
        &ada,
        &project,
        json!({"title": "Node", "description": "text", "parentId": parent_id, "metadata": {"a": 1, "b": 2}}),
    )
    .await;
    let patched = ada.patch(&node, json!({"title": "New", "metadata": {"a": null, "c": 3}})).await;
    let mut expected = content(created.json());
    expected["title"] = json!("New");
    expected["metadata"] = json!({"b": 2, "c": 3});
    assert_eq!(content(patched.expect(StatusCode::OK)), expected);
    assert_ne!(patched.etag(), created.etag());

    let cleared = ada.patch(&node, json!({"parentId": null, "body": null, "metadata": null, "status": null})).await;
    let cleared = cleared.expect(StatusCode::OK);
    assert_eq!(cleared["parentId"], Value::Null);
    assert_eq!(cleared["body"], "");
    assert_eq!(cleared["metadata"], json!({}));
    assert_eq!(cleared["status"], "draft");
    let unchanged = ada.patch(&node, json!({})).await;
    assert_eq!(content(unchanged.expect(StatusCode::OK)), content(cleared));
}

#[tokio::test]
async fn values_that_do_not_fit_are_refused_by_name() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let (node, created) = create(&ada, &project, json!({"title": "Node"})).await;
    let id = node.strip_prefix("/nodes/").unwrap();
    for (body, field) in [
        (json!({"title": null}), "title"),
        (json!({"title": ""}), "title"),
        (json!({"status": "unheard of"}), "status"),
        (json!({"position": {"x": 1e300, "y": 0}}), "x"),
        (json!({"position": {"x": 1}}), "position"),
        (json!({"parentId": "01"}), "parentId"),
        (json!({"width": -1}), "width"),
        (json!({"baseBody": "x"}), "baseBody"),
        (json!({"parentId": uuid::Uuid::new_v4()}), "parentId"),
    ] {
        let problem =
            ada.patch(&node, body).await.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    ada.patch(&node, json!({"parentId": id})).await.expect_problem(StatusCode::CONFLICT, "CYCLE");
    let (child, _) = create(&ada, &project, json!({"title": "Child", "parentId": id})).await;
    let child_id = child.strip_prefix("/nodes/").unwrap();
    ada.patch(&node, json!({"parentId": child_id})).await.expect_problem(StatusCode::CONFLICT, "CYCLE");
    assert_eq!(content(ada.get(&node).await.expect(StatusCode::OK)), content(created.json()));
    let create = ada.post(&format!("/projects/{project}/nodes"), json!({"title": "x", "status": "y"})).await;
    create.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
}

#[tokio::test]
async fn a_patch_of_what_has_changed_is_refused_and_changes_nothing() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let (node, created) = create(&ada, &project, json!({"title": "One", "description": "body"})).await;
    let first = patch_if(&ada, &node, created.etag(), json!({"title": "Two"})).await;
    first.expect(StatusCode::OK);

    let late = patch_if(&ada, &node, created.etag(), json!({"title": "Three"})).await;
    late.expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
    assert_eq!(late.etag(), first.etag());
    let second = patch_if(&ada, &node, first.etag(), json!({"body": "new body"})).await;
    second.expect(StatusCode::OK);
    // The tag names both documents: a change of the body counts for the title too.
    let late = patch_if(&ada, &node, first.etag(), json!({"title": "Three"})).await;
    late.expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
    let both = patch_if(&ada, &node, second.etag(), json!({"title": "Three", "body": "last"})).await;
    assert_eq!(both.expect(StatusCode::OK)["title"], "Three");

    patch_if(&ada, &node, "*", json!({"title": "Four"})).await.expect(StatusCode::OK);
    patch_if(&ada, &node, "1-2", json!({})).await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    let stale = ada.request(Method::DELETE, &node).header("If-Match", created.etag());
    let stale = ada.send(stale, axum::body::Body::empty()).await;
    stale.expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
    assert_eq!(ada.get(&node).await.expect(StatusCode::OK)["title"], "Four");
}

#[tokio::test]
async fn of_two_conditional_patches_at_the_same_time_one_is_made() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let (node, created) = create(&ada, &project, json!({"title": "One"})).await;
    let attempts = [json!({"title": "Two"}), json!({"title": "Three"})];
    let [one, other] = attempts.map(|body| patch_if(&ada, &node, created.etag(), body));
    let (one, other) = tokio::join!(one, other);
    let mut statuses = [one.status, other.status];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::OK, StatusCode::PRECONDITION_FAILED]);
}

#[tokio::test]
async fn bodies_written_from_the_same_text_at_the_same_time_both_survive() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let text = "# Plan\n\nfirst\n\nsecond\n\nthird\n";
    let (node, created) = create(&ada, &project, json!({"title": "One", "description": text})).await;
    let base = created.json()["body"].as_str().unwrap().to_owned();
    let edit = |from: &str, to: &str| json!({"body": base.replace(from, to), "baseBody": base});
    let (one, other, third) = tokio::join!(
        ada.patch(&node, edit("first", "first, by Ada")),
        ada.patch(&node, edit("third", "third, by Grace")),
        ada.patch(&node, edit("# Plan", "# Plan B")),
    );
    for answer in [one, other, third] {
        answer.expect(StatusCode::OK);
    }
    let merged = ada.get(&node).await.expect(StatusCode::OK)["body"].as_str().unwrap().to_owned();
    for part in ["# Plan B", "first, by Ada", "second", "third, by Grace"] {
        assert!(merged.contains(part), "{merged}");
    }
    assert_eq!(merged.lines().filter(|line| !line.is_empty()).count(), 4, "{merged}");
}

#[tokio::test]
async fn fields_of_the_canvas_patched_at_the_same_time_both_survive() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let (node, _) = create(&ada, &project, json!({"title": "One"})).await;
    let (one, other) = tokio::join!(
        ada.patch(&node, json!({"title": "Two"})),
        ada.patch(&node, json!({"status": "complete", "body": "done"})),
    );
    one.expect(StatusCode::OK);
    other.expect(StatusCode::OK);
    let read = ada.get(&node).await.expect(StatusCode::OK);
    assert_eq!((&read["title"], &read["status"]), (&json!("Two"), &json!("complete")));
}

#[tokio::test]
async fn a_deleted_node_is_gone_from_reads_and_lists() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let (node, _) = create(&ada, &project, json!({"title": "One"})).await;
    list_until(&ada, &project, |items| items.len() == 1).await;
    let deleted = ada.delete(&node).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    assert!(deleted.body.is_empty());
    ada.get(&node).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    ada.patch(&node, json!({"title": "Two"})).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    ada.delete(&node).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    list_until(&ada, &project, <[Value]>::is_empty).await;
}

#[tokio::test]
async fn lists_follow_the_documents() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let mut nodes = Vec::new();
    for number in 0..3 {
        nodes.push(create(&ada, &project, json!({"title": format!("Node {number}")})).await.0);
    }
    let items = list_until(&ada, &project, |items| items.len() == 3).await;
    let titles: Vec<_> = items.iter().map(|node| &node["title"]).collect();
    assert_eq!(titles, ["Node 0", "Node 1", "Node 2"]);
    ada.patch(&nodes[1], json!({"title": "Renamed", "metadata": {"tags": ["x"]}})).await.expect(StatusCode::OK);
    let items = list_until(&ada, &project, |items| items[1]["title"] == "Renamed").await;
    assert_eq!(items[1]["metadata"], json!({"tags": ["x"]}));
    assert!(items[1]["updatedAt"].is_string() && items[1]["reflectsSeq"].is_u64());

    let page = ada.get(&format!("/projects/{project}/nodes?limit=2")).await.expect(StatusCode::OK);
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let cursor = page["nextCursor"].as_str().unwrap();
    let page = ada.get(&format!("/projects/{project}/nodes?limit=2&cursor={cursor}")).await.expect(StatusCode::OK);
    assert_eq!(page["items"][0]["title"], "Node 2");
    assert_eq!(page["nextCursor"], Value::Null);
}

#[tokio::test]
async fn lists_follow_documents_that_hold_what_rows_cannot() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let odd = json!({"title": "a\u{0}b", "description": "c\u{0}d", "metadata": {"e\u{0}": ["f\u{0}"]}});
    create(&ada, &project, odd).await;
    create(&ada, &project, json!({"title": "Plain"})).await;
    list_until(&ada, &project, |items| items.len() == 2).await;
}

#[tokio::test]
async fn what_is_saved_outlives_the_instance_that_answered() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let (node, created) = create(&ada, &project, json!({"title": "One", "description": "kept"})).await;
    let other = server.another_instance().await;
    let read = ada.on(&other).get(&node).await;
    assert_eq!(content(read.expect(StatusCode::OK)), content(created.json()));
    assert_eq!(read.etag(), created.etag());
}

#[tokio::test]
async fn lists_follow_a_canvas_that_was_opened_for_one_of_its_nodes() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let (node, _) = create(&ada, &project, json!({"title": "Before"})).await;
    server.api.lifecycle.shutdown(Duration::from_secs(10)).await;

    let ada = ada.on(&server.another_instance().await);
    ada.get(&node).await.expect(StatusCode::OK);
    ada.patch(&node, json!({"title": "After"})).await.expect(StatusCode::OK);
    list_until(&ada, &project, |items| items.iter().any(|item| item["title"] == "After")).await;
}

#[tokio::test]
async fn a_list_is_filtered_and_sorted_as_asked() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let path = format!("/projects/{project}/nodes");
    let me = ada.user["id"].clone();
    let (first, _) = create(&ada, &project, json!({"title": "B research", "metadata": {"tags": ["x", "y"]}})).await;
    let parent = first.strip_prefix("/nodes/").unwrap();
    let inside = json!({"title": "a part", "status": "complete", "parentId": parent,
        "metadata": {"tags": ["x"], "assignees": [me], "dueDate": "2026-03-04", "priority": "high"}});
    create(&ada, &project, inside).await;
    let (gone, _) = create(&ada, &project, json!({"title": "C gone", "authorType": "agent"})).await;
    ada.delete(&gone).await.expect(StatusCode::NO_CONTENT);
    list_until(&ada, &project, |items| items.len() == 2).await;

    let titles = async |query: &str| {
        let page = ada.get(&format!("{path}?{query}")).await.expect(StatusCode::OK);
        let title = |item: &Value| item["title"].as_str().unwrap().to_owned();
        page["items"].as_array().unwrap().iter().map(title).collect::<Vec<_>>()
    };
    assert_eq!(titles("sort=title").await, ["a part", "B research"]);
    assert_eq!(titles("sort=-title&deleted=include").await, ["C gone", "B research", "a part"]);
    assert_eq!(titles("deleted=only").await, ["C gone"]);
    assert_eq!(titles("sort=-priority").await[0], "a part");
    assert_eq!(titles("sort=dueDate").await[0], "a part");
    assert_eq!(titles("status=complete&status=draft&sort=status").await, ["a part", "B research"]);
    assert_eq!(titles(&format!("parent={parent}")).await, ["a part"]);
    assert_eq!(titles("parent=none").await, ["B research"]);
    assert_eq!(titles("tag=y").await, ["B research"]);
    assert_eq!(titles("tag=x&tag=y&tagMatch=all").await, ["B research"]);
    assert_eq!(titles("tag=x&tag=y&sort=title").await, ["a part", "B research"]);
    assert_eq!(titles("assignee=me").await, ["a part"]);
    assert_eq!(titles("author=me&authorType=agent&deleted=include").await, ["C gone"]);
    assert_eq!(titles("dueAfter=2026-03-04T00:00:00Z&dueBefore=2026-03-05T00:00:00Z").await, ["a part"]);
    assert_eq!(titles("dueBefore=2026-03-04T00:00:00Z").await, [""; 0]);
    assert_eq!(titles("updatedSince=2099-01-01T00:00:00Z").await, [""; 0]);
    assert_eq!(titles("title=RESEARCH").await, ["B research"]);

    let page = ada.get(&format!("{path}?sort=title&limit=1")).await.expect(StatusCode::OK);
    let cursor = page["nextCursor"].as_str().unwrap();
    assert_eq!(titles(&format!("sort=title&limit=1&cursor={cursor}")).await, ["B research"]);
    for query in [
        &format!("sort=-title&cursor={cursor}"),
        &format!("cursor={cursor}"),
        "sort=size",
        "cursor=AAAA",
        "parent=nobody",
        "assignee=you",
        "dueAfter=yesterday",
        "deleted=maybe",
        "tag=a%00b",
        "limit=0",
        "limit=1&limit=2",
        "colour=red",
    ] {
        ada.get(&format!("{path}?{query}")).await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    }
}
