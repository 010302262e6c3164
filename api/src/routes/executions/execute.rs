//! `POST /nodes/{nodeId}/execute`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use platform::access::ProjectAction;
use platform::db::executions::{self, Begun, NewExecution};
use platform::db::{models, organizations};
use schema::ids::{NodeId, RunId};

use super::body::ExecutionBody;
use super::options::{Bounds, Request};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Id};
use crate::idempotency::IdempotencyKey;
use crate::problem::{Code, Problem, ProblemBody};
use crate::rate_limit::{self, Standing};

/// Run an agent on a node
///
/// It works on behalf of the caller: it may read what the caller may read of the project, and writes into the canvas, the
/// node and nodes that it makes. Everybody who has these open sees it write. It begins in a moment; how it goes is told by
/// the event `execution_update` and by its trace.
#[utoipa::path(post, path = "/nodes/{nodeId}/execute", tag = "executions", operation_id = "executeNode",
    params(
        ("nodeId" = Uuid, Path, description = "The node's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send the request again."),
    ),
    request_body = Request,
    responses(
        (status = ACCEPTED, description = "The run is about to begin.", body = ExecutionBody),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`EXECUTION_ACTIVE`: another run works on the node; `executionId` says which. \
            `LIMIT_REACHED`: as many wait for the node as may.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = TOO_MANY_REQUESTS, description = "`TOO_MANY_REQUESTS`: the caller has begun as many runs as they may in \
            a minute.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(node): Id<NodeId>,
    key: IdempotencyKey,
    standing: Standing,
    extract::Json(request): extract::Json<Request>,
) -> Result<(StatusCode, Json<ExecutionBody>), Problem> {
    let documents = api.node_documents_for(&caller, node, ProjectAction::RunAgents).await?;
    api.live_node(node, &documents).await?;
    rate_limit::count(&api, &standing, api.limits.executions(), caller.person()).await?;
    let org = documents.node.org;
    let request = match request.template_id {
        Some(template) => {
            let config = api.agent_config(&caller, org, template).await?;
            request.or_template(&config)?
        }
        None => request,
    };
    let found = organizations::find(&api.db, caller.user, org).await?;
    let (organization, _) = found.ok_or_else(|| Problem::not_found("node"))?;
    let models = models::list(&api.db, org).await?;
    let asked = request.read(&Bounds { settings: &organization.settings, models: &models, server: &api.agents })?;
    let new = NewExecution {
        id: RunId::new(key.new_id(&api, caller.user, &format!("runs on {node}")).await?),
        project: documents.project,
        node,
        user: caller.user,
        agent_name: asked.agent_name,
        options: asked.options,
        token_budget: asked.token_budget,
        if_busy: asked.if_busy,
    };
    match executions::begin(&api.db, org, &caller.actor, &new).await? {
        Begun::Begun(execution) => Ok((StatusCode::ACCEPTED, Json((*execution).into()))),
        Begun::Busy(active) => Err(Problem::new(Code::ExecutionActive).execution(active)),
        Begun::TooMany => Err(Problem::new(Code::LimitReached)
            .detail("As many runs wait for this node as may. Cancel some, or wait until they are done.")),
    }
}
