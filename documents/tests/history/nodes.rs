//! Taking back on a canvas: no node is lost over it.

use chrono::Utc;
use documents::history::Selection;
use platform::db::audit::Actor;
use platform::db::documents::DocumentRef;
use schema::Patch;
use schema::canvas::{self, CanvasPatch, NewNode, NodeChanges};
use schema::ids::{NodeId, Seq};
use uuid::Uuid;
use yrs::TransactionMut;

use crate::common::person;
use crate::scene::{Scene, reference};

/// A canvas on which people work.
struct Canvas(Scene);

impl Canvas {
    async fn new() -> Self {
        let Scene { database, instance, history, .. } = Scene::new().await;
        let owner = database.user("ada").await;
        let org = database.org(owner.id).await;
        let document = DocumentRef::canvas(org, database.project(org).await);
        Self(Scene { database, instance, document, history })
    }

    async fn edit(&self, who: u64, patches: Vec<CanvasPatch>) -> Seq {
        let edit = move |txn: &mut TransactionMut<'_>| {
            for patch in patches {
                canvas::apply(&patch, txn, Utc::now()).unwrap();
            }
        };
        self.0.edit(who, edit).await
    }

    /// The title of a node, and whether it is in the trash.
    async fn look(&self, id: NodeId) -> (String, bool) {
        let read = move |txn: &yrs::Transaction<'_>| canvas::read_node(txn, id);
        let node = self.0.instance.documents.read(&self.0.document, read).await.unwrap().0;
        let node = node.expect("the node is on the canvas, or in its trash");
        (node.title, node.deleted_at.is_some())
    }

    /// Takes back as the third person. Returns whether there was something to take back, and the place of the edit.
    async fn undo(&self, selection: &Selection) -> (bool, Seq) {
        let undone = self.0.history.undo(&self.0.document, &person(3), selection, &Actor::SYSTEM).await.unwrap();
        (undone.is_changed, undone.place.seq)
    }
}

fn create(id: NodeId, title: &str) -> CanvasPatch {
    CanvasPatch::CreateNode { id, node: Box::new(NewNode { title: title.to_owned(), ..NewNode::default() }) }
}

fn rename(id: NodeId, title: &str) -> CanvasPatch {
    let title = Patch::Set(title.to_owned());
    CanvasPatch::UpdateNode { id, changes: Box::new(NodeChanges { title, ..NodeChanges::default() }) }
}

fn some_nodes<const COUNT: usize>() -> [NodeId; COUNT] {
    [(); COUNT].map(|()| NodeId::new(Uuid::new_v4()))
}

fn live(title: &str) -> (String, bool) {
    (title.to_owned(), false)
}

fn in_trash(title: &str) -> (String, bool) {
    (title.to_owned(), true)
}

#[tokio::test]
async fn nodes_that_came_after_the_version_that_is_restored_go_into_the_trash() {
    let canvas = Canvas::new().await;
    let [old, gone, late, thrown_away] = some_nodes();
    let then = canvas.edit(1, vec![create(old, "Old"), create(gone, "Gone")]).await;
    canvas.edit(2, vec![create(late, "Late"), create(thrown_away, "Away"), rename(old, "New")]).await;
    canvas.edit(2, vec![CanvasPatch::DeleteNode { id: gone }, CanvasPatch::DeleteNode { id: thrown_away }]).await;
    canvas.edit(3, vec![rename(late, "Later")]).await;
    let restore = async || {
        let Scene { history, document, .. } = &canvas.0;
        history.restore(document, &person(3), then, None, &Actor::SYSTEM).await.unwrap().place.seq
    };

    let restored = restore().await;
    assert_eq!((canvas.look(old).await, canvas.look(gone).await), (live("Old"), live("Gone")), "as in the version");
    assert_eq!((canvas.look(late).await, canvas.look(thrown_away).await), (in_trash("Later"), in_trash("Away")));
    canvas.undo(&Selection { from: Some(restored), ..Selection::default() }).await;
    let back = (canvas.look(old).await, canvas.look(gone).await);
    assert_eq!(back, (live("New"), in_trash("Gone")), "taken back like any edit");
    assert_eq!((canvas.look(late).await, canvas.look(thrown_away).await), (live("Later"), in_trash("Away")));

    restore().await;
    assert_eq!(canvas.look(late).await, in_trash("Later"));
    canvas.edit(1, vec![CanvasPatch::RestoreNode { id: late }]).await;
    assert_eq!(canvas.look(late).await, live("Later"), "out of the trash, with all that it was");
    canvas.0.stop().await;
}

