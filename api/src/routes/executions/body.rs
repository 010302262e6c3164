//! Runs on the wire.

use chrono::{DateTime, Utc};
use platform::db::executions::Execution;
use platform::executions::{Control, Mode, Phase, Question, Status, Subnodes, Target, TraceEvent};
use schema::ids::{NodeId, ProjectId, RunId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

macro_rules! words {
    ($($(#[$doc:meta])* $body:ident of $of:ident { $($(#[$of_variant:meta])* $variant:ident,)+ })+) => {$(
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        $(#[$doc])*
        pub(crate) enum $body { $($(#[$of_variant])* $variant,)+ }

        impl From<$of> for $body {
            fn from(word: $of) -> Self {
                match word { $($of::$variant => Self::$variant),+ }
            }
        }

        impl From<$body> for $of {
            fn from(word: $body) -> Self {
                match word { $($body::$variant => Self::$variant),+ }
            }
        }
    )+};
}

words! {
    /// Where a run stands.
    #[schema(as = ExecutionStatus)]
    StatusBody of Status {
        /// Nobody has begun it.
        Pending,
        /// It is being worked at.
        Running,
        /// Somebody has stopped it for a while.
        Paused,
        /// It has asked a person something.
        AwaitingInput,
        /// It has done what it was to do.
        Complete,
        /// It could not.
        Failed,
        /// Somebody has stopped it for good.
        Cancelled,
    }

    /// What a run is about.
    #[schema(as = ExecutionPhase)]
    PhaseBody of Phase {
        /// Reads what it works with.
        Analyze,
        /// Makes a plan.
        Plan,
        /// Has the model work.
        Execute,
        /// Does what the model has asked for.
        HandleTool,
        /// Waits for a person.
        WaitHuman,
        /// Brings it to an end.
        Finalize,
    }

    /// What somebody has asked of a run, and has not taken effect.
    #[schema(as = ExecutionControl)]
    ControlBody of Control {
        /// To stop for a while.
        Pause,
        /// To stop for good.
        Cancel,
    }

    /// What a run does with what it wants to write.
    #[schema(as = ExecutionMode)]
    ModeBody of Mode {
        /// Writes it.
        Write,
        /// Offers it, for people to accept or reject.
        Propose,
    }

    /// Where a run writes what the model says.
    #[schema(as = ExecutionTarget)]
    TargetBody of Target {
        /// Into an output of its own.
        Output,
        /// Behind what the node's body says.
        Body,
    }

    /// What becomes of nodes that a run makes for agents.
    #[schema(as = ExecutionSubnodes)]
    SubnodesBody of Subnodes {
        /// Somebody runs them, or nobody does.
        Leave,
        /// They are run at once.
        Run,
    }
}

/// A run of an agent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Execution)]
pub(crate) struct ExecutionBody {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: RunId,
    /// The node on which it works.
    #[schema(value_type = Uuid)]
    node_id: NodeId,
    /// Its project.
    #[schema(value_type = Uuid)]
    project_id: ProjectId,
    /// Where it stands.
    status: StatusBody,
    /// What it is about; `null` before it has begun.
    #[schema(required)]
    phase: Option<PhaseBody>,
    /// What was asked of it, and has not taken effect.
    #[schema(required)]
    control: Option<ControlBody>,
    /// What it calls itself.
    #[schema(example = "Researcher")]
    agent_name: String,
    /// The person for whom it acts.
    #[schema(value_type = Uuid)]
    requested_by: UserId,
    /// The run that began it.
    #[schema(value_type = Option<Uuid>, required)]
    parent_execution_id: Option<RunId>,
    /// How many runs stand above it.
    depth: u32,
    /// Whether edits are made or offered.
    mode: ModeBody,
    /// Where the model's text goes.
    target: TargetBody,
    /// What it was told beside what the node says.
    #[schema(required, example = "Compare the three vendors by price.")]
    instructions: Option<String>,
    /// The model that it uses, or was asked to; `null`: the default one, while it has not begun.
    #[schema(required, example = "gpt-4")]
    model: Option<String>,
    /// Tokens that models have read for it.
    tokens_in: u64,
    /// Tokens that they wrote.
    tokens_out: u64,
    /// Of those that they read, how many they had kept from before.
    tokens_cached: u64,
    /// Tokens that it may use.
    token_budget: u64,
    /// What it has cost so far, in US dollars; `null` if nobody knows.
    #[schema(required, example = "0.0153")]
    estimated_cost_usd: Option<String>,
    /// What it waits to have answered.
    #[schema(required)]
    question: Option<QuestionBody>,
    /// Why it failed.
    #[schema(required)]
    error: Option<RunErrorBody>,
    /// The output that it writes.
    #[schema(required)]
    output_item_id: Option<Uuid>,
    /// When it was asked for.
    created_at: DateTime<Utc>,
    /// When it was begun.
    #[schema(required)]
    started_at: Option<DateTime<Utc>>,
    /// When it was over.
    #[schema(required)]
    completed_at: Option<DateTime<Utc>>,
}

/// What a run asks a person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ExecutionQuestion)]
pub(crate) struct QuestionBody {
    /// Names it in the answer.
    id: Uuid,
    /// What is asked.
    #[schema(example = "Which region is this for?")]
    question: String,
    /// Answers to choose from. Others are taken, too.
    #[schema(example = json!(["Europe", "Asia"]))]
    options: Vec<String>,
    /// What to know for it.
    #[schema(required)]
    context: Option<String>,
    /// Whether it asks for leave to do something: whoever asked for the run may give it, and administrators of the project.
    approval: bool,
    /// When it was asked.
    asked_at: DateTime<Utc>,
    /// When `default` counts as the answer.
    #[schema(required)]
    expires_at: Option<DateTime<Utc>>,
    /// What counts as the answer if nobody answers in time.
    #[schema(required)]
    default: Option<String>,
}

/// Why a run failed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExecutionError)]
pub(crate) struct RunErrorBody {
    /// What sort of failure it is. Stable.
    #[schema(example = "MODEL_UNAVAILABLE")]
    code: String,
    /// What happened.
    #[schema(example = "The model could not be reached.")]
    message: String,
}

/// One thing that a run did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TraceEvent)]
pub(crate) struct TraceEventBody {
    /// Its id: what the history names as the origin of what was written for it.
    id: Uuid,
    /// The run.
    #[schema(value_type = Uuid)]
    execution_id: RunId,
    /// Its place in the trace, from 1.
    seq: i32,
    /// Grows within the run with every change of any of its events.
    changed: i32,
    /// What sort of thing: `execution_start`, `decision`, `llm_call`, `tool_call`, `human_input_requested`,
    /// `human_input_received`, `error`, `checkpoint`, `execution_complete`.
    #[serde(rename = "type")]
    #[schema(example = "tool_call")]
    kind: String,
    /// When it began.
    at: DateTime<Utc>,
    /// How long it took, in milliseconds; `null` while it is under way.
    #[schema(required)]
    duration_ms: Option<i64>,
    /// Which model it was about.
    #[schema(required)]
    model: Option<String>,
    /// Tokens that the model read.
    #[schema(required)]
    tokens_in: Option<i64>,
    /// Tokens that the model wrote.
    #[schema(required)]
    tokens_out: Option<i64>,
    /// What it cost, in US dollars; `null` if nobody knows, or if it costs nothing by its nature.
    #[schema(required, example = "0.0021")]
    estimated_cost_usd: Option<String>,
    /// What there is to say of it, by type.
    #[schema(value_type = Object, example = json!({"tool": "create_subnode", "callId": "call_1", "arguments": {"title": "Sources"}, "result": null, "error": null, "approved": null}))]
    data: Value,
}

impl From<Execution> for ExecutionBody {
    fn from(run: Execution) -> Self {
        Self {
            id: run.id,
            node_id: run.node,
            project_id: run.project,
            status: run.status.into(),
            phase: run.phase.map(PhaseBody::from),
            control: run.control.map(ControlBody::from),
            agent_name: run.agent_name,
            requested_by: run.requested_by,
            parent_execution_id: run.parent,
            depth: run.depth,
            mode: run.options.mode.into(),
            target: run.options.target.into(),
            instructions: run.options.instructions,
            model: run.model,
            tokens_in: run.tokens_in,
            tokens_out: run.tokens_out,
            tokens_cached: run.tokens_cached,
            token_budget: run.token_budget,
            estimated_cost_usd: run.cost.map(|cost| cost.to_string()),
            question: run.question.map(QuestionBody::from),
            error: run.error.map(|(code, message)| RunErrorBody { code, message }),
            output_item_id: run.output_item,
            created_at: run.created_at,
            started_at: run.started_at,
            completed_at: run.completed_at,
        }
    }
}

impl From<Question> for QuestionBody {
    fn from(it: Question) -> Self {
        let Question { id, question, options, context, approval, asked_at, expires_at, default } = it;
        Self { id, question, options, context, approval, asked_at, expires_at, default }
    }
}

impl From<TraceEvent> for TraceEventBody {
    fn from(it: TraceEvent) -> Self {
        Self {
            id: it.id,
            execution_id: it.execution_id,
            seq: it.seq,
            changed: it.changed,
            kind: it.kind,
            at: it.at,
            duration_ms: it.duration_ms,
            model: it.model,
            tokens_in: it.tokens_in,
            tokens_out: it.tokens_out,
            estimated_cost_usd: it.cost.map(|cost| cost.to_string()),
            data: it.data,
        }
    }
}
