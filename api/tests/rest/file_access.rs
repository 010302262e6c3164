//! Who may do what with files, and what signed addresses permit.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use chrono::{TimeDelta, Utc};
use http::header::{ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, ORIGIN};
use http::{Request, StatusCode};
use platform::blob::{Download, Upload};
use platform::clock::{Clock, ManualClock};
use serde_json::json;

use crate::files::{TEXT, key_of, path_of, stored, upload};
use crate::server::{Client, Server};

async fn add_member(ada: &Client, org: &str, name: &str, role: &str) {
    let member = json!({"email": format!("{name}@example.com"), "role": role});
    ada.post(&format!("/orgs/{org}/members"), member).await.expect(StatusCode::CREATED);
}

async fn give_role(ada: &Client, project: &str, name: &str, role: &str) {
    let member = json!({"email": format!("{name}@example.com"), "role": role});
    ada.post(&format!("/projects/{project}/members"), member).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn addresses_that_were_not_given_out_or_have_expired_are_refused() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let id = upload(&server, &ada, &org, json!({"filename": "a.txt", "contentType": TEXT}), "a").await;
    let other = upload(&server, &ada, &org, json!({"filename": "b.txt", "contentType": TEXT}), "b").await;
    let file = ada.get(&format!("/files/{id}")).await.expect(StatusCode::OK);
    let path = path_of(&file["downloadUrl"]);
    assert_eq!(server.get(&path).await.status, StatusCode::OK);
    let later = path.replace("expires=", "expires=9");
    for forged in [path.replace(&id, &other), later, path.replace("a.txt", "a.exe"), path.replace("plain", "html")] {
        assert_ne!(forged, path);
        server.get(&forged).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    }
    let put = Request::put(&path).header(CONTENT_TYPE, TEXT).body(Body::from("x")).unwrap();
    server.call(put).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    let (bare, _) = path.split_once('?').unwrap();
    server.get(bare).await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    for key in
        ["..%2F..%2Fetc%2Fpasswd", "uploads/../../x", "uploads//x", "uploads/%2e%2e/x", "Uploads/x", ".unfinished/x"]
    {
        let forged = path.replace(bare, &format!("/api/v1/blobs/{key}"));
        server.get(&forged).await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_ID");
    }

    let yesterday: Arc<dyn Clock> = Arc::new(ManualClock::new(Utc::now() - TimeDelta::days(1)));
    let before = server.blob_folder().open(&yesterday).await;
    let (key, valid) = (key_of(&org, &id), Duration::from_mins(5));
    let download = Download { filename: "a.txt".to_owned(), content_type: TEXT.to_owned() };
    let expired = before.download_url(&key, &download, valid).await.unwrap();
    let problem = server.get(&path_of(&json!(expired.url))).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    assert!(problem["detail"].as_str().unwrap().contains("expired"), "{problem}");
    let upload = Upload { content_type: TEXT.to_owned(), size: None };
    let expired = before.upload_url(&key, &upload, valid).await.unwrap();
    let put = Request::put(path_of(&json!(expired.url))).header(CONTENT_TYPE, TEXT).body(Body::from("x")).unwrap();
    server.call(put).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    assert_eq!(stored(&server, &org, &id).await, Some(1));
}

#[tokio::test]
async fn pages_of_other_origins_may_upload() {
    let server = Server::start().await;
    let preflight = Request::options("/api/v1/blobs/uploads/x")
        .header(ORIGIN, "https://app.example")
        .header(ACCESS_CONTROL_REQUEST_METHOD, "PUT");
    let answer = server.call(preflight.body(Body::empty()).unwrap()).await;
    assert!(answer.headers[ACCESS_CONTROL_ALLOW_METHODS].to_str().unwrap().contains("PUT"));
}

