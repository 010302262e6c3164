//! Searches, and what is told of a node to whoever works on it.

use std::time::Duration;

use http::StatusCode;
use http::header::{ACCEPT, CONTENT_TYPE};
use platform::config::Mode;
use platform::db::search;
use platform::embedding::Embedder;
use platform::limits::Limits;
use platform::search::passages::with_title;
use schema::ids::OrgId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::server::{Client, Server};

/// Does what the indexer does: entries of the nodes that have changed, and embeddings.
async fn index(server: &Server, org: &str) {
    let org: OrgId = org.parse().unwrap();
    let mut tx = server.api.db.org(org).await.unwrap();
    search::index_nodes(&mut tx, 1_000).await.unwrap();
    tx.commit().await.unwrap();
    let waiting = search::claim(&server.api.db, 1_000, Duration::from_mins(1)).await.unwrap();
    let texts: Vec<String> = waiting.iter().map(|it| with_title(&it.title, &it.text)).collect();
    let embeddings = Embedder::Lexical.embed(&texts).await.unwrap();
    let embedded: Vec<_> = waiting.into_iter().zip(embeddings).collect();
    search::write(&server.api.db, Embedder::Lexical.name(), &embedded).await.unwrap();
}

/// The titles of what is found, once there are so many.
async fn found(server: &Server, client: &Client, org: &str, request: &Value, count: usize) -> Vec<String> {
    client
        .eventually(async || {
            index(server, org).await;
            let titles =
                titles(&client.post(&format!("/orgs/{org}/search"), request.clone()).await.expect(StatusCode::OK));
            (titles.len() == count).then_some(titles)
        })
        .await
}

fn titles(answer: &Value) -> Vec<String> {
    answer["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
}

async fn new_node(client: &Client, project: &str, node: Value) -> String {
    client.post(&format!("/projects/{project}/nodes"), node).await.created_id()
}

#[tokio::test]
async fn nodes_are_found_by_words_with_what_lists_of_results_show() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let id = new_node(&ada, &project, json!({"title": "The launch", "body": "A party in spring, with rockets."})).await;
    new_node(&ada, &project, json!({"title": "Notes", "body": "What has to be done before the launch."})).await;
    new_node(&ada, &project, json!({"title": "Backups"})).await;
    assert_eq!(found(&server, &ada, &org, &json!({"query": "launch"}), 2).await, ["The launch", "Notes"]);
    let path = format!("/orgs/{org}/search");
    let page = ada.post(&path, json!({"query": "Rock part"})).await.expect(StatusCode::OK);
    let item = &page["items"][0];
    assert_eq!((&item["type"], &item["id"], &item["projectId"]), (&json!("node"), &json!(id), &json!(project)));
    assert_eq!((&item["title"], &item["contentType"]), (&json!("The launch"), &Value::Null));
    assert!(item["excerpt"].as_str().unwrap().contains("rockets"), "{item}");
    assert!(item["score"].as_f64().unwrap() > 0.0 && item["status"].is_string() && item["updatedAt"].is_string());
    assert_eq!(page["nextCursor"], Value::Null);
    let first = ada.post(&path, json!({"query": "launch", "limit": 1})).await.expect(StatusCode::OK);
    let second = json!({"query": "launch", "limit": 1, "cursor": first["nextCursor"]});
    assert_eq!(titles(&ada.post(&path, second).await.expect(StatusCode::OK)), ["Notes"]);
    for (conditions, expected) in [
        (json!({"query": "launch", "types": ["file"]}), &[] as &[&str]),
        (json!({"query": "launch", "author": [Uuid::new_v4()]}), &[]),
        (
            json!({"query": "launch", "author": [Uuid::new_v4().to_string(), ada.id().to_owned()]}),
            &["The launch", "Notes"],
        ),
    ] {
        assert_eq!(titles(&ada.post(&path, conditions).await.expect(StatusCode::OK)), expected);
    }
}

