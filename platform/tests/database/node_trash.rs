//! What the audit log is told of nodes that go into the trash, and come out of it.

use std::collections::HashMap;

use chrono::Utc;
use platform::auth::{PrincipalKind, PrincipalRef};
use platform::db::PageRequest;
use platform::db::audit::{self, Action, Actor, AuditSort, Filter, Recorded, ResourceKind};
use platform::db::log::NewUpdate;
use platform::db::nodes::{self, Author, CanvasProjection, ProjectedNode, ProjectionOutcome};
use platform::testing::some_principal;
use schema::ids::{NodeId, RunId, Seq};
use serde_json::json;
use uuid::Uuid;

use crate::nodes::{Canvas, WRITTEN, canvas, document, node};
use crate::support::{append, append_some, update};

impl Canvas {
    /// Edits of the canvas by somebody, at the end of its log.
    async fn edited_by(&self, principal: PrincipalRef) {
        append_some(&self.test.db, &document(self.org, self.project, self.project.as_uuid()), principal, 1).await;
    }

    /// What the audit log says of a node, the last first.
    async fn recorded(&self, node: NodeId) -> Vec<Recorded> {
        let filter = Filter { resource: Some(node.as_uuid()), ..Filter::default() };
        audit::list(&self.test.db, self.org, &filter, PageRequest::sorted(AuditSort::NEWEST_FIRST, None, None))
            .await
            .unwrap()
            .items
    }

    async fn actions(&self, node: NodeId) -> Vec<String> {
        self.recorded(node).await.into_iter().map(|entry| entry.action).collect()
    }

    /// Notes that the owner deleted a node through REST.
    async fn note_deleted(&self, node: NodeId, at: u64) {
        let principal = PrincipalRef { kind: PrincipalKind::User, id: self.owner.as_uuid() };
        let ip = Some("203.0.113.7".parse().unwrap());
        let by = Actor { principal, user: Some(self.owner), ip, user_agent: None };
        let entry = by.did(Action::NodeDeleted, ResourceKind::Node, node);
        nodes::note_trash(&self.test.db, self.org, self.project, node, Seq::new(at), entry).await.unwrap();
    }
}

#[tokio::test]
async fn what_an_edit_puts_into_the_trash_or_takes_out_is_recorded_once_with_its_author() {
    let on = Canvas::new().await;
    let mut one = node("one");
    on.write(10, &canvas(&[&one])).await;
    let ada = some_principal();
    on.edited_by(ada).await;
    one.deleted_at = Some(Utc::now());
    for _ in 0..2 {
        assert_eq!(on.write(11, &canvas(&[&one])).await, WRITTEN);
    }
    let recorded = on.recorded(one.id).await;
    let [deleted] = recorded.as_slice() else { panic!("{recorded:?}") };
    assert_eq!((deleted.action.as_str(), deleted.resource_type.as_str()), ("node.deleted", "node"));
    assert_eq!((deleted.principal, deleted.user.map(|user| user.as_uuid())), (ada, Some(ada.id)));
    assert_eq!((&deleted.run, &deleted.ip, &deleted.details), (&None, &None, &json!({"projectId": on.project})));

    let run = Uuid::new_v4();
    let agent = PrincipalRef { kind: PrincipalKind::Agent, id: run };
    let canvas_document = document(on.org, on.project, on.project.as_uuid());
    let by_run = NewUpdate { run: Some((RunId::new(run), None)), ..update(&canvas_document, agent, "1") };
    append(&on.test.db, &[by_run]).await.unwrap();
    one.deleted_at = None;
    on.write(12, &canvas(&[&one])).await;
    let restored = on.recorded(one.id).await.remove(0);
    assert_eq!((restored.action.as_str(), restored.principal, restored.run), ("node.restored", agent, Some(run)));

    on.edited_by(ada).await;
    on.write(13, &canvas(&[])).await;
    assert_eq!(on.actions(one.id).await, ["node.deleted", "node.restored", "node.deleted"], "an undo may remove it");
}

#[tokio::test]
async fn what_is_done_through_rest_is_recorded_once_whoever_is_faster() {
    let on = Canvas::new().await;
    let [mut rest_first, mut rest_last] = [node("one"), node("two")];
    on.write(10, &canvas(&[&rest_first, &rest_last])).await;
    on.edited_by(PrincipalRef { kind: PrincipalKind::User, id: on.owner.as_uuid() }).await;
    (rest_first.deleted_at, rest_last.deleted_at) = (Some(Utc::now()), Some(Utc::now()));
    on.note_deleted(rest_first.id, 11).await;
    let mut unprojected = node("three");
    unprojected.deleted_at = Some(Utc::now());
    on.note_deleted(unprojected.id, 11).await;
    on.write(11, &canvas(&[&rest_first, &rest_last, &unprojected])).await;
    on.note_deleted(rest_last.id, 11).await;
    for (node, ip) in [(&rest_first, Some("203.0.113.7")), (&rest_last, None), (&unprojected, Some("203.0.113.7"))] {
        let recorded = on.recorded(node.id).await;
        let ips: Vec<Option<&str>> = recorded.iter().map(|entry| entry.ip.as_deref()).collect();
        assert_eq!(ips, [ip], "{}", node.title);
    }
    on.note_deleted(rest_first.id, 12).await;
    assert_eq!(on.actions(rest_first.id).await.len(), 2, "another edit is something else");
}

