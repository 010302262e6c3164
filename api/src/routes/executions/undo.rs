//! `POST /executions/{executionId}/undo`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use documents::history::Selection;
use platform::access::Access;
use platform::db::documents::DocumentRef;
use platform::db::executions::{self, Execution};
use platform::db::versions::NodeChange;
use schema::ids::{DocumentName, RunId};
use serde::Serialize;
use utoipa::ToSchema;

use super::steer::illegal;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Id;
use crate::problem::{Code, Problem, ProblemBody};

/// What a run wrote was taken back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExecutionUndone)]
pub(super) struct Answer {
    /// The documents in which there was something to take back.
    documents: Vec<DocumentBody>,
}

/// A document, and where it stands now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UndoneDocument)]
pub(super) struct DocumentBody {
    /// Its name.
    #[schema(example = "node:0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e")]
    name: String,
    /// Its epoch.
    epoch: u32,
    /// The place of the edit in its log.
    seq: u64,
}

/// Take back what a run wrote
///
/// In every document that it wrote to, as edits of the caller: what the run inserted is deleted, what it deleted comes
/// back, and what others wrote stays, also within what the run had written. Nodes that the run made go into the trash. The
/// run must be over.
#[utoipa::path(post, path = "/executions/{executionId}/undo", tag = "executions", operation_id = "undoExecution",
    params(("executionId" = Uuid, Path, description = "The run's id.")),
    responses(
        (status = OK, description = "It is taken back.", body = Answer),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`EXECUTION_STATE`: the run is not over. Cancel it first.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = GONE, description = "`HISTORY_NOT_KEPT`: the content of some of what it wrote is not kept.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<RunId>,
) -> Result<Json<Answer>, Problem> {
    let (execution, _) = api.execution(&caller, id, Access::Write).await?;
    if !execution.status.is_over() {
        return Err(illegal(execution.status));
    }
    let selection = Selection { runs: vec![id], ..Selection::default() };
    let written = written(&api, &caller, &execution).await?;
    let mut documents = Vec::new();
    for (name, document) in &written {
        let undone = api.documents.history().undo(document, &caller.principal, &selection, &caller.actor).await?;
        if undone.is_changed {
            let (epoch, seq) = (undone.place.epoch.get(), undone.place.seq.get());
            documents.push(DocumentBody { name: name.to_string(), epoch, seq });
        }
    }
    if !documents.is_empty() {
        for (_, document) in &written {
            api.keep_version(&caller, document, NodeChange::Updated, "A run taken back").await;
        }
    }
    let names: Vec<String> = documents.iter().map(|document| document.name.clone()).collect();
    executions::record_undoing(&api.db, execution.org, &caller.actor, id, &names).await?;
    Ok(Json(Answer { documents }))
}

/// The documents in which a run may have written: its node's, those of nodes that it made, and the canvas.
async fn written(
    api: &Api,
    caller: &Caller,
    execution: &Execution,
) -> Result<Vec<(DocumentName, DocumentRef)>, Problem> {
    let made = executions::nodes_of(&api.db, execution.org, execution.id).await?;
    let nodes = std::iter::once(execution.node).chain(made.into_iter().filter(|node| *node != execution.node));
    let mut written = Vec::new();
    for name in nodes.map(DocumentName::Node).chain([DocumentName::Project(execution.project)]) {
        match api.document(caller, &name, Access::Write).await {
            Ok(granted) => written.push((name, granted.document)),
            // It is gone, and what the run wrote there with it.
            Err(problem) if problem.code() == Code::NotFound => {}
            Err(problem) => return Err(problem),
        }
    }
    Ok(written)
}
