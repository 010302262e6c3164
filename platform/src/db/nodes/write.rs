//! Writing projections.
//!
//! The projections of one project are written one after another, under an advisory lock: the rows of its documents are
//! locked only for a moment at the end, so that projecting a large canvas does not keep its edits from being committed.

use std::collections::HashSet;

use schema::ids::{NodeId, ProjectId, Seq};
use serde_json::Value;
use uuid::Uuid;

use super::ports::{replace_inputs, replace_outputs};
use super::{CanvasProjection, NodeProjection, ProjectFacts, ProjectedEdge, ProjectedNode, ProjectionOutcome};
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
    if is_stale(tx, project.as_uuid(), seq).await? {
        return Ok(ProjectionOutcome::Stale);
    }
    update_project(tx, project, &canvas.project).await?;
    let owned = ensure_documents(tx, project, &canvas.nodes).await?;
    let (nodes, foreign): (Vec<_>, Vec<_>) =
        distinct(&canvas.nodes, |node| node.id).into_iter().partition(|node| owned.contains(&node.id.as_uuid()));
    let appeared = upsert_nodes(tx, project, seq, &nodes).await?;
    mark_absent_nodes(tx, project, seq, &nodes).await?;
    replace_edges(tx, project, seq, &canvas.edges).await?;
    mark_projected(tx, project.as_uuid(), seq, &appeared).await?;
    Ok(ProjectionOutcome::Written { foreign: foreign.into_iter().map(|node| node.id).collect() })
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
    if is_stale(tx, node.as_uuid(), seq).await? {
        return Ok(ProjectionOutcome::Stale);
    }
    let on_canvas = sqlx::query!(
        "UPDATE nodes SET description = $4, body_reflects_seq = $5,
             version = version + (description IS DISTINCT FROM $4)::int,
             updated_at = CASE WHEN description IS DISTINCT FROM $4 OR body_reflects_seq < $5 THEN now() ELSE updated_at END
         WHERE id = $1 AND org_id = $2 AND project_id = $3",
        node.as_uuid(),
        tx.org().as_uuid(),
        project.as_uuid(),
        clean::text(&projection.description, TEXT_CHARS_MAX),
        seq_to_column(seq)
    )
    .execute(&mut *tx.inner)
    .await?
    .rows_affected();
    if on_canvas > 0 {
        replace_inputs(tx, project, node, seq, &projection.inputs).await?;
        replace_outputs(tx, project, node, seq, &projection.outputs).await?;
    }
    mark_projected(tx, node.as_uuid(), seq, &[]).await?;
    Ok(if on_canvas > 0 { ProjectionOutcome::Written { foreign: Vec::new() } } else { ProjectionOutcome::NotOnCanvas })
}

async fn lock_project(tx: &mut OrgTx, project: ProjectId) -> Result<(), DbError> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", format!("projection {project}"))
        .execute(&mut *tx.inner)
        .await?;
    Ok(())
}

