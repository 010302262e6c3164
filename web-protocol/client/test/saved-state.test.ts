import { describe, expect, test } from "vitest";

import { INITIAL, MAX_FRAMES_IN_FLIGHT, reduce, type SavedEvent, savedStateOf } from "../src/saved-state.js";

const edited: SavedEvent = { type: "edited" };
const attached: SavedEvent = { type: "attached", access: "write" };
const detached: SavedEvent = { type: "detached" };
const answered = (frame: number): SavedEvent => ({ type: "answered", frame });
const sent = (frame: number, edits = 1): SavedEvent => ({ type: "sent", frame, edits });
const receipt = (through: number): SavedEvent => ({ type: "receipt", through });
const forGood = { code: "UNSUPPORTED_CONTENT", message: "no", retry: false };
const forNow = { code: "SAVING_BEHIND", message: "later", retry: true };

function outcome(...events: SavedEvent[]): [string, number] {
  const { state, unconfirmed } = savedStateOf(events.reduce(reduce, INITIAL));
  return [state, unconfirmed];
}

describe("G14: saved", () => {
  test("only when the receipt covers the step 2 and every update", () => {
    expect(outcome()).toEqual(["offline", 0]);
    expect(outcome(attached)).toEqual(["saving", 0]);
    expect(outcome(attached, answered(1))).toEqual(["saving", 0]);
    expect(outcome(attached, answered(1), receipt(1))).toEqual(["saved", 0]);
    expect(outcome(attached, answered(1), receipt(1), edited)).toEqual(["saving", 1]);
    expect(outcome(attached, answered(1), receipt(1), edited, sent(2))).toEqual(["saving", 1]);
    expect(outcome(attached, answered(1), receipt(1), edited, sent(2), receipt(2))).toEqual(["saved", 0]);
  });

  test("G13: a receipt is cumulative, and may skip numbers", () => {
    const busy = [attached, answered(1), edited, edited, sent(2, 2), edited, sent(3)];
    expect(outcome(...busy)).toEqual(["saving", 3]);
    expect(outcome(...busy, receipt(2))).toEqual(["saving", 1]);
    expect(outcome(...busy, receipt(3))).toEqual(["saved", 0]);
    expect(outcome(...busy, receipt(3), receipt(1))).toEqual(["saved", 0]);
  });
});

describe("G12: an answer in pieces", () => {
  const answering: SavedEvent = { type: "answering" };
  const begun = [edited, edited, attached, answering];

  test("is saved with its last piece, and what was edited meanwhile after it", () => {
    expect(outcome(...begun)).toEqual(["saving", 2]);
    expect(outcome(...begun, receipt(1), receipt(2))).toEqual(["saving", 2]);
    expect(outcome(...begun, answered(3), receipt(3))).toEqual(["saved", 0]);
    expect(outcome(...begun, edited, answered(3), receipt(3))).toEqual(["saving", 1]);
    expect(outcome(...begun, edited, answered(3), sent(4), receipt(4))).toEqual(["saved", 0]);
  });

  test("that is refused in part is refused", () => {
    const refused: SavedEvent = { type: "refused", frame: 2, cause: forGood };
    expect(outcome(...begun, refused)).toEqual(["refused", 2]);
    expect(outcome(...begun, edited, refused, receipt(2))).toEqual(["refused", 3]);
    expect(outcome(...begun, refused, detached, attached, answering, answered(2), receipt(2))).toEqual([
      "saved",
      0,
    ]);
  });

  test("that is cut off is part of the next", () => {
    expect(outcome(...begun, edited, detached)).toEqual(["offline", 3]);
    expect(outcome(...begun, edited, detached, attached, answered(1), receipt(1))).toEqual(["saved", 0]);
  });
});

describe("losing the connection", () => {
  test("what has no receipt is unconfirmed, and part of the next answer", () => {
    const lost = [attached, answered(1), receipt(1), edited, sent(2), detached];
    expect(outcome(...lost)).toEqual(["offline", 1]);
    expect(outcome(...lost, edited)).toEqual(["offline", 2]);
    expect(outcome(...lost, edited, attached)).toEqual(["saving", 2]);
    expect(outcome(...lost, edited, attached, answered(1))).toEqual(["saving", 2]);
    expect(outcome(...lost, edited, attached, answered(1), receipt(1))).toEqual(["saved", 0]);
  });

  test("edits after the answer wait for a receipt of their own", () => {
    expect(outcome(edited, attached, answered(1), edited, sent(2), receipt(1))).toEqual(["saving", 1]);
  });

  test("edits of an earlier life count", () => {
    expect(outcome({ type: "loaded", edits: 3 }, edited)).toEqual(["offline", 4]);
  });
});

