#!/usr/bin/env python3
"""Makes the first corpus of every fuzz target from the fixtures of the tests and from what is kept: fuzz/corpus/<target>/*."""

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT / "fuzz" / "corpus"
KEPT = ROOT / "fuzz" / "kept"
UPDATES = sorted((ROOT / "schema/tests/fixtures").glob("*.update"))
RICH_TEXT = sorted((ROOT / "schema/tests/fixtures/rich_text").glob("*.bin"))
VECTORS = ROOT / "web-protocol/vectors"

MARKDOWN = {
    "blocks": "# Title\n\n- one\n  - two\n\n3. a\n4. b\n\n- [x] done\n\n> quoted\n\n```js\nlet x\n```\n\n---\n",
    "marks": "**bold _both_** ~~struck~~ <u>under</u> `code` [link](https://a.example/ \"T\")\\\n![alt](i.png)",
    "table": "| a | b |\n| --- | :-: |\n| 1 \\| 2 | `x` |\n",
}

# The steps of the target `room`: what one byte says.
LIVE, FORGED, STEP_1, AWARENESS, HONEST_EDIT, COMMIT, TICK, LAG, RELOAD, COME_BACK = 0, 4, 8, 9, 10, 11, 12, 13, 14, 15
STEP_2, SECOND = 0x40, 0x80

# The same for the target `sessions`; the upper half of the byte says on which socket.
OPEN, TEXT, BINARY, BODY, JOIN, ASK, EDIT, UPDATE, STEP2, STATES, STATE, LEAVE, SETTLE, RAW, GONE = (*range(13), 14, 15)
YJS, WS, HOCUSPOCUS = range(3)
ANN, BOB, EVE, NOBODY, FORGED_TOKEN = (who << 2 for who in range(5))
SESSIONS = {
    "ws": [OPEN, WS | ANN, JOIN, 0, SETTLE, ASK, EDIT, 0, EDIT, 4, SETTLE, EDIT, 1, LEAVE, 0, SETTLE, EDIT, 0],
    "ws-watch": [OPEN, WS | BOB, JOIN, 0x80, SETTLE, TEXT, (b'{"type":"presence","payload":{"nodeId":"x","action":"idle"}}')],
    "ws-reader": [OPEN, WS | BOB, JOIN, 0, SETTLE, ASK, EDIT, 0, EDIT, 1, SETTLE],
    "ws-stranger": [OPEN, WS | EVE, JOIN, 0, JOIN, 1, JOIN, 2, SETTLE, OPEN, WS | NOBODY, OPEN, WS | FORGED_TOKEN],
    "ws-text": [OPEN, WS | ANN, TEXT, b'{"type":"subscribe","payload":{"channel":"$0","sync":{"epoch":7,"capabilities":[]}}}',
                TEXT, b'{"type":"unsubscribe","payload":{"channel":"$0"},"requestId":"1"}', TEXT, b'{"type":"token","payload":{"token":"$b"}}'],
    "yjs": [OPEN, YJS | ANN, JOIN, 0, EDIT, 0, EDIT, 1, STATE, b'{"a":1}', SETTLE, LEAVE, 0, SETTLE],
    "yjs-scratch": [OPEN, YJS | NOBODY | 1 << 5, JOIN, 0, EDIT, 0, UPDATE, b"\0\0", STEP2, b"\0\0", SETTLE, RAW, b"\x82\x00"],
    "hocuspocus": [OPEN, HOCUSPOCUS, JOIN, 0, ASK, EDIT, 1, EDIT, 0, SETTLE, EDIT, 2, ASK, EDIT, 1, SETTLE, LEAVE, 0, JOIN, 0, SETTLE],
    "hocuspocus-two": [OPEN, HOCUSPOCUS, JOIN, 0x10, JOIN, 0x80, ASK, EDIT, 0, JOIN, 2, EDIT, 0, SETTLE, BODY, 0, b"\5\1x", BODY, 0, b"\x06\1x"],
    "hocuspocus-waiting": [OPEN, HOCUSPOCUS, ASK, EDIT, 0, EDIT, 2, STATE, b"{}", JOIN, 0x20, EDIT, 0, JOIN, 0, SETTLE],
    "all": [OPEN, YJS, OPEN, WS, OPEN, HOCUSPOCUS, JOIN | 0x10, 0, JOIN | 0x20, 0, SETTLE, EDIT, 0, EDIT | 0x10, 1, EDIT | 0x20, 0,
            SETTLE, SETTLE | 0x10, SETTLE | 0x20, GONE],
}


def seed(target: str, name: str, content: bytes) -> None:
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def chunk(content: bytes) -> bytes:
    return len(content).to_bytes(2, "little") + content


def vectors(name: str) -> list[dict]:
    return json.loads((VECTORS / name).read_text())


def main() -> None:
    for number, vector in enumerate(vectors("frames.json") + vectors("malformed.json")):
        frame = bytes.fromhex(vector["hex"])
        seed("frame", f"vector-{number}", frame)
        seed("y_websocket", f"vector-{number}", b"\0" + frame[1:])
        if vector.get("type") == "awareness" and "body" in vector:
            states = bytes.fromhex(vector["body"])
            seed("awareness", f"vector-{number}", states)
            seed("room", f"awareness-{number}", bytes([AWARENESS]) + chunk(states) + bytes([TICK, 9]))
    for number, vector in enumerate(vectors("hocuspocus.json") + vectors("hocuspocus-malformed.json")):
        seed("hocuspocus", f"vector-{number}", bytes.fromhex(vector["hex"]))
    for number, vector in enumerate(vectors("messages.json")):
        seed("control", f"vector-{number}", json.dumps(vector["message"]).encode())
    for path in UPDATES + RICH_TEXT:
        update = path.read_bytes()
        seed("update_inspect", path.stem, update)
        seed("markdown", path.stem, b"!" + update)
        seed("document_views", path.stem, chunk(update))
        seed("room", path.stem, bytes([LIVE]) + chunk(update) + bytes([HONEST_EDIT, 0, COMMIT, RELOAD]))
        seed("room", f"{path.stem}-step2", bytes([STEP_2 | SECOND]) + chunk(update) + bytes([LAG, HONEST_EDIT, 3]))
    seed("room", "forged", bytes([FORGED, *range(60), FORGED | SECOND, *range(90, 20, -1), COMMIT, STEP_1]) + chunk(b"\0"))
    seed("room", "come-back", bytes([COME_BACK, TICK, 1, LAG, FORGED, *range(0, 120, 3), LAG, HONEST_EDIT, 1]))
    for name, steps in SESSIONS.items():
        seed("sessions", name, b"".join(chunk(step) if isinstance(step, bytes) else bytes([step]) for step in steps))
    for path in KEPT.glob("*.hex"):
        for number, digits in enumerate(path.read_text().split("\n")[:-1]):
            seed(path.stem, f"kept-{number}", bytes.fromhex(digits))
    for name, text in MARKDOWN.items():
        seed("markdown", name, text.encode())
        seed("stream", name, bytes([40, 80, 120, 160, 200, 240]) + text.encode())


if __name__ == "__main__":
    main()
