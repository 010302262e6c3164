//! Lists that go on by a cursor, in either direction of time, and show what is asked for.

use http::StatusCode;
use platform::auth::PrincipalRef;
use platform::db::notifications::{self, AboutNode, NotificationKind};
use serde_json::{Value, json};

use crate::history::{Scene, principal};
use crate::lists::{expect_order, listed, paged};
use crate::server::{Client, Server};

async fn refuses(client: &Client, path: &str) {
    client.get(path).await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
}

#[tokio::test]
async fn locks_are_listed_in_pages_however_many_there_are() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let many = 1_001;
    let nodes = format!(
        "INSERT INTO documents (id, org_id, project_id, kind)
         SELECT gen_random_uuid(), '{org}', '{project}', 'node' FROM generate_series(1, {many});
         INSERT INTO node_locks (node_id, org_id, project_id, holder_kind, holder_id, holder_user_id, holder_name,
             acquired_at, expires_at)
         SELECT id, org_id, project_id, 1, '{ada}', '{ada}', 'ada', now(), now() + interval '1 hour'
         FROM documents WHERE kind = 'node'",
        ada = ada.id()
    );
    server.database().sabotage(&nodes).await;
    let path = format!("/projects/{project}/locks");
    let first = ada.get(&path).await.expect(StatusCode::OK);
    assert_eq!(first["items"].as_array().unwrap().len(), 1_000, "as many as a list ever showed");
    let rest = format!("{path}?cursor={}", first["nextCursor"].as_str().unwrap());
    let rest = ada.get(&rest).await.expect(StatusCode::OK);
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["nextCursor"]), (1, &Value::Null));
    let ids = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|lock| lock["nodeId"].as_str().unwrap().to_owned()).collect()
    };
    let all = [ids(&first), ids(&rest)].concat();
    assert!(all.is_sorted(), "in the order of the nodes' ids, none twice");
    server
        .database()
        .sabotage("DELETE FROM node_locks WHERE node_id > (SELECT node_id FROM node_locks ORDER BY 1 OFFSET 4 LIMIT 1)")
        .await;
    assert_eq!(listed(&ada, &path, "", "nodeId").await, all[..5].iter().map(|id| json!(id)).collect::<Vec<_>>());
    refuses(&ada, &format!("{path}?limit=1001")).await;
    refuses(&ada, &format!("{path}?cursor=x")).await;
}

#[tokio::test]
async fn histories_go_on_by_a_cursor_and_show_the_work_of_one() {
    let server = Server::start().await;
    let scene = Scene::in_server(&server).await;
    let (ada, bob) = (principal(&scene.ada), principal(&scene.bob));
    for (client, text) in [(&scene.bob, "Two."), (&scene.ada, "Three."), (&scene.bob, "Four.")] {
        scene.write(client, json!({"body": text})).await;
    }
    // As short as they can be, each update is a session.
    let sessions = scene.history("/sessions?length=0&limit=2");
    let all = paged(&scene.ada, &sessions, "sessions", "principal").await;
    assert_eq!(all, [&bob, &ada, &bob, &ada].map(|who| json!(who)));
    let of_bob = paged(&scene.ada, &format!("{sessions}&principal={bob}"), "sessions", "lastSeq").await;
    assert_eq!(of_bob, [json!(4), json!(2)]);

    let versions = format!("/nodes/{}/versions", scene.node);
    let all = paged(&scene.ada, &format!("{versions}?limit=2"), "items", "changedBy").await;
    assert_eq!(all, [&bob, &ada, &bob, &ada].map(|who| json!(who)));
    let of_ada = paged(&scene.ada, &format!("{versions}?limit=2&principal={ada}"), "items", "version").await;
    assert_eq!(of_ada, [json!(3), json!(1)]);

    for path in [scene.history("/sessions?cursor=4&beforeSeq=4"), format!("{versions}?cursor=3&before=3")] {
        refuses(&scene.ada, &path).await;
    }
    for path in [scene.history("/sessions?"), format!("{versions}?"), scene.history("/versions?")] {
        refuses(&scene.ada, &format!("{path}principal=ada")).await;
        refuses(&scene.ada, &format!("{path}cursor=x")).await;
    }
}

