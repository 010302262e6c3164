import { beforeEach, describe, expect, it, vi } from "vitest";
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from "y-protocols/awareness";
import * as Y from "yjs";
import { CanvasPresence } from "./canvas-presence";

const ADA = { id: "ada", name: "Ada", color: "#c2255c", kind: "human" };
const BOT = { id: "bot", name: "Bot", color: "#1971c2", kind: "agent" };
let mine: Awareness;
let presence: CanvasPresence;

beforeEach(() => {
  mine = new Awareness(new Y.Doc());
  presence = new CanvasPresence(mine);
});

/** Lets somebody else publish a state. */
function arrive(state: Record<string, unknown>): Awareness {
  const theirs = new Awareness(new Y.Doc());
  theirs.setLocalState(state);
  applyAwarenessUpdate(mine, encodeAwarenessUpdate(theirs, [theirs.clientID]), null);
  return theirs;
}

describe("presence on a canvas", () => {
  it("shows a person once, however many windows they have open", () => {
    arrive({ user: ADA });
    arrive({ user: ADA });
    arrive({ user: BOT });
    expect(presence.people.get().map(({ name }) => name)).toEqual(["Ada", "Bot"]);
  });

  it("ignores states without an identity and members of the wrong type", () => {
    arrive({ pointer: { x: 1, y: 1 } });
    arrive({ user: ADA, pointer: { x: "1" }, selection: [1, "n"], viewing: 5 });
    expect(presence.peers.get()).toMatchObject([{ pointer: null, selection: ["n"], viewing: null }]);
  });

  it("tells people apart who have the same colour, and shows each the same in all their windows", () => {
    for (const id of ["b", "a", "c", "a", "d"]) arrive({ user: { ...ADA, id, name: id } });
    arrive({ user: BOT });
    expect(presence.people.get().map(({ id, look }) => [id, look])).toEqual([
      ["a", "filled"],
      ["b", "outlined"],
      ["bot", "filled"],
      ["c", "dashed"],
      ["d", "dashed"],
    ]);
    const looks = presence.peers.get().filter(({ person }) => person.id === "a");
    expect(looks.map(({ person }) => person.look)).toEqual(["filled", "filled"]);
  });

  it("shows an agent inside the node that it works on, with what it does there", () => {
    arrive({ user: BOT, node: "n1", activity: "writing" });
    arrive({ user: ADA, viewing: "n1", activity: "writing" });
    expect(presence.facesOf("n1").get()).toMatchObject([
      { name: "Ada" },
      { name: "Bot", activity: "writing" },
    ]);
    expect(presence.facesOf("n1").get()[0]?.activity).toBeUndefined();
  });

  it("does not let a colour be more than a colour", () => {
    arrive({ user: { ...ADA, color: "red;background:url(//evil)" } });
    expect(presence.people.get()[0]?.color).toBe("#6b7280");
  });

  it("tells a card about its own node only, and only when that changes", () => {
    const rendered = vi.fn();
    const faces = presence.facesOf("n1");
    faces.subscribe(rendered);
    const ada = arrive({ user: ADA, viewing: "n1" });
    const before = faces.get();
    expect(before.map(({ name }) => name)).toEqual(["Ada"]);
    ada.setLocalStateField("pointer", { x: 3, y: 4 });
    applyAwarenessUpdate(mine, encodeAwarenessUpdate(ada, [ada.clientID]), null);
    expect(faces.get()).toBe(before);
    expect(presence.facesOf("n2").get()).toEqual([]);
  });

  it("publishes at most once a tick, with the last of each", () => {
    vi.useFakeTimers();
    const published = vi.fn();
    mine.on("update", published);
    for (let x = 0; x < 20; x += 1) presence.publish({ pointer: { x, y: 0 } });
    presence.publish({ viewing: "n1" });
    vi.advanceTimersByTime(60);
    expect(published).toHaveBeenCalledTimes(1);
    expect(mine.getLocalState()).toEqual({ pointer: { x: 19, y: 0 }, viewing: "n1" });
    vi.useRealTimers();
  });
});
