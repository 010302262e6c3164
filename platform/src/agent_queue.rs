//! The queue through which workers are woken when runs of agents have something to do: SQS.
//!
//! The row of a run is the truth, and a message about it is a hint: one that is lost, late or sent twice costs time and
//! never a run. Without a queue Postgres wakes the workers.
//!
//! A message is deleted once its run has been driven to where it stands by itself. Until then it comes back when its time
//! of invisibility has passed; the queue's redrive policy moves what has come back too often to the dead-letter queue.

mod announcer;
mod job;

use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{DisplayErrorContext, SdkError};
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use aws_smithy_http_client::tls;

pub use self::announcer::Announcer;
pub use self::job::{AgentJob, OrgConfig};
use crate::config::AgentQueueConfig;

/// Messages in one request, at most: SQS takes no more.
pub const BATCH_MESSAGES_MAX: usize = 10;
/// How long SQS may hold a request for messages until there are some.
const WAIT: Duration = Duration::from_secs(10);

/// A queue of SQS. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AgentQueue {
    client: Client,
    url: String,
    visibility: Duration,
}

/// A message that is this receiver's until its time of invisibility has passed.
#[derive(Debug)]
pub struct Message {
    /// Which run; `None` when that cannot be read.
    pub job: Option<AgentJob>,
    receipt: String,
}

/// Why the queue did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum AgentQueueError {
    /// It answered that it will not: the address, the region or the permissions are wrong.
    #[error("the queue of agents refuses: {0}")]
    Refused(String),
    /// It did not answer, or had no time.
    #[error("the queue of agents cannot be used now: {0}")]
    Unavailable(String),
}

impl<E> From<SdkError<E>> for AgentQueueError
where
    E: std::error::Error + Send + Sync + 'static,
{
    fn from(error: SdkError<E>) -> Self {
        let status = error.raw_response().map(HttpResponse::status);
        let words = DisplayErrorContext(&error).to_string();
        if status.is_some_and(|status| status.is_client_error() && status.as_u16() != 429) {
            Self::Refused(words)
        } else {
            Self::Unavailable(words)
        }
    }
}

/// What a queue says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Whether what comes back too often is moved to a dead-letter queue.
    pub has_dead_letters: bool,
}

impl AgentQueue {
    /// Gets ready; nothing is asked of the queue yet.
    pub async fn new(config: &AgentQueueConfig) -> Self {
        let client = Self::client(config).await;
        Self { client, url: config.url.clone(), visibility: Duration::from_secs(config.visibility_seconds) }
    }

    pub(crate) async fn client(config: &AgentQueueConfig) -> Client {
        let tls = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
        let http = aws_smithy_http_client::Builder::new().tls_provider(tls).build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(config.region.clone()))
            .http_client(http);
        if let Some(endpoint) = &config.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        Client::new(&loader.load().await)
    }

    /// Whether the queue is there and may be used.
    pub async fn look(&self) -> Result<Found, AgentQueueError> {
        let asked = self.client.get_queue_attributes().queue_url(&self.url);
        let found = asked.attribute_names(QueueAttributeName::RedrivePolicy).send().await?;
        let redrive = found.attributes().and_then(|all| all.get(&QueueAttributeName::RedrivePolicy));
        Ok(Found { has_dead_letters: redrive.is_some_and(|policy| policy.contains("deadLetterTargetArn")) })
    }

    /// How long a message stays with whoever has received it.
    #[must_use]
    pub fn visibility(&self) -> Duration {
        self.visibility
    }

    /// Sends a message for each of at most [`BATCH_MESSAGES_MAX`] runs, and says how many it took.
    pub async fn send(&self, jobs: &[AgentJob]) -> Result<usize, AgentQueueError> {
        let entries: Vec<_> = jobs.iter().enumerate().filter_map(entry).collect();
        let sent = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await?;
        Ok(sent.successful().len())
    }

    /// Waits a while for messages, at most `max` of them.
    pub async fn receive(&self, max: usize) -> Result<Vec<Message>, AgentQueueError> {
        let max = max.min(BATCH_MESSAGES_MAX);
        let asked = self.client.receive_message().queue_url(&self.url).max_number_of_messages(saturating(max));
        let asked = asked.wait_time_seconds(seconds(WAIT)).visibility_timeout(seconds(self.visibility));
        let received = asked.send().await?.messages.unwrap_or_default();
        let messages = received.into_iter().filter_map(|message| {
            let job = message.body().and_then(AgentJob::parse);
            message.receipt_handle.map(|receipt| Message { job, receipt })
        });
        Ok(messages.collect())
    }

    /// Keeps a message for as long again, from now.
    pub async fn keep(&self, message: &Message) -> Result<(), AgentQueueError> {
        self.set_visibility(message, self.visibility).await
    }

    /// Gives a message back: somebody gets it again after `pause`.
    pub async fn give_back(&self, message: &Message, pause: Duration) -> Result<(), AgentQueueError> {
        self.set_visibility(message, pause).await
    }

    async fn set_visibility(&self, message: &Message, time: Duration) -> Result<(), AgentQueueError> {
        let asked = self.client.change_message_visibility().queue_url(&self.url).receipt_handle(&message.receipt);
        asked.visibility_timeout(seconds(time)).send().await?;
        Ok(())
    }

    /// Takes a message out of the queue for good.
    pub async fn delete(&self, message: &Message) -> Result<(), AgentQueueError> {
        self.client.delete_message().queue_url(&self.url).receipt_handle(&message.receipt).send().await?;
        Ok(())
    }
}

fn entry((index, job): (usize, &AgentJob)) -> Option<SendMessageBatchRequestEntry> {
    SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(job.to_json()).build().ok()
}

/// Whole seconds, rounded up, which is what SQS counts in.
fn seconds(time: Duration) -> i32 {
    saturating(time.as_millis().div_ceil(1_000))
}

fn saturating(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}
