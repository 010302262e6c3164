//! What projections tell of what they find changed.

use std::time::Duration;

use chrono::Utc;
use platform::auth::PrincipalRef;
use platform::db::events::{self, Event, EventId, EventKind, Scope};
use platform::db::nodes::{CanvasProjection, NodeProjection, ProjectFacts, ProjectedEdge, ProjectionOutcome};
use platform::testing::some_principal;
use schema::ids::{EdgeId, NodeId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::nodes::{Canvas, WRITTEN, canvas, document, node, port};
use crate::support::append_some;

/// Reads what is new.
struct Ear<'a> {
    canvas: &'a Canvas,
    after: EventId,
}

impl<'a> Ear<'a> {
    /// Begins where the stream ends.
    async fn new(canvas: &'a Canvas) -> Self {
        let kept = events::kept(&canvas.test.db, canvas.org).await.unwrap();
        Self { canvas, after: kept.last }
    }

    async fn heard(&mut self) -> Vec<Event> {
        let Canvas { test, org, .. } = self.canvas;
        let found = events::after(&test.db, *org, Scope::Everything, &[], self.after, 1_000).await.unwrap();
        self.after = found.through;
        found.items
    }

    /// What is new: sort, node and payload of each.
    async fn told(&mut self) -> Vec<(EventKind, Option<NodeId>, Value)> {
        self.heard().await.into_iter().map(|event| (event.kind, event.node, event.payload)).collect()
    }
}

#[tokio::test]
async fn what_becomes_of_a_node_is_told_with_its_new_values() {
    let on = Canvas::new().await;
    let mut ear = Ear::new(&on).await;
    let mut one = node("one");
    let id = Some(one.id);
    on.write(1, &canvas(&[&one])).await;
    let created = ear.told().await;
    let [(EventKind::NodeCreated, about, payload)] = created.as_slice() else { panic!("{created:?}") };
    assert_eq!(*about, id);
    assert_eq!((&payload["node"]["title"], &payload["node"]["changeCount"]), (&json!("one"), &json!(1)));
    assert_eq!(payload["node"]["position"], json!({"x": 1.0, "y": 2.0}));

    on.write(2, &canvas(&[&one])).await;
    assert_eq!(ear.told().await, [], "nothing has changed");

    one.title = "two".to_owned();
    one.author = Some(on.owner);
    on.write(3, &canvas(&[&one])).await;
    let changes = json!({"changes": {"title": "two", "authorUserId": on.owner}, "changeCount": 2});
    assert_eq!(ear.told().await, [(EventKind::NodeUpdated, id, changes)]);

    (one.x, one.width) = (7.5, Some(200.0));
    on.write(4, &canvas(&[&one])).await;
    let moved = json!({"position": {"x": 7.5, "y": 2.0}, "width": 200.0, "height": null});
    assert_eq!(ear.told().await, [(EventKind::NodeMoved, id, moved)]);

    one.deleted_at = Some(Utc::now());
    on.write(5, &canvas(&[&one])).await;
    assert_eq!(ear.told().await, [(EventKind::NodeDeleted, id, json!({"title": "two"}))]);
    one.title = "unheard".to_owned();
    on.write(6, &canvas(&[&one])).await;
    assert_eq!(ear.told().await, [], "what happens to a deleted node is nobody's business");

    one.deleted_at = None;
    on.write(7, &canvas(&[&one])).await;
    let restored = ear.told().await;
    assert!(
        matches!(restored.as_slice(), [(EventKind::NodeRestored, _, payload)] if payload["node"]["title"] == "unheard")
    );
    on.write(8, &canvas(&[])).await;
    assert!(
        matches!(ear.told().await.as_slice(), [(EventKind::NodeDeleted, of, _)] if *of == id),
        "an undo may do that"
    );
}

#[tokio::test]
async fn an_event_is_of_its_project_and_names_who_wrote() {
    let on = Canvas::new().await;
    let mut ear = Ear::new(&on).await;
    let canvas_document = document(on.org, on.project, on.project.as_uuid());
    on.write(10, &canvas(&[])).await;
    let (ada, bob) = (some_principal(), some_principal());
    for (principal, updates) in [(ada, 2), (bob, 1), (PrincipalRef::SYSTEM, 1)] {
        append_some(&on.test.db, &canvas_document, principal, updates).await;
    }
    let mut one = node("one");
    on.write(12, &canvas(&[&one])).await;
    let events = ear.heard().await;
    assert_eq!((events[0].project, events[0].user), (Some(on.project), None));
    assert_eq!(events[0].actors, json!([{"kind": "user", "id": ada.id}]));
    one.title = "two".to_owned();
    on.write(14, &canvas(&[&one])).await;
    let events = ear.heard().await;
    assert_eq!(events[0].actors, json!([{"kind": "user", "id": bob.id}]), "the server itself is not named");
}

