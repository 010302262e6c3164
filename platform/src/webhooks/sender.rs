//! One attempt to deliver a message.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response};
use serde_json::json;
use tokio::time::Instant;

use super::{Networks, signature};
use crate::config::Mode;
use crate::db::webhooks::{Attempt, Due, Leased};
use crate::http_client;
use crate::outbound::{self, Resolver};

/// How much of an answer is kept, in bytes.
const ANSWER_BYTES_MAX: usize = 1_024;
/// The longest wait that a webhook may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

/// Sends messages.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    client: Client,
    mode: Mode,
    networks: Networks,
}

/// What came of an attempt.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) attempt: Attempt,
    pub(super) verdict: Verdict,
}

/// What the webhook says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It got the message.
    Taken,
    /// It did not, and perhaps wants a pause.
    Refused(Option<Duration>),
    /// It wants no more messages, ever (410).
    Gone,
}

impl Sender {
    pub(super) fn new(timeout: Duration, mode: Mode, networks: Networks) -> Result<Self, reqwest::Error> {
        Ok(Self { client: http_client::client_to(timeout, Resolver(networks))?, mode, networks })
    }

    /// Sends a message, signed as of now.
    pub(super) async fn send(&self, webhook: &Leased, due: &Due, now: DateTime<Utc>) -> Sent {
        let started = Instant::now();
        let result = self.exchange(webhook, due, now).await;
        let duration = started.elapsed();
        match result {
            Ok((status, retry_after, answer)) => {
                let verdict = match status {
                    200..=299 => Verdict::Taken,
                    410 => Verdict::Gone,
                    _ => Verdict::Refused(retry_after),
                };
                let error = (300..400).contains(&status).then(|| "redirects are not followed".to_owned());
                Sent { attempt: Attempt { duration, status: Some(status), answer: Some(answer), error }, verdict }
            }
            Err(error) => Sent {
                attempt: Attempt { duration, status: None, answer: None, error: Some(error) },
                verdict: Verdict::Refused(None),
            },
        }
    }

    async fn exchange(
        &self,
        webhook: &Leased,
        due: &Due,
        now: DateTime<Utc>,
    ) -> Result<(u16, Option<Duration>, String), String> {
        // Once more: what was allowed when it was made may not be any more.
        let url =
            outbound::check_url(&webhook.url, self.mode.into(), self.networks).map_err(|error| error.to_string())?;
        let body = json!({"type": due.kind, "timestamp": due.payload["at"], "data": due.payload}).to_string();
        let message_id = format!("msg_{}", due.message_id.as_simple());
        let signature = signature::sign(&webhook.secrets, &message_id, now.timestamp(), &body);
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", message_id)
            .header("webhook-timestamp", now.timestamp())
            .header("webhook-signature", signature)
            .body(body);
        let mut response = request.send().await.map_err(|error| explain(&error))?;
        let (status, retry_after) = (response.status().as_u16(), retry_after(&response));
        Ok((status, retry_after, first_bytes(&mut response).await))
    }
}

/// What went wrong, without the address, which may hold what is nobody else's business.
fn explain(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string().chars().take(ANSWER_BYTES_MAX).collect()
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

/// The beginning of an answer, as text. The rest is not waited for.
async fn first_bytes(response: &mut Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < ANSWER_BYTES_MAX {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk[..chunk.len().min(ANSWER_BYTES_MAX - bytes.len())]),
            Ok(None) | Err(_) => break,
        }
    }
    String::from_utf8_lossy(&bytes).replace('\0', "\u{fffd}")
}
