# ./dev test

test_help() {
  cat <<'HELP'
Usage: ./dev test [--only PART[,PART…]]

Runs every test of the repository against one private Postgres, which is thrown away at the end.
The last line says "N passed, N failed"; the exit code is not zero when anything failed.

Parts:
  rust      unit and integration tests of the workspace (cargo-nextest when it is installed)
  doc       the examples in the documentation of the Rust code
  sdk       the TypeScript SDK
  studio    the browser app
  clients   stock clients and replays against the real server
  browser   people's paths in a real browser (needs Chromium)
  schemathesis   the REST interface against its own description (needs Python; not run unless asked for)
  web       the same as sdk,studio

Examples:
  ./dev test
  ./dev test --only rust
  ./dev test --only sdk,browser
  cargo test -p schema                 one crate that needs no database

Environment:
  GLASSBOX_TEST_DATABASE_URL   use this Postgres (a superuser's address) instead of a private one
  GLASSBOX_CHROMIUM            the Chromium to run the browser tests in
  GLASSBOX_TEST_REDIS_SERVER   the redis-server to run the tests of several instances with
  GLASSBOX_TEST_AWS_URL        use what answers there as AWS does instead of a private moto
HELP
}

passed=0
failed=0
failed_parts=''

# run_part NAME RUNNER COMMAND...: runs it, shows and keeps what it prints, and adds up its counts.
run_part() {
  local name=$1 runner=$2 log="$root/.dev/logs/$1.log" status=0 part_passed part_failed
  shift 2
  step "Testing: $name" logged "$log" "$@" || status=$?
  read -r part_passed part_failed < <("count_$runner" <"$log")
  # Something that failed before or after its tests (it did not compile, say) has failed, too.
  if [ "$status" -ne 0 ] && [ "$part_failed" -eq 0 ]; then part_failed=1; fi
  passed=$((passed + part_passed))
  failed=$((failed + part_failed))
  if [ "$part_failed" -gt 0 ]; then failed_parts="$failed_parts $name"; fi
  note "$name: $part_passed passed, $part_failed failed"
}

logged() { # LOG COMMAND...
  local log=$1
  shift
  "$@" 2>&1 | tee "$log"
}

any_file() { # NAME_PATTERN DIRECTORY
  [ -n "$(find "$2" -name node_modules -prune -o -name dist -prune -o -type f -name "$1" -print | head -n 1)" ]
}

test_rust() {
  if cargo nextest --version >/dev/null 2>&1; then
    # They wait for the database and for each other's processes more than they compute.
    run_part rust nextest cargo nextest run --workspace --locked --no-fail-fast --test-threads "$((2 * $(processors)))"
  else
    run_part rust cargo cargo test --workspace --locked --no-fail-fast --lib --bins --tests
  fi
}

processors() { getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2; }

test_doc() { run_part doc cargo cargo test --workspace --locked --no-fail-fast --doc; }

test_npm() { # NAME WORKSPACE DIRECTORY
  if ! any_file '*.test.ts*' "$3"; then
    warn "$1: there are no tests in $3 yet."
    return 0
  fi
  run_part "$1" vitest npm run --silent test -w "$2"
}

chosen() { [[ " $chosen_parts " == *" $1 "* ]]; }

# All that is compiled is compiled before the first test, so that no test meets an older program.
# The clients and the browser drive the program that the Rust tests use: one profile, built once.
build_tests() {
  if chosen rust; then
    step "Compiling the workspace and its tests" cargo test --workspace --locked --no-run || return
  elif { chosen clients || chosen browser || chosen schemathesis; } && [ -z "${GLASSBOX_BIN:-}" ]; then
    step "Building GlassBox" cargo build --locked -p glassbox || return
  fi
  export GLASSBOX_BIN="${GLASSBOX_BIN:-$(target_dir)/debug/glassbox}"
}

find_chromium() {
  local candidate
  for candidate in "${GLASSBOX_CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable \
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
    "/Applications/Chromium.app/Contents/MacOS/Chromium"; do
    if [ -n "$candidate" ] && has "$candidate"; then
      command -v "$candidate"
      return 0
    fi
  done
  return 1
}

install_chromium() {
  retry apt-get update -qq && retry apt-get install -y -qq --no-install-recommends chromium
}

install_redis() {
  retry apt-get update -qq && retry apt-get install -y -qq --no-install-recommends redis-server
}

# The tests start and kill private ones; none that runs already is touched.
require_redis() {
  local program=${GLASSBOX_TEST_REDIS_SERVER:-redis-server}
  if ! has "$program" && [ "$(id -u)" -eq 0 ] && has apt-get; then
    step "Installing redis-server for the tests of several instances" install_redis || true
  fi
  has "$program" || die "The tests of several instances need redis-server, and there is none." \
    "Install Redis 6.2 or newer (on Debian: sudo apt-get install redis-server; with Homebrew: brew install redis)," \
    "or name its program: GLASSBOX_TEST_REDIS_SERVER=/path/to/redis-server ./dev test"
}

require_chromium() {
  if ! find_chromium >/dev/null && [ "$(id -u)" -eq 0 ] && has apt-get; then
    step "Installing Chromium for the browser tests" install_chromium || true
  fi
  GLASSBOX_CHROMIUM=$(find_chromium) || die "The browser tests need Chromium, and there is none." \
    "Install Chromium or Google Chrome (on Debian: sudo apt-get install chromium)," \
    "or name one: GLASSBOX_CHROMIUM=/path/to/chromium ./dev test"
  export GLASSBOX_CHROMIUM
}

test_browser() {
  if ! any_file '*.spec.ts' tests; then
    warn "browser: there are no tests in tests yet."
    return 0
  fi
  run_part browser playwright npm run --silent browser -w @glassbox/tests
}

SCHEMATHESIS_VERSION=4.32.5

schemathesis() { echo "$root/.dev/tools/schemathesis/bin/$1"; }

install_schemathesis() {
  python3 -m venv "$root/.dev/tools/schemathesis" &&
    retry "$(schemathesis pip)" install --quiet --disable-pip-version-check "schemathesis==$SCHEMATHESIS_VERSION"
}

require_schemathesis() {
  if "$(schemathesis schemathesis)" --version 2>/dev/null | grep -qF "$SCHEMATHESIS_VERSION"; then return 0; fi
  has python3 || die "The REST interface is tried by schemathesis, which needs Python 3.10 or newer, and there is none."
  step "Installing schemathesis $SCHEMATHESIS_VERSION" install_schemathesis ||
    die "schemathesis cannot be installed." "Is python3-venv there? (on Debian: sudo apt-get install python3-venv)"
}

test_schemathesis() {
  run_part schemathesis schemathesis python3 scripts/schemathesis.py "$(schemathesis schemathesis)" "$GLASSBOX_BIN" \
    --no-color
}

choose_parts() { # LIST
  local part
  chosen_parts=''
  for part in ${1//,/ }; do
    case $part in
      rust | doc | sdk | studio | clients | browser | schemathesis) chosen_parts="$chosen_parts $part" ;;
      web) chosen_parts="$chosen_parts sdk studio" ;;
      *) die "./dev test has no part '$part'." "See ./dev test --help" ;;
    esac
  done
}