#[tokio::test]
async fn a_bulk_change_is_told_in_one_event() {
    let on = Canvas::new().await;
    let mut ear = Ear::new(&on).await;
    let nodes: Vec<_> = (0..101).map(|number| node(&number.to_string())).collect();
    let all: Vec<_> = nodes.iter().collect();
    on.write(1, &canvas(&all)).await;
    let counts = json!({"created": 101, "updated": 0, "moved": 0, "deleted": 0, "restored": 0});
    assert_eq!(ear.told().await, [(EventKind::NodesChanged, None, counts)]);
    on.write(2, &canvas(&all[..1])).await;
    assert_eq!(ear.told().await.len(), 100, "as many as are told of one by one");
}

#[tokio::test]
async fn a_value_that_is_too_long_is_named_and_left_out() {
    let on = Canvas::new().await;
    let mut ear = Ear::new(&on).await;
    let mut one = node("one");
    one.metadata = json!({"long": "x".repeat(5_000)});
    on.write(1, &canvas(&[&one])).await;
    let created = ear.told().await;
    assert_eq!(created[0].2["node"]["omitted"], json!(["metadata"]));
    assert_eq!(created[0].2["node"].get("metadata"), None);
    (one.title, one.metadata) = ("two".to_owned(), json!({"longer": "x".repeat(6_000)}));
    on.write(2, &canvas(&[&one])).await;
    let updated = json!({"changes": {"title": "two"}, "changeCount": 2, "omitted": ["metadata"]});
    assert_eq!(ear.told().await[0].2, updated);
}

#[tokio::test]
async fn a_project_and_its_graph_are_told_of() {
    let on = Canvas::new().await;
    let mut ear = Ear::new(&on).await;
    let (one, two) = (node("one"), node("two"));
    let mut projection = canvas(&[&one, &two]);
    on.write(1, &projection).await;
    ear.told().await;
    let edge = ProjectedEdge {
        id: EdgeId::new(Uuid::new_v4()),
        source: one.id,
        target: two.id,
        source_output: None,
        target_input: None,
        in_cycle: false,
    };
    projection.edges = vec![edge];
    projection.project = ProjectFacts { name: Some("Renamed".to_owned()), ..ProjectFacts::default() };
    on.write(2, &projection).await;
    let expected = [
        (EventKind::ProjectUpdated, None, json!({"changes": {"name": "Renamed"}})),
        (EventKind::EdgesChanged, None, json!({})),
    ];
    assert_eq!(ear.told().await, expected);
    on.write(3, &projection).await;
    assert_eq!(ear.told().await, []);
    on.write(4, &CanvasProjection { edges: Vec::new(), ..projection }).await;
    assert_eq!(ear.told().await, [(EventKind::EdgesChanged, None, json!({}))]);
}

/// Who types makes a projection five times a second.
#[tokio::test]
async fn a_documents_changes_are_told_at_once_and_then_now_and_again_and_the_last_always() {
    let on = Canvas::new().await;
    let mut ear = Ear::new(&on).await;
    let one = node("one");
    on.write(1, &canvas(&[&one])).await;
    let (writer, other) = (some_principal(), some_principal());
    let own = document(on.org, on.project, one.id.as_uuid());
    append_some(&on.test.db, &own, writer, 3).await;
    append_some(&on.test.db, &own, other, 2).await;
    ear.told().await;
    let says = |text: &str| NodeProjection { description: text.to_owned(), ..NodeProjection::default() };
    let told = |what: Value, count: i32| {
        vec![(EventKind::NodeUpdated, Some(one.id), json!({"changes": what, "changeCount": count}))]
    };
    on.write_node(one.id, 1, &says("a")).await;
    assert_eq!(ear.told().await, told(json!({"body": true}), 2));

    let outcome = on.write_node(one.id, 2, &says("ab")).await;
    let ProjectionOutcome::Written { untold_for: Some(wait), .. } = outcome else { panic!("{outcome:?}") };
    assert!(wait > Duration::from_secs(1), "{wait:?}");
    let with_input = NodeProjection { inputs: vec![port("x")], ..says("abc") };
    on.write_node(one.id, 4, &with_input).await;
    assert_eq!(ear.told().await, []);
    let behind = platform::db::log::behind_projection(&on.test.db, Uuid::nil(), 10).await.unwrap();
    assert!(behind.iter().any(|(document, _)| document.id == one.id.as_uuid()), "whoever opens it next tells");

    on.test.sabotage("UPDATE nodes SET content_told_at = now() - interval '1 minute'").await;
    let outcome = on.write_node(one.id, 5, &with_input).await;
    assert_eq!(outcome, WRITTEN);
    let events = ear.heard().await;
    assert_eq!(
        events.iter().map(|event| &event.payload).collect::<Vec<_>>(),
        [&json!({"changes": {"body": true, "inputs": true}, "changeCount": 4})]
    );
    let mut actors = [writer.id, other.id];
    actors.sort_unstable();
    assert_eq!(events[0].actors, actors.iter().map(|id| json!({"kind": "user", "id": id})).collect::<Value>());
    let behind = platform::db::log::behind_projection(&on.test.db, Uuid::nil(), 10).await.unwrap();
    assert!(behind.iter().all(|(document, _)| document.id != one.id.as_uuid()));
    on.write_node(one.id, 5, &with_input).await;
    assert_eq!(ear.told().await, []);
}
