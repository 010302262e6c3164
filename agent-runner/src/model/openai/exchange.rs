//! One exchange with a provider: what it may send, and how it says that it will not answer.

use std::io;
use std::time::Duration;

use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt};
use reqwest::header::{HeaderValue, RETRY_AFTER};
use reqwest::{Body, Response};
use serde_json::Value;

/// The most of a provider's own words that is passed on when it refuses something, in characters.
pub(super) const WORDS_MAX: usize = 500;
/// The most that is read of an answer that is a refusal, in bytes.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;
/// The longest event of a stream, in bytes: it is held until it is whole.
const EVENT_BYTES_MAX: usize = 1 << 20;
/// The longest time for which a provider is believed to be unable.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(10);

/// A provider that answers with a status that is no success.
#[derive(Debug, thiserror::Error)]
#[error("the provider answered {status}: {words}")]
pub(super) struct Unwilling {
    pub(super) status: u16,
    words: String,
    pub(super) retry_after: Option<Duration>,
}

pub(super) async fn send(
    http: &reqwest::Client,
    request: HttpRequestFactory,
    now: DateTime<Utc>,
) -> Result<Response, OpenAIError> {
    let mut response = http.execute(request.build().await?).await?;
    let status = response.status();
    if status.is_success() {
        return Ok(with_short_events(response));
    }
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| retry_after(value, now));
    let mut words = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await
        && words.len() < REFUSAL_BYTES_MAX
    {
        words.extend_from_slice(&chunk);
    }
    let words = String::from_utf8_lossy(&words);
    let said = serde_json::from_str::<Value>(&words).ok();
    let said = said.as_ref().and_then(|said| said.pointer("/error/message")?.as_str()).unwrap_or(&words);
    let words = said.chars().take(WORDS_MAX).collect();
    Err(OpenAIError::Boxed(Box::new(Unwilling { status: status.as_u16(), words, retry_after })))
}

/// In seconds, or until a time (RFC 9110, 10.2.3).
fn retry_after(value: &HeaderValue, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.to_str().ok()?;
    let seconds = value.parse().ok().map(Duration::from_secs);
    let until = || DateTime::parse_from_rfc2822(value).ok().map(|at| (at.to_utc() - now).to_std().unwrap_or_default());
    seconds.or_else(until).map(|time| time.min(RETRY_AFTER_MAX))
}

/// The same answer, which breaks off where an event in it is too long.
fn with_short_events(response: Response) -> Response {
    let mut answer = http::Response::builder().status(response.status());
    if let Some(headers) = answer.headers_mut() {
        headers.clone_from(response.headers());
    }
    let body = Body::wrap_stream(short_events(response.bytes_stream().map(|chunk| chunk.map_err(io::Error::other))));
    Response::from(answer.body(body).expect("a status and headers that were received are valid"))
}

fn short_events(chunks: impl Stream<Item = io::Result<Bytes>>) -> impl Stream<Item = io::Result<Bytes>> {
    let (mut length, mut at_line_start) = (0, true);
    chunks.map(move |chunk| {
        let chunk = chunk?;
        for byte in &chunk {
            length += 1;
            match byte {
                // An empty line ends an event.
                b'\n' if at_line_start => length = 0,
                b'\n' => at_line_start = true,
                b'\r' => {}
                _ => at_line_start = false,
            }
            if length > EVENT_BYTES_MAX {
                return Err(io::Error::other(format!("an event of it is longer than {EVENT_BYTES_MAX} bytes")));
            }
        }
        Ok(chunk)
    })
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[test]
    fn how_long_to_wait_is_told_in_seconds_or_as_a_time_and_believed_within_reason() {
        let now = DateTime::parse_from_rfc3339("2026-01-05T10:00:00Z").unwrap().to_utc();
        let read = |text: &str| retry_after(&HeaderValue::from_str(text).unwrap(), now);
        assert_eq!(read("3"), Some(Duration::from_secs(3)));
        assert_eq!(read("Mon, 05 Jan 2026 10:00:07 GMT"), Some(Duration::from_secs(7)));
        assert_eq!(read("Mon, 05 Jan 2026 09:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("18446744073709551615"), Some(RETRY_AFTER_MAX));
        assert_eq!(read("soon"), None);
    }

    async fn bytes_through(chunks: Vec<Vec<u8>>) -> (usize, bool) {
        let chunks = stream::iter(chunks).map(|chunk| Ok(Bytes::from(chunk)));
        let passed: Vec<io::Result<Bytes>> = short_events(chunks).collect().await;
        (passed.iter().flatten().map(Bytes::len).sum(), passed.iter().any(Result::is_err))
    }

    #[tokio::test]
    async fn events_pass_and_one_without_an_end_does_not() {
        let event = b"data: {\"a\": 1}\r\n\r\n".repeat(100_000);
        assert_eq!(bytes_through(vec![event.clone(), event.clone()]).await, (2 * event.len(), false));
        let line = vec![b'x'; EVENT_BYTES_MAX / 2];
        assert!(bytes_through(vec![line.clone(), line.clone(), line]).await.1);
        // Nor one of many lines.
        assert!(bytes_through(vec![b"data: x\n".repeat(EVENT_BYTES_MAX / 8 + 1)]).await.1);
    }
}
