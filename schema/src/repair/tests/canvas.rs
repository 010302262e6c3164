//! SPEC D10, canvases.

use yrs::{Any, Map, MapPrelim, TextPrelim, Transact, WriteTxn, XmlFragmentPrelim};

use super::*;
use crate::canvas::{CanvasView, read};
use crate::repair::right_id;

fn view(doc: &Doc) -> CanvasView {
    read(&doc.transact())
}

fn with_node(write: impl FnOnce(&yrs::MapRef, &mut TransactionMut<'_>)) -> Doc {
    written(|txn| {
        let node = txn.get_or_insert_map("nodes").insert(txn, NODE, MapPrelim::default());
        write(&node, txn);
    })
}

fn node(doc: &Doc) -> crate::canvas::CanvasNode {
    view(doc).nodes[&NODE.parse().unwrap()].clone()
}

#[test]
fn what_is_right_or_unknown_is_left_alone() {
    let doc = with_node(|node, txn| {
        for (key, value) in [("title", "A"), ("status", "of another workflow"), ("authorType", "robot"), ("note", "?")]
        {
            node.insert(txn, key, value);
        }
        for (key, value) in [("x", Any::from(1.5)), ("y", Any::from(-3)), ("width", Any::Null), ("later", object(&[]))]
        {
            node.insert(txn, key, value);
        }
        node.insert(txn, "parentId", OTHER);
        node.insert(txn, "createdAt", "2026-01-02T03:04:05.678+01:00");
        node.insert(txn, "metadata", MapPrelim::default()).insert(txn, "deep", object(&[("x", Any::from(f64::NAN))]));
        txn.get_or_insert_map("nodes").insert(txn, OTHER, MapPrelim::default());
        let edge = txn.get_or_insert_map("edges").insert(txn, OTHER, MapPrelim::default());
        edge.insert(txn, "sourceNodeId", NODE);
        edge.insert(txn, "targetNodeId", OTHER);
        yrs::Array::push_back(&txn.get_or_insert_array("list"), txn, 1);
        txn.get_or_insert_map("project").insert(txn, "workflowStates", Any::Array([Any::from("a")].into()));
    });
    assert_eq!(repaired(Shape::Canvas, &doc), said(&[]));
}

#[test]
fn members_of_a_wrong_type_become_what_they_say() {
    let doc = with_node(|node, txn| {
        node.insert(txn, "title", TextPrelim::new("typed \u{1f642}"));
        node.insert(txn, "status", 7);
        node.insert(txn, "x", " 12.5 ");
        node.insert(txn, "y", f64::NAN);
        node.insert(txn, "width", 1e300);
        node.insert(txn, "height", object(&[("px", Any::from(3))]));
        node.insert(txn, "parentId", OTHER.to_uppercase());
        node.insert(txn, "authorUserId", "somebody");
        node.insert(txn, "createdAt", 1_000_i64);
        node.insert(txn, "deletedAt", true);
        node.insert(txn, "metadata", object(&[("priority", Any::from("high"))]));
    });
    let path = |key: &str| format!("nodes.{NODE}.{key}");
    let expected = [
        ("title", Reason::NotText),
        ("status", Reason::NotText),
        ("x", Reason::NotANumber),
        ("y", Reason::NotANumber),
        ("width", Reason::OutOfRange),
        ("height", Reason::NotANumber),
        ("parentId", Reason::NotAnId),
        ("authorUserId", Reason::NotAnId),
        ("createdAt", Reason::NotATime),
        ("deletedAt", Reason::NotATime),
        ("metadata", Reason::NotAMap),
    ];
    assert_eq!(repaired(Shape::Canvas, &doc), expected.map(|(key, reason)| (path(key), reason)).into());
    let node = node(&doc);
    assert_eq!((node.title.as_str(), node.status.as_str()), ("typed \u{1f642}", "7"));
    assert_eq!((node.x, node.y, node.width, node.height), (12.5, 0.0, Some(crate::canvas::COORDINATE_MAX), None));
    assert_eq!(node.parent_id, Some(OTHER.parse().unwrap()));
    assert_eq!(node.created_at.map(|time| time.timestamp_millis()), Some(1_000));
    assert_eq!(node.deleted_at, None, "nobody knows since when: it stays on the canvas");
    assert_eq!(node.metadata["priority"], "high");
    assert_eq!(view(&doc).problems, []);
}

#[test]
fn an_entry_that_is_no_map_becomes_one() {
    let doc = written(|txn| {
        let nodes = txn.get_or_insert_map("nodes");
        nodes.insert(
            txn,
            NODE,
            object(&[("title", Any::from("plain")), ("x", Any::from("4")), ("mine", Any::from(1))]),
        );
        nodes.insert(txn, OTHER, "only words");
        let edges = txn.get_or_insert_map("edges");
        edges.insert(txn, NODE, object(&[("sourceNodeId", Any::from(NODE)), ("targetNodeId", Any::from(OTHER))]));
        edges.insert(txn, OTHER, 5);
    });
    let nodes = |key: &str| format!("nodes.{key}");
    let expected = [
        (nodes(NODE), Reason::NotAMap),
        (format!("nodes.{NODE}.x"), Reason::NotANumber),
        (nodes(OTHER), Reason::NotAMap),
        (format!("edges.{NODE}"), Reason::NotAMap),
        (format!("edges.{OTHER}"), Reason::NotAMap),
    ];
    assert_eq!(repaired(Shape::Canvas, &doc), expected.into());
    let view = view(&doc);
    assert_eq!((view.nodes.len(), view.edges.len()), (2, 1));
    assert_eq!((node(&doc).title.as_str(), node(&doc).x), ("plain", 4.0));
    assert_eq!(view.nodes[&OTHER.parse().unwrap()].title, "only words");
}

#[test]
fn what_has_an_id_of_another_kind_gets_the_same_one_wherever_it_is_named() {
    let huge = "n".repeat(1 << 20);
    let doc = written(|txn| {
        let nodes = txn.get_or_insert_map("nodes");
        for (id, title) in [("node-1", "one"), (&NODE.to_uppercase(), "two"), (&huge, "three")] {
            let node = nodes.insert(txn, id, MapPrelim::default());
            node.insert(txn, "title", title);
            node.insert(txn, "metadata", MapPrelim::default()).insert(txn, "notes", TextPrelim::new(title));
        }
        let edge = txn.get_or_insert_map("edges").insert(txn, "edge-1", MapPrelim::default());
        edge.insert(txn, "sourceNodeId", "node-1");
        edge.insert(txn, "targetNodeId", NODE.to_uppercase());
    });
    let all = repaired(Shape::Canvas, &doc);
    assert!(all.iter().all(|(path, reason)| path.len() < 250 && *reason == Reason::NotAnId), "{all:?}");
    let view = view(&doc);
    assert_eq!(view.problems, []);
    let one = &view.nodes[&right_id("node-1").into()];
    assert_eq!((one.title.as_str(), &one.metadata["notes"]), ("one", &serde_json::Value::from("one")));
    assert_eq!(node(&doc).title, "two");
    assert_eq!(view.nodes[&right_id(&huge).into()].title, "three");
    let edge = &view.edges[&right_id("edge-1").into()];
    assert_eq!((edge.source_node_id, edge.target_node_id), (right_id("node-1").into(), NODE.parse().unwrap()));

    // Somebody who keeps to their own ids means the same node when they write it again.
    let again = doc.get_or_insert_map("nodes");
    let mut txn = doc.transact_mut();
    again.insert(&mut txn, "node-1", MapPrelim::default()).insert(&mut txn, "title", "one again");
    drop(txn);
    repaired(Shape::Canvas, &doc);
    let view = self::view(&doc);
    let one = &view.nodes[&right_id("node-1").into()];
    assert_eq!((view.nodes.len(), one.title.as_str()), (3, "one again"));
    assert_eq!(one.metadata["notes"], "one");
}

#[test]
fn an_edge_that_leads_nowhere_goes() {
    let doc = written(|txn| {
        let edges = txn.get_or_insert_map("edges");
        edges.insert(txn, NODE, MapPrelim::default()).insert(txn, "sourceNodeId", NODE);
        let edge = edges.insert(txn, OTHER, MapPrelim::default());
        edge.insert(txn, "sourceNodeId", NODE);
        edge.insert(txn, "targetNodeId", MapPrelim::default());
    });
    let expected = [
        (format!("edges.{NODE}.targetNodeId"), Reason::Incomplete),
        (format!("edges.{OTHER}.targetNodeId"), Reason::NotAnId),
    ];
    assert_eq!(repaired(Shape::Canvas, &doc), expected.into());
    assert_eq!(doc.get_or_insert_map("edges").len(&doc.transact()), 0);
}

#[test]
fn a_project_keeps_its_words() {
    let doc = written(|txn| {
        let project = txn.get_or_insert_map("project");
        project.insert(txn, "name", TextPrelim::new("Atlas"));
        project.insert(txn, "description", XmlFragmentPrelim::default());
        let states = project.insert(txn, "workflowStates", yrs::ArrayPrelim::default());
        yrs::Array::push_back(&states, txn, "draft");
        yrs::Array::push_back(&states, txn, Any::Null);
        yrs::Array::push_back(&states, txn, 2);
    });
    let expected = [
        ("project.name", Reason::NotText),
        ("project.description", Reason::NotText),
        ("project.workflowStates.1", Reason::NotText),
        ("project.workflowStates.2", Reason::NotText),
    ];
    assert_eq!(repaired(Shape::Canvas, &doc), said(&expected));
    let project = view(&doc).project;
    assert_eq!((project.name.as_str(), project.workflow_states), ("Atlas", vec!["draft".to_owned(), "2".to_owned()]));

    let doc = written(|txn| {
        txn.get_or_insert_map("project").insert(txn, "workflowStates", "draft");
    });
    assert_eq!(repaired(Shape::Canvas, &doc), said(&[("project.workflowStates", Reason::NotAList)]));
    assert_eq!(view(&doc).project.workflow_states, ["draft"]);
}