#[tokio::test]
async fn a_file_of_no_project_is_for_members_and_changed_by_its_uploader_and_admins() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let mut others = Vec::new();
    for (name, role) in [("grace", "member"), ("bob", "member"), ("eve", "guest"), ("root", "admin")] {
        others.push(server.sign_in(name).await);
        add_member(&ada, &org, name, role).await;
    }
    let [grace, bob, eve, root] = &others[..] else { panic!("there are four") };
    let id = upload(&server, grace, &org, json!({"filename": "a.txt"}), "a").await;
    let path = format!("/files/{id}");
    let listed = async |client: &Client| {
        let page = client.get(&format!("/orgs/{org}/files")).await.expect(StatusCode::OK);
        page["items"].as_array().unwrap().len()
    };
    for member in [&ada, grace, bob, root] {
        member.get(&path).await.expect(StatusCode::OK);
        assert_eq!(listed(member).await, 1);
    }
    assert_eq!(listed(eve).await, 0);
    let change = json!({"filename": "b.txt"});
    for hidden in [eve.get(&path).await, eve.patch(&path, change.clone()).await, eve.delete(&path).await] {
        hidden.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
    let announced = eve.post(&format!("/orgs/{org}/files/upload"), json!({"filename": "e.txt"})).await;
    announced.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    for forbidden in [bob.patch(&path, change.clone()).await, bob.delete(&path).await] {
        forbidden.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    }
    grace.patch(&path, change.clone()).await.expect(StatusCode::OK);
    root.patch(&path, change.clone()).await.expect(StatusCode::OK);
    ada.patch(&format!("/orgs/{org}/members/{}", grace.id()), json!({"role": "guest"})).await.expect(StatusCode::OK);
    grace.patch(&path, change).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    root.delete(&path).await.expect(StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_file_of_a_project_is_for_those_who_see_the_project() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let (grace, bob, eve) = (server.sign_in("grace").await, server.sign_in("bob").await, server.sign_in("eve").await);
    for name in ["grace", "bob", "eve"] {
        add_member(&ada, &org, name, "guest").await;
    }
    give_role(&ada, &project, "grace", "member").await;
    give_role(&ada, &project, "bob", "viewer").await;
    let file = json!({"filename": "a.txt", "projectId": project});
    let id = upload(&server, &grace, &org, file.clone(), "a").await;
    upload(&server, &ada, &org, json!({"filename": "for members.txt"}), "b").await;
    let path = format!("/files/{id}");
    for (client, count) in [(&ada, 2), (&grace, 1), (&bob, 1), (&eve, 0)] {
        let page = client.get(&format!("/orgs/{org}/files")).await.expect(StatusCode::OK);
        assert_eq!(page["items"].as_array().unwrap().len(), count);
    }
    bob.get(&path).await.expect(StatusCode::OK);
    eve.get(&path).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    bob.delete(&path).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    let upload_path = format!("/orgs/{org}/files/upload");
    bob.post(&upload_path, file.clone()).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    eve.post(&upload_path, file.clone()).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    let of_project = format!("/orgs/{org}/files?projectId={project}");
    eve.get(&of_project).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    // Who may not edit any more may not change what they uploaded either.
    let viewer = json!({"role": "viewer"});
    ada.patch(&format!("/projects/{project}/members/{}", grace.id()), viewer).await.expect(StatusCode::OK);
    grace.delete(&path).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    ada.delete(&path).await.expect(StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn another_organizations_files_are_not_there() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let (eve, evil, _) = server.with_project("eve").await;
    let id = upload(&server, &ada, &org, json!({"filename": "a.txt"}), "a").await;
    let path = format!("/files/{id}");
    for answer in [
        eve.get(&path).await,
        eve.get(&format!("{path}/text")).await,
        eve.post(&format!("{path}/confirm"), json!({})).await,
        eve.patch(&path, json!({"filename": "b"})).await,
        eve.delete(&path).await,
        eve.get(&format!("/orgs/{org}/files")).await,
        eve.post(&format!("/orgs/{org}/files/upload"), json!({"filename": "b"})).await,
        eve.post(&format!("/orgs/{evil}/files/upload"), json!({"filename": "b", "projectId": project})).await,
        eve.get(&format!("/orgs/{evil}/files?projectId={project}")).await,
    ] {
        answer.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
    // Whoever is in both cannot mix them either.
    add_member(&eve, &evil, "ada", "admin").await;
    let mixed = json!({"filename": "b", "projectId": project});
    let answer = ada.post(&format!("/orgs/{evil}/files/upload"), mixed).await;
    answer.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    let page = ada.get(&format!("/orgs/{evil}/files?projectId={project}")).await.expect(StatusCode::OK);
    assert_eq!(page["items"], json!([]));
}
