//! Lists in the orders and with the filters that they offer.

use http::StatusCode;
use serde_json::{Value, json};

use crate::server::{Client, Server};

/// What a list is called by, of the items on all its pages; some lists have a name of their own for their items.
pub(crate) async fn paged(client: &Client, path: &str, items: &str, member: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{path}{cursor}")).await.expect(StatusCode::OK);
        all.extend(page[items].as_array().unwrap().iter().map(|item| item[member].clone()));
        let Some(next) = page["nextCursor"].as_str() else { return all };
        cursor = format!("&cursor={next}");
    }
}

/// The same of a list that is asked for in pages of two.
pub(crate) async fn listed(client: &Client, path: &str, query: &str, member: &str) -> Vec<Value> {
    paged(client, &format!("{path}?limit=2&{query}"), "items", member).await
}

/// That a list has this order, and its reverse.
pub(crate) async fn expect_order(client: &Client, path: &str, sort: &str, member: &str, expected: &[&str]) {
    assert_eq!(listed(client, path, &format!("sort={sort}"), member).await, expected, "{path} by {sort}");
    let reverse: Vec<&str> = expected.iter().rev().copied().collect();
    assert_eq!(listed(client, path, &format!("sort=-{sort}"), member).await, reverse, "{path} by -{sort}");
}

async fn expect_refusals(client: &Client, path: &str, sort: &str) {
    let first = client.get(&format!("{path}?limit=1&sort={sort}")).await.expect(StatusCode::OK);
    let cursor = first["nextCursor"].as_str().unwrap();
    for query in ["sort=id".to_owned(), "order=name".to_owned(), format!("sort=-{sort}&cursor={cursor}")] {
        let answer = client.get(&format!("{path}?{query}")).await;
        answer.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    }
}

#[tokio::test]
async fn organizations_and_projects_are_sorted_as_asked() {
    let server = Server::start().await;
    let ada = server.sign_in("ada").await;
    let mut org = String::new();
    for name in ["beta", "gamma", "alpha"] {
        org = ada.post("/orgs", json!({"name": name})).await.created_id();
    }
    let projects = format!("/orgs/{org}/projects");
    for name in ["beta", "gamma", "alpha"] {
        ada.post(&projects, json!({"name": name})).await.created_id();
    }
    for list in ["/orgs", projects.as_str()] {
        expect_order(&ada, list, "createdAt", "name", &["beta", "gamma", "alpha"]).await;
        expect_order(&ada, list, "name", "name", &["alpha", "beta", "gamma"]).await;
        expect_refusals(&ada, list, "name").await;
    }
    assert_eq!(listed(&ada, &projects, "sort=-updatedAt", "name").await.len(), 3);
}

#[tokio::test]
async fn members_are_sorted_and_filtered_as_asked() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    for (name, role) in [("dee", "member"), ("cy", "admin"), ("bob", "member")] {
        server.sign_in(name).await;
        let body = json!({"email": format!("{name}@example.com"), "role": role});
        let added = ada.post(&format!("/orgs/{org}/members"), body).await.expect(StatusCode::CREATED);
        assert!(added["joinedAt"].is_string());
    }
    let address = |name: &str| json!(format!("{name}@example.com"));
    for list in [format!("/orgs/{org}/members"), format!("/projects/{project}/members")] {
        let by_joining = ["ada@example.com", "dee@example.com", "cy@example.com", "bob@example.com"];
        expect_order(&ada, &list, "joinedAt", "email", &by_joining).await;
        let by_name = ["ada@example.com", "bob@example.com", "cy@example.com", "dee@example.com"];
        expect_order(&ada, &list, "name", "email", &by_name).await;
        expect_order(&ada, &list, "email", "email", &by_name).await;
        expect_refusals(&ada, &list, "name").await;
        let members = listed(&ada, &list, "role=member", "email").await;
        assert_eq!(members, [address("bob"), address("dee")], "{list}");
        ada.get(&format!("{list}?role=king")).await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    }
    let admins = listed(&ada, &format!("/orgs/{org}/members"), "role=admin", "email").await;
    assert_eq!(admins, [address("cy")]);
    let admins = listed(&ada, &format!("/projects/{project}/members"), "role=admin", "email").await;
    assert_eq!(admins, [address("ada"), address("cy")], "also by the organization's role");
}

#[tokio::test]
async fn invitations_are_sorted_and_filtered_as_asked() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let list = format!("/orgs/{org}/invitations");
    for name in ["yan", "zoe", "xia"] {
        let body = json!({"email": format!("{name}@example.com"), "role": "member"});
        ada.post(&list, body).await.created_id();
    }
    server.database().sabotage("UPDATE invitations SET expires_at = now() WHERE email = 'zoe@example.com'").await;
    expect_order(&ada, &list, "createdAt", "email", &["yan@example.com", "zoe@example.com", "xia@example.com"]).await;
    expect_order(&ada, &list, "email", "email", &["xia@example.com", "yan@example.com", "zoe@example.com"]).await;
    expect_refusals(&ada, &list, "email").await;
    let pending = listed(&ada, &list, "status=pending", "email").await;
    assert_eq!(pending, ["yan@example.com", "xia@example.com"]);
    assert_eq!(listed(&ada, &list, "status=expired", "email").await, ["zoe@example.com"]);
}

#[tokio::test]
async fn api_keys_are_sorted_and_filtered_as_asked() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let list = format!("/orgs/{org}/api-keys");
    for name in ["beta", "delta", "alpha", "gamma"] {
        ada.post(&list, json!({"name": name, "scopes": ["api:read"]})).await.created_id();
    }
    server.database().sabotage("UPDATE api_keys SET revoked_at = now() WHERE name = 'alpha'").await;
    server.database().sabotage("UPDATE api_keys SET expires_at = now() WHERE name IN ('alpha', 'beta')").await;
    expect_order(&ada, &list, "createdAt", "name", &["beta", "delta", "alpha", "gamma"]).await;
    expect_order(&ada, &list, "name", "name", &["alpha", "beta", "delta", "gamma"]).await;
    expect_refusals(&ada, &list, "name").await;
    assert_eq!(listed(&ada, &list, "status=active", "name").await, ["delta", "gamma"]);
    assert_eq!(listed(&ada, &list, "status=revoked", "name").await, ["alpha"]);
    assert_eq!(listed(&ada, &list, "status=expired", "name").await, ["beta"]);
}

#[tokio::test]
async fn webhooks_are_sorted_and_filtered_as_asked() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let list = format!("/orgs/{org}/webhooks");
    // As long as an address may be: a cursor holds but its beginning.
    let url = |name: &str| format!("https://example.com/{name}/{}", "x".repeat(1_900));
    for (name, active) in [("b", true), ("c", false), ("a", true)] {
        let body = json!({"url": url(name), "description": name, "active": active});
        ada.post(&list, body).await.created_id();
    }
    expect_order(&ada, &list, "createdAt", "description", &["b", "c", "a"]).await;
    expect_order(&ada, &list, "url", "description", &["a", "b", "c"]).await;
    expect_refusals(&ada, &list, "url").await;
    assert_eq!(listed(&ada, &list, "active=true", "description").await, ["b", "a"]);
    assert_eq!(listed(&ada, &list, "active=false", "description").await, ["c"]);
}
