import type { TraceEvent } from "../api/executions";
import { humanize, plural } from "../lib/text";
import type { IconName } from "../ui/icon";
import { failureWords, sentence } from "./failures";

/** How a step is told. */
export interface StepWords {
  icon: IconName;
  title: string;
  /** What more there is to say on the same line. */
  detail: string | null;
  tone: "plain" | "warn" | "danger" | "good";
}

type Data = TraceEvent["data"];

/** A text under a key, or null. */
export function textOf(data: Data, key: string): string | null {
  const value = data[key];
  return typeof value === "string" && value.trim() ? value : null;
}

function recordOf(data: Data, key: string): Data {
  const value = data[key];
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Data) : {};
}

const CALLS: Record<string, string> = {
  analyze: "Read the task",
  plan: "Thought about a plan",
  execute: "Thought and wrote",
  handle_tool: "Thought about what it was told",
  finalize: "Wrote the end",
};

const TOOLS: Record<string, { icon: IconName; done: string; argument?: string }> = {
  create_subnode: { icon: "node", done: "Made a node", argument: "title" },
  request_human_input: { icon: "question", done: "Asked a person", argument: "question" },
  add_output: { icon: "arrowOut", done: "Added an output", argument: "label" },
  access_node: { icon: "node", done: "Read a node", argument: "title" },
  edit_body: { icon: "text", done: "Edited the body" },
  search: { icon: "search", done: "Searched", argument: "query" },
  list_nodes: { icon: "tree", done: "Looked at the nodes" },
  set_status: { icon: "check", done: "Set the status", argument: "status" },
};

const DECISIONS: Record<string, { icon: IconName; title: string; detail: (data: Data) => string | null }> = {
  plan: { icon: "tasks", title: "Made a plan", detail: ({ plan }) => firstLine(plan) },
  fallback: {
    icon: "retry",
    title: "Took another model",
    detail: ({ from, to, why }) => `${from} → ${to}${typeof why === "string" ? `: ${why}` : ""}`,
  },
  retry: { icon: "retry", title: "Tried again", detail: (data) => textOf(data, "why") },
  block_left: {
    icon: "people",
    title: "Left a paragraph to somebody who writes there",
    detail: ({ blocks }) => (typeof blocks === "number" && blocks > 1 ? plural(blocks, "paragraph") : null),
  },
  unfinished: {
    icon: "warning",
    title: "Stopped before it was finished",
    detail: (data) => textOf(data, "why"),
  },
};

