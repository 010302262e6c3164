//! Projects and who works in them.

use http::{Method, StatusCode};
use schema::canvas::{CanvasPatch, ProjectChanges};
use schema::{Patch, canvas};
use serde_json::json;

use crate::server::Server;

#[tokio::test]
async fn a_project_begins_with_its_canvas() {
    let server = Server::start().await;
    let ada = server.sign_in("ada").await;
    let org = ada.post("/orgs", json!({"name": "Engines"})).await.expect(StatusCode::CREATED);
    let path = format!("/orgs/{}/projects", org["id"].as_str().unwrap());
    let request = json!({"name": "Launch", "description": "All of it."});
    let project = ada.post(&path, request).await.expect(StatusCode::CREATED);
    assert_eq!(project["name"], "Launch");
    assert_eq!(project["description"], "All of it.");
    assert_eq!(project["orgId"], org["id"]);
    assert_eq!(project["role"], "admin");
    assert_eq!(project["workflowStates"], json!(["draft", "in_progress", "complete"]));
    let id = project["id"].as_str().unwrap();
    assert_eq!(ada.get(&format!("/projects/{id}")).await.expect(StatusCode::OK), project);
    let canvas = ada.get(&format!("/documents/project:{id}/snapshot")).await.expect(StatusCode::OK);
    assert_eq!(canvas["project"]["name"], "Launch");
    let list = ada.get(&path).await.expect(StatusCode::OK);
    assert_eq!(list["items"][0]["id"], project["id"]);
}

#[tokio::test]
async fn a_project_begins_with_the_states_and_settings_that_are_asked_for() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let grace = server.sign_in("grace").await;
    let member = json!({"email": "grace@example.com", "role": "member"});
    ada.post(&format!("/orgs/{org}/members"), member).await.expect(StatusCode::CREATED);
    let path = format!("/orgs/{org}/projects");
    let enforced = json!({"name": "Strict", "workflowStates": ["open", "done"], "settings": {"lockMode": "enforced"}});
    let project = ada.post(&path, enforced.clone()).await.expect(StatusCode::CREATED);
    assert_eq!(project["workflowStates"], json!(["open", "done"]));
    assert_eq!(project["settings"], json!({"lockMode": "enforced"}));
    let id = project["id"].as_str().unwrap();
    assert_eq!(ada.get(&format!("/projects/{id}")).await.expect(StatusCode::OK), project);
    let listed = ada.get(&path).await.expect(StatusCode::OK);
    let listed = listed["items"].as_array().unwrap().iter().find(|it| it["id"] == *id).unwrap();
    assert_eq!((&listed["workflowStates"], &listed["settings"]), (&project["workflowStates"], &project["settings"]));
    let node = ada.post(&format!("/projects/{id}/nodes"), json!({"title": "N"})).await.expect(StatusCode::CREATED);
    assert_eq!(node["status"], "open");
    let log = ada.get(&format!("/orgs/{org}/audit-log?resourceId={id}")).await.expect(StatusCode::OK);
    assert_eq!(log["items"][0]["details"], json!({"name": "Strict", "settings": {"lockMode": "enforced"}}));

    // Members may not change the settings of the projects that they begin, either.
    grace.post(&path, enforced).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    let usual = json!({"name": "Usual", "workflowStates": [], "settings": {"lockMode": "advisory"}});
    let usual = grace.post(&path, usual).await.expect(StatusCode::CREATED);
    assert_eq!(usual["workflowStates"], json!(["draft", "in_progress", "complete"]));
    for (wrong, field) in [
        (json!({"name": "x", "workflowStates": ["a", "a"]}), "workflowStates"),
        (json!({"name": "x", "workflowStates": [""]}), "workflowStates"),
        (json!({"name": "x", "settings": {"lockMode": "sometimes"}}), "settings.lockMode"),
        (json!({"name": "x", "settings": {"color": "red"}}), "settings.color"),
    ] {
        let refused = ada.post(&path, wrong).await;
        let problem = refused.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    // What a document may hold and a table may not.
    let odd = ada.post(&path, json!({"name": "Odd", "workflowStates": ["a\u{0}b"]})).await.expect(StatusCode::CREATED);
    assert_eq!(odd["workflowStates"], json!(["a\u{0}b"]));
    let count = ada.get(&path).await.expect(StatusCode::OK)["items"].as_array().unwrap().len();
    assert_eq!(count, 4, "what was refused is not there");
}

