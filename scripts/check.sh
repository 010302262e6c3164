# ./dev check

check_help() {
  cat <<'HELP'
Usage: ./dev check [--deny]

Everything that is checked without running the tests: formatting, lints, types, dependencies and
the walls between the crates. All checks run; the last line names those that failed.

Options:
  --deny   install cargo-deny when it is missing (takes some minutes) and also ask for security
           advisories, which needs the network

Examples:
  ./dev check
  ./dev check --deny
  cargo fmt && npx biome check --write     repairs most of what it finds
HELP
}

failed_checks=''

check() { # TITLE COMMAND...
  step "$@" || failed_checks="$failed_checks, $1"
}

require_lint_tools() {
  { cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1 && return
  die "rustfmt or clippy is not installed." "Run: rustup component add rustfmt clippy"
}

check_scripts() {
  local script
  for script in dev .ci/run scripts/*.sh; do
    bash -n "$script" || return
  done
  if has shellcheck; then shellcheck dev .ci/run scripts/*.sh || return; fi
  bash scripts/count_test.sh
}

check_formatting() {
  if [ -n "$plain" ]; then cargo fmt --all --check; else cargo fmt --all --check -- --color never; fi
}

check_types() {
  local workspace
  for workspace in web-protocol/client web tests; do
    # A workspace without sources has no settings for the compiler yet.
    if [ -e "$workspace/tsconfig.json" ]; then npm run --silent typecheck -w "$workspace" || return; fi
  done
}

find_deny() {
  if [ -x .dev/tools/bin/cargo-deny ]; then echo "$root/.dev/tools/bin/cargo-deny"; else command -v cargo-deny; fi
}

install_deny() { retry cargo install cargo-deny --locked --root .dev/tools; }

check_dependencies() { # WITH_ADVISORIES
  local deny
  if [ -n "$1" ] && ! find_deny >/dev/null; then step "Installing cargo-deny" install_deny || return; fi
  if ! deny=$(find_deny); then
    note "Skipped: cargo-deny is not installed (./dev check --deny installs it)."
    return 0
  fi
  "$deny" --locked check bans licenses sources || return
  if [ -n "$1" ]; then "$deny" --locked check advisories || return; fi
}

run_checks() {
  local with_advisories=''
  case ${1:-} in
    '') ;;
    --deny) with_advisories=yes ;;
    *) die "./dev check does not know '$1'." "See ./dev check --help" ;;
  esac
  require_cargo
  require_lint_tools
  require_node
  npm_packages
  unset DATABASE_URL
  export SQLX_OFFLINE=true

  check "Scripts" check_scripts
  check "Rust formatting" check_formatting
  check "TypeScript formatting and lints" npx --no-install biome check web web-protocol/client tests
  check "The SDK and the studio build" build_studio
  check "Types" check_types
  check "Dependencies" check_dependencies "$with_advisories"
  check "Rust lints" cargo clippy --workspace --all-targets --locked --keep-going
  # The same selection as ./dev test's, so that both share what they compile.
  check "Walls" cargo test --workspace --locked --test walls

  if [ -n "$failed_checks" ]; then
    fail "Failed: ${failed_checks#, }"
    return 1
  fi
  printf '%sAll checks passed.%s\n' "$green" "$plain"
}
