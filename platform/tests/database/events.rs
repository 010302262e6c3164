//! The stream of events: what is in it, in which order, for whom, and for how long.

use std::time::Duration;

use chrono::Utc;
use platform::auth::{PrincipalKind, PrincipalRef};
use platform::db::events::{self, EventId, EventKind, Events, Kept, NewEvent, Scope};
use platform::db::{Db, DbError};
use platform::testing::{TestDatabase, some_principal};
use schema::ids::{NodeId, OrgId, ProjectId, UserId};
use serde_json::json;
use uuid::Uuid;

async fn org_of(test: &TestDatabase) -> OrgId {
    let owner = test.user(&Uuid::new_v4().to_string()).await;
    test.org(owner.id).await
}

async fn write(db: &Db, org: OrgId, events: impl IntoIterator<Item = NewEvent>) {
    let mut tx = db.org(org).await.unwrap();
    for event in events {
        events::append(&mut tx, event);
    }
    tx.commit().await.unwrap();
}

fn numbered(number: u64) -> NewEvent {
    NewEvent::new(EventKind::ProjectUpdated, json!({"number": number}))
}

async fn read(db: &Db, org: OrgId, scope: Scope, after: u64) -> Events {
    events::after(db, org, scope, &[], EventId::new(after), 100).await.unwrap()
}

fn ids(events: &Events) -> Vec<u64> {
    events.items.iter().map(|event| event.id.get()).collect()
}

#[tokio::test]
async fn events_are_committed_with_what_happened_or_not_at_all() {
    let test = TestDatabase::new().await;
    let org = org_of(&test).await;
    let mut commits = test.db.listen_to_commits();
    let mut tx = test.db.org(org).await.unwrap();
    events::append(&mut tx, numbered(1));
    drop(tx);
    let (project, node) = (ProjectId::new(Uuid::new_v4()), NodeId::new(Uuid::new_v4()));
    let actor = some_principal();
    let event = NewEvent::new(EventKind::NodeCreated, json!({"title": "a\u{0}b"})).project(project).node(node);
    write(&test.db, org, [event.by([actor]), numbered(2)]).await;
    assert_eq!(commits.recv().await.unwrap(), (org, EventId::new(2)), "what was undone is not heard of");
    let found = read(&test.db, org, Scope::Everything, 0).await;
    assert_eq!((ids(&found), found.through, found.has_more), (vec![1, 2], EventId::new(2), false));
    let first = &found.items[0];
    assert_eq!((first.kind, first.project, first.node), (EventKind::NodeCreated, Some(project), Some(node)));
    let wire = serde_json::to_value(first).unwrap();
    assert_eq!(wire["payload"], json!({"title": "ab"}), "NUL is no text for Postgres");
    assert_eq!(wire["actors"], json!([{"kind": "user", "id": actor.id}]));
    assert_eq!((&wire["id"], &wire["type"]), (&json!("1"), &json!("node_created")));
}

/// Were they numbered by a sequence, a reader would go past one that commits late.
#[tokio::test]
async fn a_reader_never_finds_an_earlier_event_later() {
    const WRITERS: u64 = 6;
    const EACH: u64 = 30;
    let test = TestDatabase::new().await;
    let org = org_of(&test).await;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let db = test.db.clone();
            tokio::spawn(async move {
                for number in 0..EACH {
                    write(&db, org, (0..=(writer + number) % 3).map(numbered)).await;
                }
            })
        })
        .collect();
    let db = test.another_instance().await;
    let mut last = 0;
    let mut read_all = async || {
        loop {
            let found = read(&db, org, Scope::Everything, last).await;
            let expected: Vec<u64> = (last + 1..).take(found.items.len()).collect();
            assert_eq!(ids(&found), expected);
            last = found.through.get();
            if !found.has_more {
                return last;
            }
        }
    };
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        read_all().await;
    }
    let written: u64 = (0..WRITERS).flat_map(|writer| (0..EACH).map(move |number| (writer + number) % 3 + 1)).sum();
    assert_eq!(read_all().await, written);
}