#[tokio::test]
async fn a_repeated_request_with_the_same_key_begins_one_project() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let path = format!("/orgs/{org}/projects");
    let begin = async || {
        let request = ada.json(Method::POST, &path).header("Idempotency-Key", "k1");
        ada.send(request, json!({"name": "Again"}).to_string()).await.expect(StatusCode::CREATED)
    };
    let (one, other) = tokio::join!(begin(), begin());
    assert_eq!(one["id"], other["id"]);
    assert_eq!(begin().await["id"], one["id"]);
    assert_eq!(ada.get(&path).await.json()["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_project_is_read_as_its_canvas_has_it_now() {
    let server = Server::start().await;
    let (ada, _, project) = server.with_project("ada").await;
    let name = format!("project:{project}").parse().unwrap();
    let principal = platform::auth::Principal::user(ada.user["id"].as_str().unwrap().parse().unwrap(), "ada");
    let found = platform::access::document_access(&server.api.db, &principal, &name, server.api.mode).await;
    let document = found.unwrap().unwrap().document;
    let now = server.api.clock.now();
    let rename = CanvasPatch::UpdateProject(ProjectChanges {
        name: Patch::Set("Renamed".to_owned()),
        workflow_states: Patch::Set(vec!["open".to_owned(), "done".to_owned()]),
        ..ProjectChanges::default()
    });
    let patch = Box::new(move |txn: &mut yrs::TransactionMut<'_>| canvas::apply(&rename, txn, now));
    server.api.documents.edit(&document, principal.into(), None, patch).await.unwrap();
    let read = ada.get(&format!("/projects/{project}")).await.expect(StatusCode::OK);
    assert_eq!(read["name"], "Renamed");
    assert_eq!(read["workflowStates"], json!(["open", "done"]));
}

#[tokio::test]
async fn administrators_give_roles_and_the_list_shows_the_role_that_holds() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let [grace, edsger] = [server.sign_in("grace").await, server.sign_in("edsger").await];
    let path = format!("/projects/{project}/members");
    let add = |name: &str, role: &str| json!({"email": format!("{name}@example.com"), "role": role});

    let member = ada.post(&path, add("grace", "viewer")).await.expect(StatusCode::CREATED);
    assert_eq!((&member["userId"], &member["role"]), (&grace.user["id"], &json!("viewer")));
    // Who is not of the organization joins it as a guest, and sees this project only.
    assert_eq!(grace.get(&format!("/orgs/{org}")).await.expect(StatusCode::OK)["role"], "guest");
    assert_eq!(grace.get(&format!("/projects/{project}")).await.expect(StatusCode::OK)["role"], "viewer");
    ada.post(&format!("/orgs/{org}/projects"), json!({"name": "Other"})).await.expect(StatusCode::CREATED);
    let seen = grace.get(&format!("/orgs/{org}/projects")).await.expect(StatusCode::OK);
    assert_eq!(seen["items"].as_array().unwrap().len(), 1);

    grace.post(&path, add("edsger", "viewer")).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    edsger.post(&path, add("edsger", "admin")).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    ada.post(&path, add("nobody", "viewer")).await.expect_problem(StatusCode::NOT_FOUND, "USER_NOT_FOUND");
    // An owner of the organization stays administrator.
    assert_eq!(ada.post(&path, add("ada", "viewer")).await.expect(StatusCode::CREATED)["role"], "admin");
    let members = grace.get(&path).await.expect(StatusCode::OK);
    let roles: Vec<_> = members["items"].as_array().unwrap().iter().map(|m| (&m["name"], &m["role"])).collect();
    assert_eq!(roles, [(&json!("ada"), &json!("admin")), (&json!("grace"), &json!("viewer"))]);
}

#[tokio::test]
async fn guests_begin_no_projects() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let grace = server.sign_in("grace").await;
    let guest = json!({"email": "grace@example.com", "role": "member"});
    ada.post(&format!("/projects/{project}/members"), guest).await.expect(StatusCode::CREATED);
    let answer = grace.post(&format!("/orgs/{org}/projects"), json!({"name": "Mine"})).await;
    answer.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
}