function firstLine(value: unknown): string | null {
  if (typeof value !== "string") return null;
  const lines = value.split("\n").map((line) => line.replace(/^[#\s>*-]+/, "").trim());
  return lines.find(Boolean) ?? null;
}

/** What a step was, in words. */
export function stepWords(event: TraceEvent): StepWords {
  const { data, type } = event;
  switch (type) {
    case "execution_start":
      return plain("play", "Began", toolsWords(data));
    case "decision":
      return decision(data);
    case "llm_call":
      return call(event);
    case "tool_call":
      return tool(event);
    case "human_input_requested": {
      const title = data.approval === true ? "Asked to be allowed" : "Asked a question";
      return { ...plain("question", title, textOf(data, "question")), tone: "warn" };
    }
    case "human_input_received":
      return plain(
        "check",
        data.byDefault === true ? "Nobody answered, so it took" : "Was answered",
        textOf(data, "response"),
      );
    case "error": {
      return error(data);
    }
    case "checkpoint":
      return data.paused === true
        ? plain("pause", "Was paused", null)
        : plain("clock", "Noted how far it is", null);
    case "execution_complete":
      return end(data);
    default:
      return plain("more", humanize(type), null);
  }
}

function error(data: Data): StepWords {
  const message = textOf(data, "message");
  const { title } = failureWords({
    code: textOf(data, "code") ?? "",
    message: message ?? "Something went wrong",
  });
  const isTriedAgain = data.retry === true;
  const told = plain(
    "warning",
    isTriedAgain ? `${title}; it tries again` : title,
    message && sentence(message),
  );
  return { ...told, tone: isTriedAgain ? "warn" : "danger" };
}

function plain(icon: IconName, title: string, detail: string | null): StepWords {
  return { icon, title, detail, tone: "plain" };
}

function toolsWords({ tools }: Data): string | null {
  return Array.isArray(tools) && tools.length > 0 ? `with ${plural(tools.length, "tool")}` : null;
}

function decision(data: Data): StepWords {
  const name = textOf(data, "decision") ?? "";
  const known = DECISIONS[name];
  if (!known) return plain("tasks", humanize(name || "Decided"), null);
  const tone = name === "unfinished" ? "warn" : "plain";
  return { icon: known.icon, title: known.title, detail: known.detail(data), tone };
}

/** Whether a step is a call of a model that was never answered. */
export function isUnanswered({ type, data, durationMs, tokensOut }: TraceEvent): boolean {
  return type === "llm_call" && durationMs !== null && data.finish === "cut_off" && !tokensOut;
}

function call(event: TraceEvent): StepWords {
  const { data, durationMs } = event;
  const phase = textOf(data, "phase") ?? "";
  if (isUnanswered(event)) return plain("spark", "Asked the model, which gave no answer", null);
  const title = durationMs === null ? "Is thinking" : (CALLS[phase] ?? "Asked the model");
  return plain("spark", title, firstLine(data.responseSummary) ?? wantedTools(data));
}

function wantedTools({ toolCalls }: Data): string | null {
  if (!Array.isArray(toolCalls)) return null;
  const names = toolCalls.flatMap((call: unknown) => {
    const name = typeof call === "object" && call !== null ? (call as Data).name : null;
    return typeof name === "string" ? [humanize(name).toLowerCase()] : [];
  });
  return names.length > 0 ? `wants to ${names.join(", ")}` : null;
}

function tool({ data }: TraceEvent): StepWords {
  const name = textOf(data, "tool") ?? "a tool";
  const known = TOOLS[name];
  const detail = known?.argument ? textOf(recordOf(data, "arguments"), known.argument) : null;
  const title = known?.done ?? `Used ${humanize(name).toLowerCase()}`;
  const icon = known?.icon ?? "settings";
  const error = recordOf(data, "error");
  const message = textOf(error, "message");
  if (error.code === "NOT_APPROVED") {
    return { ...plain(icon, `${title}: it was not allowed`, detail ?? message), tone: "warn" };
  }
  if (message) return { ...plain(icon, `${title}: it did not work`, message), tone: "danger" };
  const { proposed } = recordOf(data, "result");
  if (Array.isArray(proposed)) return plain(icon, `Proposed ${plural(proposed.length, "edit")}`, detail);
  return plain(icon, title, detail);
}

function end(data: Data): StepWords {
  const status = textOf(data, "status");
  if (status === "failed") return { ...plain("warning", "Failed", null), tone: "danger" };
  if (status === "cancelled") return plain("stop", "Was cancelled", null);
  return { ...plain("check", "Done", null), tone: "good" };
}

const NODE_KEYS = ["subnode_id", "node_id", "nodeId"] as const;

/** The node that a step made or read, if it names one. */
export function nodeOf({ data }: TraceEvent): string | null {
  for (const part of [recordOf(data, "result"), recordOf(data, "arguments")]) {
    const id = NODE_KEYS.map((key) => textOf(part, key)).find(Boolean);
    if (id && /^[0-9a-f-]{36}$/.test(id)) return id;
  }
  return null;
}

const WRITING_TOOLS: ReadonlySet<unknown> = new Set(["add_output", "edit_body"]);

/** Whether a step may have written into the node's document, as far as one can say without looking there. */
export function mayWrite({ type, data }: TraceEvent): boolean {
  if (type === "llm_call") return data.phase === "execute" || data.phase === "finalize";
  return type === "tool_call" && WRITING_TOOLS.has(data.tool);
}
