//! A provider of models that is scripted, on a port of its own: it answers as `OpenAI`'s API does, a chunk at a time. What
//! it says follows from the conversation alone, so it says the same to whoever asks again.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use futures_util::StreamExt;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// A part of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    Text(&'static str),
    Tool(&'static str, Value),
    /// Nothing follows, not even the end.
    Break,
    /// Waits until the test lets it go on.
    Gate,
}

/// What is answered to a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Parts(Vec<Part>),
    /// The same, and not even that there will be an answer is said before the test lets it go on.
    Held(Vec<Part>),
    Status(u16, Option<u64>),
    /// A status, and the provider's words about it.
    Words(u16, &'static str),
    /// Text without end.
    Endless,
    /// Arguments of a tool without end.
    EndlessArguments,
}

/// Decides what to answer: by the request, and how many came before it.
pub(crate) type Script = Arc<dyn Fn(&Value, usize) -> Reply + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Provider {
    pub(crate) url: String,
    pub(crate) requests: Arc<Mutex<Vec<Value>>>,
    pub(crate) gate: Arc<Semaphore>,
}

#[derive(Clone)]
struct Inner {
    script: Script,
    requests: Arc<Mutex<Vec<Value>>>,
    gate: Arc<Semaphore>,
}

impl Provider {
    pub(crate) async fn start(script: Script) -> Self {
        let (requests, gate) = (Arc::<Mutex<Vec<Value>>>::default(), Arc::new(Semaphore::new(0)));
        let inner = Inner { script, requests: Arc::clone(&requests), gate: Arc::clone(&gate) };
        let app = Router::new().route("/v1/chat/completions", post(answer)).with_state(inner);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, requests, gate }
    }

    pub(crate) fn requests(&self) -> Vec<Value> {
        self.requests.lock().unwrap().clone()
    }
}

/// How many results of tools the conversation holds.
pub(crate) fn results(request: &Value) -> usize {
    request["messages"].as_array().unwrap().iter().filter(|message| message["role"] == "tool").count()
}

/// Whether a plan is asked for.
pub(crate) fn is_plan(request: &Value) -> bool {
    request.get("tools").is_none()
}

async fn answer(State(inner): State<Inner>, Json(request): Json<Value>) -> Response {
    let before = {
        let mut requests = inner.requests.lock().unwrap();
        requests.push(request.clone());
        requests.len() - 1
    };
    let parts = match (inner.script)(&request, before) {
        Reply::Status(status, retry_after) => {
            let status = StatusCode::from_u16(status).unwrap();
            let mut response = (status, Json(json!({"error": {"message": "not now"}}))).into_response();
            if let Some(seconds) = retry_after {
                response.headers_mut().insert("retry-after", seconds.into());
            }
            return response;
        }
        Reply::Words(status, words) => {
            let words = Json(json!({"error": {"message": words}}));
            return (StatusCode::from_u16(status).unwrap(), words).into_response();
        }
        Reply::Endless => return without_end(&json!({}), json!({"content": "more and more "})),
        Reply::EndlessArguments => {
            let call =
                |function: Value| json!({"tool_calls": [{"index": 0, "type": "function", "function": function}]});
            let begin = call(json!({"name": "edit_body", "arguments": "{\"markdown\": \""}));
            return without_end(&begin, call(json!({"arguments": "more and more "})));
        }
        Reply::Held(parts) => {
            inner.gate.acquire().await.unwrap().forget();
            parts
        }
        Reply::Parts(parts) => parts,
    };
    let gate = inner.gate;
    let uses_tools = parts.iter().any(|part| matches!(part, Part::Tool(..)));
    let breaks = parts.iter().any(|part| matches!(part, Part::Break));
    let mut place = 0;
    let chunks: Vec<Option<String>> = parts
        .into_iter()
        .map(|part| match part {
            Part::Text(text) => Some(event(&chunk(&json!({"content": text}), None))),
            Part::Tool(name, arguments) => {
                let call = json!({"index": place, "id": format!("call_{}_{place}", results(&request)), "type": "function",
                    "function": {"name": name, "arguments": arguments.to_string()}});
                place += 1;
                Some(event(&chunk(&json!({"tool_calls": [call]}), None)))
            }
            Part::Gate => None,
            Part::Break => Some(String::new()),
        })
        .collect();
    let finish = if uses_tools { "tool_calls" } else { "stop" };
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 10}});
    let end = if breaks {
        Vec::new()
    } else {
        vec![Some(event(&chunk(&json!({}), Some(finish)))), Some(event(&usage)), Some("data: [DONE]\n\n".to_owned())]
    };
    let chunks = futures_util::stream::iter(chunks.into_iter().chain(end)).filter_map(move |chunk| {
        let gate = Arc::clone(&gate);
        async move {
            if chunk.is_none() {
                gate.acquire().await.unwrap().forget();
            }
            chunk.map(Ok::<_, Infallible>)
        }
    });
    ([("content-type", "text/event-stream")], Body::from_stream(chunks)).into_response()
}

fn without_end(first: &Value, more: Value) -> Response {
    let first = event(&chunk(first, None));
    let more = futures_util::stream::repeat_with(move || event(&chunk(&more, None)));
    let chunks = futures_util::stream::once(std::future::ready(first)).chain(more);
    let body = Body::from_stream(chunks.map(Ok::<_, Infallible>));
    ([("content-type", "text/event-stream")], body).into_response()
}

fn chunk(delta: &Value, finish: Option<&str>) -> Value {
    json!({"id": "x", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
}

fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}