#[tokio::test]
async fn what_was_undone_before_rest_could_note_it_is_recorded_and_nobody_else_is_blamed() {
    let on = Canvas::new().await;
    let (coalesced, mut told) = (node("one"), node("two"));
    on.write(9, &canvas(&[&coalesced, &told])).await;
    let ada = some_principal();
    for deleted_at in [Some(Utc::now()), None] {
        on.edited_by(ada).await;
        told.deleted_at = deleted_at;
        let place = if deleted_at.is_some() { 10 } else { 11 };
        on.write(place, &canvas(&[&coalesced, &told])).await;
    }
    for node in [&coalesced, &told] {
        on.note_deleted(node.id, 10).await;
    }
    on.edited_by(some_principal()).await;
    on.write(12, &canvas(&[&coalesced, &told])).await;
    assert_eq!(on.actions(coalesced.id).await, ["node.deleted"]);
    assert_eq!(on.actions(told.id).await, ["node.restored", "node.deleted"]);
}

#[tokio::test]
async fn a_projection_of_an_earlier_place_says_nothing_of_what_rest_did_after_it() {
    let on = Canvas::new().await;
    let [mut known, mut new] = [node("one"), node("two")];
    on.write(9, &canvas(&[&known])).await;
    on.note_deleted(known.id, 11).await;
    on.note_deleted(new.id, 12).await;
    let ada = some_principal();
    for _ in 0..3 {
        on.edited_by(ada).await;
    }
    on.write(10, &canvas(&[&known, &new])).await;
    (known.deleted_at, new.deleted_at) = (Some(Utc::now()), Some(Utc::now()));
    on.write(12, &canvas(&[&known, &new])).await;
    for node in [&known, &new] {
        assert_eq!(on.actions(node.id).await, ["node.deleted"], "{}", node.title);
    }
    known.deleted_at = None;
    on.write(13, &canvas(&[&known, &new])).await;
    assert_eq!(on.actions(known.id).await, ["node.restored", "node.deleted"]);
}

#[tokio::test]
async fn what_a_projection_shows_ahead_of_the_log_is_recorded_when_the_log_has_it() {
    let on = Canvas::new().await;
    let mut one = node("one");
    on.write(9, &canvas(&[&one])).await;
    one.deleted_at = Some(Utc::now());
    let ahead = CanvasProjection { is_ahead: true, ..canvas(&[&one]) };
    let outcome = on.write(9, &ahead).await;
    assert!(matches!(outcome, ProjectionOutcome::Written { untold_for: Some(_), .. }), "{outcome:?}");
    assert_eq!(on.write(10, &ahead).await, outcome);
    assert_eq!(on.actions(one.id).await, [""; 0]);
    on.write(10, &canvas(&[&one])).await;
    let recorded = on.recorded(one.id).await;
    assert_eq!(recorded.len(), 1);
    assert_ne!(recorded[0].principal, PrincipalRef::SYSTEM, "the log says who made its tenth update");
}

#[tokio::test]
async fn of_several_authors_each_is_recorded_with_what_they_did() {
    let on = Canvas::new().await;
    let [mut one, mut two] = [node("one"), node("two")];
    on.write(10, &canvas(&[&one, &two])).await;
    let (ada, bob) = (some_principal(), some_principal());
    on.edited_by(ada).await;
    on.edited_by(bob).await;
    (one.deleted_at, two.deleted_at) = (Some(Utc::now()), Some(Utc::now()));
    let outcome = on.write(12, &canvas(&[&one, &two])).await;
    let ProjectionOutcome::Written { unattributed: Some(unattributed), .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((unattributed.after, unattributed.through), (Seq::new(10), Seq::new(12)));
    assert_eq!(on.actions(one.id).await, [""; 0], "nobody knows yet who it was");
    let before = canvas(&[&ProjectedNode { deleted_at: None, ..one.clone() }]);
    assert_eq!(on.write(11, &before).await, ProjectionOutcome::Stale, "the rows are further");
    let authors = HashMap::from([(one.id, Author { principal: ada, run: None })]);
    for _ in 0..2 {
        let mut tx = on.test.db.org(on.org).await.unwrap();
        nodes::record_trash(&mut tx, on.project, &unattributed, &authors).await.unwrap();
        tx.commit().await.unwrap();
    }
    for (node, by, why) in [(&one, ada, "as it was found out"), (&two, PrincipalRef::SYSTEM, "nobody is named")] {
        let principals: Vec<_> = on.recorded(node.id).await.iter().map(|entry| entry.principal).collect();
        assert_eq!(principals, [by], "{why}");
    }
    assert_eq!(on.write(12, &canvas(&[&one, &two])).await, WRITTEN);
}