describe("G15: refusals", () => {
  const refused = (frame: number, cause = forGood): SavedEvent => ({ type: "refused", frame, cause });
  const before = [attached, answered(1), receipt(1), edited, sent(2)];

  test("for good: refused, and the edit stays unconfirmed whatever receipt comes", () => {
    expect(outcome(...before, refused(2))).toEqual(["refused", 1]);
    expect(outcome(...before, refused(2), receipt(2))).toEqual(["refused", 1]);
    expect(outcome(...before, refused(2), detached)).toEqual(["refused", 1]);
    expect(savedStateOf([...before, refused(2)].reduce(reduce, INITIAL)).refusal).toEqual(forGood);
  });

  test("for good, and healed by an answer that the server takes", () => {
    const healing = [...before, refused(2), edited, answered(3)];
    expect(outcome(...healing)).toEqual(["refused", 2]);
    expect(outcome(...healing, refused(3))).toEqual(["refused", 2]);
    expect(outcome(...healing, receipt(3))).toEqual(["saved", 0]);
    expect(outcome(...before, refused(2), detached, attached, answered(1), receipt(1))).toEqual(["saved", 0]);
  });

  test("an answer that was sent before the refused one does not heal", () => {
    const later = [attached, answered(1), answered(2), refused(2), receipt(2)];
    expect(outcome(...later)).toEqual(["refused", 0]);
    expect(outcome(...later, answered(3), receipt(3))).toEqual(["saved", 0]);
  });

  test("a receipt of an update does not heal", () => {
    expect(outcome(...before, edited, sent(3), refused(2), receipt(3))).toEqual(["refused", 1]);
  });

  test("for now: behind, and offered again", () => {
    expect(outcome(...before, refused(2, forNow))).toEqual(["behind", 1]);
    expect(outcome(...before, refused(2, forNow), receipt(2))).toEqual(["behind", 1]);
    expect(outcome(...before, refused(2, forNow), answered(3), receipt(3))).toEqual(["saved", 0]);
    expect(outcome(...before, refused(2, forNow), detached)).toEqual(["offline", 1]);
  });

  test("an edit that is too large to be sent is refused here", () => {
    const withheld: SavedEvent = {
      type: "withheld",
      cause: { ...forGood, code: "UPDATE_TOO_LARGE" },
    };
    expect(outcome(attached, answered(1), receipt(1), edited, withheld)).toEqual(["refused", 1]);
    expect(outcome(edited, edited, attached, withheld)).toEqual(["refused", 2]);
    expect(outcome(edited, attached, { type: "answering" }, edited, withheld)).toEqual(["refused", 2]);
  });

  test("access that ended is refused until there is access again", () => {
    const ended: SavedEvent = {
      type: "ended",
      cause: { code: "ACCESS_ENDED", message: "gone", retry: false },
    };
    expect(outcome(...before, ended)).toEqual(["refused", 1]);
    expect(outcome(...before, ended, detached)).toEqual(["refused", 1]);
    expect(outcome(...before, ended, attached, answered(1), receipt(1))).toEqual(["saved", 0]);
  });
});

describe("other states", () => {
  test("read access is read-only, also when an edit was refused for it", () => {
    const reading: SavedEvent = { type: "attached", access: "read" };
    const readOnly = { code: "READ_ONLY", message: "no", retry: false };
    expect(outcome(reading, answered(1), receipt(1))).toEqual(["read-only", 0]);
    expect(outcome(edited, reading, answered(1), { type: "refused", frame: 1, cause: readOnly })).toEqual([
      "read-only",
      1,
    ]);
    expect(
      outcome(edited, reading, answered(1), { type: "refused", frame: 1, cause: readOnly }, detached),
    ).toEqual(["offline", 1]);
  });

  test("G18: behind is shown while an edit of ours waits", () => {
    const behind: SavedEvent = { type: "behind", behind: true };
    expect(outcome(attached, answered(1), receipt(1), behind)).toEqual(["saved", 0]);
    expect(outcome(attached, answered(1), receipt(1), behind, edited, sent(2))).toEqual(["behind", 1]);
    const resumed: SavedEvent = { type: "behind", behind: false };
    expect(outcome(attached, answered(1), receipt(1), behind, edited, sent(2), resumed)).toEqual([
      "saving",
      1,
    ]);
    expect(outcome(attached, answered(1), receipt(1), behind, detached)).toEqual(["offline", 0]);
  });

  test("what is remembered of frames in flight is bounded, and no edit is forgotten", () => {
    const count = MAX_FRAMES_IN_FLIGHT + 500;
    const events: SavedEvent[] = [attached, answered(1)];
    for (let frame = 2; frame < count + 2; frame++) events.push(edited, sent(frame));
    const model = events.reduce(reduce, INITIAL);
    expect(model.inFlight.length).toBe(MAX_FRAMES_IN_FLIGHT);
    expect(savedStateOf(model).unconfirmed).toBe(count);
    expect(savedStateOf(reduce(model, receipt(count + 1)))).toMatchObject({ state: "saved", unconfirmed: 0 });
  });
});
