//! Lists of nodes, filtered and sorted.
//!
//! Row-level security lets an index be used only with operators that Postgres knows to be leakproof, which those of
//! arrays, JSON and patterns are not: tags and assignees have a table of their own (`node_keywords`), and a text in the
//! title is looked for in all titles of the project.

use chrono::{DateTime, Utc};
use schema::ids::{NodeId, OrgId, ProjectId, UserId};
use sqlx::{FromRow, Postgres, QueryBuilder};

use super::{AuthorType, Node, NodeRow};
use crate::db::page::{Key, Page, PageRequest, SortKey};
use crate::db::{Db, DbError};

/// What lists of nodes can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeSort {
    /// When they were made.
    CreatedAt,
    /// When their rows last changed.
    UpdatedAt,
    /// Their titles, regardless of case.
    Title,
    /// The words of their states.
    Status,
    /// When they are due; those that are never are last.
    DueDate,
    /// How urgent they are; those of which it is not said are first.
    Priority,
}

impl SortKey for NodeSort {
    const LIST: &'static str = "nodes";
    const ALL: &'static [(&'static str, Self)] = &[
        ("createdAt", Self::CreatedAt),
        ("updatedAt", Self::UpdatedAt),
        ("title", Self::Title),
        ("status", Self::Status),
        ("dueDate", Self::DueDate),
        ("priority", Self::Priority),
    ];

    fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
            Self::Title => "title_key",
            Self::Status => "status",
            Self::DueDate => "due_at",
            Self::Priority => "priority",
        }
    }
}

/// Which nodes of a project. Conditions of which nothing is said leave none out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeFilter {
    /// In one of these states.
    pub statuses: Vec<String>,
    /// Made by one of these people, or for them.
    pub authors: Vec<UserId>,
    /// Made by a person, or by an agent.
    pub author_type: Option<AuthorType>,
    /// Where in the tree.
    pub parent: Option<ParentFilter>,
    /// With one of these tags.
    pub any_tags: Vec<String>,
    /// With each of these tags.
    pub all_tags: Vec<String>,
    /// That one of these people is to work on.
    pub assignees: Vec<UserId>,
    /// Due then or later.
    pub due_from: Option<DateTime<Utc>>,
    /// Due before.
    pub due_before: Option<DateTime<Utc>>,
    /// Changed then or later.
    pub updated_since: Option<DateTime<Utc>>,
    /// With this text in the title, regardless of case.
    pub title: Option<String>,
    /// In the trash or not.
    pub trash: Trash,
}

/// Where in the tree of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParentFilter {
    /// Directly inside this one.
    Node(NodeId),
    /// Inside none.
    Nothing,
}

/// What of the trash is in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trash {
    /// Nothing.
    #[default]
    Excluded,
    /// Everything, beside what is not in the trash.
    Included,
    /// Only what is in the trash.
    Only,
}

#[derive(FromRow)]
struct ListedRow {
    #[sqlx(flatten)]
    node: NodeRow,
    title_key: String,
    due_at: DateTime<Utc>,
    priority: i16,
}

impl ListedRow {
    fn key(&self, sort: NodeSort) -> Key {
        match sort {
            NodeSort::CreatedAt => self.node.created_at.into(),
            NodeSort::UpdatedAt => self.node.updated_at.into(),
            NodeSort::Title => self.title_key.clone().into(),
            NodeSort::Status => self.node.status.clone().into(),
            NodeSort::DueDate => self.due_at.into(),
            NodeSort::Priority => i64::from(self.priority).into(),
        }
    }
}

/// A page of a project's nodes. Of their bodies it has the beginnings.
pub async fn list(
    db: &Db,
    org: OrgId,
    project: ProjectId,
    filter: &NodeFilter,
    page: PageRequest<NodeSort>,
) -> Result<Page<Node>, DbError> {
    let mut tx = db.org(org).await?;
    let mut statement = statement(org, project, filter, &page);
    let rows: Vec<ListedRow> = statement.build_query_as().fetch_all(&mut *tx.inner).await?;
    let sort = page.key();
    let page = Page::of(page, rows, |row| (row.key(sort), row.node.id));
    page.try_map(|row| row.node.read())
}

