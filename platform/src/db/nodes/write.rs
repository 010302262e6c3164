//! Writing projections.
//!
//! The projections of one project are written one after another, under an advisory lock: the rows of its documents are
//! locked only for a moment at the end, so that projecting a large canvas does not keep its edits from being committed.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use schema::ids::{NodeId, ProjectId, Seq, UserId};
use serde_json::Value;
use uuid::Uuid;

use super::notify;
use super::ports::{PortColumns, replace_inputs, replace_outputs};
use super::progress::{Projected, lock_project, mark_projected, projected_before};
use super::tell::{self, Change};
use super::trash::{self, Noted};
use super::{
    AuthorType, CanvasProjection, NodeProjection, ProjectFacts, ProjectedEdge, ProjectedNode, ProjectionOutcome,
    TOUCHED_MAX, Touch, Touched,
};
use crate::auth::{PrincipalKind, PrincipalRef};
use crate::db::clean::{self, LIST_ITEMS_MAX, NAME_CHARS_MAX, TEXT_CHARS_MAX, TITLE_CHARS_MAX, WORD_CHARS_MAX};
use crate::db::log::{seq_from_column, seq_to_column};
use crate::db::{DbError, OrgTx};

/// Writes what a canvas holds as of `seq`, and makes sure that its nodes have documents. Commit afterwards.
///
/// What the canvas says is made to fit the tables (NUL, excessive length and depth are cut) rather than refused. Nodes
/// that it no longer has count as deleted; edges that it no longer has are gone.
pub async fn project_canvas(
    tx: &mut OrgTx,
    project: ProjectId,
    seq: Seq,
    canvas: &CanvasProjection,
) -> Result<ProjectionOutcome, DbError> {
    lock_project(tx, project).await?;
    let Some(Projected { done, rows }) = projected_before(tx, project.as_uuid(), seq).await? else {
        return Ok(ProjectionOutcome::Stale);
    };
    let project_changes = update_project(tx, project, &canvas.project).await?;
    let owned = ensure_documents(tx, project, &canvas.nodes).await?;
    let (nodes, foreign): (Vec<_>, Vec<_>) =
        distinct(&canvas.nodes, |node| node.id).into_iter().partition(|node| owned.contains(&node.id.as_uuid()));
    let nodes: Vec<ProjectedNode> = nodes.into_iter().map(fit).collect();
    let changes = upsert_nodes(tx, project, seq, &nodes).await?;
    let absent = mark_absent_nodes(tx, project, seq, &nodes).await?;
    let edges_changed = replace_edges(tx, project, seq, &canvas.edges).await?;
    let mut touched = Vec::new();
    if project_changes.is_some() || !changes.is_empty() || !absent.is_empty() || edges_changed {
        let actors = tell::actors(tx, project.as_uuid(), rows, seq).await?;
        tell::tell_canvas(tx, project, &changes, &absent, &actors);
        tell::tell_project(tx, project, project_changes, edges_changed, &actors);
        notify::assigned(tx, project, &changes, &actors).await?;
        touched = touched_by(&changes, &actors, seq);
    }
    let appeared = changes.iter().filter(|change| change.before.is_none());
    let appeared: Vec<Uuid> = appeared.map(|change| change.node.id.as_uuid()).collect();
    trash::look_up_noted(tx, &appeared).await?;
    let noted = trash::note_projected(tx, project, (done, seq), canvas.is_ahead).await?;
    let (done, untold_for, unattributed) = match noted {
        Noted::All => (seq, None, None),
        Noted::NotYet => (done, Some(trash::LOG_PAUSE), None),
        Noted::Unattributed(unattributed) => (done, None, Some(unattributed)),
    };
    mark_projected(tx, project.as_uuid(), Projected { done, rows: seq }, &appeared).await?;
    let foreign = foreign.into_iter().map(|node| node.id).collect();
    Ok(ProjectionOutcome::Written { foreign, untold_for, touched, unattributed })
}

