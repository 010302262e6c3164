//! Walls: who sees what.

use http::StatusCode;
use platform::db::audit::Actor;
use platform::db::{DbError, members};
use serde_json::json;

use crate::server::Server;

#[tokio::test]
async fn what_belongs_to_another_organization_does_not_exist() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let node = ada.post(&format!("/projects/{project}/nodes"), json!({"title": "Secret"})).await;
    let node = node.expect(StatusCode::CREATED)["id"].as_str().unwrap().to_owned();
    let document = ada.post(&format!("/projects/{project}/documents"), json!({})).await.expect(StatusCode::CREATED);
    let document = document["name"].as_str().unwrap();
    let (eve, _, _) = server.with_project("eve").await;

    for path in [
        format!("/orgs/{org}"),
        format!("/orgs/{org}/members"),
        format!("/orgs/{org}/projects"),
        format!("/projects/{project}"),
        format!("/projects/{project}/members"),
        format!("/projects/{project}/nodes"),
        format!("/nodes/{node}"),
        format!("/documents/project:{project}/snapshot"),
        format!("/documents/node:{node}/snapshot"),
        format!("/documents/{document}/snapshot"),
    ] {
        eve.get(&path).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
        assert_eq!(ada.get(&path).await.status, StatusCode::OK, "{path}");
    }
    let member = json!({"email": "eve@example.com", "role": "admin"});
    for (path, body) in [
        (format!("/orgs/{org}/members"), member.clone()),
        (format!("/orgs/{org}/projects"), json!({"name": "Mine"})),
        (format!("/projects/{project}/members"), member),
        (format!("/projects/{project}/nodes"), json!({"title": "Mine"})),
        (format!("/projects/{project}/documents"), json!({})),
    ] {
        eve.post(&path, body).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
    let node = format!("/nodes/{node}");
    eve.patch(&node, json!({"title": "Mine"})).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    eve.delete(&node).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    assert_eq!(ada.get(&node).await.expect(StatusCode::OK)["title"], "Secret");
}

#[tokio::test]
async fn a_node_cannot_be_put_inside_one_of_another_project() {
    let server = Server::start().await;
    let (_, _, others) = server.with_project("eve").await;
    let (ada, _, project) = server.with_project("ada").await;
    let answer = ada.post(&format!("/projects/{project}/nodes"), json!({"title": "Child", "parentId": others})).await;
    let problem = answer.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
    assert_eq!(problem["errors"][0]["field"], "parentId");
}

#[tokio::test]
async fn viewers_read_everything_and_write_nothing() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let created = ada.post(&format!("/projects/{project}/nodes"), json!({"title": "One"})).await;
    let node = format!("/nodes/{}", created.expect(StatusCode::CREATED)["id"].as_str().unwrap());
    let grace = server.sign_in("grace").await;
    let viewer = json!({"email": "grace@example.com", "role": "viewer"});
    ada.post(&format!("/projects/{project}/members"), viewer).await.expect(StatusCode::CREATED);

    for path in [node.clone(), format!("/projects/{project}/nodes"), format!("/documents/project:{project}/snapshot")] {
        assert_eq!(grace.get(&path).await.status, StatusCode::OK, "{path}");
    }
    grace.patch(&node, json!({"title": "Mine"})).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    grace.delete(&node).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    for (path, body) in [("nodes", json!({"title": "Mine"})), ("documents", json!({}))] {
        let answer = grace.post(&format!("/projects/{project}/{path}"), body).await;
        answer.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    }
    assert_eq!(ada.get(&node).await.expect(StatusCode::OK)["title"], "One");
}

#[tokio::test]
async fn who_is_removed_sees_nothing_from_then_on() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let grace = server.sign_in("grace").await;
    let member = json!({"email": "grace@example.com", "role": "member"});
    ada.post(&format!("/orgs/{org}/members"), member).await.expect(StatusCode::CREATED);
    let path = format!("/projects/{project}");
    grace.get(&path).await.expect(StatusCode::OK);
    let user = grace.user["id"].as_str().unwrap().parse().unwrap();
    let org_id = org.parse().unwrap();
    assert!(
        members::remove_from_org::<DbError>(&server.api.db, org_id, &Actor::SYSTEM, user, |_| Ok(())).await.unwrap()
    );
    grace.get(&path).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    grace.get(&format!("/orgs/{org}")).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
}
