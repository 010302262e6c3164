use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;
use yrs::updates::decoder::Decode;
use yrs::{Any, ClientID, Doc, Map, MapPrelim, ReadTxn, StateVector, Transact, Update, WriteTxn};

use super::*;
use crate::ids::{EdgeId, NodeId, UserId};
use crate::new_doc;
use crate::patch::{Patch, PatchError, PatchErrorCode};

fn now() -> DateTime<Utc> {
    "2026-11-20T10:00:00.250Z".parse().unwrap()
}

fn node_id(number: u128) -> NodeId {
    NodeId::new(Uuid::from_u128(number))
}

fn edge_id(number: u128) -> EdgeId {
    EdgeId::new(Uuid::from_u128(number))
}

#[expect(clippy::needless_pass_by_value, reason = "patches are made where they are applied")]
fn try_patch(doc: &Doc, patch: CanvasPatch) -> Result<(), PatchError> {
    let mut txn = doc.transact_mut();
    let result = apply(&patch, &mut txn, now());
    if result.is_err() {
        assert_eq!(txn.encode_update_v1(), Update::EMPTY_V1, "a refused patch writes nothing");
    }
    result
}

fn patch(doc: &Doc, patch: CanvasPatch) {
    try_patch(doc, patch).unwrap();
}

fn refusal(doc: &Doc, patch: CanvasPatch) -> (PatchErrorCode, &'static str) {
    let error = try_patch(doc, patch).unwrap_err();
    (error.code, error.field)
}

fn view(doc: &Doc) -> CanvasView {
    read(&doc.transact())
}

fn create(number: u128) -> CanvasPatch {
    let node = NewNode { title: format!("node {number}"), ..NewNode::default() };
    CanvasPatch::CreateNode { id: node_id(number), node: Box::new(node) }
}

fn update(number: u128, changes: NodeChanges) -> CanvasPatch {
    CanvasPatch::UpdateNode { id: node_id(number), changes: Box::new(changes) }
}

fn connect(number: u128, source: u128, target: u128) -> CanvasPatch {
    let edge = NewEdge {
        source_node_id: node_id(source),
        target_node_id: node_id(target),
        source_output_id: None,
        target_input_id: None,
    };
    CanvasPatch::CreateEdge { id: edge_id(number), edge }
}

/// A canvas of a client id with nodes 1 to `nodes`.
fn canvas(client: u64, nodes: u128) -> Doc {
    let doc = new_doc(ClientID::new(client));
    let project = NewProject { name: "Project".into(), ..NewProject::default() };
    patch(&doc, CanvasPatch::InitProject(project));
    (1..=nodes).for_each(|number| patch(&doc, create(number)));
    doc
}

fn copy(doc: &Doc, client: u64) -> Doc {
    let copy = new_doc(ClientID::new(client));
    send(doc, &copy);
    copy
}

fn send(from: &Doc, to: &Doc) {
    let state = from.transact().encode_state_as_update_v1(&StateVector::default());
    to.transact_mut().apply_update(Update::decode_v1(&state).unwrap()).unwrap();
}

#[test]
fn an_empty_document_reads_as_an_empty_canvas() {
    let view = view(&new_doc(ClientID::new(1)));
    assert_eq!(view.project.workflow_states, DEFAULT_WORKFLOW_STATES);
    assert!(view.nodes.is_empty() && view.edges.is_empty() && view.problems.is_empty());
}

#[test]
fn what_is_created_is_read_back_in_the_shape_of_the_design() {
    let doc = canvas(1, 1);
    let user = UserId::new(Uuid::from_u128(9));
    let node = NewNode {
        title: "Plan".into(),
        status: Some("in_progress".into()),
        parent_id: Some(node_id(1)),
        author_type: AuthorType::Agent,
        author_user_id: Some(user),
        supervisor_user_id: Some(user),
        x: 10.5,
        y: -3.0,
        width: Some(240.0),
        height: None,
        metadata: json!({"priority": "high", "tags": ["a", "b"], "score": 0.25}).as_object().unwrap().clone(),
    };
    patch(&doc, CanvasPatch::CreateNode { id: node_id(2), node: Box::new(node) });
    patch(&doc, connect(1, 1, 2));

    let view = view(&doc);
    let id = user.to_string();
    let json = serde_json::to_value(&view).unwrap();
    assert_eq!(
        json["nodes"][node_id(2).to_string()],
        json!({
            "title": "Plan", "status": "in_progress", "parentId": node_id(1), "authorType": "agent",
            "authorUserId": id, "supervisorUserId": id, "x": 10.5, "y": -3.0, "width": 240.0, "height": null,
            "metadata": {"priority": "high", "tags": ["a", "b"], "score": 0.25},
            "createdAt": "2026-11-20T10:00:00.250Z", "deletedAt": null
        })
    );
    let edge = json!({
        "sourceNodeId": node_id(1), "targetNodeId": node_id(2), "sourceOutputId": null, "targetInputId": null
    });
    assert_eq!(json["edges"][edge_id(1).to_string()], edge);
    assert_eq!(json["project"]["workflowStates"], json!(DEFAULT_WORKFLOW_STATES));
    assert!(view.conflicts.is_empty() && view.problems.is_empty());
}

