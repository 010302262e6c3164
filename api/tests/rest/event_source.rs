//! A reader of server-sent events.

use std::collections::VecDeque;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;
use http::header::ACCEPT;
use http::{HeaderMap, Method, Response, StatusCode};
use serde_json::Value;
use tokio::time::timeout;

use crate::server::Client;

const PATIENCE: Duration = Duration::from_secs(20);

/// One message of a stream.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Message {
    pub(crate) id: Option<String>,
    /// The event's type; of a comment there is none.
    pub(crate) event: Option<String>,
    pub(crate) data: Value,
    pub(crate) retry: Option<u64>,
}

pub(crate) struct EventSource {
    pub(crate) headers: HeaderMap,
    body: BodyDataStream,
    text: String,
    messages: VecDeque<Message>,
    pub(crate) last_id: Option<String>,
}

impl EventSource {
    /// Opens a stream, with `Last-Event-ID` if there is one, and reads its first message.
    pub(crate) async fn open(client: &Client, path: &str, last_id: Option<&str>) -> Self {
        let mut source = Self::of(Self::request(client, path, last_id).await);
        let welcome = source.next().await.unwrap();
        assert!(welcome.event.is_none() && welcome.retry.is_some(), "{welcome:?}");
        source
    }

    pub(crate) async fn request(client: &Client, path: &str, last_id: Option<&str>) -> Response<Body> {
        let mut request = client.request(Method::GET, path).header(ACCEPT, "text/event-stream");
        if let Some(id) = last_id {
            request = request.header("Last-Event-ID", id);
        }
        client.open(request).await
    }

    fn of(response: Response<Body>) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        let (parts, body) = response.into_parts();
        let body = body.into_data_stream();
        Self { headers: parts.headers, body, text: String::new(), messages: VecDeque::new(), last_id: None }
    }

    /// The next message, a comment with an id too; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.messages.pop_front() {
                if message.id.is_some() {
                    self.last_id.clone_from(&message.id);
                }
                return Some(message);
            }
            let chunk = timeout(PATIENCE, self.body.next()).await.expect("something is sent")?.unwrap();
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                self.messages.push_back(read(block));
                self.text = String::from(rest);
            }
        }
    }

    /// The next event, without comments.
    pub(crate) async fn event(&mut self) -> Message {
        loop {
            let message = self.next().await.expect("the stream goes on");
            if message.event.is_some() {
                return message;
            }
        }
    }

    /// The next event of this type.
    pub(crate) async fn until(&mut self, kind: &str) -> Message {
        loop {
            let message = self.event().await;
            if message.event.as_deref() == Some(kind) {
                return message;
            }
        }
    }
}

fn read(block: &str) -> Message {
    let mut message = Message::default();
    for line in block.lines() {
        match line.split_once(": ") {
            Some(("id", id)) => message.id = Some(id.to_owned()),
            Some(("event", event)) => message.event = Some(event.to_owned()),
            Some(("data", data)) => message.data = serde_json::from_str(data).unwrap(),
            Some(("retry", retry)) => message.retry = Some(retry.parse().unwrap()),
            Some(("", _comment)) => {}
            other => panic!("{other:?}"),
        }
    }
    message
}
