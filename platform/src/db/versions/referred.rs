//! Versions of nodes that other nodes refer to.

use std::collections::HashMap;

use schema::ids::{NodeId, OrgId};
use uuid::Uuid;

use crate::db::{Db, DbError};

/// A version of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct VersionOf {
    /// The node.
    pub node: NodeId,
    /// Counts from 1.
    pub version: i32,
}

/// Whether there is such a version, be it kept or not.
pub async fn exists(db: &Db, org: OrgId, version: VersionOf) -> Result<bool, DbError> {
    let mut tx = db.org(org).await?;
    let exists = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM node_versions WHERE node_id = $1 AND version = $2) AS "exists!""#,
        version.node.as_uuid(),
        version.version
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    Ok(exists)
}

/// How many characters the bodies of these versions have. One that is not there, or is not kept, is left out.
pub async fn body_lengths(db: &Db, org: OrgId, versions: &[VersionOf]) -> Result<HashMap<VersionOf, usize>, DbError> {
    if versions.is_empty() {
        return Ok(HashMap::new());
    }
    let mut tx = db.org(org).await?;
    let (nodes, numbers) = columns(versions);
    let rows = sqlx::query!(
        r#"SELECT node_id, version, length(snapshot->>'body') AS "length!"
           FROM unnest($1::uuid[], $2::integer[]) AS asked (id, number)
           JOIN node_versions ON node_id = asked.id AND version = asked.number
           WHERE snapshot->>'body' IS NOT NULL"#,
        &nodes,
        &numbers
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let length = |length| usize::try_from(length).unwrap_or_default();
    Ok(rows
        .into_iter()
        .map(|row| (VersionOf { node: row.node_id.into(), version: row.version }, length(row.length)))
        .collect())
}

/// The bodies of these versions as Markdown, each up to so many characters. One that is not there, or is not kept, is left
/// out.
pub async fn bodies(
    db: &Db,
    org: OrgId,
    versions: &[VersionOf],
    chars_max: usize,
) -> Result<HashMap<VersionOf, String>, DbError> {
    if versions.is_empty() {
        return Ok(HashMap::new());
    }
    let mut tx = db.org(org).await?;
    let (nodes, numbers) = columns(versions);
    let rows = sqlx::query!(
        r#"SELECT node_id, version, left(snapshot->>'body', $3) AS "body!"
           FROM unnest($1::uuid[], $2::integer[]) AS asked (id, number)
           JOIN node_versions ON node_id = asked.id AND version = asked.number
           WHERE snapshot->>'body' IS NOT NULL"#,
        &nodes,
        &numbers,
        i32::try_from(chars_max).unwrap_or(i32::MAX)
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(rows.into_iter().map(|row| (VersionOf { node: row.node_id.into(), version: row.version }, row.body)).collect())
}

fn columns(versions: &[VersionOf]) -> (Vec<Uuid>, Vec<i32>) {
    versions.iter().map(|version| (version.node.as_uuid(), version.version)).unzip()
}