/// The nodes that these people have put onto the canvas or changed there.
fn touched_by(changes: &[Change<'_>], actors: &[PrincipalRef], through: Seq) -> Vec<Touched> {
    let one = actors.last().copied().unwrap_or(PrincipalRef::SYSTEM);
    let touched = changes.iter().filter_map(|change| {
        let touch = touch_of(change)?;
        // Who a canvas says has made a node is believed only of those who have written to it.
        let maker = actors.iter().find(|actor| change.node.author.is_some_and(|author| **actor == user(author)));
        let by = if touch == Touch::Appeared { maker.copied().unwrap_or(one) } else { one };
        Some(Touched { node: change.node.id, touch, by, through })
    });
    touched.take(TOUCHED_MAX).collect()
}

fn user(id: UserId) -> PrincipalRef {
    PrincipalRef { kind: PrincipalKind::User, id: id.as_uuid() }
}

/// What became of a node that is not in the trash, if it is more than that it lies elsewhere.
fn touch_of(Change { node, before, .. }: &Change<'_>) -> Option<Touch> {
    if node.deleted_at.is_some() {
        return None;
    }
    match before {
        None => Some(Touch::Appeared),
        Some(before) if before.status != node.status => Some(Touch::Restated(node.status.clone())),
        Some(before) if before.deleted_at.is_some() || tell::fields(before) != tell::fields(node) => {
            Some(Touch::Changed)
        }
        Some(_) => None,
    }
}

/// A node as the tables can hold it.
fn fit(node: &ProjectedNode) -> ProjectedNode {
    ProjectedNode {
        title: clean::text(&node.title, TITLE_CHARS_MAX),
        status: clean::text(&node.status, WORD_CHARS_MAX),
        metadata: clean::json(&node.metadata),
        created_at: node.created_at.map(clean::time),
        deleted_at: node.deleted_at.map(clean::time),
        ..node.clone()
    }
}

/// Writes what a node's document holds as of `seq`. Commit afterwards. What it says is made to fit the tables.
pub async fn project_node(
    tx: &mut OrgTx,
    project: ProjectId,
    node: NodeId,
    seq: Seq,
    projection: &NodeProjection,
) -> Result<ProjectionOutcome, DbError> {
    lock_project(tx, project).await?;
    let Some(Projected { done: projected, .. }) = projected_before(tx, node.as_uuid(), seq).await? else {
        return Ok(ProjectionOutcome::Stale);
    };
    let Some(written) = write_node(tx, project, node, seq, projection).await? else {
        mark_projected(tx, node.as_uuid(), Projected { done: seq, rows: seq }, &[]).await?;
        return Ok(ProjectionOutcome::NotOnCanvas);
    };
    if !written.mentioned.is_empty() {
        let actors = tell::actors(tx, node.as_uuid(), projected, seq).await?;
        notify::mentioned(tx, project, node, &written.title, &written.mentioned, &actors).await?;
    }
    let untold_for = tell_or_put_off(tx, project, node, seq, written).await?;
    // While something is yet to be told, the document counts as behind.
    let projected = if untold_for.is_some() { Seq::new(seq.get().saturating_sub(1)) } else { seq };
    mark_projected(tx, node.as_uuid(), Projected { done: projected, rows: seq }, &[]).await?;
    Ok(ProjectionOutcome::Written { foreign: Vec::new(), untold_for, touched: Vec::new(), unattributed: None })
}

/// What became of a node's row.
struct Written {
    change_count: i32,
    title: String,
    is_deleted: bool,
    /// Who was not mentioned in it before.
    mentioned: Vec<UserId>,
    /// What has changed and was not told yet, of `body`, `inputs` and `outputs`.
    untold: Vec<String>,
    /// Some of that is new.
    has_news: bool,
    /// The place in the node's log that the last event told of, and how many seconds ago.
    told: Seq,
    told_ago: Option<f64>,
}

/// Writes what a node's document holds; `None` when the node is on no canvas.
async fn write_node(
    tx: &mut OrgTx,
    project: ProjectId,
    node: NodeId,
    seq: Seq,
    projection: &NodeProjection,
) -> Result<Option<Written>, DbError> {
    let (inputs, outputs) = (PortColumns::of(&projection.inputs), PortColumns::of(&projection.outputs));
    let mentions: Vec<Uuid> = projection.mentions.iter().take(LIST_ITEMS_MAX).map(UserId::as_uuid).collect();
    let row = sqlx::query!(
        r#"UPDATE nodes SET description = $4, body_reflects_seq = $5, inputs_digest = $6, outputs_digest = $7,
               mentioned = $8, version = nodes.version + ((old.description, old.inputs_digest, old.outputs_digest)
                   IS DISTINCT FROM ($4, $6, $7))::int,
               updated_at = CASE WHEN old.body_reflects_seq < $5 OR (old.description, old.inputs_digest, old.outputs_digest)
                   IS DISTINCT FROM ($4, $6, $7) THEN now() ELSE nodes.updated_at END
           FROM nodes old
           WHERE nodes.id = $1 AND nodes.org_id = $2 AND nodes.project_id = $3 AND old.id = nodes.id
           RETURNING nodes.version AS change_count, nodes.title, nodes.deleted_at IS NOT NULL AS "is_deleted!", nodes.content_untold,
               old.mentioned AS mentioned_before,
               nodes.content_told_seq,
               extract(epoch FROM clock_timestamp() - nodes.content_told_at)::float8 AS told_ago,
               old.description IS DISTINCT FROM $4 AS "body_changed!",
               old.inputs_digest IS DISTINCT FROM $6 AS "inputs_changed!",
               old.outputs_digest IS DISTINCT FROM $7 AS "outputs_changed!""#,
        node.as_uuid(),
        tx.org().as_uuid(),
        project.as_uuid(),
        clean::text(&projection.description, TEXT_CHARS_MAX),
        seq_to_column(seq),
        inputs.digest(),
        outputs.digest(),
        &mentions
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if row.inputs_changed {
        replace_inputs(tx, project, node, seq, &inputs).await?;
    }
    if row.outputs_changed {
        replace_outputs(tx, project, node, seq, &outputs).await?;
    }
    let changed = [("body", row.body_changed), ("inputs", row.inputs_changed), ("outputs", row.outputs_changed)];
    let mut untold = row.content_untold;
    let untold_before = untold.len();
    for (name, _) in changed.into_iter().filter(|(_, has_changed)| *has_changed) {
        if !untold.iter().any(|other| other == name) {
            untold.push(name.to_owned());
        }
    }
    let is_new = |user: &Uuid| !row.is_deleted && !row.mentioned_before.contains(user);
    let mentioned = mentions.into_iter().filter(is_new).map(UserId::new).collect();
    Ok(Some(Written {
        change_count: row.change_count,
        title: row.title,
        mentioned,
        is_deleted: row.is_deleted,
        has_news: untold.len() > untold_before,
        untold,
        told: seq_from_column(row.content_told_seq),
        told_ago: row.told_ago,
    }))
}

/// Tells that a node's document has changed, unless that was told a moment ago: then it says how long to wait.
async fn tell_or_put_off(
    tx: &mut OrgTx,
    project: ProjectId,
    node: NodeId,
    seq: Seq,
    written: Written,
) -> Result<Option<Duration>, DbError> {
    let Written { change_count, is_deleted, mut untold, has_news, told, told_ago, .. } = written;
    if untold.is_empty() {
        return Ok(None);
    }
    let told_ago = told_ago.map_or(Duration::MAX, |seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default());
    let wait = tell::CONTENT_PAUSE.saturating_sub(told_ago);
    if wait.is_zero() || is_deleted {
        if !is_deleted {
            let actors = tell::actors(tx, node.as_uuid(), told, seq).await?;
            tell::tell_content(tx, project, node, &untold, change_count, &actors);
        }
        untold.clear();
    } else if !has_news {
        return Ok(Some(wait));
    }
    let is_told = untold.is_empty();
    sqlx::query!(
        "UPDATE nodes SET content_untold = $3, content_told_seq = CASE WHEN $4 THEN $5 ELSE content_told_seq END,
             content_told_at = CASE WHEN $4 THEN clock_timestamp() ELSE content_told_at END
         WHERE id = $1 AND org_id = $2",
        node.as_uuid(),
        tx.org().as_uuid(),
        &untold,
        is_told,
        seq_to_column(seq)
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok((!is_told).then_some(wait))
}

/// Writes what a canvas says of its project, and returns what of it is new.
async fn update_project(
    tx: &mut OrgTx,
    project: ProjectId,
    facts: &ProjectFacts,
) -> Result<Option<tell::ProjectChanges>, DbError> {
    let name = facts.name.as_ref().map(|name| clean::text(name, NAME_CHARS_MAX)).filter(|name| !name.is_empty());
    let description = facts.description.as_ref().map(|description| clean::text(description, TEXT_CHARS_MAX));
    let workflow_states: Option<Vec<String>> = facts
        .workflow_states
        .as_ref()
        .map(|states| states.iter().take(LIST_ITEMS_MAX).map(|state| clean::text(state, WORD_CHARS_MAX)).collect());
    let row = sqlx::query!(
        r#"UPDATE projects SET name = coalesce($3, old.name), description = coalesce($4, old.description),
               workflow_states = coalesce($5, old.workflow_states)
           FROM projects old
           WHERE projects.id = $1 AND projects.org_id = $2 AND old.id = projects.id
               AND (old.name, old.description, old.workflow_states) IS DISTINCT FROM
                   (coalesce($3, old.name), coalesce($4, old.description), coalesce($5, old.workflow_states))
           RETURNING projects.name <> old.name AS "name!", projects.description <> old.description AS "description!",
               projects.workflow_states <> old.workflow_states AS "workflow_states!""#,
        project.as_uuid(),
        tx.org().as_uuid(),
        name,
        description,
        workflow_states.as_deref()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    Ok(row.map(|row| tell::ProjectChanges {
        name: name.filter(|_| row.name),
        description: description.filter(|_| row.description),
        workflow_states: workflow_states.filter(|_| row.workflow_states),
    }))
}

/// Gives the project's nodes documents, and returns which of them have one that is the project's own.
async fn ensure_documents(
    tx: &mut OrgTx,
    project: ProjectId,
    nodes: &[ProjectedNode],
) -> Result<HashSet<Uuid>, DbError> {
    let ids: Vec<Uuid> = nodes.iter().map(|node| node.id.as_uuid()).collect();
    let mut owned = own_documents(tx, project, &ids).await?;
    let mut missing: Vec<Uuid> = ids.into_iter().filter(|id| !owned.contains(id)).collect();
    if missing.is_empty() {
        return Ok(owned);
    }
    // In one order everywhere: an insert waits for another's of the same id.
    missing.sort_unstable();
    sqlx::query!(
        "INSERT INTO documents (id, org_id, project_id, kind)
         SELECT id, $2, $3, 'node' FROM unnest($1::uuid[]) AS id ON CONFLICT DO NOTHING",
        &missing,
        tx.org().as_uuid(),
        project.as_uuid()
    )
    .execute(&mut *tx.inner)
    .await?;
    owned.extend(own_documents(tx, project, &missing).await?);
    Ok(owned)
}

async fn own_documents(tx: &mut OrgTx, project: ProjectId, ids: &[Uuid]) -> Result<HashSet<Uuid>, DbError> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM documents WHERE id = ANY($1) AND org_id = $2 AND project_id = $3 AND kind = 'node'",
        ids,
        tx.org().as_uuid(),
        project.as_uuid()
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(ids.into_iter().collect())
}

/// Writes the rows that changed, and returns them as they were before.
async fn upsert_nodes<'a>(
    tx: &mut OrgTx,
    project: ProjectId,
    seq: Seq,
    nodes: &'a [ProjectedNode],
) -> Result<Vec<Change<'a>>, DbError> {
    let column = |text: fn(&ProjectedNode) -> String| nodes.iter().map(text).collect::<Vec<_>>();
    let rows = sqlx::query_as!(
        ChangeRow,
        r#"WITH upserted AS (
               INSERT INTO nodes (id, org_id, project_id, reflects_seq, parent_id, title, status, author_type,
                   author_user_id, supervisor_user_id, metadata, x, y, width, height, created_at, deleted_at)
               SELECT new.id, $1, $2, $3, new.parent_id, new.title, new.status, new.author_type, new.author_user_id,
                   new.supervisor_user_id, new.metadata, new.x, new.y, new.width, new.height,
                   coalesce(new.created_at, old.created_at, now()), new.deleted_at
               FROM unnest($4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::uuid[], $10::uuid[],
                   $11::jsonb[], $12::float8[], $13::float8[], $14::float8[], $15::float8[], $16::timestamptz[],
                   $17::timestamptz[])
                   AS new (id, parent_id, title, status, author_type, author_user_id, supervisor_user_id, metadata,
                   x, y, width, height, created_at, deleted_at)
               LEFT JOIN nodes old ON old.id = new.id
               ON CONFLICT (id) DO UPDATE SET
                   reflects_seq = excluded.reflects_seq, parent_id = excluded.parent_id, title = excluded.title,
                   status = excluded.status, author_type = excluded.author_type,
                   author_user_id = excluded.author_user_id, supervisor_user_id = excluded.supervisor_user_id,
                   metadata = excluded.metadata, x = excluded.x, y = excluded.y, width = excluded.width,
                   height = excluded.height, created_at = excluded.created_at, deleted_at = excluded.deleted_at,
                   updated_at = now(),
                   version = nodes.version + ((nodes.title, nodes.status, nodes.metadata)
                       IS DISTINCT FROM (excluded.title, excluded.status, excluded.metadata))::int
               WHERE (nodes.parent_id, nodes.title, nodes.status, nodes.author_type, nodes.author_user_id,
                      nodes.supervisor_user_id, nodes.metadata, nodes.x, nodes.y, nodes.width, nodes.height,
                      nodes.created_at, nodes.deleted_at)
                   IS DISTINCT FROM
                     (excluded.parent_id, excluded.title, excluded.status, excluded.author_type, excluded.author_user_id,
                      excluded.supervisor_user_id, excluded.metadata, excluded.x, excluded.y, excluded.width,
                      excluded.height, excluded.created_at, excluded.deleted_at)
               RETURNING id, version AS change_count, created_at
           )
           -- The table is seen here as it was before.
           SELECT upserted.id AS "id!", upserted.change_count AS "change_count!", upserted.created_at AS "created_at!",
               old.id AS "old_id?", old.parent_id AS "parent_id?", old.title AS "title?", old.status AS "status?",
               old.author_type AS "author_type?", old.author_user_id AS "author_user_id?",
               old.supervisor_user_id AS "supervisor_user_id?", old.metadata AS "metadata?", old.x AS "x?", old.y AS "y?",
               old.width AS "width?", old.height AS "height?", old.created_at AS "old_created_at?",
               old.deleted_at AS "deleted_at?"
           FROM upserted LEFT JOIN nodes old ON old.id = upserted.id"#,
        tx.org().as_uuid(),
        project.as_uuid(),
        seq_to_column(seq),
        &nodes.iter().map(|node| node.id.as_uuid()).collect::<Vec<_>>(),
        &nodes.iter().map(|node| node.parent.map(Uuid::from)).collect::<Vec<_>>() as &[Option<Uuid>],
        &column(|node| node.title.clone()),
        &column(|node| node.status.clone()),
        &column(|node| node.author_type.as_str().to_owned()),
        &nodes.iter().map(|node| node.author.map(Uuid::from)).collect::<Vec<_>>() as &[Option<Uuid>],
        &nodes.iter().map(|node| node.supervisor.map(Uuid::from)).collect::<Vec<_>>() as &[Option<Uuid>],
        &nodes.iter().map(|node| node.metadata.clone()).collect::<Vec<Value>>(),
        &nodes.iter().map(|node| node.x).collect::<Vec<_>>(),
        &nodes.iter().map(|node| node.y).collect::<Vec<_>>(),
        &nodes.iter().map(|node| node.width).collect::<Vec<_>>() as &[Option<f64>],
        &nodes.iter().map(|node| node.height).collect::<Vec<_>>() as &[Option<f64>],
        &nodes.iter().map(|node| node.created_at).collect::<Vec<_>>() as &[Option<_>],
        &nodes.iter().map(|node| node.deleted_at).collect::<Vec<_>>() as &[Option<_>]
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let places: HashMap<Uuid, &ProjectedNode> = nodes.iter().map(|node| (node.id.as_uuid(), node)).collect();
    rows.into_iter().filter_map(|row| places.get(&row.id).copied().map(|node| row.read(node))).collect()
}

/// A row that was written, with what it held before.
struct ChangeRow {
    id: Uuid,
    change_count: i32,
    created_at: DateTime<Utc>,
    old_id: Option<Uuid>,
    parent_id: Option<Uuid>,
    title: Option<String>,
    status: Option<String>,
    author_type: Option<String>,
    author_user_id: Option<Uuid>,
    supervisor_user_id: Option<Uuid>,
    metadata: Option<Value>,
    x: Option<f64>,
    y: Option<f64>,
    width: Option<f64>,
    height: Option<f64>,
    old_created_at: Option<DateTime<Utc>>,
    deleted_at: Option<DateTime<Utc>>,
}

impl ChangeRow {
    fn read(self, node: &ProjectedNode) -> Result<Change<'_>, DbError> {
        let before = match self.old_id {
            Some(id) => Some(ProjectedNode {
                id: id.into(),
                parent: self.parent_id.map(NodeId::new),
                title: self.title.unwrap_or_default(),
                status: self.status.unwrap_or_default(),
                author_type: AuthorType::from_column(self.author_type.as_deref().unwrap_or_default())?,
                author: self.author_user_id.map(UserId::new),
                supervisor: self.supervisor_user_id.map(UserId::new),
                metadata: self.metadata.unwrap_or_default(),
                x: self.x.unwrap_or_default(),
                y: self.y.unwrap_or_default(),
                width: self.width,
                height: self.height,
                created_at: self.old_created_at,
                deleted_at: self.deleted_at,
            }),
            None => None,
        };
        Ok(Change { node, before, nth: self.change_count, created_at: self.created_at })
    }
}