/// How the database carries out [`list`], line by line.
#[cfg(feature = "testing")]
pub async fn explain_list(
    db: &Db,
    org: OrgId,
    project: ProjectId,
    filter: &NodeFilter,
    page: &PageRequest<NodeSort>,
) -> Result<Vec<String>, DbError> {
    let mut tx = db.org(org).await?;
    let mut explained = QueryBuilder::new("EXPLAIN (ANALYZE, TIMING OFF) ");
    write_statement(&mut explained, org, project, filter, page);
    let lines = explained.build_query_scalar().fetch_all(&mut *tx.inner).await?;
    Ok(lines)
}

fn statement(
    org: OrgId,
    project: ProjectId,
    filter: &NodeFilter,
    page: &PageRequest<NodeSort>,
) -> QueryBuilder<Postgres> {
    let mut statement = QueryBuilder::new("");
    write_statement(&mut statement, org, project, filter, page);
    statement
}

fn write_statement(
    statement: &mut QueryBuilder<Postgres>,
    org: OrgId,
    project: ProjectId,
    filter: &NodeFilter,
    page: &PageRequest<NodeSort>,
) {
    statement.push(
        "SELECT id, project_id, parent_id, title, left(description, 280) AS description, status, author_type,
                author_user_id, supervisor_user_id,
                (SELECT v.version FROM node_versions v WHERE v.node_id = nodes.id ORDER BY v.version DESC LIMIT 1)
                    AS version,
                version AS change_count, metadata, x, y, width, height, created_at, updated_at, deleted_at,
                reflects_seq, title_key, due_at, priority
         FROM nodes WHERE org_id = ",
    );
    statement.push_bind(org.as_uuid()).push(" AND project_id = ").push_bind(project.as_uuid());
    filter.write_trash(statement);
    filter.write_properties(statement);
    filter.write_keywords(statement, project);
    filter.write_times(statement);
    page.complete(statement);
}

impl NodeFilter {
    fn write_trash(&self, statement: &mut QueryBuilder<Postgres>) {
        match self.trash {
            Trash::Excluded => statement.push(" AND deleted_at IS NULL"),
            Trash::Only => statement.push(" AND deleted_at IS NOT NULL"),
            Trash::Included => statement,
        };
    }

    fn write_properties(&self, statement: &mut QueryBuilder<Postgres>) {
        if !self.statuses.is_empty() {
            statement.push(" AND status = ANY(").push_bind(self.statuses.clone()).push(")");
        }
        if !self.authors.is_empty() {
            statement.push(" AND author_user_id = ANY(").push_bind(uuids(&self.authors)).push(")");
        }
        if let Some(author_type) = self.author_type {
            statement.push(" AND author_type = ").push_bind(author_type.as_str());
        }
        match self.parent {
            Some(ParentFilter::Node(parent)) => {
                statement.push(" AND parent_id = ").push_bind(parent.as_uuid());
            }
            Some(ParentFilter::Nothing) => {
                statement.push(" AND parent_id IS NULL");
            }
            None => {}
        }
        if let Some(title) = &self.title {
            statement.push(" AND strpos(lower(title), lower(").push_bind(title.clone()).push(")) > 0");
        }
    }

    fn write_keywords(&self, statement: &mut QueryBuilder<Postgres>, project: ProjectId) {
        // Looked up first, and once: a join is planned by statistics, which nodes that were just written have none of.
        let mut one_of = |kind: &str, words: Vec<String>| {
            statement.push(" AND id = ANY(ARRAY(SELECT node_id FROM node_keywords WHERE project_id = ");
            statement.push_bind(project.as_uuid()).push(" AND kind = ").push_bind(kind.to_owned());
            statement.push(" AND word = ANY(").push_bind(words).push(")))");
        };
        if !self.any_tags.is_empty() {
            one_of("tag", self.any_tags.clone());
        }
        for tag in &self.all_tags {
            one_of("tag", vec![tag.clone()]);
        }
        if !self.assignees.is_empty() {
            one_of("assignee", self.assignees.iter().map(UserId::to_string).collect());
        }
    }

    fn write_times(&self, statement: &mut QueryBuilder<Postgres>) {
        if let Some(from) = self.due_from {
            // Those that are never due have a time that is later than any other.
            statement.push(" AND due_at < node_never_due() AND due_at >= ").push_bind(from);
        }
        if let Some(before) = self.due_before {
            statement.push(" AND due_at < ").push_bind(before);
        }
        if let Some(since) = self.updated_since {
            statement.push(" AND updated_at >= ").push_bind(since);
        }
    }
}

fn uuids(users: &[UserId]) -> Vec<uuid::Uuid> {
    users.iter().map(UserId::as_uuid).collect()
}
