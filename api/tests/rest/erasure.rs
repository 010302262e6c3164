//! The end of an organization.

use http::{Method, StatusCode};
use platform::access::AccessChange;
use platform::db::organizations;
use serde_json::json;

use crate::server::Server;

#[tokio::test]
async fn an_owner_ends_an_organization_for_everybody_at_once_and_for_good() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let grace = server.sign_in("grace").await;
    let admin = json!({"email": "grace@example.com", "role": "admin"});
    ada.post(&format!("/orgs/{org}/members"), admin).await.expect(StatusCode::CREATED);
    ada.post(&format!("/projects/{project}/nodes"), json!({"title": "Secret"})).await.expect(StatusCode::CREATED);
    let path = format!("/orgs/{org}");
    grace.delete(&format!("{path}?confirm=org-of-ada")).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    for confirm in ["", "?confirm=org-of-eve", "?confirm="] {
        let answer = ada.delete(&format!("{path}{confirm}")).await;
        answer.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    }
    assert_eq!(server.api.documents.open_count(), 2);

    let news = server.api.access_news.listen();
    ada.delete(&format!("{path}?confirm=org-of-ada")).await.expect(StatusCode::NO_CONTENT);
    let mut told = [news.changed().await, news.changed().await];
    told.sort_by_key(|change| format!("{change:?}"));
    let mut expected = [&ada, &grace].map(|person| AccessChange::Of(person.id().parse().unwrap()));
    expected.sort_by_key(|change| format!("{change:?}"));
    assert_eq!(told, expected);
    for person in [&ada, &grace] {
        for path in [path.clone(), format!("{path}/audit-log"), format!("/projects/{project}")] {
            person.get(&path).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
        }
        assert_eq!(person.get("/orgs").await.expect(StatusCode::OK)["items"], json!([]));
    }
    ada.post("/orgs", json!({"name": "Anew", "slug": "org-of-ada"})).await.expect(StatusCode::CREATED);
    // Everything is erased, and nothing of it stays open.
    ada.eventually(async || {
        let left = organizations::to_be_erased(&server.api.db).await.unwrap();
        (left.is_empty() && server.api.documents.open_count() == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_key_that_founded_an_organization_does_not_lead_back_to_it() {
    let server = Server::start().await;
    let ada = server.sign_in("ada").await;
    let found = async || {
        let request = ada.json(Method::POST, "/orgs").header("Idempotency-Key", "k1");
        ada.send(request, json!({"name": "Engines", "slug": "engines"}).to_string()).await
    };
    let org = found().await.created_id();
    ada.delete(&format!("/orgs/{org}?confirm=engines")).await.expect(StatusCode::NO_CONTENT);
    found().await.expect_problem(StatusCode::CONFLICT, "CONFLICT");
}
