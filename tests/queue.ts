import { randomUUID } from "node:crypto";

const REGION = "eu-central-1";

/** A queue of SQS as moto answers for it, at `GLASSBOX_TEST_AWS_URL`. */
export class Queue {
  readonly url: string;
  readonly #endpoint: string;

  private constructor(url: string, endpoint: string) {
    this.url = url;
    this.#endpoint = endpoint;
  }

  static async create(): Promise<Queue> {
    const endpoint = process.env.GLASSBOX_TEST_AWS_URL;
    if (!endpoint) throw new Error("GLASSBOX_TEST_AWS_URL is not set; ./dev test starts a moto for it");
    const { QueueUrl } = await ask<{ QueueUrl: string }>(endpoint, "CreateQueue", {
      QueueName: `glassbox-test-${randomUUID()}`,
    });
    return new Queue(QueueUrl, endpoint);
  }

  /** How a server is told of it. */
  get settings(): Record<string, string> {
    return {
      SQS_AGENT_QUEUE_URL: this.url,
      GLASSBOX_AGENTS_QUEUE_REGION: REGION,
      GLASSBOX_AGENTS_QUEUE_ENDPOINT: this.#endpoint,
    };
  }

  /** Messages that wait, or that a worker has not settled. */
  async depth(): Promise<number> {
    const { Attributes } = await ask<{ Attributes: Record<string, string> }>(
      this.#endpoint,
      "GetQueueAttributes",
      {
        QueueUrl: this.url,
        AttributeNames: ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
      },
    );
    return Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0);
  }
}

async function ask<T>(endpoint: string, action: string, body: object): Promise<T> {
  const answer = await fetch(endpoint, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `AmazonSQS.${action}`,
      authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${REGION}/sqs/aws4_request`,
    },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${action}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}
