//! A queue of its own for a test, with a dead-letter queue, at the stand-in for AWS that `GLASSBOX_TEST_AWS_URL` names.

use std::env;

use aws_sdk_sqs::types::QueueAttributeName;
use uuid::Uuid;

use crate::agent_queue::AgentQueue;
use crate::config::AgentQueueConfig;

const URL_VARIABLE: &str = "GLASSBOX_TEST_AWS_URL";
const REGION: &str = "eu-central-1";

/// A queue as deployments make it: what was received three times goes to the dead letters.
#[derive(Debug)]
pub struct TestQueue {
    /// How a server is told of it.
    pub config: AgentQueueConfig,
    client: aws_sdk_sqs::Client,
    dead_letters: String,
}

/// How many messages a queue has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Those that somebody may receive now.
    pub visible: usize,
    /// Those that somebody has received and not settled.
    pub in_flight: usize,
}

impl TestQueue {
    /// Makes the two queues. A message stays with whoever receives it for `visibility_seconds`.
    pub async fn new(visibility_seconds: u64) -> Self {
        let endpoint = env::var(URL_VARIABLE).unwrap_or_else(|_| {
            panic!("{URL_VARIABLE} names what answers as AWS does; ./dev test --only rust starts a moto for it")
        });
        let config = AgentQueueConfig {
            url: String::new(),
            region: REGION.to_owned(),
            endpoint: Some(endpoint),
            visibility_seconds,
        };
        let client = AgentQueue::client(&config).await;
        let name = format!("glassbox-test-{}", Uuid::new_v4().simple());
        let dead_letters = create(&client, &format!("{name}-dlq"), None).await;
        let asked = client.get_queue_attributes().queue_url(&dead_letters);
        let found = asked.attribute_names(QueueAttributeName::QueueArn).send().await.expect("moto answers");
        let arn =
            found.attributes().and_then(|all| all.get(&QueueAttributeName::QueueArn)).expect("a queue has an ARN");
        let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"3"}}"#);
        let url = create(&client, &name, Some(policy)).await;
        Self { config: AgentQueueConfig { url, ..config }, client, dead_letters }
    }

    /// Puts a message into the queue as anybody could.
    pub async fn put(&self, body: &str) {
        self.client.send_message().queue_url(&self.config.url).message_body(body).send().await.expect("moto takes it");
    }

    /// Takes a message out of the queue as any other program could, if there is one.
    pub async fn take(&self) -> Option<String> {
        let received = self.client.receive_message().queue_url(&self.config.url).send().await.expect("moto answers");
        let message = received.messages.unwrap_or_default().into_iter().next()?;
        let receipt = message.receipt_handle.as_deref().unwrap_or_default();
        let deleted = self.client.delete_message().queue_url(&self.config.url).receipt_handle(receipt).send().await;
        deleted.expect("moto deletes it");
        message.body
    }

    /// How many messages there are.
    pub async fn depth(&self) -> Depth {
        self.depth_of(&self.config.url).await
    }

    /// How many messages came back too often.
    pub async fn dead(&self) -> usize {
        self.depth_of(&self.dead_letters).await.visible
    }

    async fn depth_of(&self, url: &str) -> Depth {
        let (visible, in_flight) = (
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        );
        let asked = self.client.get_queue_attributes().queue_url(url);
        let asked = asked.attribute_names(visible.clone()).attribute_names(in_flight.clone());
        let found = asked.send().await.expect("moto answers").attributes.unwrap_or_default();
        let count = |name| found.get(name).and_then(|count| count.parse().ok()).expect("a queue counts its messages");
        Depth { visible: count(&visible), in_flight: count(&in_flight) }
    }
}

async fn create(client: &aws_sdk_sqs::Client, name: &str, redrive: Option<String>) -> String {
    let mut asked = client.create_queue().queue_name(name);
    if let Some(policy) = redrive {
        asked = asked.attributes(QueueAttributeName::RedrivePolicy, policy);
    }
    asked.send().await.expect("moto makes a queue").queue_url.expect("a queue has an address")
}
