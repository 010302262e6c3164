//! Organizations and their members.

use http::{Method, StatusCode};
use platform::access::AccessChange;
use serde_json::{Value, json};

use crate::server::Server;

#[tokio::test]
async fn whoever_founds_an_organization_owns_it() {
    let server = Server::start().await;
    let ada = server.sign_in("ada").await;
    let org = ada.post("/orgs", json!({"name": " Analytical Engines "})).await.expect(StatusCode::CREATED);
    assert_eq!(org["name"], "Analytical Engines");
    assert_eq!(org["slug"], "analytical-engines");
    assert_eq!(org["role"], "owner");
    let id = org["id"].as_str().unwrap();
    assert_eq!(ada.get(&format!("/orgs/{id}")).await.expect(StatusCode::OK), org);
    let list = ada.get("/orgs").await.expect(StatusCode::OK);
    assert_eq!(list, json!({"items": [org], "nextCursor": null}));
}

#[tokio::test]
async fn a_slug_that_was_asked_for_must_be_free_and_one_that_was_not_is_found() {
    let server = Server::start().await;
    let ada = server.sign_in("ada").await;
    ada.post("/orgs", json!({"name": "One", "slug": "engines"})).await.expect(StatusCode::CREATED);
    let taken = ada.post("/orgs", json!({"name": "Two", "slug": "engines"})).await;
    taken.expect_problem(StatusCode::CONFLICT, "SLUG_TAKEN");
    let other = ada.post("/orgs", json!({"name": "Engines"})).await.expect(StatusCode::CREATED);
    assert!(other["slug"].as_str().unwrap().starts_with("engines-"), "{other}");
    let invalid = ada.post("/orgs", json!({"name": "", "slug": "No Slug"})).await;
    let problem = invalid.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_repeated_request_with_the_same_key_founds_one_organization() {
    let server = Server::start().await;
    let ada = server.sign_in("ada").await;
    let found = async || {
        let request = ada.json(Method::POST, "/orgs").header("Idempotency-Key", "k1");
        ada.send(request, json!({"name": "Engines"}).to_string()).await.expect(StatusCode::CREATED)
    };
    let (one, other) = (found().await, found().await);
    assert_eq!(one, other);
    assert_eq!(ada.get("/orgs").await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn organizations_are_listed_in_pages() {
    let server = Server::start().await;
    let ada = server.sign_in("ada").await;
    for number in 0..5 {
        ada.post("/orgs", json!({"name": format!("Org {number}")})).await.expect(StatusCode::CREATED);
    }
    let mut names: Vec<Value> = Vec::new();
    let mut path = "/orgs?limit=2".to_owned();
    loop {
        let page = ada.get(&path).await.expect(StatusCode::OK);
        names.extend(page["items"].as_array().unwrap().iter().map(|org| org["name"].clone()));
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        path = format!("/orgs?limit=2&cursor={cursor}");
    }
    assert_eq!(names, ["Org 0", "Org 1", "Org 2", "Org 3", "Org 4"]);
    for query in ["cursor=x", "limit=0", "limit=1000", "limit=two", "page=2"] {
        let answer = ada.get(&format!("/orgs?{query}")).await;
        answer.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    }
}

#[tokio::test]
async fn who_gets_another_role_has_their_access_looked_up_again_everywhere() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let grace = server.sign_in("grace").await;
    let id = grace.user["id"].as_str().unwrap().parse().unwrap();
    let news = server.api.access_news.listen();
    for (path, role) in [(format!("/orgs/{org}/members"), "guest"), (format!("/projects/{project}/members"), "viewer")]
    {
        ada.post(&path, json!({"email": "grace@example.com", "role": role})).await.expect(StatusCode::CREATED);
        assert_eq!(news.changed().await, AccessChange::Of(id));
    }
}

#[tokio::test]
async fn owners_and_admins_give_roles_and_others_do_not() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let [grace, edsger] = [server.sign_in("grace").await, server.sign_in("edsger").await];
    let path = format!("/orgs/{org}/members");
    let add = |email: &str, role: &str| json!({"email": format!("{email}@example.com"), "role": role});

    let member = ada.post(&path, add("grace", "member")).await.expect(StatusCode::CREATED);
    assert_eq!(member["userId"], grace.user["id"]);
    assert_eq!(member["role"], "member");
    let members = grace.get(&path).await.expect(StatusCode::OK);
    let roles: Vec<_> = members["items"].as_array().unwrap().iter().map(|m| (&m["name"], &m["role"])).collect();
    assert_eq!(roles, [(&json!("ada"), &json!("owner")), (&json!("grace"), &json!("member"))]);

    grace.post(&path, add("edsger", "member")).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    edsger.post(&path, add("edsger", "admin")).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    ada.post(&path, add("grace", "admin")).await.expect(StatusCode::CREATED);
    grace.post(&path, add("edsger", "guest")).await.expect(StatusCode::CREATED);
    grace.post(&path, add("ada", "guest")).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    ada.post(&path, add("ada", "admin")).await.expect_problem(StatusCode::CONFLICT, "LAST_OWNER");
    ada.post(&path, add("nobody", "member")).await.expect_problem(StatusCode::NOT_FOUND, "USER_NOT_FOUND");
    let owner = ada.post(&path, add("grace", "owner")).await;
    let problem = owner.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
    assert_eq!(problem["errors"][0]["field"], "role");
}

#[tokio::test]
async fn an_organization_is_changed_field_by_field() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let path = format!("/orgs/{org}");
    let settings = json!({
        "defaultModel": "gpt-4", "allowedModels": ["gpt-4", "claude-3"],
        "agentPolicies": {"maxTokensPerExecution": 100_000, "requireApproval": true},
    });
    let changes = json!({"name": "Engines", "slug": "engines", "settings": settings, "eventSourcingLevel": "full"});
    let after = ada.patch(&path, changes).await.expect(StatusCode::OK);
    assert_eq!((&after["name"], &after["slug"]), (&json!("Engines"), &json!("engines")));
    assert_eq!((&after["eventSourcingLevel"], &after["role"]), (&json!("full"), &json!("owner")));
    let changes = json!({"settings": {"agentPolicies": {"requireApproval": false}}});
    let after = ada.patch(&path, changes).await.expect(StatusCode::OK);
    let expected = json!({
        "defaultModel": "gpt-4", "allowedModels": ["gpt-4", "claude-3"], "selfHostedEndpoint": null,
        "agentPolicies": {
            "maxTokensPerExecution": 100_000, "maxTokensPerMonth": null, "requireApproval": false, "tools": {},
        },
    });
    assert_eq!(after["settings"], expected);
    assert_eq!(ada.get(&path).await.expect(StatusCode::OK), after);
    let log = ada.get(&format!("{path}/audit-log?action=organization.updated")).await.expect(StatusCode::OK);
    assert_eq!(log["items"][1]["details"]["name"], json!({"before": "Org of ada", "after": "Engines"}));
    assert_eq!(log["items"][0]["details"].as_object().unwrap().len(), 1, "only what changed");

    ada.post("/orgs", json!({"name": "Other", "slug": "taken"})).await.expect(StatusCode::CREATED);
    ada.patch(&path, json!({"slug": "taken"})).await.expect_problem(StatusCode::CONFLICT, "SLUG_TAKEN");
    let wrong = json!({
        "name": null, "slug": "No", "settings": {"defaultModel": "other", "selfHostedEndpoint": "x"},
    });
    let problem = ada.patch(&path, wrong).await.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
    let fields: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
    assert_eq!(fields, ["name", "slug", "settings.defaultModel", "settings.selfHostedEndpoint"]);
    assert_eq!(ada.get(&path).await.expect(StatusCode::OK), after, "all or nothing");
}

