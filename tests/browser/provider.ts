import { LLMock } from "@copilotkit/aimock";
import { call } from "../rest";
import { test as base } from "./studio";

/** The use of a tool, as a model asks for it. */
interface ToolUse {
  readonly name: string;
  readonly arguments: unknown;
}

/** A provider of models that says what a test tells it to. */
export class Provider {
  readonly #mock = new LLMock({ port: 0, strict: true });

  start(): Promise<string> {
    return this.#mock.start();
  }

  stop(): Promise<void> {
    return this.#mock.stop();
  }

  get baseUrl(): string {
    return `${this.#mock.url}/v1`;
  }

  /** In the run on the node of this title: which tool is used first, and what is said when that has answered. */
  answer(title: string, { name, arguments: given }: ToolUse, text: string): void {
    const isOurs = ({ messages }: { messages: unknown }) =>
      JSON.stringify(messages).includes(`# Task: ${title}`);
    const toolCalls = [{ name, arguments: JSON.stringify(given) }];
    this.#mock.on({ predicate: isOurs, hasToolResult: false }, { toolCalls });
    this.#mock.on({ predicate: isOurs, hasToolResult: true }, { content: text }, { chunkSize: 8 });
  }
}

interface Models {
  /** Lets the agents of the demo's organization use a model, until the test ends. */
  add(name: string, baseUrl: string): Promise<void>;
}

export const test = base.extend<{ models: Models; provider: Provider }>({
  models: async ({ server, owner, studio }, use) => {
    const path = `/orgs/${studio.project.orgId}/models`;
    const added: string[] = [];
    await use({
      async add(name, baseUrl) {
        const size = { contextTokens: 128_000, outputTokens: 4_096 };
        const body = { name, baseUrl, model: name, usdPerMillionIn: 1, usdPerMillionOut: 4, ...size };
        added.push((await call<{ id: string }>(server, path, { person: owner, body })).id);
      },
    });
    // Runs that name no model would take one of these.
    for (const id of added) await call(server, `${path}/${id}`, { person: owner, method: "DELETE" });
  },
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the needed fixtures from this pattern.
  provider: async ({}, use) => {
    const provider = new Provider();
    await provider.start();
    await use(provider);
    await provider.stop();
  },
});
