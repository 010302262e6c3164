//! What a projection tells of what it found changed, as events.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use schema::ids::{NodeId, ProjectId, Seq, UserId};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::ProjectedNode;
use crate::auth::PrincipalRef;
use crate::db::events::{self, EventKind, NewEvent};
use crate::db::log::seq_to_column;
use crate::db::{DbError, OrgTx, principal};

/// Nodes of which single events tell, of one projection; of more it is told how many there were.
const NODES_TOLD_MAX: usize = 100;
/// The longest value of a field that is told, in bytes of JSON.
const VALUE_BYTES_MAX: usize = 4 * 1024;
/// Updates among which the actors of a change are looked for: the newest.
const UPDATES_SEARCHED: u64 = 1_000;
/// Actors that are named, at most.
const ACTORS_MAX: i64 = 10;
/// That a node's document has changed is told at most so often while somebody goes on writing.
pub(super) const CONTENT_PAUSE: Duration = Duration::from_secs(3);

/// What is new of a project.
pub(super) struct ProjectChanges {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) workflow_states: Option<Vec<String>>,
}

/// What a projection did to a node's row.
pub(super) struct Change<'a> {
    /// As it is now.
    pub(super) node: &'a ProjectedNode,
    /// As it was; `None` when there was none.
    pub(super) before: Option<ProjectedNode>,
    /// Which change of the row this is, counted from 1.
    pub(super) nth: i32,
    pub(super) created_at: DateTime<Utc>,
}

