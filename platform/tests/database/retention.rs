//! What is kept too long of documents in which nobody writes any more.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use platform::db::audit::Actor;
use platform::db::documents::{self, DocumentRef, ensure_node};
use platform::db::log::{self, EventSourcingLevel, retention};
use platform::db::versions::{self, NewNodeVersion, NodeChange};
use platform::db::{organizations, projects};
use platform::testing::{TestDatabase, some_principal};
use schema::ids::{Epoch, NodeId, OrgId, Seq};
use serde_json::json;
use uuid::Uuid;

use crate::support::append_some;

const DENSE_DAYS: u64 = 30;

async fn set_level(test: &TestDatabase, org: OrgId, level: EventSourcingLevel) {
    organizations::set_level(&test.db, org, &Actor::SYSTEM, level).await.unwrap();
}

async fn overdue(test: &TestDatabase, org: OrgId, now: DateTime<Utc>) -> Vec<DocumentRef> {
    retention::overdue(&test.db, org, Uuid::nil(), 10, DENSE_DAYS, now).await.unwrap()
}

#[tokio::test]
async fn documents_are_found_whose_past_is_kept_longer_than_the_organization_wants() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    let empty = test.document_in(document.org, document.project.unwrap()).await;
    append_some(&test.db, &document, some_principal(), 3).await;
    let (now, later) = (Utc::now(), Utc::now() + TimeDelta::days(31));
    let nobody = Vec::<DocumentRef>::new();
    for (level, today, then) in [
        (EventSourcingLevel::Full, &nobody, &nobody),
        (EventSourcingLevel::Snapshot, &nobody, &vec![document]),
        (EventSourcingLevel::Audit, &vec![document], &vec![document]),
    ] {
        set_level(&test, document.org, level).await;
        let found = (overdue(&test, document.org, now).await, overdue(&test, document.org, later).await);
        assert_eq!((&found.0, &found.1), (today, then), "{level:?}");
        assert_eq!(retention::level(&test.db, document.org).await.unwrap(), Some(level));
    }
    let state = Bytes::from_static(b"state");
    log::save_snapshot(&test.db, document.org, document.id, Epoch::FIRST, Seq::new(3), state).await.unwrap();
    log::trim(&test.db, document.org, document.id, DENSE_DAYS, now).await.unwrap();
    assert_eq!(overdue(&test, document.org, later).await, [], "what is gone is gone");
    assert_ne!(empty.id, document.id);
}

#[tokio::test]
async fn what_is_in_the_trash_is_kept_no_longer_than_the_rest() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    let in_project = test.document_in(document.org, document.project.unwrap()).await;
    for document in [&document, &in_project] {
        append_some(&test.db, document, some_principal(), 3).await;
    }
    set_level(&test, document.org, EventSourcingLevel::Audit).await;
    let (org, by) = (document.org, Actor::SYSTEM);
    assert!(documents::delete_free(&test.db, org, &by, document.id.into()).await.unwrap());
    assert_eq!(overdue(&test, org, Utc::now()).await.len(), 2);
    projects::delete(&test.db, org, document.project.unwrap(), &by).await.unwrap().unwrap();
    let found = overdue(&test, org, Utc::now()).await;
    assert_eq!(found.len(), 2, "{found:?}");
    organizations::delete(&test.db, org, &by, &org.to_string()).await.unwrap().unwrap();
    assert_eq!(overdue(&test, org, Utc::now()).await, [], "what is erased anyway is left alone");
}

#[tokio::test]
async fn all_organizations_with_documents_are_gone_through_in_pages() {
    let test = TestDatabase::new().await;
    let mut expected = Vec::new();
    for _ in 0..3 {
        let document = test.document().await;
        test.document_in(document.org, document.project.unwrap()).await;
        expected.push(document.org);
    }
    let (mut found, mut after) = (Vec::new(), OrgId::new(Uuid::nil()));
    loop {
        let page = retention::organizations(&test.db, after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = *last;
        found.extend(page);
    }
    assert!(found.is_sorted_by_key(OrgId::as_uuid) && expected.iter().all(|org| found.contains(org)), "{found:?}");
}

/// A node with two versions a day.
struct Versions {
    test: TestDatabase,
    org: OrgId,
    node: NodeId,
}

impl Versions {
    async fn on(days: i64) -> Self {
        let test = TestDatabase::new().await;
        let owner = test.user("ada").await;
        let org = test.org(owner.id).await;
        let project = test.project(org).await;
        let node = NodeId::new(Uuid::new_v4());
        ensure_node(&test.db, org, project, node).await.unwrap().unwrap();
        let noon = "2026-03-01T12:00:00Z".parse::<DateTime<Utc>>().unwrap();
        for number in 0..days * 2 {
            let new = NewNodeVersion {
                node,
                project,
                epoch: Epoch::FIRST,
                canvas_seq: Seq::ZERO,
                node_seq: Seq::new(number.unsigned_abs() + 1),
                change: NodeChange::Updated,
                summary: String::new(),
                changed_by: some_principal(),
                snapshot: json!({"title": number}),
                state: Bytes::from_static(b"state"),
                at: noon + TimeDelta::days(number / 2) + TimeDelta::hours(number % 2),
            };
            versions::record(&test.db, org, &new).await.unwrap().unwrap();
        }
        Self { test, org, node }
    }

    async fn let_go(&self, days_later: i64) -> u64 {
        let now = "2026-03-01T18:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::days(days_later);
        retention::let_go_of_versions(&self.test.db, self.org, DENSE_DAYS, now).await.unwrap()
    }

    /// Which versions still say what the node was.
    async fn kept(&self) -> Vec<i32> {
        let mut kept = Vec::new();
        for version in versions::of_node(&self.test.db, self.org, self.node, None, None, 100).await.unwrap() {
            let number = version.version;
            let whole = versions::find(&self.test.db, self.org, self.node, number).await.unwrap().unwrap();
            let state = versions::state(&self.test.db, self.org, self.node, number).await.unwrap();
            assert_eq!(whole.snapshot.is_some(), state.is_some());
            kept.extend(state.map(|_| number));
        }
        kept.reverse();
        kept
    }
}

#[tokio::test]
async fn of_old_versions_of_a_node_the_last_of_each_day_stays_or_none_or_all() {
    let versions = Versions::on(3).await;
    let all = [1, 2, 3, 4, 5, 6];
    set_level(&versions.test, versions.org, EventSourcingLevel::Full).await;
    assert_eq!((versions.let_go(400).await, versions.kept().await), (0, all.to_vec()));
    set_level(&versions.test, versions.org, EventSourcingLevel::Snapshot).await;
    assert_eq!((versions.let_go(2).await, versions.kept().await), (0, all.to_vec()));
    assert_eq!((versions.let_go(31).await, versions.kept().await), (2, vec![2, 4, 5, 6]));
    assert_eq!((versions.let_go(400).await, versions.let_go(400).await), (1, 0));
    assert_eq!(versions.kept().await, [2, 4, 6]);
    set_level(&versions.test, versions.org, EventSourcingLevel::Audit).await;
    assert_eq!((versions.let_go(0).await, versions.kept().await), (3, vec![]));
}
