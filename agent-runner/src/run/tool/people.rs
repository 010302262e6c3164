//! Asking people: what a model wants to know, and whether it may do something.

use chrono::TimeDelta;
use platform::db::organizations::ToolPolicy;
use platform::executions::Question;
use schema::node::{NewQuestion, NodePatch};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Refused, Used};
use crate::entry::Entry;
use crate::model::ToolCall;
use crate::run::{Along, Run, Stop, failed_stop};
use crate::tools::{self, ToolError};

/// The longest arguments that a person may be asked to approve, in bytes.
const APPROVABLE_BYTES_MAX: usize = 16 * 1024;
/// What is answered to a request for leave.
const LEAVE: [&str; 2] = ["Approve", "Reject"];

#[derive(Deserialize)]
pub(super) struct RequestHumanInput {
    question: String,
    #[serde(default)]
    options: Vec<String>,
    #[serde(default)]
    context: Option<String>,
    #[serde(default)]
    timeout_minutes: Option<i64>,
    #[serde(default)]
    default: Option<String>,
}

impl Run<'_> {
    /// The arguments, if they are as they should be and nobody has to be asked (any more).
    pub(super) async fn leave_for(&mut self, call: &ToolCall) -> Result<Value, Refused> {
        let Some(pinned) = &self.state.pinned else {
            return Err(failed_stop("NO_TOOLS", "nothing is pinned").into());
        };
        let arguments = tools::check(&pinned.tools, &call.name, &call.arguments)?;
        let policy = pinned.policies.of(&call.name);
        if self.state.tool.is_some() || policy == ToolPolicy::Allow {
            return Ok(arguments);
        }
        match (policy, self.state.answer.as_deref()) {
            (ToolPolicy::Approve, Some(answer)) if answer == LEAVE[0] => Ok(arguments),
            (ToolPolicy::Approve, Some(answer)) => {
                Err(ToolError::new("NOT_APPROVED", format!("a person has not approved this: {answer}")).into())
            }
            (ToolPolicy::Approve, None) => {
                // Nobody approves what they cannot read.
                let shown = serde_json::to_string_pretty(&arguments).unwrap_or_default();
                if shown.len() > APPROVABLE_BYTES_MAX {
                    let message =
                        format!("a person has to approve this, and is shown no more than {APPROVABLE_BYTES_MAX} bytes");
                    return Err(ToolError::new("TOO_LONG", message).into());
                }
                self.ask(Question {
                    id: self.question_id(),
                    question: format!("May the agent use {}?", call.name),
                    options: LEAVE.map(str::to_owned).to_vec(),
                    context: Some(shown),
                    approval: true,
                    asked_at: self.services.clock.now(),
                    expires_at: None,
                    default: None,
                })
                .await?;
                Err(Refused::Waits)
            }
            (ToolPolicy::Allow | ToolPolicy::Deny, _) => {
                Err(ToolError::new("NOT_ALLOWED", "this tool may not be used here").into())
            }
        }
    }

    /// One for the leave to use a tool, and one for what it asks itself: the same when that is asked once more after a crash.
    fn question_id(&self) -> Uuid {
        let of = if self.state.tool.is_some() { "tool" } else { "leave" };
        let name = format!("question/{of}/{}", self.state.tool_uses());
        Uuid::new_v5(&self.leased.run.as_uuid(), name.as_bytes())
    }

    /// Asks in the node's document, so that everybody has the question; and then gives up the lease.
    async fn ask(&mut self, question: Question) -> Result<(), Stop> {
        let new = NewQuestion {
            id: question.id,
            question: question.question.clone(),
            options: question.options.clone(),
            context: question.context.clone(),
            run: self.leased.run,
            asked_at: question.asked_at,
            expires_at: question.expires_at,
        };
        if let Some(edit) = self.edit_node(&NodePatch::Ask(Box::new(new)))? {
            let entry = Entry::QuestionWritten { id: Some(question.id) };
            self.append(entry, Along { edit: Some(edit), ..Along::default() }).await?;
        }
        self.settle().await?;
        self.append(Entry::Asked(question), Along::default()).await
    }

    pub(super) async fn request_human_input(&mut self, call: &ToolCall, asked: RequestHumanInput) -> Used {
        let is_new = self.state.tool.is_none();
        self.begin_tool(call, json!({}), Along::default()).await?;
        if let (false, Some(answer)) = (is_new, &self.state.answer) {
            return Ok(json!({"response": answer}));
        }
        let now = self.services.clock.now();
        let RequestHumanInput { question, options, context, timeout_minutes, default } = asked;
        let expires_at = timeout_minutes.map(|minutes| now + TimeDelta::minutes(minutes));
        let id = self.question_id();
        self.ask(Question { id, question, options, context, approval: false, asked_at: now, expires_at, default })
            .await?;
        Err(Refused::Waits)
    }
}