#[tokio::test]
async fn nodes_that_somebody_made_go_into_the_trash_when_that_is_taken_back() {
    let canvas = Canvas::new().await;
    let [own, shared, hers] = some_nodes();
    canvas.edit(2, vec![create(hers, "Hers")]).await;
    canvas.edit(1, vec![create(own, "Own"), create(shared, "Shared"), rename(hers, "His")]).await;
    canvas.edit(1, vec![rename(own, "His own")]).await;
    canvas.edit(2, vec![rename(shared, "Ours")]).await;
    let of_one = Selection { principals: vec![reference(1)], ..Selection::default() };

    let (is_changed, undone) = canvas.undo(&of_one).await;
    assert!(is_changed);
    assert_eq!((canvas.look(own).await, canvas.look(shared).await), (in_trash("His own"), in_trash("Ours")));
    assert_eq!(canvas.look(hers).await, live("Hers"), "the node of somebody else is what she made of it");
    assert!(!canvas.undo(&of_one).await.0, "there is nothing left to be taken back");
    canvas.edit(2, vec![CanvasPatch::RestoreNode { id: shared }]).await;
    assert_eq!(canvas.look(shared).await, live("Ours"), "out of the trash, with all that it was");

    canvas.undo(&Selection { from: Some(undone), through: Some(undone), ..Selection::default() }).await;
    assert_eq!((canvas.look(own).await, canvas.look(hers).await), (live("His own"), live("His")));
    canvas.0.stop().await;
}

#[tokio::test]
async fn only_the_node_that_is_named_goes_into_the_trash() {
    let canvas = Canvas::new().await;
    let [named, other] = some_nodes();
    canvas.edit(1, vec![create(named, "Named"), create(other, "Other")]).await;
    let part = Some(format!("nodes/{named}"));
    canvas.undo(&Selection { principals: vec![reference(1)], part, ..Selection::default() }).await;
    assert_eq!((canvas.look(named).await, canvas.look(other).await), (in_trash("Named"), live("Other")));
    canvas.0.stop().await;
}

#[tokio::test]
async fn a_single_value_of_a_node_is_taken_back_and_restored() {
    let canvas = Canvas::new().await;
    let [id] = some_nodes();
    let then = canvas.edit(2, vec![create(id, "Hers")]).await;
    let (title, x) = (Patch::Set("His".to_owned()), Patch::Set(5.0));
    let changes = Box::new(NodeChanges { title, x, ..NodeChanges::default() });
    canvas.edit(1, vec![CanvasPatch::UpdateNode { id, changes }]).await;
    let x = async || {
        let read = move |txn: &yrs::Transaction<'_>| canvas::read_node(txn, id).unwrap().x;
        canvas.0.instance.documents.read(&canvas.0.document, read).await.unwrap().0
    };
    let part = Some(format!("nodes/{id}/title"));
    let of_one = Selection { principals: vec![reference(1)], part: part.clone(), ..Selection::default() };
    assert!(canvas.undo(&of_one).await.0);
    assert_eq!((canvas.look(id).await, x().await), (live("Hers"), 5.0));

    canvas.edit(2, vec![rename(id, "Ours")]).await;
    let Scene { history, document, .. } = &canvas.0;
    history.restore(document, &person(3), then, part, &Actor::SYSTEM).await.unwrap();
    assert_eq!((canvas.look(id).await, x().await), (live("Hers"), 5.0));
    canvas.0.stop().await;
}
