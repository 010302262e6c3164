/** What to do after the server closed the socket (SPEC.md, "Close codes"). */
export type Comeback = "with-backoff" | "with-a-new-token" | "never";

/** The code of an answer to bytes that break the protocol. */
export const MALFORMED_FRAME = 4400;

const COMEBACKS: ReadonlyMap<number, Comeback> = new Map([
  [1009, "never"],
  [1011, "with-backoff"],
  [1012, "with-backoff"],
  [1013, "with-backoff"],
  [MALFORMED_FRAME, "never"],
  [4401, "with-a-new-token"],
  [4403, "never"],
  [4404, "never"],
  [4501, "with-a-new-token"],
  [4508, "with-backoff"],
  [4529, "with-backoff"],
]);

/** Codes outside the table are those of a lost network (1005, 1006), of proxies and of browsers: come back. */
export function comeback(code: number): Comeback {
  return COMEBACKS.get(code) ?? "with-backoff";
}
