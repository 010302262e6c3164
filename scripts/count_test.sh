#!/usr/bin/env bash
# Tests that scripts/count.sh reads each runner's summary right.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/count.sh

wrong=0

expect() { # RUNNER "PASSED FAILED" OUTPUT
  local counted
  counted=$(printf '%b\n' "$3" | "count_$1")
  if [ "$counted" != "$2" ]; then
    printf 'count_%s read "%s" instead of "%s" from:\n%s\n' "$1" "$counted" "$2" "$3" >&2
    wrong=1
  fi
}

expect nextest "5 0" '     Summary [   0.123s] 5 tests run: 5 passed, 2 skipped'
expect nextest "1 0" '     Summary [   0.123s] 1 test run: 1 passed, 0 skipped'
expect nextest "7 3" '     Summary [  12.100s] 10/12 tests run: 7 passed (2 slow, 1 leaky), 1 failed, 1 timed out, 1 exec failed, 0 skipped'
expect nextest "4 1" '\033[31;1m     Summary\033[0m [   1.0s] \033[1m5\033[0m tests run: \033[1m4\033[0m \033[32;1mpassed\033[0m, \033[1m1\033[0m \033[31;1mfailed\033[0m, \033[1m0\033[0m \033[33;1mskipped\033[0m'
expect nextest "0 0" 'error: could not compile `schema` (lib)'
expect cargo "12 1" 'test result: ok. 8 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.0s\ntest result: FAILED. 4 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s'
expect vitest "6 0" ' Test Files  2 passed (2)\n      Tests  6 passed (6)\n   Start at  10:00:00'
expect vitest "4 2" ' Test Files  1 failed | 1 passed (2)\n      Tests  2 failed | 4 passed | 1 skipped (7)'
expect vitest "4 0" '\033[2m      Tests \033[22m \033[1m\033[32m4 passed\033[39m\033[22m\033[90m (4)\033[39m'
expect playwright "4 0" 'Running 4 tests using 2 workers\n  4 passed (3.2s)'
expect playwright "5 4" '  1 failed\n    [chromium] › a.spec.ts:3:1 › opens\n  1 flaky\n  2 did not run\n  1 skipped\n  5 passed (1.1m)'

expect schemathesis "16 3" ' ❌  Coverage (in 2.69s)\n     ✅ 12 passed  ❌  3 failed  ⏭  1 skipped\n ✅  Fuzzing\n     ✅  4 passed'

exit "$wrong"