#[tokio::test]
async fn each_scope_holds_its_part_of_the_stream_and_nothing_of_another_organization() {
    let test = TestDatabase::new().await;
    let (org, other) = (org_of(&test).await, org_of(&test).await);
    let (project, node) = (ProjectId::new(Uuid::new_v4()), NodeId::new(Uuid::new_v4()));
    let (ada, bob) = (UserId::new(Uuid::new_v4()), UserId::new(Uuid::new_v4()));
    let of = |kind| NewEvent::new(kind, json!({})).project(project);
    let stream = [
        of(EventKind::NodeCreated).node(node),
        of(EventKind::ProjectUpdated),
        of(EventKind::Notification).node(node).only_for(ada),
        NewEvent::new(EventKind::MemberUpdated, json!({})),
    ];
    write(&test.db, org, stream).await;
    write(&test.db, other, [of(EventKind::NodeCreated).node(node)]).await;
    let scopes = [
        (Scope::Everything, vec![1, 2, 3, 4]),
        (Scope::Organization(ada), vec![1, 2, 3, 4]),
        (Scope::Organization(bob), vec![1, 2, 4]),
        (Scope::Project(project), vec![1, 2]),
        (Scope::Node(node), vec![1]),
        (Scope::Person(ada), vec![3]),
        (Scope::Person(bob), vec![]),
    ];
    let all = read(&test.db, org, Scope::Everything, 0).await;
    for (scope, expected) in scopes {
        assert_eq!(ids(&read(&test.db, org, scope, 0).await), expected, "{scope:?}");
        let held = all.items.iter().filter(|event| scope.holds(event)).map(|event| event.id.get());
        assert_eq!(held.collect::<Vec<_>>(), expected, "{scope:?}");
    }
    let kinds = [EventKind::MemberUpdated, EventKind::ProjectUpdated];
    let found = events::after(&test.db, org, Scope::Everything, &kinds, EventId::NONE, 1).await.unwrap();
    assert_eq!((ids(&found), found.through.get(), found.has_more), (vec![2], 2, true));
    let found = events::after(&test.db, org, Scope::Node(node), &[], EventId::new(1), 10).await.unwrap();
    assert_eq!((ids(&found), found.through.get()), (vec![], 4), "a reader of a part gets on with the whole");
}

#[tokio::test]
async fn old_events_are_let_go_of_and_who_missed_some_can_tell() {
    let test = TestDatabase::new().await;
    let (org, quiet) = (org_of(&test).await, org_of(&test).await);
    assert_eq!(events::kept(&test.db, org).await.unwrap(), Kept::default());
    write(&test.db, org, (0..3).map(numbered)).await;
    test.sabotage("UPDATE events SET at = now() - interval '2 days'; UPDATE event_heads SET oldest_at = now() - interval '2 days'")
        .await;
    write(&test.db, org, [numbered(4)]).await;
    write(&test.db, quiet, [numbered(1)]).await;
    let before = Utc::now() - chrono::TimeDelta::days(1);
    assert_eq!(events::remove_before(&test.db, before).await.unwrap().events, 3);
    let kept = events::kept(&test.db, org).await.unwrap();
    assert_eq!(kept, Kept { trimmed: EventId::new(3), last: EventId::new(4) });
    assert!(kept.reaches_back_to(EventId::new(3)) && kept.reaches_back_to(EventId::new(4)));
    assert!(!kept.reaches_back_to(EventId::new(2)) && !kept.reaches_back_to(EventId::new(5)));
    assert_eq!(ids(&read(&test.db, org, Scope::Everything, 3).await), [4]);
    assert_eq!(events::remove_before(&test.db, before).await.unwrap().events, 0);
    let soon = Utc::now() + chrono::TimeDelta::days(1);
    assert_eq!(events::remove_before(&test.db, soon).await.unwrap().events, 2);
    write(&test.db, org, [numbered(5)]).await;
    assert_eq!(ids(&read(&test.db, org, Scope::Everything, 4).await), [5], "numbers go on");
}

#[tokio::test]
async fn a_payload_that_is_too_long_is_left_out() {
    let test = TestDatabase::new().await;
    let org = org_of(&test).await;
    let payload = json!({"text": "x".repeat(events::PAYLOAD_BYTES_MAX)});
    write(&test.db, org, [NewEvent::new(EventKind::ProjectUpdated, payload)]).await;
    let found = read(&test.db, org, Scope::Everything, 0).await;
    assert_eq!(found.items[0].payload, json!({"omitted": ["payload"]}));
}

/// The row that numbers events is locked only while a transaction commits: what a transaction does after it noted an
/// event keeps nobody waiting.
#[tokio::test]
async fn a_transaction_that_is_still_at_work_holds_no_other_up() -> Result<(), DbError> {
    let test = TestDatabase::new().await;
    let org = org_of(&test).await;
    let mut slow = test.db.org(org).await?;
    events::append(&mut slow, numbered(1).by([PrincipalRef { kind: PrincipalKind::User, id: Uuid::nil() }]));
    tokio::time::timeout(Duration::from_secs(5), write(&test.db, org, [numbered(2)])).await.expect("it does not wait");
    slow.commit().await?;
    let found = read(&test.db, org, Scope::Everything, 0).await;
    assert_eq!(found.items.iter().map(|event| event.payload["number"].as_u64().unwrap()).collect::<Vec<_>>(), [2, 1]);
    Ok(())
}
