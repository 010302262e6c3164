# Reads how many tests passed and failed from what a test runner printed.
# Each function reads standard input and prints "PASSED FAILED".

without_colours() { LC_ALL=C sed $'s/\033\\[[0-9;]*m//g'; }

# "Summary [ 1.2s] 5 tests run: 3 passed (1 slow), 1 failed, 1 timed out, 2 skipped"
count_nextest() {
  without_colours | awk '
    /Summary \[.*\] .*tests? run:/ {
      sub(/.*tests? run: */, ""); gsub(/\([^)]*\)/, "")
      n = split($0, parts, ",")
      for (i = 1; i <= n; i++) {
        split(parts[i], words, " ")
        if (words[2] == "passed") passed += words[1]
        else if (words[2] != "skipped") failed += words[1]
      }
    }
    END { print passed + 0, failed + 0 }'
}

# "test result: FAILED. 3 passed; 1 failed; 0 ignored; …", once for each test program
count_cargo() {
  without_colours | awk '
    /^test result: / {
      for (i = 2; i <= NF; i++) {
        if ($i == "passed;") passed += $(i - 1)
        if ($i == "failed;") failed += $(i - 1)
      }
    }
    END { print passed + 0, failed + 0 }'
}

# "      Tests  1 failed | 4 passed | 1 skipped (6)"
count_vitest() {
  without_colours | awk '
    $1 == "Tests" {
      for (i = 3; i <= NF; i++) {
        if ($i == "passed") passed += $(i - 1)
        if ($i == "failed") failed += $(i - 1)
      }
    }
    END { print passed + 0, failed + 0 }'
}

# A line each: "  4 passed (3.2s)", "  1 failed", "  1 flaky", "  2 did not run".
# What passes only at the second attempt has failed.
count_playwright() {
  without_colours | awk '
    /^ *[0-9]+ (passed|failed|flaky|interrupted|did not run)/ {
      if ($2 == "passed") passed += $1
      else failed += $1
    }
    END { print passed + 0, failed + 0 }'
}

# "     ✅ 12 passed  ❌  3 failed  ⏭  1 skipped", once for each phase
count_schemathesis() {
  without_colours | awk '
    / (passed|failed)/ {
      for (i = 2; i <= NF; i++) {
        if ($i == "passed") passed += $(i - 1)
        if ($i == "failed") failed += $(i - 1)
      }
    }
    END { print passed + 0, failed + 0 }'
}
