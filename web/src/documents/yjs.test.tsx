import { act, render, screen } from "@testing-library/react";
import { useMemo } from "react";
import { expect, it } from "vitest";
import * as Y from "yjs";
import { useStore } from "../lib/external-store";
import { sharedStore, useMapText } from "./yjs";

it("renders a map's value, and again only when that key changes", () => {
  const map = new Y.Doc().getMap<unknown>("m");
  let renders = 0;
  function Title() {
    renders += 1;
    return <p>{useMapText(map, "title", "none")}</p>;
  }
  render(<Title />);
  expect(screen.getByText("none")).toBeTruthy();
  act(() => void map.set("title", "Plan"));
  expect(screen.getByText("Plan")).toBeTruthy();
  const before = renders;
  act(() => void map.set("x", 5));
  expect(renders).toBe(before);
});

it("shows a change that happened between rendering and subscribing", () => {
  const map = new Y.Doc().getMap<unknown>("m");
  function Early() {
    useMemo(() => map.set("title", "set while rendering"), []);
    return null;
  }
  function Title() {
    return <p>{useMapText(map, "title")}</p>;
  }
  render(
    <>
      <Title />
      <Early />
    </>,
  );
  expect(screen.getByText("set while rendering")).toBeTruthy();
});

it("stops observing when nothing is shown any more", () => {
  const map = new Y.Doc().getMap<unknown>("m");
  const store = sharedStore(map, (shared) => shared.toJSON(), { deep: true });
  function Shown() {
    return <p>{Object.keys(useStore(store)).join()}</p>;
  }
  const { unmount } = render(<Shown />);
  expect(map._dEH.l).toHaveLength(1);
  unmount();
  expect(map._dEH.l).toHaveLength(0);
});
