//! The versions of a document that have a name, in pages.

use chrono::{DateTime, Utc};
use schema::ids::OrgId;
use sqlx::{FromRow, Postgres, QueryBuilder};
use uuid::Uuid;

use super::NamedVersion;
use crate::auth::PrincipalRef;
use crate::db::log::{epoch_from_column, seq_from_column};
use crate::db::page::{Key, Page, PageRequest, SortKey};
use crate::db::{Db, DbError, principal};

/// What lists of named versions can be sorted by. No document has many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedVersionSort {
    /// Their places of the log.
    Seq,
    /// When they were named.
    CreatedAt,
    /// Their names.
    Name,
}

impl SortKey for NamedVersionSort {
    const LIST: &'static str = "named versions";
    const ALL: &'static [(&'static str, Self)] =
        &[("seq", Self::Seq), ("createdAt", Self::CreatedAt), ("name", Self::Name)];

    fn column(self) -> &'static str {
        match self {
            Self::Seq => "seq",
            Self::CreatedAt => "created_at",
            Self::Name => "name",
        }
    }
}

/// A page of a document's versions that have a name; if somebody is meant, of those that they named.
pub async fn list_named(
    db: &Db,
    org: OrgId,
    document: Uuid,
    by: Option<PrincipalRef>,
    page: PageRequest<NamedVersionSort>,
) -> Result<Page<NamedVersion>, DbError> {
    let mut tx = db.org(org).await?;
    let rows: Vec<Row> = of_document(org, document, by, &page).build_query_as().fetch_all(&mut *tx.inner).await?;
    let sort = page.key();
    let page = Page::of(page, rows, |row| {
        let key = match sort {
            NamedVersionSort::Seq => Key::from(row.seq),
            NamedVersionSort::CreatedAt => Key::from(row.created_at),
            NamedVersionSort::Name => Key::from(row.name.clone()),
        };
        (key, row.id)
    });
    page.try_map(|row| row.read(document))
}

pub(in crate::db) fn of_document(
    org: OrgId,
    document: Uuid,
    by: Option<PrincipalRef>,
    page: &PageRequest<NamedVersionSort>,
) -> QueryBuilder<Postgres> {
    let mut statement = QueryBuilder::new(
        "SELECT id, epoch, seq, name, created_by_kind, created_by, created_at FROM document_versions WHERE org_id = ",
    );
    statement.push_bind(org.as_uuid()).push(" AND document_id = ").push_bind(document);
    if let Some(by) = by {
        statement.push(" AND created_by_kind = ").push_bind(principal::kind_to_number(by.kind));
        statement.push(" AND created_by = ").push_bind(by.id);
    }
    page.complete(&mut statement);
    statement
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    epoch: i32,
    seq: i64,
    name: String,
    created_by_kind: i16,
    created_by: Uuid,
    created_at: DateTime<Utc>,
}

impl Row {
    fn read(self, document: Uuid) -> Result<NamedVersion, DbError> {
        Ok(NamedVersion {
            id: self.id,
            epoch: epoch_from_column(self.epoch),
            seq: seq_from_column(self.seq),
            name: self.name,
            created_by: principal::from_row(document, self.created_by_kind, self.created_by)?,
            created_at: self.created_at,
        })
    }
}
