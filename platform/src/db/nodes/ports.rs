//! Writing the inputs and outputs of a node.

use schema::ids::{NodeId, ProjectId, Seq};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::ProjectedPort;
use super::write::distinct;
use crate::db::clean::{self, TEXT_CHARS_MAX, TITLE_CHARS_MAX, WORD_CHARS_MAX};
use crate::db::log::seq_to_column;
use crate::db::{DbError, OrgTx};

/// The columns that inputs and outputs share, one array each.
#[derive(Serialize)]
pub(super) struct PortColumns {
    ids: Vec<Uuid>,
    types: Vec<String>,
    labels: Vec<Option<String>>,
    texts: Vec<Option<String>>,
    data: Vec<Option<Value>>,
    files: Vec<Option<Uuid>>,
    source_nodes: Vec<Option<Uuid>>,
    source_versions: Vec<Option<i64>>,
    urls: Vec<Option<String>>,
    metadata: Vec<Value>,
    sort_orders: Vec<i32>,
}

impl PortColumns {
    pub(super) fn of(ports: &[ProjectedPort]) -> Self {
        let ports = distinct(ports, |port| port.id);
        let clean_text = |text: &String, chars_max| clean::text(text, chars_max);
        Self {
            ids: ports.iter().map(|port| port.id).collect(),
            types: ports.iter().map(|port| clean::text(&port.port_type, WORD_CHARS_MAX)).collect(),
            labels: ports.iter().map(|port| port.label.as_ref().map(|it| clean_text(it, TITLE_CHARS_MAX))).collect(),
            texts: ports.iter().map(|port| port.text.as_ref().map(|it| clean_text(it, TEXT_CHARS_MAX))).collect(),
            data: ports.iter().map(|port| port.data.as_ref().map(clean::json)).collect(),
            files: ports.iter().map(|port| port.file).collect(),
            source_nodes: ports.iter().map(|port| port.source_node.map(Uuid::from)).collect(),
            source_versions: ports.iter().map(|port| port.source_version).collect(),
            urls: ports.iter().map(|port| port.url.as_ref().map(|it| clean_text(it, TEXT_CHARS_MAX))).collect(),
            metadata: ports.iter().map(|port| clean::json(&port.metadata)).collect(),
            sort_orders: ports.iter().map(|port| port.sort_order).collect(),
        }
    }

    /// Tells whether the rows are the same as others; `None` when there are none.
    pub(super) fn digest(&self) -> Option<Uuid> {
        if self.ids.is_empty() {
            return None;
        }
        // Maps with text keys and plain values: serialization cannot fail.
        serde_json::to_vec(self).ok().map(|bytes| Uuid::new_v5(&Uuid::nil(), &bytes))
    }
}

pub(super) async fn replace_inputs(
    tx: &mut OrgTx,
    project: ProjectId,
    node: NodeId,
    seq: Seq,
    columns: &PortColumns,
) -> Result<(), DbError> {
    let org = tx.org().as_uuid();
    sqlx::query!("DELETE FROM node_inputs WHERE node_id = $1 AND org_id = $2", node.as_uuid(), org)
        .execute(&mut *tx.inner)
        .await?;
    sqlx::query!(
        "INSERT INTO node_inputs (node_id, org_id, project_id, reflects_seq, id, input_type, label, text_content,
             structured_data, file_id, source_node_id, source_node_version, external_url, metadata, sort_order)
         SELECT $1, $2, $3, $4, new.* FROM unnest($5::uuid[], $6::text[], $7::text[], $8::text[], $9::jsonb[],
             $10::uuid[], $11::uuid[], $12::bigint[], $13::text[], $14::jsonb[], $15::int[]) AS new",
        node.as_uuid(),
        org,
        project.as_uuid(),
        seq_to_column(seq),
        &columns.ids,
        &columns.types,
        &columns.labels as &[Option<String>],
        &columns.texts as &[Option<String>],
        &columns.data as &[Option<Value>],
        &columns.files as &[Option<Uuid>],
        &columns.source_nodes as &[Option<Uuid>],
        &columns.source_versions as &[Option<i64>],
        &columns.urls as &[Option<String>],
        &columns.metadata,
        &columns.sort_orders
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

pub(super) async fn replace_outputs(
    tx: &mut OrgTx,
    project: ProjectId,
    node: NodeId,
    seq: Seq,
    columns: &PortColumns,
) -> Result<(), DbError> {
    let org = tx.org().as_uuid();
    sqlx::query!("DELETE FROM node_outputs WHERE node_id = $1 AND org_id = $2", node.as_uuid(), org)
        .execute(&mut *tx.inner)
        .await?;
    sqlx::query!(
        "INSERT INTO node_outputs (node_id, org_id, project_id, reflects_seq, id, output_type, label, text_content,
             structured_data, file_id, source_node_id, source_node_version, external_url, metadata, sort_order)
         SELECT $1, $2, $3, $4, new.* FROM unnest($5::uuid[], $6::text[], $7::text[], $8::text[], $9::jsonb[],
             $10::uuid[], $11::uuid[], $12::bigint[], $13::text[], $14::jsonb[], $15::int[]) AS new",
        node.as_uuid(),
        org,
        project.as_uuid(),
        seq_to_column(seq),
        &columns.ids,
        &columns.types,
        &columns.labels as &[Option<String>],
        &columns.texts as &[Option<String>],
        &columns.data as &[Option<Value>],
        &columns.files as &[Option<Uuid>],
        &columns.source_nodes as &[Option<Uuid>],
        &columns.source_versions as &[Option<i64>],
        &columns.urls as &[Option<String>],
        &columns.metadata,
        &columns.sort_orders
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}
