//! Runs of agents: `/nodes/{nodeId}/execute`, `/nodes/{nodeId}/execution…`, `/executions/…`.

mod body;
mod execute;
mod input;
mod options;
mod read;
mod steer;
mod stream;
mod trace;
mod undo;

use std::sync::Arc;

use platform::access::{Granted, ProjectAction};
use platform::db::executions::{self, Execution};
use schema::ids::{NodeId, RunId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;
use crate::authenticate::Caller;
use crate::problem::{Code, Problem};

impl Api {
    /// A run in whose project the caller may do this.
    async fn execution(
        &self,
        caller: &Caller,
        id: RunId,
        action: impl Into<ProjectAction>,
    ) -> Result<(Execution, Granted), Problem> {
        let not_found = || Problem::not_found("run");
        let place = executions::place(&self.db, id).await?.ok_or_else(not_found)?;
        let granted = self.project(caller, place.project, action).await.map_err(|problem| match problem.code() {
            Code::NotFound => not_found(),
            _ => problem,
        })?;
        let execution = executions::find(&self.db, place.org, id).await?.ok_or_else(not_found)?;
        Ok((execution, granted))
    }

    /// The run on a node that is meant when none is named.
    async fn current_execution(
        &self,
        caller: &Caller,
        node: NodeId,
        action: impl Into<ProjectAction>,
    ) -> Result<Execution, Problem> {
        let granted = self.document(caller, &schema::ids::DocumentName::Node(node), action).await?;
        let found = executions::current(&self.db, granted.document.org, node).await?;
        found.ok_or_else(|| Problem::new(Code::ExecutionNotFound))
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(execute::handler))
        .routes(routes!(read::current))
        .routes(routes!(read::of_node))
        .routes(routes!(read::of_project))
        .routes(routes!(read::get))
        .routes(routes!(steer::pause_current))
        .routes(routes!(steer::resume_current))
        .routes(routes!(steer::cancel_current))
        .routes(routes!(steer::pause))
        .routes(routes!(steer::resume))
        .routes(routes!(steer::cancel))
        .routes(routes!(steer::retry))
        .routes(routes!(input::handler))
        .routes(routes!(trace::handler))
        .routes(routes!(stream::handler))
        .routes(routes!(undo::handler))
}