/// A node may come back by an undo, with its document as it was: its rows stay, marked as deleted.
async fn mark_absent_nodes(
    tx: &mut OrgTx,
    project: ProjectId,
    seq: Seq,
    present: &[ProjectedNode],
) -> Result<Vec<NodeId>, DbError> {
    let absent = sqlx::query_scalar!(
        "UPDATE nodes SET deleted_at = now(), reflects_seq = $4
         WHERE project_id = $1 AND org_id = $2 AND deleted_at IS NULL AND id <> ALL($3) RETURNING id",
        project.as_uuid(),
        tx.org().as_uuid(),
        &present.iter().map(|node| node.id.as_uuid()).collect::<Vec<_>>(),
        seq_to_column(seq)
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(absent.into_iter().map(NodeId::new).collect())
}

/// Writes the edges. Returns whether any has changed.
async fn replace_edges(tx: &mut OrgTx, project: ProjectId, seq: Seq, edges: &[ProjectedEdge]) -> Result<bool, DbError> {
    let edges = distinct(edges, |edge| edge.id);
    let ids: Vec<Uuid> = edges.iter().map(|edge| edge.id.as_uuid()).collect();
    let removed = sqlx::query!(
        "DELETE FROM node_dependencies WHERE project_id = $1 AND org_id = $2 AND id <> ALL($3)",
        project.as_uuid(),
        tx.org().as_uuid(),
        &ids
    )
    .execute(&mut *tx.inner)
    .await?
    .rows_affected();
    let written = sqlx::query!(
        "INSERT INTO node_dependencies AS old (project_id, org_id, reflects_seq, id, source_node_id, target_node_id,
             source_output_id, target_input_id, in_cycle)
         SELECT $1, $2, $3, new.* FROM unnest($4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[], $9::bool[]) AS new
         ON CONFLICT (project_id, id) DO UPDATE SET reflects_seq = excluded.reflects_seq,
             source_node_id = excluded.source_node_id, target_node_id = excluded.target_node_id,
             source_output_id = excluded.source_output_id, target_input_id = excluded.target_input_id,
             in_cycle = excluded.in_cycle
         WHERE (old.source_node_id, old.target_node_id, old.source_output_id, old.target_input_id, old.in_cycle)
             IS DISTINCT FROM (excluded.source_node_id, excluded.target_node_id, excluded.source_output_id,
                               excluded.target_input_id, excluded.in_cycle)",
        project.as_uuid(),
        tx.org().as_uuid(),
        seq_to_column(seq),
        &ids,
        &edges.iter().map(|edge| edge.source.as_uuid()).collect::<Vec<_>>(),
        &edges.iter().map(|edge| edge.target.as_uuid()).collect::<Vec<_>>(),
        &edges.iter().map(|edge| edge.source_output.map(Uuid::from)).collect::<Vec<_>>() as &[Option<Uuid>],
        &edges.iter().map(|edge| edge.target_input.map(Uuid::from)).collect::<Vec<_>>() as &[Option<Uuid>],
        &edges.iter().map(|edge| edge.in_cycle).collect::<Vec<_>>()
    )
    .execute(&mut *tx.inner)
    .await?
    .rows_affected();
    Ok(removed + written > 0)
}

/// The first of each id: a document may hold an id twice, a table can't.
pub(super) fn distinct<T, Id: Eq + std::hash::Hash>(items: &[T], id: impl Fn(&T) -> Id) -> Vec<&T> {
    let mut seen = HashSet::with_capacity(items.len());
    items.iter().filter(|item| seen.insert(id(item))).collect()
}