# prepare_tests: what the chosen parts need and no more; it fails before the first test runs.
prepare_tests() {
  # The studio is part of the server: even the Rust tests need it built.
  require_cargo
  require_node
  npm_packages
  build_studio
  if chosen browser; then require_chromium; fi
  if chosen schemathesis; then require_schemathesis; fi
  if chosen rust || chosen clients; then require_redis; fi
  if chosen rust || chosen clients; then require_moto; fi
  # sqlx checks queries against the saved descriptions, never against a database that happens to be set.
  unset DATABASE_URL
  export SQLX_OFFLINE=true
  build_tests
  if chosen rust || chosen clients || chosen browser || chosen schemathesis; then start_test_postgres; fi
  if chosen rust || chosen clients; then start_moto; fi
}

run_tests() {
  local part start=$SECONDS
  choose_parts rust,doc,sdk,studio,clients,browser
  while [ $# -gt 0 ]; do
    case $1 in
      --only)
        choose_parts "${2:?--only needs a part}"
        shift
        ;;
      *) die "./dev test does not know '$1'." "See ./dev test --help" ;;
    esac
    shift
  done
  mkdir -p .dev/logs
  # What prints into a pipe does not see whether there is a terminal.
  if [ -n "$plain" ]; then export CARGO_TERM_COLOR=always FORCE_COLOR=1; else export NO_COLOR=1; fi

  prepare_tests
  for part in $chosen_parts; do
    case $part in
      rust) test_rust ;;
      doc) test_doc ;;
      sdk) test_npm sdk @glassbox/client web-protocol/client ;;
      studio) test_npm studio @glassbox/studio web ;;
      clients) test_npm clients @glassbox/tests tests ;;
      browser) test_browser ;;
      schemathesis) test_schemathesis ;;
    esac
  done

  note "Took $(took "$start")."
  if [ -n "$failed_parts" ]; then fail "Failed:$failed_parts (see .dev/logs)"; fi
  printf '%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" -eq 0 ]
}
