//! Lists of a project's edges.

use schema::ids::{EdgeId, InputId, NodeId, OrgId, OutputId, ProjectId};
use sqlx::{FromRow, Postgres, QueryBuilder};
use uuid::Uuid;

use super::ProjectedEdge;
use crate::db::page::{Page, PageRequest, SortKey};
use crate::db::{Db, DbError};

/// What lists of edges can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeSort {
    /// The node that provides.
    Source,
    /// The node that consumes.
    Target,
}

impl SortKey for EdgeSort {
    const LIST: &'static str = "edges";
    const ALL: &'static [(&'static str, Self)] = &[("sourceNodeId", Self::Source), ("targetNodeId", Self::Target)];

    fn column(self) -> &'static str {
        match self {
            Self::Source => "source_node_id",
            Self::Target => "target_node_id",
        }
    }
}

/// Which edges of a project. Conditions of which nothing is said leave none out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EdgeFilter {
    /// From this node.
    pub source: Option<NodeId>,
    /// To this node.
    pub target: Option<NodeId>,
    /// Whether they are part of a cycle.
    pub in_cycle: Option<bool>,
}

#[derive(FromRow)]
struct EdgeRow {
    id: Uuid,
    source_node_id: Uuid,
    target_node_id: Uuid,
    source_output_id: Option<Uuid>,
    target_input_id: Option<Uuid>,
    in_cycle: bool,
}

impl From<EdgeRow> for ProjectedEdge {
    fn from(row: EdgeRow) -> Self {
        Self {
            id: EdgeId::new(row.id),
            source: row.source_node_id.into(),
            target: row.target_node_id.into(),
            source_output: row.source_output_id.map(OutputId::new),
            target_input: row.target_input_id.map(InputId::new),
            in_cycle: row.in_cycle,
        }
    }
}

/// A page of a project's edges.
pub async fn list_edges(
    db: &Db,
    org: OrgId,
    project: ProjectId,
    filter: EdgeFilter,
    page: PageRequest<EdgeSort>,
) -> Result<Page<ProjectedEdge>, DbError> {
    let mut tx = db.org(org).await?;
    let mut statement = of_project(org, project, filter, &page);
    let rows: Vec<EdgeRow> = statement.build_query_as().fetch_all(&mut *tx.inner).await?;
    let sort = page.key();
    let edges = rows.into_iter().map(ProjectedEdge::from).collect();
    Ok(Page::of(page, edges, |edge| {
        let end = match sort {
            EdgeSort::Source => edge.source,
            EdgeSort::Target => edge.target,
        };
        (end.as_uuid(), edge.id.as_uuid())
    }))
}

pub(in crate::db) fn of_project(
    org: OrgId,
    project: ProjectId,
    filter: EdgeFilter,
    page: &PageRequest<EdgeSort>,
) -> QueryBuilder<Postgres> {
    let mut statement = QueryBuilder::new(
        "SELECT id, source_node_id, target_node_id, source_output_id, target_input_id, in_cycle
         FROM node_dependencies WHERE org_id = ",
    );
    statement.push_bind(org.as_uuid()).push(" AND project_id = ").push_bind(project.as_uuid());
    if let Some(source) = filter.source {
        statement.push(" AND source_node_id = ").push_bind(source.as_uuid());
    }
    if let Some(target) = filter.target {
        statement.push(" AND target_node_id = ").push_bind(target.as_uuid());
    }
    if let Some(in_cycle) = filter.in_cycle {
        statement.push(" AND in_cycle = ").push_bind(in_cycle);
    }
    page.complete(&mut statement);
    statement
}
