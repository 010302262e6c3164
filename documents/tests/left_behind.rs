//! What an instance had still to do when it ended is done by those that come after it.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use common::{Instance, person};
use platform::bus::Hub;
use platform::clock::ManualClock;
use platform::db::documents::{DocumentRef, ensure_node};
use platform::db::log;
use platform::db::versions::{self, NodeChange, NodeVersion};
use platform::limits::Limits;
use platform::testing::TestDatabase;
use schema::canvas::{CanvasPatch, NewNode};
use schema::ids::NodeId;
use schema::{canvas, node};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(20);

/// A node with a body, and its canvas, written by person 1 on an instance that ended right after.
struct Left {
    database: TestDatabase,
    canvas: DocumentRef,
    node: DocumentRef,
}

impl Left {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let owner = database.user("ada").await;
        let org = database.org(owner.id).await;
        let project = database.project(org).await;
        let id = NodeId::new(Uuid::new_v4());
        let node = ensure_node(&database.db, org, project, id).await.unwrap().unwrap();
        let canvas = DocumentRef::canvas(org, project);
        let instance = Instance::new(database.another_instance().await);
        let new = NewNode { title: "Left".to_owned(), ..NewNode::default() };
        let create = CanvasPatch::CreateNode { id, node: Box::new(new) };
        let on_canvas = Box::new(move |txn: &mut yrs::TransactionMut<'_>| canvas::apply(&create, txn, Utc::now()));
        instance.documents.edit(&canvas, person(1), None, on_canvas).await.unwrap();
        let body = Box::new(|txn: &mut yrs::TransactionMut<'_>| node::set_body(txn, "Unfinished"));
        instance.documents.edit(&node, person(1), None, body).await.unwrap();
        instance.stop().await;
        Self { database, canvas, node }
    }

    async fn behind(&self) -> Vec<Uuid> {
        let behind = log::behind_projection(&self.database.db, Uuid::nil(), 10).await.unwrap();
        behind.into_iter().map(|(document, _)| document.id).collect()
    }

    async fn versions(&self) -> Vec<NodeVersion> {
        let node = NodeId::new(self.node.id);
        versions::of_node(&self.database.db, self.node.org, node, None, None, 10).await.unwrap()
    }
}

/// Waits until a question has this answer.
async fn until<T: PartialEq + std::fmt::Debug>(expected: T, ask: impl AsyncFn() -> T) {
    let wait = async {
        while ask().await != expected {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "expected {expected:?}, is {:?}", ask().await);
}

#[tokio::test]
async fn rows_that_an_instance_left_behind_are_written_though_nobody_opens_the_document() {
    let left = Left::new().await;
    left.database.sabotage("UPDATE documents SET projected_seq = 0").await;
    let mut expected = vec![left.canvas.id, left.node.id];
    expected.sort_unstable();
    assert_eq!(left.behind().await, expected);
    let limits = Limits { projection_check_ms: 500, ..Limits::default() };
    let instance = Instance::with(left.database.another_instance().await, &Hub::default(), limits);
    until(Vec::new(), async || left.behind().await).await;
    instance.stop().await;
}

#[tokio::test]
async fn work_that_an_instance_left_without_a_version_gets_it_when_the_node_is_opened_next() {
    let left = Left::new().await;
    assert_eq!(left.versions().await, []);
    let clock = Arc::new(ManualClock::new(Utc::now() + TimeDelta::hours(1)));
    let instance = Instance::at(left.database.another_instance().await, Arc::clone(&clock) as _);
    let look = async || instance.documents.read(&left.node, |txn| node::read(txn).body).await.unwrap().0;
    assert_eq!(look().await.trim_end(), "Unfinished");
    // Nobody goes on with it.
    clock.advance(Duration::from_secs(11));
    look().await;
    until(1, async || left.versions().await.len()).await;
    let version = left.versions().await.remove(0);
    assert_eq!((version.change, version.changed_by), (NodeChange::Session, person(1).reference()));
    instance.stop().await;

    // A version tells of it: there is nothing to do the next time.
    let until_now = Utc::now() + TimeDelta::hours(3);
    let (db, id) = (&left.database.db, NodeId::new(left.node.id));
    assert_eq!(versions::unrecorded_work(db, left.node.org, id, until_now).await.unwrap(), None);
}
