//! Lists of runs.

use schema::ids::{NodeId, OrgId, ProjectId};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::{Execution, read};
use crate::db::{Db, DbError, Page, PageRequest};
use crate::executions::Status;

/// Whose runs are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Those on a node.
    Node(NodeId),
    /// Those in a project.
    Project(ProjectId),
}

/// A page of runs; if states are named, of those in one of them.
pub async fn list(
    db: &Db,
    org: OrgId,
    whose: Whose,
    statuses: &[Status],
    page: PageRequest,
) -> Result<Page<Execution>, DbError> {
    let mut tx = db.org(org).await?;
    let ids: Vec<Uuid> = of(org, whose, statuses, &page).build_query_scalar().fetch_all(&mut *tx.inner).await?;
    let found = read(&mut tx, &ids).await?;
    Ok(Page::of(page, found, |execution| (execution.created_at, execution.id.as_uuid())))
}

pub(in crate::db) fn of(org: OrgId, whose: Whose, statuses: &[Status], page: &PageRequest) -> QueryBuilder<Postgres> {
    let mut statement = QueryBuilder::new("SELECT id FROM agent_executions WHERE org_id = ");
    statement.push_bind(org.as_uuid());
    match whose {
        Whose::Node(node) => statement.push(" AND node_id = ").push_bind(node.as_uuid()),
        Whose::Project(project) => statement.push(" AND project_id = ").push_bind(project.as_uuid()),
    };
    if !statuses.is_empty() {
        let names: Vec<String> = statuses.iter().map(|status| status.as_str().to_owned()).collect();
        statement.push(" AND status = ANY(").push_bind(names).push(")");
    }
    page.complete(&mut statement);
    statement
}
