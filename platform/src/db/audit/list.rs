//! What was done to an organization, in pages.

use chrono::{DateTime, Utc};
use schema::ids::{OrgId, UserId};
use serde_json::Value;
use sqlx::{FromRow, Postgres, QueryBuilder};
use uuid::Uuid;

use super::{Filter, Recorded};
use crate::auth::{PrincipalKind, PrincipalRef};
use crate::db::page::{Page, PageRequest, Sort, SortKey};
use crate::db::{Db, DbError, principal};

/// What the log can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditSort {
    /// When it was done.
    At,
}

impl AuditSort {
    /// The order in which logs are read.
    pub const NEWEST_FIRST: Sort<Self> = Sort::descending(Self::At);
}

impl SortKey for AuditSort {
    const LIST: &'static str = "audit log";
    const ALL: &'static [(&'static str, Self)] = &[("at", Self::At)];
    const ID: &'static str = "a.id";

    fn column(self) -> &'static str {
        "a.at"
    }
}

/// A page of what was done to an organization.
pub async fn list(
    db: &Db,
    org: OrgId,
    filter: &Filter,
    page: PageRequest<AuditSort>,
) -> Result<Page<Recorded>, DbError> {
    let mut tx = db.org(org).await?;
    let rows: Vec<Row> = of_org(org, filter, &page).build_query_as().fetch_all(&mut *tx.inner).await?;
    Page::of(page, rows, |row| (row.at, row.id)).try_map(Row::read)
}

pub(in crate::db) fn of_org(org: OrgId, filter: &Filter, page: &PageRequest<AuditSort>) -> QueryBuilder<Postgres> {
    let mut statement = QueryBuilder::new(
        "SELECT a.id, a.at, a.principal_kind, a.principal_id, a.user_id, u.name AS user_name, a.run_id, a.action,
             a.resource_type, a.resource_id, a.details, host(a.ip_address) AS ip, a.user_agent
         FROM audit_log a LEFT JOIN users u ON u.id = a.user_id WHERE a.org_id = ",
    );
    statement.push_bind(org.as_uuid());
    match filter.actor {
        Some(PrincipalRef { kind: PrincipalKind::User, id }) => {
            statement.push(" AND a.user_id = ").push_bind(id);
        }
        Some(PrincipalRef { id, .. }) => {
            statement.push(" AND a.principal_id = ").push_bind(id);
        }
        None => {}
    }
    if let Some(action) = filter.action {
        statement.push(" AND a.action = ").push_bind(action.as_str());
    }
    if let Some(kind) = filter.resource_kind {
        statement.push(" AND a.resource_type = ").push_bind(kind.as_str());
    }
    if let Some(resource) = filter.resource {
        statement.push(" AND a.resource_id = ").push_bind(resource);
    }
    if let Some(since) = filter.since {
        statement.push(" AND a.at >= ").push_bind(since);
    }
    if let Some(until) = filter.until {
        statement.push(" AND a.at < ").push_bind(until);
    }
    page.complete(&mut statement);
    statement
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    at: DateTime<Utc>,
    principal_kind: i16,
    principal_id: Uuid,
    user_id: Option<Uuid>,
    user_name: Option<String>,
    run_id: Option<Uuid>,
    action: String,
    resource_type: String,
    resource_id: Option<Uuid>,
    details: Value,
    ip: Option<String>,
    user_agent: Option<String>,
}

impl Row {
    fn read(self) -> Result<Recorded, DbError> {
        let kind = principal::kind_from_number(self.principal_kind)
            .ok_or_else(|| DbError::Invalid(format!("principal kind {} does not exist", self.principal_kind)))?;
        Ok(Recorded {
            id: self.id,
            at: self.at,
            principal: PrincipalRef { kind, id: self.principal_id },
            user: self.user_id.map(UserId::new),
            user_name: self.user_name,
            run: self.run_id,
            action: self.action,
            resource_type: self.resource_type,
            resource_id: self.resource_id,
            details: self.details,
            ip: self.ip,
            user_agent: self.user_agent,
        })
    }
}
