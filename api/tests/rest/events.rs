//! Events: in pages, and as streams that go on.

use std::collections::BTreeSet;
use std::time::Duration;

use http::StatusCode;
use platform::auth::PrincipalRef;
use platform::db::audit::Actor;
use platform::db::events::{self, EventKind, NewEvent};
use platform::db::notifications::{self, AboutNode, NotificationKind};
use platform::db::{DbError, members};
use platform::limits::{Limit, Limits};
use schema::ids::OrgId;
use serde_json::{Value, json};

use crate::event_source::EventSource;
use crate::lists::paged;
use crate::server::{Client, Server};

async fn create_node(client: &Client, project: &str, title: &str) -> String {
    let body = json!({"title": title});
    let created = client.post(&format!("/projects/{project}/nodes"), body).await.expect(StatusCode::CREATED);
    created["id"].as_str().unwrap().to_owned()
}

/// Writes events of an organization past the interface.
async fn write(server: &Server, org: &str, count: u64) {
    let mut tx = server.api.db.org(org.parse::<OrgId>().unwrap()).await.unwrap();
    for number in 0..count {
        events::append(&mut tx, NewEvent::new(EventKind::OrganizationUpdated, json!({"number": number})));
    }
    tx.commit().await.unwrap();
}

/// Reads pages until there is an event of this type.
async fn page_with(client: &Client, path: &str, kind: &str) -> Value {
    client
        .eventually(async || {
            let page = client.get(path).await.expect(StatusCode::OK);
            page["items"].as_array().unwrap().iter().any(|event| event["type"] == kind).then_some(page)
        })
        .await
}

#[tokio::test]
async fn an_edit_is_an_event_on_every_stream_that_it_concerns() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let node = create_node(&ada, &project, "First").await;
    page_with(&ada, &format!("/orgs/{org}/events"), "node_created").await;
    let paths = [format!("/orgs/{org}/events"), format!("/projects/{project}/events"), format!("/nodes/{node}/events")];
    let mut streams = Vec::new();
    for path in &paths {
        streams.push(EventSource::open(&ada, path, None).await);
    }
    for stream in &streams {
        let header = |name: &str| stream.headers[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "text/event-stream");
        assert_eq!(
            (header("cache-control"), header("x-accel-buffering")),
            ("no-store, no-transform".into(), "no".into())
        );
    }
    ada.patch(&format!("/nodes/{node}"), json!({"title": "Renamed"})).await.expect(StatusCode::OK);
    for stream in &mut streams {
        let event = stream.until("node_updated").await;
        assert_eq!(event.data["payload"], json!({"changes": {"title": "Renamed"}, "changeCount": 2}));
        assert_eq!(event.data["type"], "node_updated");
        assert_eq!((&event.data["nodeId"], &event.data["projectId"]), (&json!(node), &json!(project)));
        assert_eq!(event.data["actors"], json!([{"kind": "user", "id": ada.user["id"]}]));
        assert_eq!(event.data["id"].as_str(), event.id.as_deref());
    }
    ada.delete(&format!("/nodes/{node}")).await;
    for stream in &mut streams {
        assert_eq!(stream.event().await.event.as_deref(), Some("node_deleted"));
    }
}

