//! Nodes that go into the trash by edits of a canvas are in the audit log.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use chrono::Utc;
use common::{Client, Instance, person};
use documents::room::UpdateKind;
use platform::auth::PrincipalRef;
use platform::db::PageRequest;
use platform::db::audit::{self, AuditSort, Filter};
use platform::db::documents::DocumentRef;
use platform::testing::TestDatabase;
use schema::Patch;
use schema::canvas::{self, CanvasPatch, NewNode, NodeChanges};
use schema::ids::NodeId;
use uuid::Uuid;
use yrs::{Transact, TransactionMut};

const PATIENCE: Duration = Duration::from_secs(20);

struct Canvas {
    database: TestDatabase,
    document: DocumentRef,
    instance: Instance,
}

impl Canvas {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let owner = database.user("ada").await;
        let org = database.org(owner.id).await;
        let document = DocumentRef::canvas(org, database.project(org).await);
        let instance = Instance::new(database.another_instance().await);
        Self { database, document, instance }
    }

    async fn edit(&self, who: u64, patch: CanvasPatch) {
        let edit = Box::new(move |txn: &mut TransactionMut<'_>| canvas::apply(&patch, txn, Utc::now()));
        self.instance.documents.edit(&self.document, person(who), None, edit).await.unwrap();
    }

    async fn recorded(&self, node: NodeId) -> Vec<(String, PrincipalRef)> {
        let filter = Filter { resource: Some(node.as_uuid()), ..Filter::default() };
        let page = PageRequest::sorted(AuditSort::NEWEST_FIRST, None, None);
        let entries = audit::list(&self.database.db, self.document.org, &filter, page).await.unwrap().items;
        entries.into_iter().map(|entry| (entry.action, entry.principal)).collect()
    }

    async fn until_recorded(&self, node: NodeId, expected: &[(&str, u64)]) {
        let expected: Vec<_> =
            expected.iter().map(|(action, who)| ((*action).to_owned(), person(*who).reference())).collect();
        let wait = async {
            while self.recorded(node).await != expected {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let is_there = tokio::time::timeout(PATIENCE, wait).await.is_ok();
        assert!(is_there, "expected {expected:?}, is {:?}", self.recorded(node).await);
    }
}

/// A client at its replica deletes one node while others delete, and change, other nodes.
#[tokio::test]
async fn a_deletion_over_a_socket_is_recorded_with_its_author_among_several() {
    let canvas = Canvas::new().await;
    let [one, two, three] = [(); 3].map(|()| NodeId::new(Uuid::new_v4()));
    for id in [one, two, three] {
        let node = Box::new(NewNode { title: "A node".to_owned(), ..NewNode::default() });
        canvas.edit(1, CanvasPatch::CreateNode { id, node }).await;
    }
    let mut client = Client::new(700);
    client.attach(&canvas.instance, &canvas.document).await;
    let update = {
        let mut txn = client.doc.transact_mut();
        canvas::apply(&CanvasPatch::DeleteNode { id: one }, &mut txn, Utc::now()).unwrap();
        txn.encode_update_v1()
    };
    client.send(UpdateKind::Live, update.into()).await;
    canvas.edit(2, CanvasPatch::DeleteNode { id: two }).await;
    let changes = Box::new(NodeChanges { title: Patch::Set("Renamed".to_owned()), ..NodeChanges::default() });
    canvas.edit(3, CanvasPatch::UpdateNode { id: three, changes }).await;
    canvas.until_recorded(one, &[("node.deleted", 700)]).await;
    canvas.until_recorded(two, &[("node.deleted", 2)]).await;
    canvas.edit(3, CanvasPatch::RestoreNode { id: one }).await;
    canvas.until_recorded(one, &[("node.restored", 3), ("node.deleted", 700)]).await;
    assert_eq!(canvas.recorded(three).await, []);
    canvas.instance.stop().await;
}