async fn is_stale(tx: &mut OrgTx, document: Uuid, seq: Seq) -> Result<bool, DbError> {
    let projected = sqlx::query_scalar!(
        "SELECT projected_seq FROM documents WHERE id = $1 AND org_id = $2",
        document,
        tx.org().as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    Ok(projected.is_none_or(|projected| seq < seq_from_column(projected)))
}

/// Notes what the rows of a document reflect. Nodes that `appeared` on a canvas count as not projected at all, so that
/// what their documents hold follows. Rows are locked in the order in which appends lock them.
async fn mark_projected(tx: &mut OrgTx, document: Uuid, seq: Seq, appeared: &[Uuid]) -> Result<(), DbError> {
    sqlx::query!(
        "WITH locked AS (
             SELECT id FROM documents WHERE id = $1 OR (id = ANY($3) AND projected_seq > 0) ORDER BY id FOR NO KEY UPDATE
         )
         UPDATE documents SET projected_seq = CASE WHEN documents.id = $1 THEN $2::bigint ELSE 0 END
         FROM locked WHERE documents.id = locked.id",
        document,
        seq_to_column(seq),
        appeared
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

async fn update_project(tx: &mut OrgTx, project: ProjectId, facts: &ProjectFacts) -> Result<(), DbError> {
    let name = facts.name.as_ref().map(|name| clean::text(name, NAME_CHARS_MAX)).filter(|name| !name.is_empty());
    let description = facts.description.as_ref().map(|description| clean::text(description, TEXT_CHARS_MAX));
    let workflow_states: Option<Vec<String>> = facts
        .workflow_states
        .as_ref()
        .map(|states| states.iter().take(LIST_ITEMS_MAX).map(|state| clean::text(state, WORD_CHARS_MAX)).collect());
    sqlx::query!(
        "UPDATE projects SET name = coalesce($3, name), description = coalesce($4, description),
             workflow_states = coalesce($5, workflow_states)
         WHERE id = $1 AND org_id = $2 AND (name, description, workflow_states)
             IS DISTINCT FROM (coalesce($3, name), coalesce($4, description), coalesce($5, workflow_states))",
        project.as_uuid(),
        tx.org().as_uuid(),
        name,
        description,
        workflow_states.as_deref()
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
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

/// Writes the rows that changed, and returns the nodes that had none before.
async fn upsert_nodes(
    tx: &mut OrgTx,
    project: ProjectId,
    seq: Seq,
    nodes: &[&ProjectedNode],
) -> Result<Vec<Uuid>, DbError> {
    let column = |text: fn(&ProjectedNode) -> String| nodes.iter().map(|node| text(node)).collect::<Vec<_>>();
    let appeared = sqlx::query_scalar!(
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
               -- Only a row that was inserted, not updated, has no xmax.
               RETURNING id, xmax = 0 AS appeared
           )
           SELECT id AS "id!" FROM upserted WHERE appeared"#,
        tx.org().as_uuid(),
        project.as_uuid(),
        seq_to_column(seq),
        &nodes.iter().map(|node| node.id.as_uuid()).collect::<Vec<_>>(),
        &nodes.iter().map(|node| node.parent.map(Uuid::from)).collect::<Vec<_>>() as &[Option<Uuid>],
        &column(|node| clean::text(&node.title, TITLE_CHARS_MAX)),
        &column(|node| clean::text(&node.status, WORD_CHARS_MAX)),
        &column(|node| node.author_type.as_str().to_owned()),
        &nodes.iter().map(|node| node.author.map(Uuid::from)).collect::<Vec<_>>() as &[Option<Uuid>],
        &nodes.iter().map(|node| node.supervisor.map(Uuid::from)).collect::<Vec<_>>() as &[Option<Uuid>],
        &nodes.iter().map(|node| clean::json(&node.metadata)).collect::<Vec<Value>>(),
        &nodes.iter().map(|node| node.x).collect::<Vec<_>>(),
        &nodes.iter().map(|node| node.y).collect::<Vec<_>>(),
        &nodes.iter().map(|node| node.width).collect::<Vec<_>>() as &[Option<f64>],
        &nodes.iter().map(|node| node.height).collect::<Vec<_>>() as &[Option<f64>],
        &nodes.iter().map(|node| node.created_at.map(clean::time)).collect::<Vec<_>>() as &[Option<_>],
        &nodes.iter().map(|node| node.deleted_at.map(clean::time)).collect::<Vec<_>>() as &[Option<_>]
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(appeared)
}

/// A node may come back by an undo, with its document as it was: its rows stay, marked as deleted.
async fn mark_absent_nodes(
    tx: &mut OrgTx,
    project: ProjectId,
    seq: Seq,
    present: &[&ProjectedNode],
) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE nodes SET deleted_at = now(), reflects_seq = $4
         WHERE project_id = $1 AND org_id = $2 AND deleted_at IS NULL AND id <> ALL($3)",
        project.as_uuid(),
        tx.org().as_uuid(),
        &present.iter().map(|node| node.id.as_uuid()).collect::<Vec<_>>(),
        seq_to_column(seq)
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

async fn replace_edges(tx: &mut OrgTx, project: ProjectId, seq: Seq, edges: &[ProjectedEdge]) -> Result<(), DbError> {
    let edges = distinct(edges, |edge| edge.id);
    let ids: Vec<Uuid> = edges.iter().map(|edge| edge.id.as_uuid()).collect();
    sqlx::query!(
        "DELETE FROM node_dependencies WHERE project_id = $1 AND org_id = $2 AND id <> ALL($3)",
        project.as_uuid(),
        tx.org().as_uuid(),
        &ids
    )
    .execute(&mut *tx.inner)
    .await?;
    sqlx::query!(
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
    .await?;
    Ok(())
}

/// The first of each id: a document may hold an id twice, a table can't.
pub(super) fn distinct<T, Id: Eq + std::hash::Hash>(items: &[T], id: impl Fn(&T) -> Id) -> Vec<&T> {
    let mut seen = HashSet::with_capacity(items.len());
    items.iter().filter(|item| seen.insert(id(item))).collect()
}