#[tokio::test]
async fn what_becomes_of_projects_roles_and_the_organization_is_told_to_whom_it_concerns() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let (bob, cy) = (server.sign_in("bob").await, server.sign_in("cy").await);
    let by_ada = json!([{"kind": "user", "id": ada.user["id"]}]);
    let of_everything = format!("/orgs/{org}/events");
    let mut of_org = EventSource::open(&ada, &of_everything, None).await;
    let mut watcher = EventSource::open(&ada, &of_everything, None).await;
    let in_project = format!("/projects/{project}");
    let body = json!({"email": "bob@example.com", "role": "viewer"});
    ada.post(&format!("{in_project}/members"), body).await.expect(StatusCode::CREATED);
    // A stream begins where its instance has read to.
    watcher.until("project_member_updated").await;
    let mut of_project = EventSource::open(&bob, &format!("{in_project}/events"), None).await;
    let body = json!({"email": "cy@example.com", "role": "member"});
    ada.post(&format!("/orgs/{org}/members"), body).await.expect(StatusCode::CREATED);
    ada.patch(&format!("/orgs/{org}"), json!({"name": "Renamed"})).await.expect(StatusCode::OK);
    ada.patch(&in_project, json!({"settings": {"lockMode": "enforced"}})).await.expect(StatusCode::OK);
    ada.patch(&format!("{in_project}/members/{}", bob.id()), json!({"role": "member"})).await.expect(StatusCode::OK);
    for path in [format!("/orgs/{org}/members/{}", cy.id()), format!("{in_project}/members/{}", bob.id())] {
        ada.delete(&path).await.expect(StatusCode::NO_CONTENT);
    }
    ada.delete(&in_project).await.expect(StatusCode::NO_CONTENT);
    ada.post(&format!("{in_project}/restore"), json!({})).await.expect(StatusCode::OK);
    let second = json!({"name": "Second", "description": "Of two"});
    let second = ada.post(&format!("/orgs/{org}/projects"), second).await.created_id();

    let (settings, bob_is) = (json!({"lockMode": "enforced"}), |role| json!({"userId": bob.user["id"], "role": role}));
    let expected = [
        ("member_updated", None, bob_is("guest")),
        ("project_member_updated", Some(&project), bob_is("viewer")),
        ("member_updated", None, json!({"userId": cy.user["id"], "role": "member"})),
        ("organization_updated", None, json!({"changes": {"name": "Renamed"}})),
        ("project_updated", Some(&project), json!({"changes": {"settings": settings}})),
        ("project_member_updated", Some(&project), bob_is("member")),
        ("member_removed", None, json!({"userId": cy.user["id"]})),
        ("project_member_removed", Some(&project), json!({"userId": bob.user["id"]})),
        ("project_deleted", Some(&project), json!({"name": "Project"})),
        ("project_restored", Some(&project), json!({"name": "Project"})),
        ("project_created", Some(&second), json!({"name": "Second", "description": "Of two"})),
    ];
    for (kind, project, payload) in expected {
        let event = of_org.event().await;
        assert_eq!((event.data["type"].as_str(), &event.data["payload"]), (Some(kind), &payload));
        assert_eq!((&event.data["projectId"], &event.data["actors"]), (&json!(project), &by_ada), "{kind}");
    }
    // Bob hears of the project, and only of that, for as long as he has a role in it.
    assert_eq!(of_project.event().await.data["payload"], json!({"changes": {"settings": settings}}));
    assert_eq!(of_project.event().await.data["payload"], bob_is("member"));
    while of_project.event().await.event.as_deref() != Some("end") {}
}

#[tokio::test]
async fn who_comes_back_gets_all_that_was_missed_once_and_in_order() {
    const MISSED: u64 = 450;
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let path = format!("/orgs/{org}/events?types=organization_updated");
    let mut stream = EventSource::open(&ada, &path, None).await;
    write(&server, &org, 1).await;
    stream.event().await;
    let last = stream.last_id.clone().unwrap();
    drop(stream);
    write(&server, &org, MISSED).await;
    let mut stream = EventSource::open(&ada, &path, Some(&last)).await;
    // More come while the client catches up.
    write(&server, &org, 30).await;
    let mut expected: u64 = last.parse().unwrap();
    for _ in 0..MISSED + 30 {
        expected += 1;
        assert_eq!(stream.event().await.id.unwrap(), expected.to_string());
    }
}

#[tokio::test]
async fn a_client_that_reads_slowly_misses_nothing() {
    const EVENTS: u64 = 1_000;
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let mut stream = EventSource::open(&ada, &format!("/orgs/{org}/events"), None).await;
    let first: u64 = stream.last_id.clone().unwrap().parse().unwrap();
    for _ in 0..10 {
        write(&server, &org, EVENTS / 10).await;
    }
    for number in 1..=EVENTS {
        assert_eq!(stream.event().await.id.unwrap(), (first + number).to_string());
    }
}