#[tokio::test]
async fn searches_by_meaning_show_the_nearest_passage_and_name_the_embedder() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    new_node(&ada, &project, json!({"title": "Plan", "body": "We launch with a party and rockets."})).await;
    new_node(&ada, &project, json!({"title": "Backups", "body": "Servers are patched on Tuesdays."})).await;
    let request = json!({"query": "a party for the launch", "types": ["node"], "projectId": project});
    let says = |answer: &Value, word: &str| {
        answer["items"].as_array().unwrap().iter().any(|item| item["passage"].as_str().unwrap().contains(word))
    };
    // A passage that was embedded waits a little after a change.
    let answer = ada
        .eventually(async || {
            index(&server, &org).await;
            let answer = ada.post(&format!("/orgs/{org}/search/semantic"), request.clone()).await;
            let answer = answer.expect(StatusCode::OK);
            (says(&answer, "rockets") && says(&answer, "Tuesdays")).then_some(answer)
        })
        .await;
    assert_eq!(answer["embedder"], "lexical-hash-1");
    assert_eq!(titles(&answer), ["Plan", "Backups"]);
    let of_nobody =
        json!({"query": "launch", "author": [Uuid::new_v4()], "tags": [], "updatedSince": "2026-01-02T00:00:00Z"});
    let nothing = ada.post(&format!("/orgs/{org}/search/semantic"), of_nobody).await.expect(StatusCode::OK);
    assert_eq!(titles(&nothing), [""; 0]);
    assert!(answer["items"][0]["passage"].as_str().unwrap().contains("We launch"), "{answer}");
    let similarity = |index: usize| answer["items"][index]["similarity"].as_f64().unwrap();
    assert!(similarity(0) > similarity(1) && similarity(0) <= 1.0 && similarity(1) >= 0.0, "{answer}");
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_with_the_field() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    for (field, request) in [
        ("query", json!({"query": " "})),
        ("query", json!({"query": "x".repeat(501)})),
        ("query", json!({"query": "a\0b"})),
        ("limit", json!({"query": "a", "limit": 0})),
        ("limit", json!({"query": "a", "limit": 51})),
        ("cursor", json!({"query": "a", "cursor": "x"})),
        ("tags.0", json!({"query": "a", "tags": ["x".repeat(101)]})),
        ("status", json!({"query": "a", "status": vec!["x"; 51]})),
        ("author", json!({"query": "a", "author": vec![Uuid::nil(); 51]})),
        ("types[0]", json!({"query": "a", "types": ["project"]})),
    ] {
        let answer = ada.post(&format!("/orgs/{org}/search"), request).await;
        let problem = answer.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    // Nothing in it is a word.
    let nothing = ada.post(&format!("/orgs/{org}/search"), json!({"query": "& | !"})).await.expect(StatusCode::OK);
    assert_eq!(nothing, json!({"items": [], "nextCursor": null}));
}

#[tokio::test]
async fn nobody_finds_or_is_told_what_they_may_not_see() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let (bob, of_bob, _) = server.with_project("bob").await;
    let id = new_node(&ada, &project, json!({"title": "The secret launch", "body": "Rockets"})).await;
    found(&server, &ada, &org, &json!({"query": "secret"}), 1).await;
    server.sign_in("gil").await;
    let guest = json!({"email": "gil@example.com", "role": "guest"});
    ada.post(&format!("/orgs/{org}/members"), guest).await.expect(StatusCode::CREATED);
    let gil = server.sign_in("gil").await;
    for way in ["search", "search/semantic"] {
        let request = || json!({"query": "secret launch"});
        bob.post(&format!("/orgs/{org}/{way}"), request()).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
        for (client, org) in [(&bob, &of_bob), (&gil, &org)] {
            let answer = client.post(&format!("/orgs/{org}/{way}"), request()).await.expect(StatusCode::OK);
            assert_eq!(titles(&answer), [""; 0], "{way}");
        }
    }
    gil.get(&format!("/nodes/{id}/context")).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    ada.delete(&format!("/nodes/{id}")).await.expect(StatusCode::NO_CONTENT);
    found(&server, &ada, &org, &json!({"query": "secret"}), 0).await;
    ada.get(&format!("/nodes/{id}/context")).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
}

