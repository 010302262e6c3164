#!/usr/bin/env python3
"""Packs what is worth keeping of the corpus of each fuzz target into fuzz/kept/<target>.hex, one input a line.

Run it after fuzzing, with the targets built: libFuzzer picks the fewest inputs that reach all that the corpus reaches
(its merge by set cover); of those the small ones are kept, up to a bound for each target. What is kept is run by the
tests (sync-server/tests/corpus.rs), and put back into the corpus by seeds.py.

usage: fuzz/keep.py FOLDER_OF_THE_BUILT_TARGETS [TARGET…]
"""

import subprocess
import sys
import tempfile
from pathlib import Path

FUZZ = Path(__file__).resolve().parent
INPUT_BYTES_MAX = 1024
TARGET_BYTES_MAX = 24 * 1024


def chosen(program: Path, corpus: Path) -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "-set_cover_merge=1", f"-max_len={INPUT_BYTES_MAX}", folder, corpus]
        subprocess.run(command, check=True, capture_output=True)
        return sorted((path.read_bytes() for path in Path(folder).iterdir()), key=lambda it: (len(it), it))


def main() -> None:
    programs = Path(sys.argv[1])
    targets = sys.argv[2:] or sorted(path.stem for path in (FUZZ / "fuzz_targets").glob("*.rs"))
    for target in targets:
        kept, used = [], 0
        for content in chosen(programs / target, FUZZ / "corpus" / target):
            used += len(content)
            if used > TARGET_BYTES_MAX:
                break
            kept.append(content)
        path = FUZZ / "kept" / f"{target}.hex"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(f"{content.hex()}\n" for content in kept))
        print(f"{target}: {len(kept)} inputs, {sum(map(len, kept))} bytes")


if __name__ == "__main__":
    main()
