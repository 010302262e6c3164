import { expect, describe as group, it } from "vitest";
import { type DocumentState, describe } from "./describe";

const calm: DocumentState = {
  state: "saved",
  unconfirmed: 0,
  access: "write",
  synced: true,
  refusal: null,
  error: null,
};
const saying = (
  connection: Parameters<typeof describe>[0]["connection"],
  ...documents: Partial<DocumentState>[]
) => describe({ connection, documents: documents.map((document) => ({ ...calm, ...document })) }).text;

group("the state line", () => {
  it("says Saved only when every document is saved and synced", () => {
    expect(saying("connected", {}, {})).toBe("Saved");
    expect(saying("connected", {}, { synced: false })).toBe("Catching up…");
    expect(saying("connected", {}, { state: "saving" })).toBe("Saving…");
    expect(saying("connected", {}, { state: "offline" })).toBe("Catching up…");
  });

  it("never says Saved while an edit is unconfirmed, whatever the state is called", () => {
    for (const state of ["saved", "saving", "offline", "behind", "refused", "read-only"] as const) {
      expect(saying("connected", { state, unconfirmed: 1 })).not.toMatch(/^(Saved|View only)$/);
    }
  });

  it("adds up what all documents have to save", () => {
    expect(
      saying("connected", { state: "saving", unconfirmed: 2 }, { state: "saving", unconfirmed: 1 }),
    ).toBe("Saving 3…");
  });

  it("counts what is kept on this device while there is no connection", () => {
    expect(saying("offline", { state: "offline", unconfirmed: 12 })).toBe(
      "Offline, 12 edits kept on this device",
    );
    expect(saying("offline", { state: "offline", unconfirmed: 1 })).toBe(
      "Offline, 1 edit kept on this device",
    );
    expect(saying("offline", { state: "offline" })).toBe("Offline");
    expect(saying("reconnecting", { state: "offline" })).toBe("Reconnecting");
    expect(saying("reconnecting", { state: "offline", unconfirmed: 2 })).toBe(
      "Reconnecting, 2 edits kept on this device",
    );
    expect(saying("unauthorized", { state: "offline", unconfirmed: 2 })).toBe(
      "Signed out, 2 edits kept on this device",
    );
  });

  it("does not claim a copy on the device that the browser could not keep", () => {
    const error = { code: "LOCAL_COPY_FAILED", message: "No storage", retry: false };
    expect(saying("offline", { state: "offline", unconfirmed: 2, error })).toBe(
      "Offline, 2 edits only in this tab, keep it open",
    );
    expect(saying("connected", { state: "behind", unconfirmed: 2, error })).toBe(
      "Saving is behind, your edits are in this tab, keep it open",
    );
    expect(saying("connected", { error })).toBe("Saved");
  });

  it("says that saving is behind before it counts", () => {
    expect(
      saying("connected", { state: "behind", unconfirmed: 40 }, { state: "saving", unconfirmed: 1 }),
    ).toBe("Saving is behind, your edits are safe here");
  });

  it("gives the reason of a refusal, and puts it before everything else", () => {
    const refusal = { code: "UPDATE_TOO_LARGE", message: "the update is larger than 16 MiB" };
    expect(saying("offline", { state: "refused", unconfirmed: 1, refusal }, { unconfirmed: 3 })).toBe(
      "1 edit not accepted, kept on this device. The update is larger than 16 MiB.",
    );
    expect(saying("connected", { state: "read-only", access: "read", unconfirmed: 2 })).toBe(
      "2 edits not accepted, kept on this device. You may only view this.",
    );
  });

  it("says View only where edits are not mine to make", () => {
    expect(saying("connected", { state: "read-only", access: "read" })).toBe("View only");
  });

  it("says why a document cannot be opened", () => {
    const error = { code: "NOT_FOUND", message: "no such document", retry: false };
    expect(saying("connected", { state: "offline", synced: false, access: null, error })).toBe(
      "Not opened. No such document.",
    );
  });

  it("says nothing while nothing is open", () => {
    expect(saying("connected")).toBe("");
  });
});
