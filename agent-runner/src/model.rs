//! Models: what is asked of them, what they answer, and which ones there are.

mod demo;
mod openai;
mod select;
mod spec;

use std::pin::Pin;
use std::time::Duration;

use futures_util::Stream;
use serde::{Deserialize, Serialize};

use crate::tools::ToolSpec;

pub(crate) use openai::OpenAi;
pub(crate) use select::{NoModel, ServerModel, select};
pub(crate) use spec::{KeyRef, ModelSpec};

/// A part of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub(crate) enum Message {
    /// About its part.
    System(String),
    /// From whoever runs it.
    User(String),
    /// From the model.
    Assistant { text: String, tool_calls: Vec<ToolCall> },
    /// What came of a tool.
    Tool { call_id: String, content: String },
}

/// What a model asks to have done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolCall {
    /// Chosen by the model, or by us if it chose none.
    pub(crate) id: String,
    pub(crate) name: String,
    /// JSON, as the model wrote it: it may be none.
    pub(crate) arguments: String,
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Finish {
    /// It has said all.
    Stop,
    /// It wants something done.
    ToolCalls,
    /// It may not say more at once.
    Length,
}

/// What a call used.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Usage {
    pub(crate) tokens_in: u64,
    pub(crate) tokens_out: u64,
    /// Of those in: kept by the provider from before.
    pub(crate) tokens_cached: u64,
    /// Whether the provider did not say, and it was estimated from the text.
    pub(crate) estimated: bool,
    /// What the provider said, as it said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) raw: Option<serde_json::Value>,
}

impl Usage {
    pub(crate) fn total(&self) -> u64 {
        self.tokens_in.saturating_add(self.tokens_out)
    }
}

/// What is asked of a model.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) messages: Vec<Message>,
    pub(crate) tools: Vec<ToolSpec>,
    pub(crate) tokens_out_max: u64,
}

/// A part of an answer, as it comes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Delta {
    Text(String),
    /// A part of the tool call of this place: what is not empty is appended.
    Tool {
        place: usize,
        id: String,
        name: String,
        arguments: String,
    },
    Usage(Usage),
    Finish(Finish),
}

/// Why a call came to nothing, or was cut short.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ModelError {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
    /// How long the provider asks to be left alone.
    pub(crate) retry_after: Option<Duration>,
}

/// What sort of failure it is: whether to ask again, and whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// Too many requests.
    RateLimited,
    /// Not reached, failed by itself, or cut off in the middle.
    Unavailable,
    /// The key is missing or wrong.
    Unauthorized,
    /// It does not take this request.
    Refused,
}

impl ErrorKind {
    pub(crate) const ALL: [Self; 4] = [Self::RateLimited, Self::Unavailable, Self::Unauthorized, Self::Refused];

    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::RateLimited => "MODEL_RATE_LIMITED",
            Self::Unavailable => "MODEL_UNAVAILABLE",
            Self::Unauthorized => "MODEL_UNAUTHORIZED",
            Self::Refused => "MODEL_REFUSED",
        }
    }

    /// Whether the same model may answer the same request later.
    pub(crate) const fn may_pass(self) -> bool {
        matches!(self, Self::RateLimited | Self::Unavailable)
    }
}

/// An answer that is coming.
pub(crate) type Answer = Pin<Box<dyn Stream<Item = Result<Delta, ModelError>> + Send>>;

/// A model that can be asked.
pub(crate) enum Model {
    /// Behind an OpenAI-compatible API.
    OpenAi(Box<OpenAi>),
    /// Ours, which follows a script and says so.
    Demo,
}

impl Model {
    /// Asks. The answer ends with [`Delta::Finish`], or with an error.
    pub(crate) async fn ask(&self, request: &Request) -> Result<Answer, ModelError> {
        match self {
            Self::OpenAi(model) => model.ask(request).await,
            Self::Demo => Ok(demo::answer(request)),
        }
    }
}

/// How many tokens a text is, roughly, on the high side.
pub(crate) fn estimate_tokens(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(3) + 8
}

/// How many tokens a request is, roughly.
pub(crate) fn estimate_request(request: &Request) -> u64 {
    let said: usize = request.messages.iter().map(Message::bytes).sum();
    let tools: usize = request.tools.iter().map(ToolSpec::bytes).sum();
    estimate_tokens(said + tools)
}

impl Message {
    fn bytes(&self) -> usize {
        match self {
            Self::System(text) | Self::User(text) => text.len(),
            Self::Assistant { text, tool_calls } => {
                text.len() + tool_calls.iter().map(|call| call.name.len() + call.arguments.len()).sum::<usize>()
            }
            Self::Tool { content, .. } => content.len(),
        }
    }
}