#[tokio::test]
async fn named_versions_are_sorted_and_filtered_as_asked() {
    let server = Server::start().await;
    let scene = Scene::in_server(&server).await;
    scene.write(&scene.bob, json!({"body": "Two."})).await;
    let path = scene.history("/versions");
    for (client, name, seq) in [(&scene.ada, "b", 2), (&scene.bob, "c", 1), (&scene.ada, "a", 1)] {
        client.post(&path, json!({"name": name, "seq": seq})).await.created_id();
    }
    let names = async |query: &str| {
        let page = scene.ada.get(&format!("{path}?{query}")).await.expect(StatusCode::OK);
        assert_eq!(page["nextCursor"], Value::Null, "all of them, unless a limit is given");
        page["versions"].as_array().unwrap().iter().map(|version| version["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names("sort=name").await, ["a", "b", "c"]);
    assert_eq!(names("sort=-createdAt").await, ["a", "c", "b"]);
    assert_eq!(names("").await[2], "b", "by their places");
    assert_eq!(names(&format!("principal={}", principal(&scene.bob))).await, ["c"]);
    let by_name = paged(&scene.ada, &format!("{path}?sort=-name&limit=2"), "versions", "name").await;
    assert_eq!(by_name, ["c", "b", "a"]);
    refuses(&scene.ada, &format!("{path}?limit=1001")).await;
}

#[tokio::test]
async fn runs_audit_entries_and_deliveries_are_listed_in_either_direction_of_time() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let node = ada.post(&format!("/projects/{project}/nodes"), json!({"title": "N"})).await.created_id();
    for name in ["a", "b", "c"] {
        let asked = json!({"agentName": name, "ifBusy": "enqueue"});
        ada.post(&format!("/nodes/{node}/execute"), asked).await.expect(StatusCode::ACCEPTED);
    }
    for list in [format!("/nodes/{node}/executions"), format!("/projects/{project}/executions")] {
        expect_order(&ada, &list, "createdAt", "agentName", &["a", "b", "c"]).await;
        assert_eq!(listed(&ada, &list, "", "agentName").await, ["c", "b", "a"], "{list}");
        assert_eq!(listed(&ada, &list, "status=pending", "agentName").await.len(), 3, "{list}");
        assert_eq!(listed(&ada, &list, "status=failed", "agentName").await, Vec::<Value>::new(), "{list}");
        refuses(&ada, &format!("{list}?sort=agentName")).await;
    }

    // Of a kind of event that does not happen here: what it is told are the pings alone.
    let hook = json!({"url": "https://example.com/", "events": ["node_deleted"]});
    let hook = ada.post(&format!("/orgs/{org}/webhooks"), hook).await.created_id();
    let hook = format!("/orgs/{org}/webhooks/{hook}");
    for _ in 0..3 {
        ada.post(&format!("{hook}/ping"), json!({})).await.expect(StatusCode::ACCEPTED);
    }
    for (list, member, sort) in
        [(format!("{hook}/deliveries"), "id", "createdAt"), (format!("/orgs/{org}/audit-log"), "id", "at")]
    {
        let newest_first = listed(&ada, &list, "", member).await;
        assert!(newest_first.len() >= 3, "{list}");
        let newest_first: Vec<&str> = newest_first.iter().map(|id| id.as_str().unwrap()).collect();
        let oldest_first: Vec<&str> = newest_first.iter().rev().copied().collect();
        expect_order(&ada, &list, sort, member, &oldest_first).await;
        refuses(&ada, &format!("{list}?sort=id")).await;
    }
}

#[tokio::test]
async fn notifications_are_sorted_and_filtered_as_asked() {
    let server = Server::start().await;
    let (ada, first, project) = server.with_project("ada").await;
    let second = ada.post("/orgs", json!({"name": "Second"})).await.created_id();
    let other = ada.post(&format!("/orgs/{second}/projects"), json!({"name": "Other"})).await.created_id();
    let places = [(&first, &project, NotificationKind::Mention), (&second, &other, NotificationKind::NodeAssigned)];
    for (org, project, kind) in places.into_iter().cycle().take(4) {
        let mut tx = server.api.db.org(org.parse().unwrap()).await.unwrap();
        let about = AboutNode {
            kind,
            project: project.parse().unwrap(),
            node: project.parse().unwrap(),
            node_title: "One",
            body: None,
            actors: &[PrincipalRef::SYSTEM],
        };
        notifications::notify(&mut tx, &[ada.id().parse().unwrap()], &about).await.unwrap();
        tx.commit().await.unwrap();
    }
    let list = "/users/me/notifications";
    let [mention, assigned] = ["mention", "node_assigned"].map(|kind| json!(kind));
    let oldest_first = listed(&ada, list, "sort=createdAt", "type").await;
    assert_eq!(oldest_first, [&mention, &assigned, &mention, &assigned].map(Clone::clone));
    let newest_first = listed(&ada, list, "", "type").await;
    assert_eq!(newest_first, [&assigned, &mention, &assigned, &mention].map(Clone::clone));
    assert_eq!(listed(&ada, list, "type=mention", "type").await, [mention.clone(), mention.clone()]);
    assert_eq!(listed(&ada, list, "type=mention,node_assigned", "type").await.len(), 4);
    assert_eq!(listed(&ada, list, "type=lock_released", "type").await, Vec::<Value>::new());
    assert_eq!(listed(&ada, list, &format!("organizationId={second}"), "type").await, [assigned.clone(), assigned]);
    refuses(&ada, &format!("{list}?type=whisper")).await;
}

#[tokio::test]
async fn organizations_and_templates_are_filtered_as_asked() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let bob = server.sign_in("bob").await;
    let own = bob.post("/orgs", json!({"name": "Own"})).await.created_id();
    let admin = json!({"email": "bob@example.com", "role": "admin"});
    ada.post(&format!("/orgs/{org}/members"), admin).await.expect(StatusCode::CREATED);
    assert_eq!(listed(&bob, "/orgs", "role=owner", "id").await, [json!(own)]);
    assert_eq!(listed(&bob, "/orgs", "role=admin", "id").await, [json!(org)]);
    assert_eq!(listed(&bob, "/orgs", "role=guest", "id").await, Vec::<Value>::new());
    refuses(&bob, "/orgs?role=king").await;

    let list = format!("/orgs/{org}/templates");
    for (client, name) in [(&ada, "hers"), (&bob, "his")] {
        let structure = json!({"nodes": [{"key": "a", "title": "A"}]});
        client.post(&list, json!({"name": name, "structure": structure})).await.created_id();
    }
    assert_eq!(listed(&ada, &list, &format!("createdBy={}", bob.id()), "name").await, ["his"]);
    assert_eq!(listed(&bob, &list, &format!("createdBy={}", ada.id()), "name").await, ["hers"]);
    refuses(&bob, &format!("{list}?createdBy=ada")).await;
}
