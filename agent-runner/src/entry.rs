//! What a run notes before it does it: the entries of its journal. Part of what is stored: fields are only ever added.

use platform::db::runs::Reservation;
use platform::executions::{Answer, Phase, Question};
use schema::rich_text::stream::StreamWriter;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::model::{Finish, ModelSpec, ToolCall, Usage};
use crate::tools::{Policies, ToolSpec};

/// An entry of a run's journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub(crate) enum Entry {
    /// The run has begun: with what it works until its end, whatever is configured meanwhile.
    Began(Box<Pinned>),
    /// What it works with was read.
    Analyzed {
        /// The task, as the model is told it.
        brief: String,
        /// How many inputs there are.
        inputs: usize,
        /// What the node is called.
        title: String,
        /// The lineages of the canvas and of the node's document: what is noted for them is for no others.
        epochs: [u64; 2],
    },
    /// The model is about to be called.
    CallBegun {
        /// What for.
        phase: Phase,
        /// Which of the pinned models.
        model: usize,
        /// What it may use.
        reservation: Reservation,
    },
    /// What the model has said meanwhile goes into the document.
    Wrote {
        /// What it has said since the entry before.
        text: String,
        /// The output that is written, when it is made with this entry.
        item: Option<Uuid>,
        /// Where the writer is then.
        writer: StreamWriter,
        /// Blocks that were left to people.
        left: u32,
        /// Updates up to this entry are known to be in their documents.
        delivered: i32,
    },
    /// An answer was asked for once more, and says something else: what had been written beyond this many bytes of the
    /// run's text is taken out again.
    Retracted {
        /// What stays, in bytes of the text.
        keep: usize,
        /// Where the writer is then.
        writer: StreamWriter,
    },
    /// The same, and too much has been written to take it out: it stays, and the answer begins anew behind it.
    LeftStanding,
    /// The call came to nothing.
    CallFailed {
        /// Why: a stable code.
        code: String,
        /// Why, in words.
        message: String,
        /// What was used all the same.
        usage: Usage,
        /// What is done about it.
        then: Then,
    },
    /// The worker left in the middle of the answer, or lost the documents: the call is made again.
    CallBrokenOff {
        /// What was used all the same.
        usage: Usage,
    },
    /// The model has said all.
    CallEnded {
        /// All that it said in this call.
        text: String,
        /// What it asks to have done.
        tool_calls: Vec<ToolCall>,
        /// Why it stopped.
        finish: Finish,
        /// What was used.
        usage: Usage,
        /// How long it took.
        duration_ms: i64,
        /// Updates up to this entry are known to be in their documents.
        delivered: i32,
    },
    /// A tool is about to be used. What it needs to know again after a crash.
    ToolBegun {
        /// Which call of the model's.
        call_id: String,
        /// What the tool has decided: ids, places.
        effect: Value,
    },
    /// A further edit of a tool that edits several documents.
    ToolWent {
        /// What it did.
        effect: Value,
    },
    /// The tool was used, or could not be.
    ToolEnded {
        /// Which call of the model's.
        call_id: String,
        /// What the model is told.
        outcome: Outcome,
        /// How long it took.
        duration_ms: i64,
        /// Updates up to this entry are known to be in their documents.
        delivered: i32,
        /// Tokens that a run which it began may use: they are no more this run's.
        #[serde(default)]
        granted: u64,
    },
    /// A question is written into the node's document, or is not open there any more.
    QuestionWritten {
        /// Which one is open there now.
        id: Option<Uuid>,
    },
    /// A person is asked.
    Asked(Question),
    /// A person has answered, or nobody has in time.
    Answered(Answer),
    /// Somebody has stopped the run for a while; what the model was saying is cut off here, and stays.
    Paused {
        /// What the call used that was cut off, if one was.
        usage: Usage,
    },
    /// It goes on.
    Resumed,
    /// It is over.
    Ended {
        /// How.
        ended: Ended,
        /// What the call used that was cut off, if one was.
        usage: Usage,
    },
    /// It had failed, and somebody wants it to be tried again from there.
    Retried {
        /// The models as they are set up now: what was wrong with them may have been why.
        models: Vec<ModelSpec>,
    },
}

impl Entry {
    /// The run is over, and no call was under way.
    pub(crate) fn ended(ended: Ended) -> Self {
        Self::Ended { ended, usage: Usage::default() }
    }

    /// Whether it only goes into the document, so that nobody is told more than that.
    pub(crate) fn is_quiet(&self) -> bool {
        match self {
            Self::Wrote { item, left, .. } => item.is_none() && *left == 0,
            Self::Retracted { .. } | Self::LeftStanding | Self::ToolWent { .. } | Self::QuestionWritten { .. } => true,
            _ => false,
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub(crate) enum Ended {
    /// It has done what it was to do.
    Complete,
    /// It could not.
    Failed {
        /// Why: a stable code.
        code: String,
        /// Why, in words.
        message: String,
    },
    /// Somebody has stopped it.
    Cancelled,
}

/// With what a run works until its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pinned {
    /// What the model is told about its part.
    pub(crate) system: String,
    /// The tools that it may use.
    pub(crate) tools: Vec<ToolSpec>,
    /// Which of them need a person's leave.
    pub(crate) policies: Policies,
    /// The models: the first is asked first, the others when it fails.
    pub(crate) models: Vec<ModelSpec>,
    /// Tokens that the organization may use in a month.
    pub(crate) month_limit: Option<u64>,
}

/// What is done about a call that came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "then", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub(crate) enum Then {
    /// The same model is asked again.
    Again {
        /// After this time.
        after_ms: u64,
    },
    /// Another model is asked.
    Fallback {
        /// Which of the pinned ones.
        model: usize,
    },
    /// Nothing: the run fails.
    GiveUp,
}

/// What came of a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// Its result.
    Done(Value),
    /// Why not: a stable code, and words for the model.
    Failed {
        /// The code.
        code: String,
        /// The words.
        message: String,
    },
}
