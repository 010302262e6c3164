import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import type { Question } from "../api/executions";
import {
  CanEditContext,
  CanManageContext,
  type CanvasScope,
  CanvasScopeContext,
} from "../canvas/canvas-context";
import { aRun } from "./fixtures";
import { QuestionCard } from "./question-card";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const QUESTION: Question = {
  id: "q",
  question: "Which tone?",
  options: ["Plain", "Festive"],
  context: null,
  approval: false,
  askedAt: "2026-11-21T12:00:00Z",
  expiresAt: null,
  default: null,
};

function show(question: Question, who: { userId: string; canEdit: boolean; canManage?: boolean }) {
  const run = aRun({ status: "awaiting_input", question });
  const scope = { userId: who.userId } as CanvasScope;
  render(
    <QueryClientProvider client={new QueryClient()}>
      <CanvasScopeContext value={scope}>
        <CanManageContext value={who.canManage ?? false}>
          <CanEditContext value={who.canEdit}>
            <QuestionCard run={run} />
          </CanEditContext>
        </CanManageContext>
      </CanvasScopeContext>
    </QueryClientProvider>,
  );
}

it("answers with what was chosen", async () => {
  const sent: unknown[] = [];
  vi.stubGlobal("fetch", async (url: string, { body }: RequestInit) => {
    sent.push([url, JSON.parse(String(body))]);
    return Response.json(aRun());
  });
  show(QUESTION, { userId: "ben", canEdit: true });
  fireEvent.click(screen.getByRole("button", { name: "Festive" }));
  await waitFor(() => expect(sent).toHaveLength(1));
  expect(sent).toEqual([["/api/v1/executions/run/input", { questionId: "q", response: "Festive" }]]);
});

it("lets nobody answer who may not edit", () => {
  show(QUESTION, { userId: "ben", canEdit: false });
  expect(screen.getByText("Which tone?")).toBeTruthy();
  expect(screen.queryByRole("button")).toBeNull();
});

it("leaves it to who asked for the run, and to admins, to allow something", () => {
  const approval = { ...QUESTION, approval: true };
  show(approval, { userId: "ben", canEdit: true });
  expect(screen.queryByRole("button", { name: "Plain" })).toBeNull();
  cleanup();
  show(approval, { userId: "ada", canEdit: true });
  expect(screen.getByRole("button", { name: "Plain" })).toBeTruthy();
  expect(screen.queryByRole("textbox")).toBeNull();
  cleanup();
  show(approval, { userId: "ben", canEdit: true, canManage: true });
  expect(screen.getByRole("button", { name: "Plain" })).toBeTruthy();
});