#[test]
fn metadata_is_a_shared_map_that_two_can_change_at_once() {
    let a = canvas(1, 1);
    let b = copy(&a, 2);
    let set = |key: &str| {
        let metadata = [(key.to_owned(), json!(1))].into_iter().collect();
        update(1, NodeChanges { metadata: Patch::Set(metadata), ..NodeChanges::default() })
    };
    patch(&a, set("mine"));
    patch(&b, set("theirs"));
    send(&a, &b);
    send(&b, &a);
    assert_eq!(view(&a), view(&b));
    assert_eq!(json!(view(&a).nodes[&node_id(1)].metadata), json!({"mine": 1, "theirs": 1}));
}

#[test]
fn each_field_of_a_node_can_be_left_alone_cleared_or_set() {
    let doc = canvas(1, 2);
    let changes: NodeChanges = serde_json::from_value(json!({
        "title": "New", "parentId": node_id(2), "x": 5, "width": 100,
        "metadata": {"priority": "low", "dueDate": "2026-12-01"}
    }))
    .unwrap();
    patch(&doc, update(1, changes));
    let changes = json!({"parentId": null, "width": null, "metadata": {"priority": null}, "status": "complete"});
    patch(&doc, update(1, serde_json::from_value(changes).unwrap()));

    let node = &view(&doc).nodes[&node_id(1)];
    assert_eq!((node.title.as_str(), node.status.as_str(), node.x), ("New", "complete", 5.0));
    assert_eq!((node.parent_id, node.width), (None, None));
    assert_eq!(json!(node.metadata), json!({"dueDate": "2026-12-01"}));

    let clear = NodeChanges { status: Patch::Clear, metadata: Patch::Clear, x: Patch::Clear, ..NodeChanges::default() };
    patch(&doc, update(1, clear));
    let node = &view(&doc).nodes[&node_id(1)];
    assert_eq!((node.status.as_str(), node.x, node.metadata.len()), ("draft", 0.0, 0));
}

#[test]
fn a_change_that_changes_nothing_writes_nothing() {
    let doc = canvas(1, 1);
    let changes = json!({"title": "node 1", "status": "draft", "x": 0, "parentId": null, "metadata": {}});
    let patch = update(1, serde_json::from_value(changes).unwrap());
    let mut txn = doc.transact_mut();
    apply(&patch, &mut txn, now()).unwrap();
    assert_eq!(txn.encode_update_v1(), Update::EMPTY_V1);
}

#[test]
fn values_out_of_bounds_are_refused_with_their_field() {
    let doc = canvas(1, 1);
    let refused = [
        (json!({"title": ""}), "title"),
        (json!({"title": "  "}), "title"),
        (json!({"title": null}), "title"),
        (json!({"title": "x".repeat(501)}), "title"),
        (json!({"status": "unknown"}), "status"),
        (json!({"x": 1e8}), "x"),
        (json!({"width": -1}), "width"),
        (json!({"metadata": {"tags": "no array"}}), "metadata"),
        (json!({"metadata": {"tags": vec!["t"; 51]}}), "metadata"),
        (json!({"metadata": {"big": "x".repeat(METADATA_BYTES_MAX)}}), "metadata"),
        (json!({"metadata": {"deep": [[[[[[[[1]]]]]]]]}}), "metadata"),
    ];
    for (changes, field) in refused {
        let changes = serde_json::from_value(changes).unwrap();
        assert_eq!(refusal(&doc, update(1, changes)), (PatchErrorCode::Invalid, field));
    }
    let x = NodeChanges { x: Patch::Set(f64::NAN), ..NodeChanges::default() };
    assert_eq!(refusal(&doc, update(1, x)), (PatchErrorCode::Invalid, "x"));
    let longest = NodeChanges { title: Patch::Set("é".repeat(500)), ..NodeChanges::default() };
    patch(&doc, update(1, longest));
}

