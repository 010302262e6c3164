//! Versions of nodes that are made and changed on their canvas.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use common::{Instance, person};
use platform::auth::PrincipalRef;
use platform::clock::ManualClock;
use platform::db::documents::DocumentRef;
use platform::db::nodes;
use platform::db::versions::{self, NodeChange, NodeVersion};
use platform::testing::TestDatabase;
use schema::Patch;
use schema::canvas::{self, CanvasPatch, NewNode, NodeChanges};
use schema::ids::{NodeId, OrgId};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(20);
/// How far the clock goes on between two looks: a projection is due after less, and work that nobody goes on with after more.
const STEP: Duration = Duration::from_secs(1);

/// A canvas, on an instance whose time a test tells.
struct Scene {
    database: TestDatabase,
    clock: Arc<ManualClock>,
    instance: Instance,
    org: OrgId,
    canvas: DocumentRef,
}

impl Scene {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let owner = database.user("ada").await;
        let org = database.org(owner.id).await;
        let canvas = DocumentRef::canvas(org, database.project(org).await);
        let clock = Arc::new(ManualClock::new(Utc::now()));
        let instance = Instance::at(database.another_instance().await, Arc::clone(&clock) as _);
        Self { database, clock, instance, org, canvas }
    }

    async fn edit(&self, who: u64, patch: CanvasPatch) {
        let edit = Box::new(move |txn: &mut yrs::TransactionMut<'_>| canvas::apply(&patch, txn, Utc::now()));
        self.instance.documents.edit(&self.canvas, person(who), None, edit).await.unwrap();
    }

    async fn change(&self, who: u64, id: NodeId, changes: NodeChanges) {
        self.edit(who, CanvasPatch::UpdateNode { id, changes: Box::new(changes) }).await;
    }

    /// Lets time go by until there is what is looked for.
    async fn until<T>(&self, look: impl AsyncFn() -> Option<T>) -> T {
        let wait = async {
            loop {
                if let Some(found) = look().await {
                    return found;
                }
                self.clock.advance(STEP);
                // The room sees what time it is when it is asked for something.
                self.instance.documents.read(&self.canvas, |_| ()).await.unwrap();
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("it comes to be so")
    }

    /// Waits until the row of a node is as it is to be.
    async fn until_row(&self, id: NodeId, is_right: impl Fn(&nodes::Node) -> bool) {
        let look = async || {
            let row = nodes::find(&self.database.db, self.org, id).await.unwrap()?;
            is_right(&row).then_some(())
        };
        self.until(look).await;
    }

    async fn versions(&self, id: NodeId) -> Vec<NodeVersion> {
        versions::of_node(&self.database.db, self.org, id, None, None, 10).await.unwrap()
    }

    /// Waits until a node has so many versions. Returns what made them, the last first.
    async fn until_versions(&self, id: NodeId, count: usize) -> Vec<(NodeChange, PrincipalRef)> {
        let look = async || {
            let versions = self.versions(id).await;
            (versions.len() >= count).then_some(versions)
        };
        self.until(look).await.into_iter().map(|version| (version.change, version.changed_by)).collect()
    }
}

fn reference(who: u64) -> PrincipalRef {
    person(who).reference()
}

fn titled(title: &str) -> NodeChanges {
    NodeChanges { title: Patch::Set(title.to_owned()), ..NodeChanges::default() }
}

#[tokio::test]
async fn a_node_that_is_made_and_changed_on_the_canvas_has_versions() {
    let scene = Scene::new().await;
    let id = NodeId::new(Uuid::new_v4());
    let new = NewNode { title: "Plan".to_owned(), ..NewNode::default() };
    scene.edit(1, CanvasPatch::CreateNode { id, node: Box::new(new) }).await;
    let mut expected = vec![(NodeChange::Created, reference(1))];
    assert_eq!(scene.until_versions(id, 1).await, expected);

    // Where it lies is no part of a version.
    scene.change(2, id, NodeChanges { x: Patch::Set(70.0), ..NodeChanges::default() }).await;
    scene.until_row(id, |row| row.node.x > 69.0).await;
    scene.change(1, id, titled("Other pla")).await;
    scene.change(2, id, titled("Other plan")).await;
    expected.insert(0, (NodeChange::Session, reference(2)));
    assert_eq!(scene.until_versions(id, 2).await, expected, "one of all that was typed in a row");
    let whole = versions::find(&scene.database.db, scene.org, id, 2).await.unwrap().unwrap();
    assert_eq!(whole.snapshot.unwrap()["title"], "Other plan");
    let row = nodes::find(&scene.database.db, scene.org, id).await.unwrap().unwrap();
    assert_eq!(row.version, Some(2));
    scene.instance.stop().await;
}

#[tokio::test]
async fn what_a_version_tells_of_already_makes_no_other_one() {
    let scene = Scene::new().await;
    let [kept, other] = [1, 2].map(|number| NodeId::new(Uuid::from_u128(number)));
    let new = |title: &str| Box::new(NewNode { title: title.to_owned(), ..NewNode::default() });
    scene.edit(1, CanvasPatch::CreateNode { id: kept, node: new("Kept") }).await;
    let (project, db) = (scene.canvas.project.unwrap(), &scene.database.db);
    let document = platform::db::documents::ensure_node(db, scene.org, project, kept).await.unwrap().unwrap();
    let history = scene.instance.documents.history();
    let made = history.record_node(&document, NodeChange::Created, "Created".to_owned(), reference(1)).await.unwrap();
    assert_eq!(made, Some(1));
    // Somebody writes on, in the node's own document, which sees what time it is only when it is looked at.
    let body = Box::new(|txn: &mut yrs::TransactionMut<'_>| schema::node::set_body(txn, "Unfinished"));
    scene.instance.documents.edit(&document, person(2), None, body).await.unwrap();
    scene.until_row(kept, |_| true).await;
    scene.edit(1, CanvasPatch::CreateNode { id: other, node: new("Other") }).await;
    scene.until_versions(other, 1).await;
    let written = async || {
        scene.instance.documents.read(&document, |_| ()).await.unwrap();
        let versions = scene.versions(kept).await;
        (versions.len() > 1).then_some(versions)
    };
    let made: Vec<_> = scene.until(written).await.into_iter().map(|it| (it.change, it.changed_by)).collect();
    assert_eq!(made, [(NodeChange::Session, reference(2)), (NodeChange::Created, reference(1))]);
    scene.instance.stop().await;
}