#[tokio::test]
async fn a_project_is_changed_on_its_canvas_and_in_its_settings() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let path = format!("/projects/{project}");
    let changes = json!({"name": "Plan", "description": "All of it", "workflowStates": ["idea", "done"]});
    let after = ada.patch(&path, changes).await.expect(StatusCode::OK);
    assert_eq!((&after["name"], &after["workflowStates"]), (&json!("Plan"), &json!(["idea", "done"])));
    assert_eq!(after["settings"], json!({"lockMode": "advisory"}));
    let changes = json!({"description": null, "settings": {"lockMode": "enforced"}});
    let after = ada.patch(&path, changes).await.expect(StatusCode::OK);
    assert_eq!((&after["description"], &after["name"]), (&json!(""), &json!("Plan")));
    assert_eq!(after["settings"], json!({"lockMode": "enforced"}));
    assert_eq!(ada.patch(&path, json!({"settings": null})).await.json()["settings"]["lockMode"], "advisory");
    let log = ada.get(&format!("/orgs/{org}/audit-log?action=project.updated")).await.expect(StatusCode::OK);
    assert_eq!(log["items"][1]["details"]["canvas"], json!(["description"]));
    let problem = ada.patch(&path, json!({"name": null})).await;
    problem.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");

    let grace = server.sign_in("grace").await;
    let member = json!({"email": "grace@example.com", "role": "member"});
    ada.post(&format!("{path}/members"), member).await.expect(StatusCode::CREATED);
    grace.patch(&path, json!({"name": "Ours"})).await.expect(StatusCode::OK);
    let settings = grace.patch(&path, json!({"settings": {"lockMode": "enforced"}})).await;
    settings.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
}

#[tokio::test]
async fn an_administrator_deletes_a_project_for_good_out_of_the_trash() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let grace = server.sign_in("grace").await;
    let member = json!({"email": "grace@example.com", "role": "member"});
    ada.post(&format!("/orgs/{org}/members"), member).await.expect(StatusCode::CREATED);
    let node = ada.post(&format!("/projects/{project}/nodes"), json!({"title": "Node", "body": "Text"})).await;
    let node = node.created_id();
    let path = format!("/projects/{project}");
    let erase = format!("{path}?permanently=true");
    ada.delete(&erase).await.expect_problem(StatusCode::CONFLICT, "CONFLICT");
    ada.get(&path).await.expect(StatusCode::OK);
    ada.delete(&path).await.expect(StatusCode::NO_CONTENT);
    grace.delete(&erase).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    ada.delete(&format!("{path}?permanently=false")).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    ada.delete(&erase).await.expect(StatusCode::NO_CONTENT);

    let trash = ada.get(&format!("/orgs/{org}/projects?deleted=true")).await.expect(StatusCode::OK);
    assert_eq!(trash["items"], json!([]));
    for answer in [ada.delete(&erase).await, ada.post(&format!("{path}/restore"), json!({})).await] {
        answer.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
    let erased = format!(
        "SELECT NOT EXISTS (SELECT FROM projects WHERE id = '{project}')
            AND NOT EXISTS (SELECT FROM document_updates WHERE document_id IN ('{project}', '{node}'))"
    );
    ada.eventually(async || server.database().is_so(&erased).await.then_some(())).await;
    let log = ada.get(&format!("/orgs/{org}/audit-log?resourceId={project}&limit=1")).await.expect(StatusCode::OK);
    assert_eq!(log["items"][0]["action"], "project.erased");
    assert_eq!(log["items"][0]["details"], json!({"name": "Project", "documents": 2}));
}

#[tokio::test]
async fn a_project_goes_into_the_trash_with_its_documents_and_comes_back_with_them() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let node = ada.post(&format!("/projects/{project}/nodes"), json!({"title": "Node", "body": "Text"})).await;
    let node = format!("/nodes/{}", node.created_id());
    let (path, list) = (format!("/projects/{project}"), format!("/orgs/{org}/projects"));
    ada.delete(&path).await.expect(StatusCode::NO_CONTENT);
    for answer in [ada.get(&path).await, ada.get(&node).await, ada.delete(&path).await] {
        answer.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
    assert_eq!(ada.get(&list).await.expect(StatusCode::OK)["items"], json!([]));
    let trash = ada.get(&format!("{list}?deleted=true")).await.expect(StatusCode::OK);
    assert_eq!(trash["items"][0]["id"], project.as_str());
    assert!(trash["items"][0]["deletedAt"].is_string());

    let grace = server.sign_in("grace").await;
    let member = json!({"email": "grace@example.com", "role": "member"});
    ada.post(&format!("/orgs/{org}/members"), member).await.expect(StatusCode::CREATED);
    let restore = format!("{path}/restore");
    grace.post(&restore, json!({})).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    assert_eq!(ada.post(&restore, json!({})).await.expect(StatusCode::OK)["name"], "Project");
    ada.post(&restore, json!({})).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    assert_eq!(ada.get(&node).await.expect(StatusCode::OK)["body"], "Text");
    ada.patch(&node, json!({"body": "More"})).await.expect(StatusCode::OK);
}
