# What every ./dev command uses to speak: coloured only on a terminal, every long step timed.

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\033[1m' dim=$'\033[2m' red=$'\033[31m' green=$'\033[32m' yellow=$'\033[33m' plain=$'\033[0m'
else
  bold='' dim='' red='' green='' yellow='' plain=''
fi

note() { printf '%s%s%s\n' "$dim" "$*" "$plain"; }
warn() { printf '%s%s%s\n' "$yellow" "$*" "$plain" >&2; }
fail() { printf '%s%s%s\n' "$red" "$*" "$plain" >&2; }

# die WHAT_WENT_WRONG WHAT_TO_DO...
die() {
  fail "error: $1"
  shift
  if [ $# -gt 0 ]; then printf '  %s\n' "$@" >&2; fi
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

took() {
  local seconds=$((SECONDS - $1))
  if [ "$seconds" -ge 60 ]; then
    printf '%d min %d s' $((seconds / 60)) $((seconds % 60))
  else
    printf '%d s' "$seconds"
  fi
}

# step TITLE COMMAND...: says what is done, does it, says how long it took.
# The command runs as a condition, where `set -e` does not hold: a function given to it
# chains its commands with && or returns by itself.
step() {
  local title=$1 start=$SECONDS status=0
  shift
  printf '%s▸ %s%s\n' "$bold" "$title" "$plain"
  "$@" || status=$?
  if [ "$status" -eq 0 ]; then
    printf '%s✓ %s%s %s(%s)%s\n' "$green" "$title" "$plain" "$dim" "$(took "$start")" "$plain"
  else
    fail "✗ $title failed with exit code $status ($(took "$start"))"
  fi
  return "$status"
}

# retry COMMAND...: three attempts, for downloads.
retry() {
  local attempt
  for attempt in 1 2 3; do
    if "$@"; then return 0; fi
    if [ "$attempt" -lt 3 ]; then
      warn "attempt $attempt of 3 failed: $*"
      sleep $((attempt * 5))
    fi
  done
  return 1
}

sha256() { # standard input → hex
  if has sha256sum; then sha256sum | cut -d ' ' -f 1; else shasum -a 256 | cut -d ' ' -f 1; fi
}