/// Notifies a person in an organization, past the interface.
async fn notify(server: &Server, org: &str, project: &str, person: &Client) {
    let mut tx = server.api.db.org(org.parse::<OrgId>().unwrap()).await.unwrap();
    let about = AboutNode {
        kind: NotificationKind::ALL[0],
        project: project.parse().unwrap(),
        node: project.parse().unwrap(),
        node_title: "One",
        body: None,
        actors: &[PrincipalRef::SYSTEM],
    };
    notifications::notify(&mut tx, &[person.id().parse().unwrap()], &about).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn what_is_told_to_one_alone_comes_from_all_organizations_and_goes_on_in_each() {
    let server = Server::start().await;
    let (ada, first, project) = server.with_project("ada").await;
    let second = ada.post("/orgs", json!({"name": "Second"})).await.created_id();
    let other = ada.post(&format!("/orgs/{second}/projects"), json!({"name": "Other"})).await.created_id();
    let path = "/users/me/events";
    let mut stream = EventSource::open(&ada, path, None).await;
    for (org, project) in [(&first, &project), (&second, &other)] {
        write(&server, org, 2).await;
        notify(&server, org, project, &ada).await;
        let event = stream.event().await;
        assert_eq!((&event.data["type"], &event.data["organizationId"]), (&json!("notification"), &json!(org)));
    }
    let last = stream.last_id.clone().unwrap();
    drop(stream);
    notify(&server, &second, &other, &ada).await;
    notify(&server, &first, &project, &ada).await;
    let mut stream = EventSource::open(&ada, path, Some(&last)).await;
    for org in [&second, &first] {
        assert_eq!(stream.event().await.data["organizationId"], json!(org), "each once, in the order of time");
    }

    let page = ada.get(&format!("{path}?limit=3")).await.expect(StatusCode::OK);
    assert_eq!((page["items"].as_array().unwrap().len(), &page["hasMore"]), (3, &json!(true)));
    let rest = format!("{path}?limit=3&lastEventId={}", page["lastEventId"].as_str().unwrap());
    let rest = ada.get(&rest).await.expect(StatusCode::OK);
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["hasMore"]), (1, &json!(false)));
    assert_eq!(rest["items"][0]["organizationId"], json!(first));
    ada.get(&format!("{path}?lastEventId=7")).await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    let bob = server.sign_in("bob").await;
    assert_eq!(bob.get(path).await.expect(StatusCode::OK)["items"], json!([]));

    let joined = bob.post("/orgs", json!({"name": "Third"})).await.created_id();
    let body = json!({"email": "ada@example.com", "role": "member"});
    bob.post(&format!("/orgs/{joined}/members"), body).await.expect(StatusCode::CREATED);
    assert_eq!(stream.until("end").await.data["reason"], "ORGANIZATIONS_CHANGED");
}

#[tokio::test]
async fn pages_go_on_where_the_last_ended() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    write(&server, &org, 7).await;
    let path = format!("/orgs/{org}/events?limit=3");
    let mut ids = Vec::new();
    let mut last = None;
    loop {
        let next = last.as_ref().map_or(path.clone(), |last: &String| format!("{path}&lastEventId={last}"));
        let page = ada.get(&next).await.expect(StatusCode::OK);
        let items = page["items"].as_array().unwrap();
        ids.extend(items.iter().map(|event| event["id"].as_str().unwrap().parse::<u64>().unwrap()));
        last = Some(page["lastEventId"].as_str().unwrap().to_owned());
        if page["hasMore"] == false {
            break;
        }
    }
    assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>());
    assert!(ids.len() >= 7);
    let cursors = paged(&ada, &path, "items", "id").await;
    assert_eq!(cursors, ids.iter().map(|id| json!(id.to_string())).collect::<Vec<_>>());
    let both = ada.get(&format!("{path}&cursor=1&lastEventId=1")).await;
    both.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    let page = ada.get(&format!("{path}&lastEventId={}", last.unwrap())).await.expect(StatusCode::OK);
    assert_eq!(page["items"], json!([]));
    let types = ada.get(&format!("/orgs/{org}/events?types=node_moved")).await.expect(StatusCode::OK);
    assert_eq!(types["items"], json!([]));
    ada.get(&format!("/orgs/{org}/events?types=x")).await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    ada.get(&format!("/orgs/{org}/events?lastEventId=x"))
        .await
        .expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
}

#[tokio::test]
async fn an_id_that_nobody_can_go_on_from_is_a_problem_that_says_so() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    write(&server, &org, 3).await;
    let soon = chrono::Utc::now() + chrono::TimeDelta::days(1);
    events::remove_before(&server.api.db, soon).await.unwrap();
    write(&server, &org, 1).await;
    let path = format!("/orgs/{org}/events");
    for id in ["1", "999999"] {
        let problem = ada.get(&format!("{path}?lastEventId={id}")).await;
        problem.expect_problem(StatusCode::GONE, "EVENTS_GONE");
        assert_eq!(EventSource::request(&ada, &path, Some(id)).await.status(), StatusCode::GONE);
    }
    let page = ada.get(&path).await.expect(StatusCode::OK);
    assert_eq!(page["items"].as_array().unwrap().len(), 1, "from the oldest that is kept");
}

