//! Lists of an organization's projects.

use schema::ids::{OrgId, UserId};
use sqlx::{Postgres, QueryBuilder};

use super::{Project, ProjectRow, Which};
use crate::access::ProjectRole;
use crate::db::page::{Key, Page, PageRequest, SortKey};
use crate::db::{Db, DbError};

/// What lists of projects can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectSort {
    /// When they were begun.
    CreatedAt,
    /// When they last changed.
    UpdatedAt,
    /// Their names.
    Name,
}

impl SortKey for ProjectSort {
    const LIST: &'static str = "projects";
    const ALL: &'static [(&'static str, Self)] =
        &[("createdAt", Self::CreatedAt), ("updatedAt", Self::UpdatedAt), ("name", Self::Name)];
    const ID: &'static str = "p.id";

    fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "p.created_at",
            Self::UpdatedAt => "p.updated_at",
            Self::Name => "p.name",
        }
    }
}

/// The projects of an organization that a person may see, with the person's role in each.
pub async fn list(
    db: &Db,
    user: UserId,
    org: OrgId,
    which: Which,
    page: PageRequest<ProjectSort>,
) -> Result<Page<(Project, ProjectRole)>, DbError> {
    let mut tx = db.user(user).await?;
    let rows: Vec<ProjectRow> = of_org(user, org, which, &page).build_query_as().fetch_all(&mut *tx.inner).await?;
    let sort = page.key();
    let page = Page::of(page, rows, |row| {
        let key = match sort {
            ProjectSort::CreatedAt => Key::from(row.created_at),
            ProjectSort::UpdatedAt => Key::from(row.updated_at),
            ProjectSort::Name => Key::from(row.name.clone()),
        };
        (key, row.id)
    });
    // The statement leaves out what one has no role in; the policy has the last word.
    let page = page.try_map(ProjectRow::read)?;
    Ok(Page { items: page.items.into_iter().flatten().collect(), next: page.next })
}

pub(in crate::db) fn of_org(
    user: UserId,
    org: OrgId,
    which: Which,
    page: &PageRequest<ProjectSort>,
) -> QueryBuilder<Postgres> {
    let mut statement = QueryBuilder::new(
        "SELECT p.id, p.org_id, p.name, p.description, p.workflow_states, p.settings, p.created_at, p.updated_at,
                p.deleted_at, m.role AS org_role, pm.role AS project_role
         FROM projects p JOIN org_members m ON m.org_id = p.org_id AND m.user_id = ",
    );
    statement.push_bind(user.as_uuid());
    statement.push(" LEFT JOIN project_members pm ON pm.project_id = p.id AND pm.user_id = ").push_bind(user.as_uuid());
    statement.push(" WHERE (m.role <> 'guest' OR pm.role IS NOT NULL) AND p.org_id = ").push_bind(org.as_uuid());
    statement.push(match which {
        Which::Present => " AND p.deleted_at IS NULL",
        Which::InTrash => " AND p.deleted_at IS NOT NULL AND p.erasing_since IS NULL",
    });
    page.complete(&mut statement);
    statement
}