#[test]
fn ids_that_are_taken_or_unknown_are_refused() {
    let doc = canvas(1, 1);
    assert_eq!(refusal(&doc, create(1)), (PatchErrorCode::AlreadyExists, "nodeId"));
    assert_eq!(refusal(&doc, CanvasPatch::DeleteNode { id: node_id(7) }), (PatchErrorCode::NotFound, "nodeId"));
    assert_eq!(refusal(&doc, CanvasPatch::RestoreNode { id: node_id(7) }), (PatchErrorCode::NotFound, "nodeId"));
    assert_eq!(refusal(&doc, CanvasPatch::DeleteEdge { id: edge_id(7) }), (PatchErrorCode::NotFound, "edgeId"));
    let inside = NodeChanges { parent_id: Patch::Set(node_id(7)), ..NodeChanges::default() };
    assert_eq!(refusal(&doc, update(1, inside)), (PatchErrorCode::NotFound, "parentId"));
    let again = CanvasPatch::InitProject(NewProject { name: "Again".into(), ..NewProject::default() });
    assert_eq!(refusal(&doc, again), (PatchErrorCode::AlreadyExists, "name"));
}

#[test]
fn one_node_reads_as_it_does_among_all() {
    let doc = canvas(1, 3);
    let states = json!({"workflowStates": ["todo", "done"]});
    patch(&doc, CanvasPatch::UpdateProject(serde_json::from_value(states).unwrap()));
    patch(&doc, update(1, serde_json::from_value(json!({"parentId": node_id(2), "metadata": {"a": 1}})).unwrap()));
    patch(&doc, CanvasPatch::DeleteNode { id: node_id(3) });
    for number in 1..=4 {
        let id = node_id(number);
        assert_eq!(read_node(&doc.transact(), id), view(&doc).nodes.get(&id).cloned(), "node {number}");
    }
    assert_eq!(read_node(&new_doc(ClientID::new(1)).transact(), node_id(1)), None);
}

#[test]
fn a_deleted_node_can_only_be_restored() {
    let doc = canvas(1, 3);
    patch(&doc, connect(1, 1, 2));
    patch(&doc, CanvasPatch::DeleteNode { id: node_id(1) });
    assert_eq!(view(&doc).nodes[&node_id(1)].deleted_at, Some(now()));
    assert_eq!(view(&doc).live_nodes().count(), 2);
    assert!(view(&doc).edges.is_empty());
    assert!(view(&doc).conflicts.is_empty());
    assert_eq!(refusal(&doc, update(1, NodeChanges::default())).0, PatchErrorCode::NotFound);
    assert_eq!(refusal(&doc, CanvasPatch::DeleteNode { id: node_id(1) }).0, PatchErrorCode::NotFound);
    assert_eq!(refusal(&doc, connect(2, 3, 1)), (PatchErrorCode::NotFound, "targetNodeId"));

    patch(&doc, CanvasPatch::RestoreNode { id: node_id(1) });
    assert_eq!(view(&doc).nodes[&node_id(1)].deleted_at, None);
    assert_eq!(view(&doc).edges.len(), 1);
    let mut txn = doc.transact_mut();
    apply(&CanvasPatch::RestoreNode { id: node_id(1) }, &mut txn, now()).unwrap();
    assert_eq!(txn.encode_update_v1(), Update::EMPTY_V1, "there was nothing to restore");
}

#[test]
fn a_restored_node_brings_back_its_edges_but_for_those_that_would_close_a_cycle() {
    let doc = canvas(1, 4);
    patch(&doc, connect(1, 1, 2));
    patch(&doc, connect(2, 2, 3));
    patch(&doc, connect(3, 2, 4));
    patch(&doc, CanvasPatch::DeleteNode { id: node_id(2) });
    patch(&doc, connect(4, 3, 1));
    patch(&doc, CanvasPatch::RestoreNode { id: node_id(2) });
    let edges: Vec<_> = view(&doc).edges.into_keys().collect();
    assert_eq!(edges, [1, 3, 4].map(edge_id));
    assert!(view(&doc).conflicts.is_empty());
}

