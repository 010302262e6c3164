//! Using tools. What a tool does to a document is noted before it is done, with ids that follow from the journal: who
//! resumes the run does what is left of it, and nothing twice.

mod files;
mod nodes;
mod outputs;
mod people;

use platform::executions::Mode;
use schema::ids::{DocumentName, NodeId};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Along, Run, Stop};
use crate::entry::{Entry, Outcome};
use crate::model::ToolCall;
use crate::prompt;
use crate::tools::{RESULT_BYTES_MAX, ToolError};
use crate::workspace::WorkspaceError;

/// What is to be done with a use of a tool.
type Used = Result<Value, Refused>;

/// Why it is not, or not now.
enum Refused {
    /// The model is told.
    Error(ToolError),
    Stop(Stop),
    /// A person is asked first.
    Waits,
}

impl From<ToolError> for Refused {
    fn from(error: ToolError) -> Self {
        Self::Error(error)
    }
}

impl From<Stop> for Refused {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<WorkspaceError> for Refused {
    fn from(error: WorkspaceError) -> Self {
        Self::Stop(error.into())
    }
}

impl Run<'_> {
    /// Uses a tool. Returns whether there is more to do now.
    pub(super) async fn use_tool(&mut self, call: &ToolCall) -> Result<bool, Stop> {
        let since = Instant::now();
        let used = match self.leave_for(call).await {
            Ok(arguments) => self.carry_out(call, arguments).await,
            Err(refused) => Err(refused),
        };
        let (outcome, subrun) = match used {
            Ok(mut result) => {
                let subrun = self.subrun_for(call, &mut result);
                (Outcome::Done(bounded(result)), subrun)
            }
            Err(Refused::Error(error)) => {
                (Outcome::Failed { code: error.code.to_owned(), message: error.message }, None)
            }
            Err(Refused::Stop(stop)) => return Err(stop),
            Err(Refused::Waits) => return Ok(false),
        };
        let duration_ms = i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX);
        let delivered = self.workspace.delivered(self.state.seq);
        let granted = subrun.as_ref().map_or(0, |subrun| subrun.token_budget);
        let entry = Entry::ToolEnded { call_id: call.id.clone(), outcome, duration_ms, delivered, granted };
        self.append(entry, Along { subrun, ..Along::default() }).await?;
        Ok(true)
    }

    async fn carry_out(&mut self, call: &ToolCall, arguments: Value) -> Used {
        if self.leased.options.mode == Mode::Propose && ["create_subnode", "set_status"].contains(&call.name.as_str()) {
            let message = "this run offers its edits: use edit_body and add_output, and say the rest in your answer";
            return Err(ToolError::new("NOT_ALLOWED", message).into());
        }
        match call.name.as_str() {
            "create_subnode" => self.create_subnode(call, read(arguments)?).await,
            "request_human_input" => self.request_human_input(call, read(arguments)?).await,
            "add_output" => self.add_output(call, read(arguments)?).await,
            "access_node" => self.access_node(call, &arguments).await,
            "edit_body" => self.edit_body(call, &arguments).await,
            "search" => self.search(call, &arguments).await,
            "list_nodes" => self.list_nodes(call, arguments).await,
            "set_status" => self.set_status(call, &arguments).await,
            other => Err(ToolError::new("UNKNOWN_TOOL", format!("there is no tool {other:?}")).into()),
        }
    }

    /// Notes that a tool begins, with its first edit; nothing if it has begun before. Returns what it noted then.
    async fn begin_tool(&mut self, call: &ToolCall, effect: Value, along: Along) -> Result<Value, Stop> {
        if let Some(tool) = &self.state.tool {
            return Ok(tool.effects.first().cloned().unwrap_or_default());
        }
        let entry = Entry::ToolBegun { call_id: call.id.clone(), effect: effect.clone() };
        self.append(entry, along).await?;
        Ok(effect)
    }

    /// Edits a document as the first thing that a tool does.
    async fn begin_with_edit(
        &mut self,
        call: &ToolCall,
        document: &DocumentName,
        effect: Value,
        made: Vec<NodeId>,
        edit: impl FnOnce(&mut yrs::TransactionMut<'_>) -> Result<(), schema::PatchError>,
    ) -> Result<Value, Refused> {
        if self.state.tool.is_some() {
            return Ok(self.begin_tool(call, effect, Along::default()).await?);
        }
        self.workspace.catch_up()?;
        let update = self.workspace.try_edit(document, edit)?;
        let update = update.map_err(|error| ToolError::new("NOT_POSSIBLE", error.to_string()))?;
        let edit = update.map(|update| (document.clone(), update));
        Ok(self.begin_tool(call, effect, Along { edit, made, ..Along::default() }).await?)
    }
}

fn read<T: serde::de::DeserializeOwned>(arguments: Value) -> Result<T, ToolError> {
    serde_json::from_value(arguments).map_err(|error| ToolError::invalid(error.to_string()))
}

fn bounded(result: Value) -> Value {
    let text = result.to_string();
    if text.len() <= RESULT_BYTES_MAX { result } else { json!({"cut": prompt::cut(&text, RESULT_BYTES_MAX)}) }
}
