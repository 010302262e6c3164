//! Models behind an OpenAI-compatible API (`POST /chat/completions`, streamed).

mod exchange;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use futures_util::{Stream, StreamExt, stream};
use platform::clock::Clock;
use platform::config::Secret;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use self::exchange::{Unwilling, WORDS_MAX, send};
use super::{Answer, Delta, ErrorKind, Finish, Message, ModelError, ModelSpec, Request, ToolCall, Usage};

/// How long a provider may say nothing, before its answer and in the middle of it.
const SILENCE_MAX: Duration = Duration::from_secs(90);
/// What the longest answer is called. Most servers know no other name.
const LIMIT: &str = "max_tokens";
/// What `OpenAI` calls it since. Its newer models refuse the older name, wherever they are served.
const LIMIT_SINCE: &str = "max_completion_tokens";
/// Where all models know the newer name.
const OPENAI: &str = "https://api.openai.com/";

/// A model behind an OpenAI-compatible API.
pub(crate) struct OpenAi {
    client: Client<OpenAIConfig>,
    model: String,
    limit: &'static str,
    key: Option<Secret>,
}

type Chunks = Pin<Box<dyn Stream<Item = Result<Chunk, OpenAIError>> + Send>>;

impl OpenAi {
    /// `http` reaches nothing that models may not be at.
    pub(crate) fn new(http: reqwest::Client, spec: &ModelSpec, key: Option<Secret>, clock: Arc<dyn Clock>) -> Self {
        let shown = key.as_ref().map(|key| key.expose().to_owned()).unwrap_or_default();
        let config = OpenAIConfig::new().with_api_base(spec.base_url.trim_end_matches('/')).with_api_key(shown);
        // In place of the library's own retries: each failure is noted by the run, which decides what to do.
        let service = tower::service_fn(move |request: HttpRequestFactory| {
            let (http, clock) = (http.clone(), Arc::clone(&clock));
            async move { send(&http, request, clock.now()).await }
        });
        let limit = if spec.base_url.starts_with(OPENAI) { LIMIT_SINCE } else { LIMIT };
        Self { client: Client::with_config(config).with_http_service(service), model: spec.model.clone(), limit, key }
    }

    pub(super) async fn ask(&self, request: &Request) -> Result<Answer, ModelError> {
        let key = self.key.clone();
        let discreet = move |error| without_key(error, key.as_ref());
        let begun = match self.begin(request, self.limit).await {
            Err(error) if self.limit == LIMIT && wants_other_limit(&error) => self.begin(request, LIMIT_SINCE).await,
            begun => begun,
        };
        let chunks = begun.map_err(&discreet)?;
        let chunks = stream::unfold(Some(chunks), |chunks| async {
            let mut chunks = chunks?;
            match tokio::time::timeout(SILENCE_MAX, chunks.next()).await {
                Err(_) => Some((Err(silent()), None)),
                Ok(None) => None,
                Ok(Some(Ok(chunk))) => Some((Ok(chunk), Some(chunks))),
                Ok(Some(Err(error))) => Some((Err(read_error(error)), None)),
            }
        });
        let mut reader = Reader::default();
        let deltas = chunks
            .map(Some)
            .chain(stream::once(async { None }))
            .flat_map(move |chunk| {
                let deltas = match chunk {
                    Some(Ok(chunk)) => reader.read(chunk).into_iter().map(Ok).collect(),
                    Some(Err(error)) => vec![Err(error)],
                    None => vec![reader.finish()],
                };
                stream::iter(deltas)
            })
            .map(move |delta| delta.map_err(&discreet))
            // Nothing comes after an error.
            .scan(false, |failed, delta| {
                let now = std::mem::replace(failed, delta.is_err());
                async move { (!now).then_some(delta) }
            });
        Ok(Box::pin(deltas))
    }

    async fn begin(&self, request: &Request, limit: &str) -> Result<Chunks, ModelError> {
        let chat = self.client.chat();
        let asked = chat.create_stream_byot::<Value, Chunk>(self.body(request, limit));
        let asked = tokio::time::timeout(SILENCE_MAX, asked).await.map_err(|_| silent())?;
        asked.map_err(read_error)
    }

    fn body(&self, request: &Request, limit: &str) -> Value {
        let mut body = json!({
            "model": self.model,
            "messages": request.messages.iter().map(message).collect::<Vec<_>>(),
            limit: request.tokens_out_max,
            "stream": true,
            "stream_options": {"include_usage": true},
        });
        if !request.tools.is_empty() {
            let tools = request.tools.iter().map(|tool| {
                json!({"type": "function", "function": {
                    "name": tool.name, "description": tool.description, "parameters": tool.parameters}})
            });
            body["tools"] = tools.collect();
        }
        body
    }
}

fn message(message: &Message) -> Value {
    match message {
        Message::System(text) => json!({"role": "system", "content": text}),
        Message::User(text) => json!({"role": "user", "content": text}),
        Message::Tool { call_id, content } => json!({"role": "tool", "tool_call_id": call_id, "content": content}),
        Message::Assistant { text, tool_calls } if tool_calls.is_empty() => {
            json!({"role": "assistant", "content": text})
        }
        Message::Assistant { text, tool_calls } => {
            let calls = tool_calls.iter().map(|ToolCall { id, name, arguments }| {
                json!({"id": id, "type": "function", "function": {"name": name, "arguments": well_formed(arguments)}})
            });
            let content = if text.is_empty() { Value::Null } else { text.as_str().into() };
            json!({"role": "assistant", "content": content, "tool_calls": calls.collect::<Vec<_>>()})
        }
    }
}

