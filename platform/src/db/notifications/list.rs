//! Lists of what somebody was told.

use schema::ids::{OrgId, UserId};
use sqlx::{Postgres, QueryBuilder};

use super::{Notification, NotificationKind, Row};
use crate::db::{Db, DbError, Page, PageRequest};

/// Whether a list shows what was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Which {
    /// It shows all.
    #[default]
    All,
    /// Those that were not read.
    Unread,
}

/// Which notifications a list shows: those to which all of it applies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Whether they were read.
    pub which: Which,
    /// Of one of these kinds; of any, if there are none.
    pub kinds: Vec<NotificationKind>,
    /// About this organization.
    pub org: Option<OrgId>,
}

/// A page of a person's notifications in all their organizations.
pub async fn list(db: &Db, user: UserId, filter: &Filter, page: PageRequest) -> Result<Page<Notification>, DbError> {
    let mut tx = db.user(user).await?;
    let rows: Vec<Row> = of_person(user, filter, &page).build_query_as().fetch_all(&mut *tx.inner).await?;
    Page::of(page, rows, |row| (row.created_at, row.id)).try_map(Row::read)
}

pub(in crate::db) fn of_person(user: UserId, filter: &Filter, page: &PageRequest) -> QueryBuilder<Postgres> {
    let mut statement = QueryBuilder::new(
        "SELECT id, org_id, kind, title, body, project_id, resource_type, resource_id, actors, read_at, created_at
         FROM notifications WHERE user_id = ",
    );
    statement.push_bind(user.as_uuid());
    if filter.which == Which::Unread {
        statement.push(" AND read_at IS NULL");
    }
    if !filter.kinds.is_empty() {
        let names: Vec<String> = filter.kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
        statement.push(" AND kind = ANY(").push_bind(names).push(")");
    }
    if let Some(org) = filter.org {
        statement.push(" AND org_id = ").push_bind(org.as_uuid());
    }
    page.complete(&mut statement);
    statement
}
