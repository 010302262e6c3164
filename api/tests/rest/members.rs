//! Who belongs to organizations and projects, and as what.

use http::StatusCode;
use platform::access::AccessChange;
use serde_json::json;

use crate::server::{Client, Server};

/// Somebody who is added with a role.
async fn member(server: &Server, by: &Client, org: &str, name: &str, role: &str) -> Client {
    let person = server.sign_in(name).await;
    let body = json!({"email": format!("{name}@example.com"), "role": role});
    by.post(&format!("/orgs/{org}/members"), body).await.expect(StatusCode::CREATED);
    person
}

#[tokio::test]
async fn a_member_is_read_gets_another_role_and_is_taken_out() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let grace = member(&server, &ada, &org, "grace", "member").await;
    let path = format!("/orgs/{org}/members/{}", grace.id());
    let read = ada.get(&path).await.expect(StatusCode::OK);
    assert_eq!((&read["userId"], &read["role"]), (&grace.user["id"], &json!("member")));

    let news = server.api.access_news.listen();
    let id = grace.id().parse().unwrap();
    let changed = ada.patch(&path, json!({"role": "guest"})).await.expect(StatusCode::OK);
    assert_eq!(changed["role"], "guest");
    assert_eq!(news.changed().await, AccessChange::Of(id));
    grace.get(&format!("/projects/{project}")).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");

    ada.delete(&path).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(news.changed().await, AccessChange::Of(id));
    grace.get(&format!("/orgs/{org}")).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    for answer in [ada.get(&path).await, ada.delete(&path).await, ada.patch(&path, json!({"role": "admin"})).await] {
        answer.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
    let log = ada.get(&format!("/orgs/{org}/audit-log?resourceId={}", grace.id())).await.expect(StatusCode::OK);
    let actions: Vec<_> = log["items"].as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
    let expected = ["organization.member_removed", "organization.member_role_changed", "organization.member_added"];
    assert_eq!(actions, expected);
}

#[tokio::test]
async fn owners_are_made_and_unmade_by_owners_and_one_stays() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let grace = member(&server, &ada, &org, "grace", "admin").await;
    let of = |client: &Client| format!("/orgs/{org}/members/{}", client.id());
    grace.patch(&of(&grace), json!({"role": "owner"})).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    grace.patch(&of(&ada), json!({"role": "guest"})).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    grace.delete(&of(&ada)).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    ada.patch(&of(&ada), json!({"role": "admin"})).await.expect_problem(StatusCode::CONFLICT, "LAST_OWNER");
    ada.delete(&of(&ada)).await.expect_problem(StatusCode::CONFLICT, "LAST_OWNER");

    ada.patch(&of(&grace), json!({"role": "owner"})).await.expect(StatusCode::OK);
    grace.patch(&of(&ada), json!({"role": "member"})).await.expect(StatusCode::OK);
    grace.delete(&of(&grace)).await.expect_problem(StatusCode::CONFLICT, "LAST_OWNER");
}

#[tokio::test]
async fn everybody_may_leave_and_nobody_else_takes_others_out() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let grace = member(&server, &ada, &org, "grace", "guest").await;
    let edsger = member(&server, &ada, &org, "edsger", "member").await;
    let of = |client: &Client| format!("/orgs/{org}/members/{}", client.id());
    edsger.delete(&of(&grace)).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    edsger.patch(&of(&edsger), json!({"role": "admin"})).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    for person in [&grace, &edsger] {
        person.delete(&of(person)).await.expect(StatusCode::NO_CONTENT);
        person.get(&format!("/projects/{project}")).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
    let log = ada.get(&format!("/orgs/{org}/audit-log?action=organization.member_left")).await.expect(StatusCode::OK);
    assert_eq!(log["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_projects_member_is_read_changed_and_taken_out() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let grace = member(&server, &ada, &org, "grace", "member").await;
    let guest = member(&server, &ada, &org, "guest", "guest").await;
    let of = |client: &Client| format!("/projects/{project}/members/{}", client.id());
    assert_eq!(ada.get(&of(&grace)).await.expect(StatusCode::OK)["role"], "member", "by the organization's role");
    ada.get(&of(&guest)).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");

    assert_eq!(ada.patch(&of(&grace), json!({"role": "viewer"})).await.expect(StatusCode::OK)["role"], "viewer");
    let answer = grace.post(&format!("/projects/{project}/nodes"), json!({"title": "Mine"})).await;
    answer.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    grace.patch(&of(&grace), json!({"role": "admin"})).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    assert_eq!(ada.patch(&of(&guest), json!({"role": "admin"})).await.expect(StatusCode::OK)["role"], "admin");
    guest.delete(&of(&grace)).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(ada.get(&of(&grace)).await.expect(StatusCode::OK)["role"], "member", "which holds again");
    ada.delete(&of(&grace)).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    guest.delete(&of(&guest)).await.expect(StatusCode::NO_CONTENT);
    guest.get(&format!("/projects/{project}")).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");

    let stranger = server.sign_in("stranger").await;
    let answer = ada.patch(&of(&stranger), json!({"role": "viewer"})).await;
    answer.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
}

#[tokio::test]
async fn members_are_listed_in_pages_by_address() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    for name in ["dee", "Cy", "bob", "Élodie"] {
        member(&server, &ada, &org, name, "member").await;
    }
    let all = ["ada", "bob", "cy", "dee", "élodie"].map(|name| format!("{name}@example.com"));
    for list in [format!("/orgs/{org}/members"), format!("/projects/{project}/members")] {
        let (mut listed, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = ada.get(&format!("{list}?limit=2{cursor}")).await.expect(StatusCode::OK);
            let items = page["items"].as_array().unwrap();
            listed.extend(items.iter().map(|item| item["email"].as_str().unwrap().to_owned()));
            let Some(next) = page["nextCursor"].as_str() else { break };
            assert_eq!(items.len(), 2);
            cursor = format!("&cursor={next}");
        }
        assert_eq!(listed, all, "{list}");
        let wrong = ada.get(&format!("{list}?cursor=x")).await;
        wrong.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    }
}