#[test]
fn edges_come_back_when_both_ends_have() {
    let doc = canvas(1, 2);
    patch(&doc, connect(1, 1, 2));
    for number in [1, 2] {
        patch(&doc, CanvasPatch::DeleteNode { id: node_id(number) });
    }
    patch(&doc, CanvasPatch::RestoreNode { id: node_id(2) });
    assert!(view(&doc).edges.is_empty());
    patch(&doc, CanvasPatch::RestoreNode { id: node_id(1) });
    assert_eq!(view(&doc).edges.len(), 1);
}

#[test]
fn a_conflict_among_edges_of_a_deleted_node_is_none_and_is_settled_by_its_restoring() {
    let a = canvas(1, 2);
    let b = copy(&a, 2);
    patch(&a, connect(1, 1, 2));
    patch(&b, connect(2, 2, 1));
    send(&b, &a);
    assert_eq!(view(&a).conflicts.len(), 2);
    patch(&a, CanvasPatch::DeleteNode { id: node_id(2) });
    assert!(view(&a).conflicts.is_empty());
    patch(&a, CanvasPatch::RestoreNode { id: node_id(2) });
    assert_eq!(view(&a).edges.into_keys().collect::<Vec<_>>(), [edge_id(1)]);
}

#[test]
fn an_edge_closes_no_cycle_repeats_none_and_has_two_ends() {
    let doc = canvas(1, 3);
    patch(&doc, connect(1, 1, 2));
    patch(&doc, connect(2, 2, 3));
    assert_eq!(refusal(&doc, connect(3, 3, 1)), (PatchErrorCode::Cycle, "targetNodeId"));
    assert_eq!(refusal(&doc, connect(3, 1, 1)), (PatchErrorCode::Cycle, "targetNodeId"));
    assert_eq!(refusal(&doc, connect(3, 1, 2)), (PatchErrorCode::AlreadyExists, "targetNodeId"));
    assert_eq!(refusal(&doc, connect(1, 1, 3)), (PatchErrorCode::AlreadyExists, "edgeId"));
    assert_eq!(refusal(&doc, connect(3, 9, 1)), (PatchErrorCode::NotFound, "sourceNodeId"));
    patch(&doc, CanvasPatch::DeleteEdge { id: edge_id(2) });
    patch(&doc, connect(3, 3, 1));
    assert_eq!(view(&doc).edges.len(), 2);
}

#[test]
fn a_node_cannot_be_moved_inside_itself() {
    let doc = canvas(1, 3);
    let inside = |parent| NodeChanges { parent_id: Patch::Set(node_id(parent)), ..NodeChanges::default() };
    patch(&doc, update(2, inside(1)));
    patch(&doc, update(3, inside(2)));
    assert_eq!(refusal(&doc, update(1, inside(3))), (PatchErrorCode::Cycle, "parentId"));
    assert_eq!(refusal(&doc, update(1, inside(1))), (PatchErrorCode::Cycle, "parentId"));
    // A parent in the trash counts, for it can be restored.
    patch(&doc, CanvasPatch::DeleteNode { id: node_id(2) });
    assert_eq!(refusal(&doc, update(1, inside(3))), (PatchErrorCode::Cycle, "parentId"));
}

#[test]
fn what_two_close_at_the_same_time_is_shown_as_a_conflict_to_both() {
    let a = canvas(1, 4);
    let b = copy(&a, 2);
    patch(&a, connect(1, 1, 2));
    patch(&b, connect(2, 2, 1));
    patch(&a, connect(3, 3, 4));
    let inside = |parent| NodeChanges { parent_id: Patch::Set(node_id(parent)), ..NodeChanges::default() };
    patch(&a, update(3, inside(4)));
    patch(&b, update(4, inside(3)));
    send(&a, &b);
    send(&b, &a);
    let expected = [
        Conflict::EdgeInCycle { edge_id: edge_id(1) },
        Conflict::EdgeInCycle { edge_id: edge_id(2) },
        Conflict::ParentCycle { node_id: node_id(3) },
        Conflict::ParentCycle { node_id: node_id(4) },
    ];
    assert_eq!(view(&a).conflicts, expected);
    assert_eq!(view(&a), view(&b));
    assert_eq!(view(&a).edges_in_cycles(), [edge_id(1), edge_id(2)].into());
}

