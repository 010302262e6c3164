//! What the audit log is told of nodes that went into the trash, or came out of it.
//!
//! What is done through REST is recorded with where it came from ([`note_trash`]), all else by the projection that finds it
//! done. Both write under the project's advisory lock, and `nodes.trash_noted` has what the audit log said last, and as of
//! which place of the canvas's log, so that everything is recorded once, and nothing by a projection of an earlier place.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::time::Duration;

use schema::ids::{NodeId, OrgId, ProjectId, RunId, Seq, UserId};
use serde_json::json;
use uuid::Uuid;

use super::progress::{Projected, lock_project, mark_projected, projected_before};
use crate::auth::{PrincipalKind, PrincipalRef};
use crate::db::audit::{self, Action, Actor, Entry, ResourceKind};
use crate::db::log::seq_to_column;
use crate::db::{Db, DbError, OrgTx, principal};

/// How long is waited for what a projection shows ahead of the log.
pub(super) const LOG_PAUSE: Duration = Duration::from_millis(200);
/// The member of an entry's details that has the place of the canvas's log.
const SEQ: &str = "seq";

/// Who edited a canvas, as its log has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Author {
    /// Who.
    pub principal: PrincipalRef,
    /// The run of an agent that it was part of.
    pub run: Option<RunId>,
}

/// Nodes that went into the trash or came out of it while several edited their canvas. Who did what is to be read from the
/// log, and to be recorded by [`record_trash`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unattributed {
    /// They did it after this place of the canvas's log.
    pub after: Seq,
    /// At this place, or before it.
    pub through: Seq,
    /// The nodes.
    pub nodes: Vec<NodeId>,
}

/// What was recorded of a projection. Unless it is all, the canvas goes on to count as behind.
pub(super) enum Noted {
    /// All that it found.
    All,
    /// Nothing: the log is to be waited for.
    NotYet,
    /// Nothing: it is to be found out who did it.
    Unattributed(Unattributed),
}

/// A node that the audit log does not have where it is.
struct Moved {
    node: NodeId,
    is_deleted: bool,
}

impl Moved {
    const fn action(&self) -> Action {
        if self.is_deleted { Action::NodeDeleted } else { Action::NodeRestored }
    }
}

