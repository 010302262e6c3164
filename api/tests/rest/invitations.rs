//! Invitations of addresses.

use chrono::{TimeDelta, Utc};
use http::StatusCode;
use serde_json::json;

use crate::server::Server;

#[tokio::test]
async fn whoever_signs_in_with_an_invited_address_belongs_to_the_organization() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let path = format!("/orgs/{org}/invitations");
    let body = json!({"email": "Grace@Example.com", "role": "guest", "projectId": project, "projectRole": "viewer"});
    let invited = ada.post(&path, body).await.expect(StatusCode::CREATED);
    assert_eq!((&invited["email"], &invited["status"]), (&json!("grace@example.com"), &json!("pending")));
    assert_eq!(invited["invitedBy"], ada.user["id"]);
    let listed = ada.get(&path).await.expect(StatusCode::OK);
    assert_eq!(listed["items"], json!([invited]));

    let grace = server.sign_in("grace").await;
    assert_eq!(grace.get(&format!("/projects/{project}")).await.expect(StatusCode::OK)["role"], "viewer");
    assert_eq!(grace.get(&format!("/orgs/{org}")).await.expect(StatusCode::OK)["role"], "guest");
    assert_eq!(ada.get(&path).await.expect(StatusCode::OK)["items"], json!([]));
    let log = ada.get(&format!("/orgs/{org}/audit-log?actor=user:{}", grace.id())).await.expect(StatusCode::OK);
    let actions: Vec<_> = log["items"].as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
    assert_eq!(actions, ["project.member_added", "organization.member_added", "invitation.accepted"]);
}

#[tokio::test]
async fn who_is_known_is_added_at_once_and_keeps_the_role_that_they_have() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let grace = server.sign_in("grace").await;
    let path = format!("/orgs/{org}/invitations");
    let invite = async |body| ada.post(&path, body).await;
    let added = invite(json!({"email": "grace@example.com", "role": "member"})).await.expect(StatusCode::CREATED);
    assert_eq!(added["status"], "accepted");
    assert_eq!(grace.get(&format!("/orgs/{org}")).await.expect(StatusCode::OK)["role"], "member");
    let again = invite(json!({"email": "grace@example.com", "role": "guest"})).await;
    again.expect_problem(StatusCode::CONFLICT, "CONFLICT");
    let to_project =
        json!({"email": "grace@example.com", "role": "guest", "projectId": project, "projectRole": "admin"});
    invite(to_project).await.expect(StatusCode::CREATED);
    assert_eq!(grace.get(&format!("/projects/{project}")).await.expect(StatusCode::OK)["role"], "admin");
    assert_eq!(grace.get(&format!("/orgs/{org}")).await.expect(StatusCode::OK)["role"], "member");
}

#[tokio::test]
async fn what_was_revoked_or_has_run_out_gives_nothing() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let path = format!("/orgs/{org}/invitations");
    let revoked = ada.post(&path, json!({"email": "grace@example.com", "role": "admin"})).await.created_id();
    ada.delete(&format!("{path}/{revoked}")).await.expect(StatusCode::NO_CONTENT);
    let answer = ada.delete(&format!("{path}/{revoked}")).await;
    answer.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    let soon = Utc::now() + TimeDelta::milliseconds(700);
    let body = json!({"email": "edsger@example.com", "role": "admin", "expiresAt": soon});
    ada.post(&path, body).await.expect(StatusCode::CREATED);
    while Utc::now() <= soon {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(ada.get(&path).await.expect(StatusCode::OK)["items"][0]["status"], "expired");
    for name in ["grace", "edsger"] {
        let person = server.sign_in(name).await;
        person.get(&format!("/orgs/{org}")).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
}

#[tokio::test]
async fn an_invitation_of_the_same_address_is_replaced() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let path = format!("/orgs/{org}/invitations");
    let first = ada.post(&path, json!({"email": "grace@example.com", "role": "admin"})).await.created_id();
    let second = ada.post(&path, json!({"email": "GRACE@example.com", "role": "guest"})).await.created_id();
    assert_eq!(first, second);
    let listed = ada.get(&path).await.expect(StatusCode::OK);
    assert_eq!((listed["items"].as_array().unwrap().len(), &listed["items"][0]["role"]), (1, &json!("guest")));
}

#[tokio::test]
async fn fields_of_an_invitation_are_checked_and_only_admins_invite() {
    let server = Server::start().await;
    let (_, _, others) = server.with_project("eve").await;
    let (ada, org, project) = server.with_project("ada").await;
    let path = format!("/orgs/{org}/invitations");
    for (body, field) in [
        (json!({"email": "nobody", "role": "member"}), "email"),
        (json!({"email": "a@example.com", "role": "owner"}), "role"),
        (json!({"email": "a@example.com", "role": "guest", "projectId": others}), "projectId"),
        (json!({"email": "a@example.com", "role": "guest", "projectRole": "admin"}), "projectRole"),
        (json!({"email": "a@example.com", "role": "guest", "expiresAt": "2001-01-01T00:00:00Z"}), "expiresAt"),
        (json!({"email": "a@example.com", "role": "guest", "expiresAt": "2201-01-01T00:00:00Z"}), "expiresAt"),
    ] {
        let answer = ada.post(&path, body).await;
        let problem = answer.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["field"], field);
    }
    let grace = server.sign_in("grace").await;
    let member = json!({"email": "grace@example.com", "role": "admin"});
    ada.post(&format!("/projects/{project}/members"), member.clone()).await.expect(StatusCode::CREATED);
    grace.post(&path, member).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    grace.get(&path).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
}
