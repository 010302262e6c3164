//! Reading runs: one by its id, the current one of a node, those of a node or project.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::Access;
use platform::db::executions::{self, Whose};
use platform::db::{Creation, PageRequest, Sort};
use platform::executions::Status;
use schema::ids::{DocumentName, NodeId, ProjectId, RunId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::body::ExecutionBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::pagination::{Page, PageQuery, sort_schema};
use crate::problem::{Code, Problem, ProblemBody};

/// Read a run
#[utoipa::path(get, path = "/executions/{executionId}", tag = "executions", operation_id = "getExecution",
    params(("executionId" = Uuid, Path, description = "The run's id.")),
    responses((status = OK, description = "The run.", body = ExecutionBody)))]
pub(super) async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<RunId>,
) -> Result<Json<ExecutionBody>, Problem> {
    let (execution, _) = api.execution(&caller, id, Access::Read).await?;
    Ok(Json(execution.into()))
}

/// Read the run on a node
///
/// The one that works on it or is about to, or else the last one that did.
#[utoipa::path(get, path = "/nodes/{nodeId}/execution", tag = "executions", operation_id = "getCurrentExecution",
    params(("nodeId" = Uuid, Path, description = "The node's id.")),
    responses(
        (status = OK, description = "The run.", body = ExecutionBody),
        (status = NOT_FOUND, description = "`EXECUTION_NOT_FOUND`: no agent was ever run on the node.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn current(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(node): Id<NodeId>,
) -> Result<Json<ExecutionBody>, Problem> {
    Ok(Json(api.current_execution(&caller, node, Access::Read).await?.into()))
}

/// Which runs, in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// By what to sort; with a hyphen the other way round.
    #[param(schema_with = sort_schema::<Creation>)]
    sort: Option<String>,
    /// `nextCursor` of the page before, of the same order; left out: the first page.
    cursor: Option<String>,
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Only those in one of these states, separated by commas.
    #[param(example = "running,awaiting_input")]
    status: Option<String>,
}

impl Parameters {
    fn statuses(&self) -> Result<Vec<Status>, Problem> {
        let names =
            self.status.iter().flat_map(|names| names.split(',')).map(str::trim).filter(|name| !name.is_empty());
        let read = |name: &str| {
            let words: Vec<&str> = Status::ALL.iter().map(|status| status.as_str()).collect();
            let detail = format!("status: {name:?} is none of {}.", words.join(", "));
            Status::from_name(name).ok_or_else(|| Problem::new(Code::InvalidParameter).detail(detail))
        };
        names.map(read).collect()
    }

    fn page(&self) -> Result<PageRequest, Problem> {
        let page = PageQuery { cursor: self.cursor.clone(), limit: self.limit };
        page.sorted(self.sort.as_deref(), Sort::descending(Creation::CreatedAt))
    }
}

/// List the runs on a node
///
/// The newest first unless `sort` says otherwise.
#[utoipa::path(get, path = "/nodes/{nodeId}/executions", tag = "executions", operation_id = "listNodeExecutions",
    params(("nodeId" = Uuid, Path, description = "The node's id."), Parameters),
    responses((status = OK, description = "A page of runs.", body = Page<ExecutionBody>)))]
pub(super) async fn of_node(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(node): Id<NodeId>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Page<ExecutionBody>>, Problem> {
    let (statuses, page) = (parameters.statuses()?, parameters.page()?);
    let org = api.document(&caller, &DocumentName::Node(node), Access::Read).await?.document.org;
    let page = executions::list(&api.db, org, Whose::Node(node), &statuses, page).await?;
    Ok(Json(Page::of(page, ExecutionBody::from)))
}

/// List the runs in a project
///
/// The newest first unless `sort` says otherwise.
#[utoipa::path(get, path = "/projects/{projectId}/executions", tag = "executions", operation_id = "listProjectExecutions",
    params(("projectId" = Uuid, Path, description = "The project's id."), Parameters),
    responses((status = OK, description = "A page of runs.", body = Page<ExecutionBody>)))]
pub(super) async fn of_project(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(project): Id<ProjectId>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Page<ExecutionBody>>, Problem> {
    let (statuses, page) = (parameters.statuses()?, parameters.page()?);
    let org = api.project(&caller, project, Access::Read).await?.document.org;
    let page = executions::list(&api.db, org, Whose::Project(project), &statuses, page).await?;
    Ok(Json(Page::of(page, ExecutionBody::from)))
}
