//! `POST /executions/{executionId}/input`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use platform::access::ProjectAction;
use platform::db::executions::{self, Answered};
use platform::executions::{Answer, Question};
use schema::ids::RunId;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::ExecutionBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Id};
use crate::fields::Fields;
use crate::problem::{Code, Problem, ProblemBody};

/// The longest answer, in characters.
const RESPONSE_LENGTH_MAX: usize = 10_000;

/// An answer to what a run asks.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ExecutionInput)]
pub(super) struct Request {
    /// The question's id.
    question_id: Uuid,
    /// The answer.
    #[schema(max_length = 10_000, example = "Europe")]
    response: String,
}

/// Answer what a run asks
///
/// Whoever may edit the project may. Where the question asks for leave to do something (`approval`), only whoever asked
/// for the run may, and administrators of the project, and no program.
#[utoipa::path(post, path = "/executions/{executionId}/input", tag = "executions", operation_id = "answerExecution",
    params(("executionId" = Uuid, Path, description = "The run's id.")),
    request_body = Request,
    responses(
        (status = ACCEPTED, description = "The run goes on with it.", body = ExecutionBody),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may not answer this.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`NO_QUESTION`: the run does not wait for an answer to that.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<RunId>,
    extract::Json(request): extract::Json<Request>,
) -> Result<(StatusCode, Json<ExecutionBody>), Problem> {
    let (execution, granted) = api.execution(&caller, id, ProjectAction::RunAgents).await?;
    let mut fields = Fields::default();
    let response = fields.text("response", &request.response, RESPONSE_LENGTH_MAX);
    fields.finish()?;
    let answer = Answer { question_id: request.question_id, response, user_id: Some(caller.user.as_uuid()) };
    let may = |question: &Question| -> Result<(), Problem> {
        let action = match question.approval {
            false => ProjectAction::RunAgents,
            true if execution.requested_by == caller.user => ProjectAction::ApproveOwnRuns,
            true => ProjectAction::ApproveRuns,
        };
        Ok(action.check(granted.role, caller.means())?)
    };
    match executions::answer(&api.db, execution.org, &caller.actor, id, &answer, may).await? {
        Answered::Done(execution) => Ok((StatusCode::ACCEPTED, Json((*execution).into()))),
        Answered::NoQuestion => Err(Problem::new(Code::NoQuestion)),
    }
}
