//! Lists of an organization's files.

use schema::ids::{OrgId, ProjectId, UserId};
use sqlx::{Postgres, QueryBuilder};

use super::{File, FileState, Row};
use crate::db::page::{Key, Page, PageRequest, SortKey};
use crate::db::{Db, DbError};

/// So much of a name tells in which order it is listed: a cursor holds it.
const FILENAME_KEY_CHARS: usize = 255;

/// What lists of files can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSort {
    /// When they were announced.
    CreatedAt,
    /// What they are called.
    Filename,
    /// How large they are; those of which that is not known come first.
    SizeBytes,
}

impl SortKey for FileSort {
    const LIST: &'static str = "files";
    const ALL: &'static [(&'static str, Self)] =
        &[("createdAt", Self::CreatedAt), ("filename", Self::Filename), ("sizeBytes", Self::SizeBytes)];

    fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::Filename => "left(filename, 255)",
            Self::SizeBytes => "coalesce(size_bytes, 0)",
        }
    }
}

/// Which files somebody sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sees {
    /// Those of the organization, and of all its projects.
    All,
    /// Those of the projects that gave this person a role.
    OwnProjects(UserId),
}

/// Which files are asked for: those to which all of it applies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this project.
    pub project: Option<ProjectId>,
    /// In this state.
    pub state: Option<FileState>,
    /// Whose media type begins so.
    pub content_type: Option<String>,
    /// Uploaded by this person.
    pub uploaded_by: Option<UserId>,
}

/// Files of an organization, but for those of projects in the trash.
pub async fn list(
    db: &Db,
    org: OrgId,
    sees: Sees,
    filter: &Filter,
    page: PageRequest<FileSort>,
) -> Result<Page<File>, DbError> {
    let mut tx = db.org(org).await?;
    let rows: Vec<Row> = of_org(org, sees, filter, &page).build_query_as().fetch_all(&mut *tx.inner).await?;
    let sort = page.key();
    let page = Page::of(page, rows, |row| {
        let key = match sort {
            FileSort::CreatedAt => Key::from(row.created_at),
            FileSort::Filename => Key::from(row.filename.chars().take(FILENAME_KEY_CHARS).collect::<String>()),
            FileSort::SizeBytes => Key::from(row.size_bytes.unwrap_or_default()),
        };
        (key, row.id)
    });
    page.try_map(Row::read)
}

pub(in crate::db) fn of_org(
    org: OrgId,
    sees: Sees,
    filter: &Filter,
    page: &PageRequest<FileSort>,
) -> QueryBuilder<Postgres> {
    let mut statement = QueryBuilder::new(
        "SELECT id, org_id, project_id, storage_key, filename, content_type, size_bytes, state, processing_error,
                extracted_text IS NOT NULL AS has_text, text_truncated, metadata, uploaded_by, execution_id,
                created_at, updated_at
         FROM files WHERE org_id = ",
    );
    statement.push_bind(org.as_uuid());
    match sees {
        Sees::All => {
            // Those of one organization are few enough to be looked up together.
            statement.push(
                " AND (project_id IS NULL OR EXISTS (
                     SELECT FROM projects p WHERE p.id = files.project_id AND p.deleted_at IS NULL AND p.org_id = ",
            );
            statement.push_bind(org.as_uuid()).push("))");
        }
        Sees::OwnProjects(user) => {
            statement.push(
                " AND EXISTS (SELECT FROM projects p JOIN project_members m ON m.project_id = p.id
                     WHERE p.id = files.project_id AND p.deleted_at IS NULL AND m.user_id = ",
            );
            statement.push_bind(user.as_uuid()).push(")");
        }
    }
    let Filter { project, state, content_type, uploaded_by } = filter;
    if let Some(project) = project {
        statement.push(" AND project_id = ").push_bind(project.as_uuid());
    }
    if let Some(state) = state {
        statement.push(" AND state = ").push_bind(state.as_str());
    }
    if let Some(content_type) = content_type {
        statement.push(" AND starts_with(content_type, ").push_bind(content_type.clone()).push(")");
    }
    if let Some(user) = uploaded_by {
        statement.push(" AND uploaded_by = ").push_bind(user.as_uuid());
    }
    page.complete(&mut statement);
    statement
}