/// Records what went into the trash or came out of it through REST, by the edit at this place of the canvas's log; unless
/// a projection was faster.
pub async fn note_trash(
    db: &Db,
    org: OrgId,
    project: ProjectId,
    node: NodeId,
    at: Seq,
    entry: Entry,
) -> Result<(), DbError> {
    let is_deleted = entry.action == Action::NodeDeleted;
    let mut tx = db.org(org).await?;
    lock_project(&mut tx, project).await?;
    let row = sqlx::query!(
        r#"SELECT d.projected_seq >= $3 AS "is_projected!", n.trash_noted_seq >= $3 AS "is_noted!"
           FROM nodes n JOIN documents d ON d.id = n.project_id AND d.org_id = $2 WHERE n.id = $1 AND n.org_id = $2"#,
        node.as_uuid(),
        org.as_uuid(),
        seq_to_column(at)
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let (is_projected, is_noted) = row.map_or((false, false), |row| (row.is_projected, row.is_noted));
    if is_projected && is_noted {
        return Ok(());
    }
    let details = json!({"projectId": project, SEQ: at});
    audit::record(&mut tx, entry.with(details)).await?;
    // What a projection found, or somebody did after it, stays what was noted last.
    if !is_projected && !is_noted {
        set_noted(&mut tx, &[node.as_uuid()], is_deleted, at).await?;
    }
    tx.commit().await
}

/// What was done through REST to nodes before they are first projected is noted in the audit log alone.
pub(super) async fn look_up_noted(tx: &mut OrgTx, appeared: &[Uuid]) -> Result<(), DbError> {
    if appeared.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE nodes SET trash_noted = noted.action = $3, trash_noted_seq = noted.seq
         FROM unnest($1::uuid[]) AS appeared (id) CROSS JOIN LATERAL (
             SELECT a.action, coalesce((a.details ->> $5)::bigint, 0) AS seq FROM audit_log a
             WHERE a.org_id = $2 AND a.resource_id = appeared.id AND a.action IN ($3, $4)
             ORDER BY a.at DESC, a.id DESC LIMIT 1) noted
         WHERE nodes.id = appeared.id AND nodes.org_id = $2",
        appeared,
        tx.org().as_uuid(),
        Action::NodeDeleted.as_str(),
        Action::NodeRestored.as_str(),
        SEQ
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// Records what edits between two places of a canvas's log did, when one author made them all. A projection that is
/// `ahead` of the log shows what its author has not brought there yet.
pub(super) async fn note_projected(
    tx: &mut OrgTx,
    project: ProjectId,
    (after, through): (Seq, Seq),
    is_ahead: bool,
) -> Result<Noted, DbError> {
    let moved = unnoted(tx, project, through).await?;
    if moved.is_empty() {
        return Ok(Noted::All);
    }
    if is_ahead {
        return Ok(Noted::NotYet);
    }
    let by = match last_authors(tx, project, after, through).await?[..] {
        [] => Author { principal: PrincipalRef::SYSTEM, run: None },
        [only] => only,
        _ => {
            let nodes = moved.into_iter().map(|moved| moved.node).collect();
            return Ok(Noted::Unattributed(Unattributed { after, through, nodes }));
        }
    };
    record(tx, project, through, moved.into_iter().map(|moved| (by, moved))).await?;
    Ok(Noted::All)
}

/// Records what became of nodes, each by its author; where that is not known, nobody is named. Commit afterwards.
pub async fn record_trash<S: BuildHasher>(
    tx: &mut OrgTx,
    project: ProjectId,
    unattributed: &Unattributed,
    authors: &HashMap<NodeId, Author, S>,
) -> Result<(), DbError> {
    let Unattributed { through, nodes, .. } = unattributed;
    lock_project(tx, project).await?;
    if projected_before(tx, project.as_uuid(), *through).await?.is_none() {
        return Ok(());
    }
    let nobody = Author { principal: PrincipalRef::SYSTEM, run: None };
    let moved = unnoted(tx, project, *through).await?.into_iter().filter(|moved| nodes.contains(&moved.node));
    let by_author = moved.map(|moved| (authors.get(&moved.node).copied().unwrap_or(nobody), moved));
    record(tx, project, *through, by_author).await?;
    mark_projected(tx, project.as_uuid(), Projected { done: *through, rows: *through }, &[]).await
}

async fn record(
    tx: &mut OrgTx,
    project: ProjectId,
    through: Seq,
    moved: impl Iterator<Item = (Author, Moved)>,
) -> Result<(), DbError> {
    let mut alike: BTreeMap<(Author, bool), (Action, Vec<Uuid>)> = BTreeMap::new();
    for (author, moved) in moved {
        let nodes = alike.entry((author, moved.is_deleted)).or_insert_with(|| (moved.action(), Vec::new()));
        nodes.1.push(moved.node.as_uuid());
    }
    for ((Author { principal, run }, is_deleted), (action, nodes)) in alike {
        let user = user_of(tx, principal).await?;
        let entry = Entry {
            actor: Actor { principal, user, ip: None, user_agent: None },
            action,
            resource: (ResourceKind::Node, None),
            run: run.map(|run| run.as_uuid()),
            details: json!({"projectId": project}),
        };
        audit::record_of_each(tx, entry, &nodes).await?;
        set_noted(tx, &nodes, is_deleted, through).await?;
    }
    Ok(())
}

async fn set_noted(tx: &mut OrgTx, nodes: &[Uuid], is_deleted: bool, at: Seq) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE nodes SET trash_noted = $3, trash_noted_seq = $4 WHERE id = ANY($1) AND org_id = $2",
        nodes,
        tx.org().as_uuid(),
        is_deleted,
        seq_to_column(at)
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// The nodes of a project that the audit log, as far as it goes to this place of the canvas's log, does not have where they
/// are.
async fn unnoted(tx: &mut OrgTx, project: ProjectId, through: Seq) -> Result<Vec<Moved>, DbError> {
    let rows = sqlx::query!(
        r#"SELECT id, deleted_at IS NOT NULL AS "is_deleted!" FROM nodes
           WHERE project_id = $1 AND org_id = $2 AND (deleted_at IS NOT NULL) <> trash_noted AND trash_noted_seq <= $3
           ORDER BY id"#,
        project.as_uuid(),
        tx.org().as_uuid(),
        seq_to_column(through)
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(rows.into_iter().map(|row| Moved { node: row.id.into(), is_deleted: row.is_deleted }).collect())
}

/// The two who edited a canvas last between two places of its log, the last first; fewer if there were fewer.
async fn last_authors(tx: &mut OrgTx, project: ProjectId, after: Seq, through: Seq) -> Result<Vec<Author>, DbError> {
    let canvas = project.as_uuid();
    let rows = sqlx::query!(
        "SELECT principal_kind, principal_id, run_id FROM document_updates
         WHERE document_id = $1 AND org_id = $2 AND seq > $3 AND seq <= $4
         GROUP BY principal_kind, principal_id, run_id ORDER BY max(seq) DESC LIMIT 2",
        canvas,
        tx.org().as_uuid(),
        seq_to_column(after),
        seq_to_column(through)
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let author = |kind, id, run: Option<Uuid>| {
        Ok(Author { principal: principal::from_row(canvas, kind, id)?, run: run.map(RunId::new) })
    };
    rows.into_iter().map(|row| author(row.principal_kind, row.principal_id, row.run_id)).collect()
}

/// The person whose rights hold for a principal, as far as the tables still know.
async fn user_of(tx: &mut OrgTx, principal: PrincipalRef) -> Result<Option<UserId>, DbError> {
    if principal.kind == PrincipalKind::User {
        return Ok(Some(UserId::new(principal.id)));
    }
    let user = sqlx::query_scalar!(
        r#"SELECT created_by AS "user!" FROM api_keys WHERE id = $1 AND org_id = $2
           UNION ALL SELECT requested_by FROM agent_executions WHERE id = $1 AND org_id = $2"#,
        principal.id,
        tx.org().as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    Ok(user.map(UserId::new))
}