#[tokio::test]
async fn who_expects_another_organization_or_project_than_there_is_changes_nothing() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    for path in [format!("/orgs/{org}"), format!("/projects/{project}")] {
        let patch = async |tag: &str, body: Value| {
            ada.send(ada.json(Method::PATCH, &path).header("if-match", tag), body.to_string()).await
        };
        let read = ada.get(&path).await;
        let first = read.etag().to_owned();
        let again = ada.send(ada.request(Method::GET, &path).header("if-none-match", &first), "").await;
        assert_eq!((again.status, again.etag()), (StatusCode::NOT_MODIFIED, first.as_str()));
        let renamed = patch(&first, json!({"name": "One"})).await;
        assert_eq!(renamed.expect(StatusCode::OK)["name"], "One");
        let second = renamed.etag().to_owned();
        assert_ne!(first, second);

        let late = patch(&first, json!({"name": "Two"})).await;
        late.expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
        assert_eq!(late.etag(), second);
        let late = patch(&first, json!({"settings": null})).await;
        late.expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
        assert_eq!(ada.get(&path).await.expect(StatusCode::OK)["name"], "One");
        patch(&format!("{first}, {second}"), json!({"name": "Three"})).await.expect(StatusCode::OK);
        patch("*", json!({"name": "Four"})).await.expect(StatusCode::OK);
        patch("four", json!({})).await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    }
    // What else happens on a canvas is no change of its project.
    let path = format!("/projects/{project}");
    let tag = ada.get(&path).await.etag().to_owned();
    ada.post(&format!("{path}/nodes"), json!({"title": "Node"})).await.expect(StatusCode::CREATED);
    assert_eq!(ada.get(&path).await.etag(), tag);
    let body = json!({"settings": {"lockMode": "enforced"}});
    let changed = ada.send(ada.json(Method::PATCH, &path).header("if-match", &tag), body.to_string()).await;
    assert_ne!((changed.status, changed.etag()), (StatusCode::OK, tag.as_str()));
    assert_eq!(changed.expect(StatusCode::OK)["settings"]["lockMode"], "enforced");
}