#[tokio::test]
async fn events_are_for_those_who_may_read_what_they_tell_of() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let (bob, eve) = (server.sign_in("bob").await, server.sign_in("eve").await);
    let members = format!("/orgs/{org}/members");
    ada.post(&members, json!({"email": "bob@example.com", "role": "guest"})).await.expect(StatusCode::CREATED);
    let node = create_node(&ada, &project, "Secret").await;
    page_with(&ada, &format!("/orgs/{org}/events"), "node_created").await;
    let paths = [format!("/orgs/{org}/events"), format!("/projects/{project}/events"), format!("/nodes/{node}/events")];
    for path in &paths {
        eve.get(path).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
        assert_eq!(EventSource::request(&eve, path, None).await.status(), StatusCode::NOT_FOUND);
    }
    bob.get(&paths[0]).await.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    bob.get(&paths[1]).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    let members = format!("/projects/{project}/members");
    ada.post(&members, json!({"email": "bob@example.com", "role": "viewer"})).await.expect(StatusCode::CREATED);
    page_with(&bob, &paths[1], "node_created").await;
    page_with(&bob, &paths[2], "node_created").await;
}

#[tokio::test]
async fn a_stream_ends_with_the_access_to_it() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let bob = server.sign_in("bob").await;
    let body = json!({"email": "bob@example.com", "role": "member"});
    ada.post(&format!("/orgs/{org}/members"), body).await.expect(StatusCode::CREATED);
    let mut streams = [
        EventSource::open(&bob, &format!("/orgs/{org}/events"), None).await,
        EventSource::open(&bob, &format!("/projects/{project}/events"), None).await,
    ];
    let user = bob.user["id"].as_str().unwrap().parse().unwrap();
    let agreed = |_| Ok::<_, DbError>(());
    members::remove_from_org(&server.api.db, org.parse().unwrap(), &Actor::SYSTEM, user, agreed).await.unwrap();
    server.api.access_news.announce(user);
    for stream in &mut streams {
        assert_eq!(stream.until("end").await.data, json!({"reason": "ACCESS_ENDED"}));
        assert_eq!(stream.next().await, None);
    }
}

#[tokio::test]
async fn a_stream_ends_when_the_server_stops_and_says_when_to_come_back() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let mut stream = EventSource::open(&ada, &format!("/orgs/{org}/events"), None).await;
    let lifecycle = server.api.lifecycle.clone();
    let stopping = tokio::spawn(async move { lifecycle.shutdown(Duration::from_secs(20)).await });
    let end = stream.until("end").await;
    assert_eq!(end.data, json!({"reason": "RESTARTING"}));
    assert!(end.retry.is_some_and(|retry| (1_000..7_000).contains(&retry)) && end.id.is_some(), "{end:?}");
    assert_eq!(stream.next().await, None);
    drop(stream);
    let report = stopping.await.unwrap();
    assert!(report.is_clean(), "{report:?}");
}

#[tokio::test]
async fn a_silent_stream_gives_signs_of_life_that_tell_how_far_it_has_come() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let server_of_beats = server.with_limits(Limits { event_heartbeat_seconds: 1, ..server.api.limits.clone() });
    let ada_there = ada.on(&server_of_beats);
    let mut stream = EventSource::open(&ada_there, &format!("/projects/{project}/events"), None).await;
    let before: u64 = stream.last_id.clone().unwrap().parse().unwrap();
    // Not of this project: nothing to send, but something to be past of.
    write(&server, &org, 5).await;
    let mut last = before;
    while last < before + 5 {
        let beat = stream.next().await.unwrap();
        assert_eq!(beat.event, None);
        last = beat.id.unwrap().parse().unwrap();
    }
}

#[tokio::test]
async fn streams_are_bounded_and_a_place_is_free_again_when_one_ends() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let limited = server.with_limits(Limits { event_streams_per_principal: 2, ..server.api.limits.clone() });
    let ada_there = ada.on(&limited);
    let path = format!("/orgs/{org}/events");
    let one = EventSource::open(&ada_there, &path, None).await;
    let _two = EventSource::open(&ada_there, &path, None).await;
    let refused = EventSource::request(&ada_there, &path, None).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(limited.api.metrics.limits().get(Limit::EventStreams), 1);
    let (bob, bobs, _) = server.with_project("bob").await;
    EventSource::open(&bob.on(&limited), &format!("/orgs/{bobs}/events"), None).await;
    let metrics = limited.api.metrics.encode();
    assert!(metrics.contains("\nglassbox_events_streams_open 2.0\n"), "{metrics}");
    drop(one);
    EventSource::open(&ada_there, &path, None).await;
}

#[tokio::test]
async fn every_type_of_event_is_described() {
    let server = Server::start().await;
    let document = server.get("/api/v1/openapi.json").await.json();
    let described: BTreeSet<&str> = document["components"]["schemas"]["EventType"]["enum"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    assert_eq!(described, EventKind::ALL.iter().map(|kind| kind.as_str()).collect());
}