fn wants_other_limit(error: &ModelError) -> bool {
    error.kind == ErrorKind::Refused && error.message.contains(LIMIT_SINCE)
}

/// Some providers refuse a conversation with arguments that are no JSON, such as those of a call that was cut off.
fn well_formed(arguments: &str) -> &str {
    if serde_json::from_str::<IgnoredAny>(arguments).is_ok() { arguments } else { "{}" }
}

/// A chunk of an answer. Of what providers send, only what is used here, and nothing that some leave out is required.
#[derive(Debug, Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Value>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(default)]
    delta: ChoiceDelta,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct ChoiceDelta {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<ToolChunk>>,
}

#[derive(Debug, Deserialize)]
struct ToolChunk {
    #[serde(default)]
    index: Option<usize>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: FunctionChunk,
}

#[derive(Debug, Default, Deserialize)]
struct FunctionChunk {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<String>,
}

/// What of an answer has come.
#[derive(Debug, Default)]
struct Reader {
    finish: Option<Finish>,
    error: Option<String>,
}

impl Reader {
    fn read(&mut self, chunk: Chunk) -> Vec<Delta> {
        let mut deltas = Vec::new();
        if let Some(error) = chunk.error {
            let words = error.get("message").and_then(Value::as_str).map_or_else(|| error.to_string(), str::to_owned);
            self.error = Some(words.chars().take(WORDS_MAX).collect());
        }
        for choice in chunk.choices.into_iter().take(1) {
            let ChoiceDelta { content, tool_calls } = choice.delta;
            deltas.extend(content.filter(|text| !text.is_empty()).map(Delta::Text));
            for (position, tool) in tool_calls.into_iter().flatten().enumerate() {
                deltas.push(Delta::Tool {
                    place: tool.index.unwrap_or(position),
                    id: tool.id.unwrap_or_default(),
                    name: tool.function.name.unwrap_or_default(),
                    arguments: tool.function.arguments.unwrap_or_default(),
                });
            }
            if let Some(reason) = choice.finish_reason {
                self.finish = Some(match reason.as_str() {
                    "tool_calls" | "function_call" => Finish::ToolCalls,
                    "length" => Finish::Length,
                    _ => Finish::Stop,
                });
            }
        }
        deltas.extend(chunk.usage.and_then(usage).map(Delta::Usage));
        deltas
    }

    /// An answer that does not say why it ends was cut off.
    fn finish(&mut self) -> Result<Delta, ModelError> {
        match (self.error.take(), self.finish) {
            (None, Some(finish)) => Ok(Delta::Finish(finish)),
            (Some(words), _) => Err(unavailable(format!("the provider failed in the middle of its answer: {words}"))),
            (None, None) => Err(unavailable("the provider's answer was cut off")),
        }
    }
}

fn usage(raw: Value) -> Option<Usage> {
    let count = |pointer: &str| raw.pointer(pointer).and_then(Value::as_u64);
    let (tokens_in, tokens_out) = (count("/prompt_tokens")?, count("/completion_tokens").unwrap_or(0));
    let tokens_cached = count("/prompt_tokens_details/cached_tokens").unwrap_or(0);
    Some(Usage { tokens_in, tokens_out, tokens_cached, estimated: false, raw: Some(raw) })
}

/// A provider may repeat the key with which it was asked; nobody else is to see it.
fn without_key(error: ModelError, key: Option<&Secret>) -> ModelError {
    let key = key.map(Secret::expose).filter(|key| !key.is_empty());
    let message = key.map(|key| error.message.replace(key, "[key]"));
    ModelError { message: message.unwrap_or(error.message), ..error }
}

fn unavailable(message: impl Into<String>) -> ModelError {
    ModelError { kind: ErrorKind::Unavailable, message: message.into(), retry_after: None }
}

fn silent() -> ModelError {
    unavailable(format!("the provider said nothing for {} s", SILENCE_MAX.as_secs()))
}

fn read_error(error: OpenAIError) -> ModelError {
    match error {
        OpenAIError::Boxed(error) => match error.downcast::<Unwilling>() {
            Ok(unwilling) => {
                let kind = match unwilling.status {
                    429 => ErrorKind::RateLimited,
                    401 | 403 => ErrorKind::Unauthorized,
                    408 | 409 | 425 | 500.. => ErrorKind::Unavailable,
                    _ => ErrorKind::Refused,
                };
                ModelError { kind, message: unwilling.to_string(), retry_after: unwilling.retry_after }
            }
            Err(error) => unavailable(format!("the provider could not be asked: {error}")),
        },
        // Its text would name the address, and with it whatever the address holds.
        OpenAIError::Reqwest(error) => {
            unavailable(format!("the provider could not be reached: {}", error.without_url()))
        }
        OpenAIError::StreamError(error) => unavailable(format!("the provider's answer was cut off: {error}")),
        OpenAIError::ApiError(error) => unavailable(error.to_string()),
        OpenAIError::JSONDeserialize(error, _) => unavailable(format!("the provider's answer cannot be read: {error}")),
        other => unavailable(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_was_cut_off_is_told_again_without_what_is_no_json() {
        let told = |arguments: &str| {
            let (id, name) = ("call_1".to_owned(), "edit_body".to_owned());
            let call = ToolCall { id, name, arguments: arguments.to_owned() };
            let told = message(&Message::Assistant { text: String::new(), tool_calls: vec![call] });
            told["tool_calls"][0]["function"]["arguments"].clone()
        };
        assert_eq!(told(r#"{"markdown": "The sea"}"#), r#"{"markdown": "The sea"}"#);
        assert_eq!(told(r#"{"markdown": "The se"#), "{}");
        assert_eq!(told(""), "{}");
    }
}
