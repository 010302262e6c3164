//! The audit log.

use http::header::USER_AGENT;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::server::Server;

fn actions(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn owners_and_admins_read_who_did_what_and_others_do_not() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let [grace, eve] = [server.sign_in("grace").await, server.sign_in("eve").await];
    let request = ada.json(Method::POST, &format!("/orgs/{org}/members")).header(USER_AGENT, "curl/8.0");
    ada.send(request, json!({"email": "grace@example.com", "role": "member"}).to_string()).await;

    let path = format!("/orgs/{org}/audit-log");
    let page = ada.get(&path).await.expect(StatusCode::OK);
    assert_eq!(actions(&page), ["organization.member_added", "project.created", "organization.created"]);
    let added = &page["items"][0];
    assert_eq!(added["actor"], format!("user:{}", ada.user["id"].as_str().unwrap()));
    assert_eq!((&added["userName"], &added["userAgent"]), (&json!("ada"), &json!("curl/8.0")));
    assert_eq!((&added["resourceType"], &added["resourceId"]), (&json!("user"), &grace.user["id"]));
    assert_eq!(added["details"], json!({"role": "member", "before": null}));
    assert_eq!(page["items"][1]["resourceId"], project.as_str());

    grace.get(&path).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    eve.get(&path).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
}

#[tokio::test]
async fn the_log_is_filtered_and_paged() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let path = format!("/orgs/{org}/audit-log");
    for (query, expected) in [
        (format!("resourceId={project}"), vec!["project.created"]),
        ("resourceType=organization".to_owned(), vec!["organization.created"]),
        ("action=organization.created".to_owned(), vec!["organization.created"]),
        (format!("actor=user:{}&limit=1", ada.user["id"].as_str().unwrap()), vec!["project.created"]),
        ("actor=api_key:00000000-0000-0000-0000-000000000000".to_owned(), vec![]),
        ("since=2100-01-01T00:00:00Z".to_owned(), vec![]),
        ("until=2100-01-01T00:00:00Z".to_owned(), vec!["project.created", "organization.created"]),
    ] {
        let page = ada.get(&format!("{path}?{query}")).await.expect(StatusCode::OK);
        assert_eq!(actions(&page), expected, "{query}");
    }
    let first = ada.get(&format!("{path}?limit=1")).await.expect(StatusCode::OK);
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = ada.get(&format!("{path}?limit=1&cursor={cursor}")).await.expect(StatusCode::OK);
    assert_eq!((actions(&second), &second["nextCursor"]), (vec!["organization.created"], &Value::Null));
    for query in ["actor=ada", "action=organization.renamed", "resourceType=x", "since=yesterday", "order=asc"] {
        let answer = ada.get(&format!("{path}?{query}")).await;
        answer.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    }
}

#[tokio::test]
async fn what_is_done_to_documents_and_nodes_is_recorded() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let log = async |id: &str| {
        let page = ada.get(&format!("/orgs/{org}/audit-log?resourceId={id}")).await.expect(StatusCode::OK);
        assert!(page["items"].as_array().unwrap().iter().all(|entry| entry["actor"] == format!("user:{}", ada.id())));
        page
    };
    let document = ada.post(&format!("/projects/{project}/documents"), json!({"title": "Notes"})).await.created_id();
    let path = format!("/documents/doc:{document}");
    ada.patch(&path, json!({"title": "Minutes"})).await.expect(StatusCode::OK);
    let versions = format!("{path}/history/versions");
    let version = ada.post(&versions, json!({"name": "Empty"})).await.created_id();
    let named = format!("{versions}/{version}");
    ada.patch(&named, json!({"name": "Before all"})).await.expect(StatusCode::NO_CONTENT);
    ada.delete(&named).await.expect(StatusCode::NO_CONTENT);
    ada.delete(&named).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    ada.delete(&path).await.expect(StatusCode::NO_CONTENT);
    let of_document = log(&document).await;
    let expected = [
        "document.deleted",
        "document.version_unnamed",
        "document.version_renamed",
        "document.version_named",
        "document.renamed",
        "document.created",
    ];
    assert_eq!(actions(&of_document), expected);
    let details = |index: usize| &of_document["items"][index]["details"];
    assert_eq!((details(0), details(4)), (&json!({"title": "Minutes"}), &json!({"title": "Minutes"})));
    assert_eq!(details(1), &json!({"versionId": version, "name": "Before all"}));
    assert_eq!(details(5), &json!({"projectId": project, "title": "Notes"}));

    let node = ada.post(&format!("/projects/{project}/nodes"), json!({"title": "Secret plan"})).await.created_id();
    let path = format!("/nodes/{node}");
    ada.delete(&path).await.expect(StatusCode::NO_CONTENT);
    for _ in 0..2 {
        ada.post(&format!("{path}/restore"), json!({})).await.expect(StatusCode::OK);
    }
    let of_node = log(&node).await;
    assert_eq!(actions(&of_node), ["node.restored", "node.deleted"], "what was not in the trash was not restored");
    let details = &of_node["items"][0]["details"];
    assert_eq!(*details, json!({"projectId": project, "seq": details["seq"]}), "nothing of its content");
}