#[test]
fn everybody_lists_the_same_problems_in_the_same_order() {
    let doc = canvas(1, 0);
    let keys: Vec<_> = (0..20).map(|number| format!("no-{number:02}")).collect();
    {
        let mut txn = doc.transact_mut();
        let nodes = txn.get_or_insert_map("nodes");
        for key in &keys {
            nodes.insert(&mut txn, key.as_str(), MapPrelim::default());
        }
    }
    let listed: Vec<_> = view(&doc).problems.into_iter().map(|problem| problem.path).collect();
    assert_eq!(listed, keys.iter().map(|key| format!("nodes.{key}")).collect::<Vec<_>>());
}

#[test]
fn whatever_clients_wrote_is_read_without_a_panic_and_listed() {
    let doc = canvas(1, 1);
    {
        let mut txn = doc.transact_mut();
        let nodes = txn.get_or_insert_map("nodes");
        nodes.insert(&mut txn, "NOT-A-UUID", MapPrelim::default());
        nodes.insert(&mut txn, node_id(2).to_string(), "not a map");
        let bad = [
            ("title", Any::from(7)),
            ("x", Any::from(f64::NAN)),
            ("authorType", Any::from("robot")),
            ("parentId", Any::from(node_id(99).to_string().to_uppercase() + "A")),
            ("createdAt", Any::from("yesterday")),
            ("metadata", Any::from("none")),
            ("supervisorUserId", Any::Null),
        ];
        let bad: MapPrelim = bad.into_iter().map(|(key, value)| (key, yrs::In::Any(value))).collect();
        nodes.insert(&mut txn, node_id(3).to_string(), bad);
        let edges = txn.get_or_insert_map("edges");
        edges.insert(&mut txn, edge_id(1).to_string(), MapPrelim::default());
        let lost = [("sourceNodeId", node_id(1).to_string()), ("targetNodeId", node_id(50).to_string())];
        edges.insert(&mut txn, edge_id(2).to_string(), MapPrelim::from(lost));
        let project = txn.get_or_insert_map("project");
        project.insert(&mut txn, "workflowStates", 3);
    }
    for id in [2, 3].map(node_id) {
        assert_eq!(read_node(&doc.transact(), id), view(&doc).nodes.get(&id).cloned());
    }
    let view = view(&doc);
    let mut paths: Vec<_> = view.problems.iter().map(|problem| problem.path.clone()).collect();
    paths.sort_unstable();
    let node = format!("nodes.{}", node_id(3));
    let mut expected = vec![
        format!("edges.{}.sourceNodeId", edge_id(1)),
        "nodes.NOT-A-UUID".into(),
        format!("nodes.{}", node_id(2)),
        "project.workflowStates".into(),
    ];
    expected
        .extend(["authorType", "createdAt", "metadata", "parentId", "title", "x"].map(|key| format!("{node}.{key}")));
    expected.sort_unstable();
    assert_eq!(paths, expected);
    assert_eq!(view.nodes.len(), 2);
    assert_eq!(view.conflicts, [Conflict::EdgeEndMissing { edge_id: edge_id(2) }]);
}

#[test]
fn a_projects_properties_change_one_by_one() {
    let doc = canvas(1, 0);
    let changes = json!({"description": "About", "workflowStates": ["todo", "done"]});
    patch(&doc, CanvasPatch::UpdateProject(serde_json::from_value(changes).unwrap()));
    let project = view(&doc).project;
    assert_eq!((project.name.as_str(), project.description.as_deref()), ("Project", Some("About")));
    assert_eq!(project.workflow_states, ["todo", "done"]);
    patch(&doc, create(1));
    assert_eq!(view(&doc).nodes[&node_id(1)].status, "todo");

    for (changes, field) in [
        (json!({"name": null}), "name"),
        (json!({"name": ""}), "name"),
        (json!({"workflowStates": ["a", "a"]}), "workflowStates"),
        (json!({"workflowStates": [""]}), "workflowStates"),
        (json!({"workflowStates": vec!["x"; 33]}), "workflowStates"),
    ] {
        let changes = CanvasPatch::UpdateProject(serde_json::from_value(changes).unwrap());
        assert_eq!(refusal(&doc, changes), (PatchErrorCode::Invalid, field));
    }
}