/// Notes the events of a canvas's projection. `absent` are nodes that it does not have any more.
pub(super) fn tell_canvas(
    tx: &mut OrgTx,
    project: ProjectId,
    changes: &[Change<'_>],
    absent: &[NodeId],
    actors: &[PrincipalRef],
) {
    let mut told: Vec<(NodeId, EventKind, Value)> = changes
        .iter()
        .flat_map(|change| told_of(change).map(|(kind, payload)| (change.node.id, kind, payload)))
        .collect();
    told.extend(absent.iter().map(|id| (*id, EventKind::NodeDeleted, json!({}))));
    if told.len() > NODES_TOLD_MAX {
        let count = |kind| told.iter().filter(|(_, of, _)| *of == kind).count();
        let payload = json!({
            "created": count(EventKind::NodeCreated),
            "updated": count(EventKind::NodeUpdated),
            "moved": count(EventKind::NodeMoved),
            "deleted": count(EventKind::NodeDeleted),
            "restored": count(EventKind::NodeRestored),
        });
        let event = NewEvent::new(EventKind::NodesChanged, payload);
        return events::append(tx, event.project(project).by(actors.iter().copied()));
    }
    for (node, kind, payload) in told {
        events::append(tx, NewEvent::new(kind, payload).project(project).node(node).by(actors.iter().copied()));
    }
}

/// Notes what a canvas says of its project, and that its edges have changed.
pub(super) fn tell_project(
    tx: &mut OrgTx,
    project: ProjectId,
    changes: Option<ProjectChanges>,
    edges_changed: bool,
    actors: &[PrincipalRef],
) {
    if let Some(ProjectChanges { name, description, workflow_states }) = changes {
        let fields = [
            ("name", name.map(Value::from)),
            ("description", description.map(Value::from)),
            ("workflowStates", workflow_states.map(Value::from)),
        ];
        let changes = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let mut payload = Map::new();
        let mut changes: Map<String, Value> = changes.collect();
        let omitted = take_long(&mut changes);
        payload.insert("changes".to_owned(), Value::Object(changes));
        note_omitted(&mut payload, &omitted);
        let event = NewEvent::new(EventKind::ProjectUpdated, Value::Object(payload));
        events::append(tx, event.project(project).by(actors.iter().copied()));
    }
    if edges_changed {
        let event = NewEvent::new(EventKind::EdgesChanged, json!({}));
        events::append(tx, event.project(project).by(actors.iter().copied()));
    }
}

/// Notes that a node's document has changed: `what` of `body`, `inputs` and `outputs`.
pub(super) fn tell_content(
    tx: &mut OrgTx,
    project: ProjectId,
    node: NodeId,
    what: &[String],
    change_count: i32,
    actors: &[PrincipalRef],
) {
    let changes: Map<String, Value> = what.iter().map(|name| (name.clone(), Value::Bool(true))).collect();
    let event = NewEvent::new(EventKind::NodeUpdated, json!({"changes": changes, "changeCount": change_count}));
    events::append(tx, event.project(project).node(node).by(actors.iter().copied()));
}

fn told_of(change: &Change<'_>) -> impl Iterator<Item = (EventKind, Value)> + use<> {
    let Change { node, before, nth, created_at } = change;
    let whole = || json!({"node": summary(node, *nth, *created_at)});
    let mut told = Vec::new();
    match before {
        // What was deleted before anybody heard of it is not told of.
        None if node.deleted_at.is_none() => told.push((EventKind::NodeCreated, whole())),
        Some(before) if before.deleted_at.is_some() && node.deleted_at.is_none() => {
            told.push((EventKind::NodeRestored, whole()));
        }
        Some(before) if before.deleted_at.is_none() && node.deleted_at.is_some() => {
            told.push((EventKind::NodeDeleted, json!({"title": node.title})));
        }
        Some(before) if node.deleted_at.is_none() => {
            if let Some(changes) = changed_fields(before, node) {
                told.push((EventKind::NodeUpdated, with_omitted(changes, *nth)));
            }
            if let Some(place) = changed_place(before, node) {
                told.push((EventKind::NodeMoved, place));
            }
        }
        None | Some(_) => {}
    }
    told.into_iter()
}

/// The fields of which it is told that they have changed, as they are in REST.
pub(super) fn fields(node: &ProjectedNode) -> [(&'static str, Value); 7] {
    let user = |user: Option<UserId>| json!(user.map(|user| user.as_uuid()));
    [
        ("title", json!(node.title)),
        ("status", json!(node.status)),
        ("parentId", json!(node.parent.map(|parent| parent.as_uuid()))),
        ("authorType", json!(node.author_type.as_str())),
        ("authorUserId", user(node.author)),
        ("supervisorUserId", user(node.supervisor)),
        ("metadata", node.metadata.clone()),
    ]
}

fn changed_fields(before: &ProjectedNode, node: &ProjectedNode) -> Option<Map<String, Value>> {
    let pairs = fields(before).into_iter().zip(fields(node));
    let changed: Map<String, Value> =
        pairs.filter(|((_, before), (_, now))| before != now).map(|(_, (name, now))| (name.to_owned(), now)).collect();
    (!changed.is_empty()).then_some(changed)
}

fn changed_place(before: &ProjectedNode, node: &ProjectedNode) -> Option<Value> {
    let place = |node: &ProjectedNode| (node.x, node.y, node.width, node.height);
    (place(before) != place(node))
        .then(|| json!({"position": position(node), "width": node.width, "height": node.height}))
}

fn position(node: &ProjectedNode) -> Value {
    json!({"x": node.x, "y": node.y})
}

fn summary(node: &ProjectedNode, change_count: i32, created_at: DateTime<Utc>) -> Value {
    let mut fields: Map<String, Value> =
        fields(node).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let omitted = take_long(&mut fields);
    let others = [
        ("id", json!(node.id.as_uuid())),
        ("position", position(node)),
        ("width", json!(node.width)),
        ("height", json!(node.height)),
        ("changeCount", json!(change_count)),
        ("createdAt", json!(created_at.to_rfc3339_opts(SecondsFormat::Micros, true))),
    ];
    fields.extend(others.map(|(name, value)| (name.to_owned(), value)));
    note_omitted(&mut fields, &omitted);
    Value::Object(fields)
}

fn with_omitted(mut changes: Map<String, Value>, change_count: i32) -> Value {
    let omitted = take_long(&mut changes);
    let mut payload =
        Map::from_iter([("changes".to_owned(), Value::Object(changes)), ("changeCount".into(), json!(change_count))]);
    note_omitted(&mut payload, &omitted);
    Value::Object(payload)
}

/// Takes out what is too long to be told. Returns the names.
fn take_long(fields: &mut Map<String, Value>) -> Vec<String> {
    let is_long = |value: &Value| value.to_string().len() > VALUE_BYTES_MAX;
    let long: Vec<String> = fields.iter().filter(|(_, value)| is_long(value)).map(|(name, _)| name.clone()).collect();
    for name in &long {
        fields.remove(name);
    }
    long
}

fn note_omitted(object: &mut Map<String, Value>, omitted: &[String]) {
    if !omitted.is_empty() {
        object.insert("omitted".to_owned(), json!(omitted));
    }
}

/// Who wrote what is in a document's log after a place and up to another; the server itself is not named.
pub(super) async fn actors(
    tx: &mut OrgTx,
    document: Uuid,
    after: Seq,
    through: Seq,
) -> Result<Vec<PrincipalRef>, DbError> {
    let after = after.get().max(through.get().saturating_sub(UPDATES_SEARCHED));
    let rows = sqlx::query!(
        "SELECT DISTINCT principal_kind, principal_id FROM document_updates
         WHERE document_id = $1 AND org_id = $2 AND seq > $3 AND seq <= $4 AND principal_kind <> $5
         ORDER BY principal_kind, principal_id LIMIT $6",
        document,
        tx.org().as_uuid(),
        seq_to_column(Seq::new(after)),
        seq_to_column(through),
        principal::kind_to_number(PrincipalRef::SYSTEM.kind),
        ACTORS_MAX
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    rows.into_iter().map(|row| principal::from_row(document, row.principal_kind, row.principal_id)).collect()
}