#[tokio::test]
async fn a_person_searches_so_often_in_a_minute() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let limits = Limits { searches_per_minute_per_person: 1, ..Limits::default() };
    let allowed = limits.searches(Mode::Development).rate.amount();
    let limited = server.with_limits(limits);
    let ada = ada.on(&limited);
    let search = async |way: &str| ada.post(&format!("/orgs/{org}/{way}"), json!({"query": "a"})).await;
    let first = search("search").await;
    first.expect(StatusCode::OK);
    let policy = first.headers["ratelimit-policy"].to_str().unwrap();
    assert!(policy.ends_with(&format!(r#""searches";q={allowed};w=60"#)), "{policy}");
    let mut ways = ["search/semantic", "search"].into_iter().cycle();
    let mut refused = search("search").await;
    while refused.status == StatusCode::OK {
        refused = search(ways.next().unwrap()).await;
    }
    refused.expect_problem(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS");
    assert!(refused.headers["ratelimit"].to_str().unwrap().starts_with(r#""searches";r=0;t="#));
    // Everything else goes on.
    ada.get("/users/me").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_context_tells_the_living_node_and_what_is_around_it() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let root = new_node(&ada, &project, json!({"title": "Project plan"})).await;
    let metadata = json!({"tags": ["spring"], "priority": "high"});
    let node = json!({"title": "The launch", "body": "A party.", "parentId": root, "metadata": metadata});
    let id = new_node(&ada, &project, node).await;
    let sibling = new_node(&ada, &project, json!({"title": "Money", "parentId": root})).await;
    let child = new_node(&ada, &project, json!({"title": "Music", "parentId": id})).await;
    let source = new_node(&ada, &project, json!({"title": "Research", "body": "People like rockets."})).await;
    let edge = json!({"sourceNodeId": source, "targetNodeId": id});
    ada.post(&format!("/projects/{project}/dependencies"), edge).await.expect(StatusCode::CREATED);
    let edge = json!({"sourceNodeId": id, "targetNodeId": sibling});
    ada.post(&format!("/projects/{project}/dependencies"), edge).await.expect(StatusCode::CREATED);
    let inputs = format!("/nodes/{id}/inputs");
    ada.post(&inputs, json!({"type": "text", "label": "Wishes", "text": "Champagne"})).await.created_id();
    ada.post(&inputs, json!({"type": "node_reference", "sourceNodeId": source})).await.created_id();
    // What is around it is as lists know it, a moment later.
    let context = ada
        .eventually(async || {
            let context = ada.get(&format!("/nodes/{id}/context")).await.expect(StatusCode::OK);
            (context["dependencies"][0]["excerpt"] == "People like rockets.").then_some(context)
        })
        .await;
    let told = &context["node"];
    assert_eq!(
        (&told["title"], &told["body"], &told["tags"]),
        (&json!("The launch"), &json!("A party."), &json!(["spring"]))
    );
    assert_eq!((&told["priority"], &told["dueDate"]), (&json!("high"), &Value::Null));
    assert_eq!(context["inputs"][0]["text"], "Champagne");
    assert_eq!(
        (&context["inputs"][1]["text"], &context["inputs"][1]["sourceNode"]["title"]),
        (&json!("People like rockets."), &json!("Research"))
    );
    for (sort, title) in [
        ("parents", "Project plan"),
        ("siblings", "Money"),
        ("children", "Music"),
        ("dependencies", "Research"),
        ("dependents", "Money"),
    ] {
        assert_eq!(context[sort].as_array().unwrap().len(), 1, "{sort}");
        assert_eq!(context[sort][0]["title"], title);
    }
    assert_eq!((&context["children"][0]["id"], &context["truncated"]), (&json!(child), &json!(false)));
    let request = ada.request(http::Method::GET, &format!("/nodes/{id}/context")).header(ACCEPT, "text/markdown");
    let answer = ada.send(request, axum::body::Body::empty()).await;
    assert_eq!(
        (answer.status, &answer.headers[CONTENT_TYPE]),
        (StatusCode::OK, &"text/markdown; charset=utf-8".parse().unwrap())
    );
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    for part in [
        "# The launch\n",
        "## Body\n\nA party.\n",
        "### Wishes - text ",
        "Champagne",
        "## Takes from\n\n- **Research** (",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    let request = ada.request(http::Method::GET, &format!("/nodes/{id}/context")).header(ACCEPT, "image/png");
    ada.send(request, axum::body::Body::empty()).await.expect_problem(StatusCode::NOT_ACCEPTABLE, "NOT_ACCEPTABLE");
}

#[tokio::test]
async fn a_context_tells_what_a_node_said_at_the_version_that_is_referred_to() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let source = new_node(&ada, &project, json!({"title": "Research", "body": "People like rockets."})).await;
    ada.patch(&format!("/nodes/{source}"), json!({"body": "Nobody likes rockets."})).await.expect(StatusCode::OK);
    let id = new_node(&ada, &project, json!({"title": "The launch"})).await;
    let inputs = format!("/nodes/{id}/inputs");
    for version in [json!(1), json!(2), Value::Null] {
        let item = json!({"type": "node_reference", "sourceNodeId": source, "sourceVersion": version});
        ada.post(&inputs, item).await.created_id();
    }
    let path = format!("/nodes/{id}/context");
    let told = async || {
        let context = ada.get(&path).await.expect(StatusCode::OK);
        let said =
            |at: usize| (context["inputs"][at]["text"].clone(), context["inputs"][at]["sourceNode"]["version"].clone());
        let told = [said(0), said(1), said(2)];
        // What it says now is as lists know it, a moment later.
        (told[2].0 == "Nobody likes rockets.").then_some(told)
    };
    let [first, second, now] = ada.eventually(told).await;
    assert_eq!(first, (json!("People like rockets."), json!(1)));
    assert_eq!(second, (json!("Nobody likes rockets."), json!(2)));
    assert_eq!(now.1, Value::Null);
    let request = ada.request(http::Method::GET, &path).header(ACCEPT, "text/markdown");
    let text = String::from_utf8(ada.send(request, axum::body::Body::empty()).await.body.to_vec()).unwrap();
    assert!(text.contains(", version 1)\n\nPeople like rockets.\n"), "{text}");

    // What is not kept is not told, and what it says now is not told in its place.
    let forget = format!("UPDATE node_versions SET snapshot = NULL WHERE node_id = '{source}' AND version = 1");
    server.database().sabotage(&forget).await;
    let context = ada.get(&path).await.expect(StatusCode::OK);
    let input = &context["inputs"][0];
    assert_eq!((&input["text"], &input["sourceNode"]["version"]), (&Value::Null, &json!(1)));
}

#[tokio::test]
async fn a_context_is_cut_to_the_size_that_is_asked_for() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let id = new_node(&ada, &project, json!({"title": "Long", "body": "word ".repeat(1_000)})).await;
    let input = json!({"type": "text", "label": "More", "text": "more ".repeat(1_000)});
    ada.post(&format!("/nodes/{id}/inputs"), input).await.created_id();
    let whole = ada.get(&format!("/nodes/{id}/context")).await.expect(StatusCode::OK);
    assert_eq!(whole["truncated"], false);
    let cut = ada.get(&format!("/nodes/{id}/context?maxChars=1000")).await.expect(StatusCode::OK);
    let (body, text) = (cut["node"]["body"].as_str().unwrap(), cut["inputs"][0]["text"].as_str().unwrap());
    assert_eq!(
        (body.chars().count(), &cut["truncated"], &cut["inputs"][0]["label"]),
        (500, &json!(true), &json!("More"))
    );
    assert!(body.ends_with('…') && text.ends_with('…') && text.chars().count() > 450, "{cut}");
    for wrong in ["999", "200001", "x"] {
        let answer = ada.get(&format!("/nodes/{id}/context?maxChars={wrong}")).await;
        answer.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    }
}
