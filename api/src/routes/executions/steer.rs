//! `POST /nodes/{nodeId}/execution/pause|resume|cancel`, `POST /executions/{executionId}/pause|resume|cancel|retry`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use platform::access::ProjectAction;
use platform::db::executions::{self, Execution, Steered, Wish};
use platform::executions::Status;
use schema::ids::{NodeId, RunId};

use super::body::ExecutionBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Id;
use crate::problem::{Code, Problem, ProblemBody};

type Answer = Result<(StatusCode, Json<ExecutionBody>), Problem>;

async fn steer(api: &Api, caller: &Caller, execution: &Execution, wish: Wish) -> Answer {
    match executions::steer(&api.db, execution.org, &caller.actor, execution.id, wish).await? {
        Steered::Done(execution) => Ok((StatusCode::ACCEPTED, Json((*execution).into()))),
        Steered::Illegal(status) => Err(illegal(status)),
        Steered::Unknown => Err(Problem::not_found("run")),
    }
}

/// What is wanted does not go from this state.
pub(super) fn illegal(status: Status) -> Problem {
    let detail = format!("The run is {} and cannot do this from there.", status.as_str().replace('_', " "));
    Problem::new(Code::ExecutionState).detail(detail)
}

async fn steer_named(api: &Api, caller: &Caller, id: RunId, wish: Wish) -> Answer {
    let (execution, _) = api.execution(caller, id, ProjectAction::RunAgents).await?;
    steer(api, caller, &execution, wish).await
}

async fn steer_current(api: &Api, caller: &Caller, node: NodeId, wish: Wish) -> Answer {
    let execution = api.current_execution(caller, node, ProjectAction::RunAgents).await?;
    steer(api, caller, &execution, wish).await
}

/// Pause the run on a node
///
/// It stops within a second. What it has written stays; it goes on from there when it is resumed.
#[utoipa::path(post, path = "/nodes/{nodeId}/execution/pause", tag = "executions", operation_id = "pauseCurrentExecution",
    params(("nodeId" = Uuid, Path, description = "The node's id.")),
    responses(
        (status = ACCEPTED, description = "It stops: `control` is `pause` until it has.", body = ExecutionBody),
        (status = NOT_FOUND, description = "`EXECUTION_NOT_FOUND`: no agent was ever run on the node.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`EXECUTION_STATE`: it does not run.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn pause_current(State(api): State<Arc<Api>>, caller: Caller, Id(node): Id<NodeId>) -> Answer {
    steer_current(&api, &caller, node, Wish::Pause).await
}

/// Resume the run on a node
#[utoipa::path(post, path = "/nodes/{nodeId}/execution/resume", tag = "executions", operation_id = "resumeCurrentExecution",
    params(("nodeId" = Uuid, Path, description = "The node's id.")),
    responses(
        (status = ACCEPTED, description = "It goes on.", body = ExecutionBody),
        (status = NOT_FOUND, description = "`EXECUTION_NOT_FOUND`: no agent was ever run on the node.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`EXECUTION_STATE`: it is not paused.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn resume_current(State(api): State<Arc<Api>>, caller: Caller, Id(node): Id<NodeId>) -> Answer {
    steer_current(&api, &caller, node, Wish::Resume).await
}

/// Cancel the run on a node
///
/// It stops within a second, for good, and so do the runs that it has begun on other nodes. What they have written stays, and
/// is marked as unfinished.
#[utoipa::path(post, path = "/nodes/{nodeId}/execution/cancel", tag = "executions", operation_id = "cancelCurrentExecution",
    params(("nodeId" = Uuid, Path, description = "The node's id.")),
    responses(
        (status = ACCEPTED, description = "It stops: `control` is `cancel` until it has.", body = ExecutionBody),
        (status = NOT_FOUND, description = "`EXECUTION_NOT_FOUND`: no agent was ever run on the node.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`EXECUTION_STATE`: it is over.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn cancel_current(State(api): State<Arc<Api>>, caller: Caller, Id(node): Id<NodeId>) -> Answer {
    steer_current(&api, &caller, node, Wish::Cancel).await
}

/// Pause a run
///
/// It stops within a second. What it has written stays; it goes on from there when it is resumed.
#[utoipa::path(post, path = "/executions/{executionId}/pause", tag = "executions", operation_id = "pauseExecution",
    params(("executionId" = Uuid, Path, description = "The run's id.")),
    responses(
        (status = ACCEPTED, description = "It stops: `control` is `pause` until it has.", body = ExecutionBody),
        (status = CONFLICT, description = "`EXECUTION_STATE`: it does not run.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn pause(State(api): State<Arc<Api>>, caller: Caller, Id(id): Id<RunId>) -> Answer {
    steer_named(&api, &caller, id, Wish::Pause).await
}

/// Resume a run
#[utoipa::path(post, path = "/executions/{executionId}/resume", tag = "executions", operation_id = "resumeExecution",
    params(("executionId" = Uuid, Path, description = "The run's id.")),
    responses(
        (status = ACCEPTED, description = "It goes on.", body = ExecutionBody),
        (status = CONFLICT, description = "`EXECUTION_STATE`: it is not paused.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn resume(State(api): State<Arc<Api>>, caller: Caller, Id(id): Id<RunId>) -> Answer {
    steer_named(&api, &caller, id, Wish::Resume).await
}

/// Cancel a run
///
/// It stops within a second, for good, and so do the runs that it has begun on other nodes. What they have written stays, and
/// is marked as unfinished.
#[utoipa::path(post, path = "/executions/{executionId}/cancel", tag = "executions", operation_id = "cancelExecution",
    params(("executionId" = Uuid, Path, description = "The run's id.")),
    responses(
        (status = ACCEPTED, description = "It stops: `control` is `cancel` until it has.", body = ExecutionBody),
        (status = CONFLICT, description = "`EXECUTION_STATE`: it is over.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn cancel(State(api): State<Arc<Api>>, caller: Caller, Id(id): Id<RunId>) -> Answer {
    steer_named(&api, &caller, id, Wish::Cancel).await
}

/// Try a failed run again
///
/// From where it failed: nothing that it has done is done again.
#[utoipa::path(post, path = "/executions/{executionId}/retry", tag = "executions", operation_id = "retryExecution",
    params(("executionId" = Uuid, Path, description = "The run's id.")),
    responses(
        (status = ACCEPTED, description = "It is about to go on.", body = ExecutionBody),
        (status = CONFLICT, description = "`EXECUTION_STATE`: it has not failed.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn retry(State(api): State<Arc<Api>>, caller: Caller, Id(id): Id<RunId>) -> Answer {
    steer_named(&api, &caller, id, Wish::Retry).await
}
