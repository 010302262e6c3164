//! Keeping the entries of nodes: what has changed waits in a queue, and is read and written in one transaction with the
//! removal from it. What is not committed waits on.

use schema::ids::{NodeId, OrgId, ProjectId};
use uuid::Uuid;

use super::{About, NewEntry, put, remove};
use crate::db::{Db, DbError, OrgTx};
use crate::search::words::TEXT_CHARS_MAX;

/// Organizations whose turn it is at once, at most: of more, those whose nodes have waited longest.
const ORGANIZATIONS_MAX: i64 = 1_000;

struct Row {
    id: Uuid,
    project_id: Uuid,
    title: String,
    is_in_trash: bool,
    text: String,
}

/// The organizations in which nodes wait, those first whose nodes have waited longest. How many wait in one of them
/// says nothing about when it is another one's turn.
pub async fn with_nodes_waiting(db: &Db) -> Result<Vec<OrgId>, DbError> {
    let mut tx = db.workers().await?;
    // From one organization to the next along the index, without a look at all that waits in each.
    let orgs = sqlx::query_scalar!(
        r#"WITH RECURSIVE oldest AS (
               (SELECT org_id, since FROM search_queue ORDER BY org_id, since LIMIT 1)
               UNION ALL
               SELECT next.org_id, next.since FROM oldest CROSS JOIN LATERAL (
                   SELECT org_id, since FROM search_queue WHERE org_id > oldest.org_id
                   ORDER BY org_id, since LIMIT 1) next)
           SELECT org_id AS "org_id!" FROM oldest WHERE since <= now() ORDER BY since LIMIT $1"#,
        ORGANIZATIONS_MAX
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(orgs.into_iter().map(OrgId::from).collect())
}

/// Takes nodes out of the queue, those first that have waited longest, and makes them be found by what they say now;
/// those in the trash are found no longer. What another transaction has just changed, or takes, is left to later, and so
/// is a long text that has just changed. Returns how many were taken.
pub async fn index_nodes(tx: &mut OrgTx, max: usize) -> Result<usize, DbError> {
    let taken = sqlx::query_scalar!(
        "DELETE FROM search_queue WHERE node_id = ANY(ARRAY(
             SELECT node_id FROM search_queue WHERE org_id = $1 AND since <= now()
             ORDER BY since LIMIT $2 FOR UPDATE SKIP LOCKED))
         RETURNING node_id",
        tx.org().as_uuid(),
        i64::try_from(max).unwrap_or(i64::MAX)
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let rows = read(tx, &taken).await?;
    // What is gone for good took its entry along.
    for row in rows {
        let node = NodeId::new(row.id);
        if row.is_in_trash {
            remove(tx, About::Node(node)).await?;
        } else {
            let project = Some(ProjectId::new(row.project_id));
            put(tx, &NewEntry { about: About::Node(node), project, title: &row.title, text: &row.text }).await?;
        }
    }
    Ok(taken.len())
}

/// What nodes say: their bodies, and what is in their inputs and outputs.
async fn read(tx: &mut OrgTx, nodes: &[Uuid]) -> Result<Vec<Row>, DbError> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT n.id, n.project_id, n.title, n.deleted_at IS NOT NULL AS "is_in_trash!",
               left(concat_ws(E'\n\n', n.description,
                   (SELECT string_agg(concat_ws(E'\n', i.label, i.text_content, i.structured_data::text, i.external_url),
                        E'\n\n' ORDER BY i.sort_order, i.id)
                    FROM node_inputs i WHERE i.node_id = n.id),
                   (SELECT string_agg(concat_ws(E'\n', o.label, o.text_content, o.structured_data::text, o.external_url),
                        E'\n\n' ORDER BY o.sort_order, o.id)
                    FROM node_outputs o WHERE o.node_id = n.id)), $3) AS "text!"
           FROM nodes n WHERE n.id = ANY($1) AND n.org_id = $2 ORDER BY n.id"#,
        nodes,
        tx.org().as_uuid(),
        i32::try_from(TEXT_CHARS_MAX).unwrap_or(i32::MAX)
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(rows)
}

/// Puts the node that has waited longest behind all others of its organization: it cannot be indexed now.
pub async fn set_back(db: &Db, org: OrgId) -> Result<(), DbError> {
    let mut tx = db.org(org).await?;
    sqlx::query!(
        "UPDATE search_queue SET since = clock_timestamp() WHERE node_id = ANY(ARRAY(
             SELECT node_id FROM search_queue WHERE org_id = $1 ORDER BY since LIMIT 1 FOR UPDATE SKIP LOCKED))",
        org.as_uuid()
    )
    .execute(&mut *tx.inner)
    .await?;
    tx.commit().await
}
