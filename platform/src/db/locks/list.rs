//! The locks that are held in a project.

use schema::ids::{OrgId, ProjectId};
use sqlx::{Postgres, QueryBuilder};

use super::{Lock, Row};
use crate::db::page::{Key, Page, PageRequest, SortKey};
use crate::db::{Db, DbError};

/// The most locks of a page.
pub const LOCKS_LISTED_MAX: u32 = 1_000;

/// What lists of locks can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockSort {
    /// The ids of their nodes.
    NodeId,
}

impl SortKey for LockSort {
    const LIST: &'static str = "locks";
    const ALL: &'static [(&'static str, Self)] = &[("nodeId", Self::NodeId)];
    const ID: &'static str = "node_id";

    fn column(self) -> &'static str {
        "node_id"
    }
}

/// A page of the locks that are held in a project.
pub async fn list(db: &Db, org: OrgId, project: ProjectId, page: PageRequest<LockSort>) -> Result<Page<Lock>, DbError> {
    let mut tx = db.org(org).await?;
    let rows: Vec<Row> = in_project(org, project, &page).build_query_as().fetch_all(&mut *tx.inner).await?;
    let page = Page::of(page, rows, |row| (Key::from(row.node_id), row.node_id)).try_map(Row::read)?;
    Ok(Page { items: page.items.into_iter().flatten().collect(), next: page.next })
}

pub(in crate::db) fn in_project(
    org: OrgId,
    project: ProjectId,
    page: &PageRequest<LockSort>,
) -> QueryBuilder<Postgres> {
    let mut statement = QueryBuilder::new(
        "SELECT node_id, project_id, holder_kind, holder_id, holder_user_id, holder_name, fencing_token, is_enforced,
             acquired_at, expires_at, (extract(epoch FROM expires_at - now()) * 1000)::bigint AS remaining_ms
         FROM node_locks WHERE holder_id IS NOT NULL AND expires_at > now() AND project_id = ",
    );
    statement.push_bind(project.as_uuid()).push(" AND org_id = ").push_bind(org.as_uuid());
    page.complete(&mut statement);
    statement
}
