# ./dev up

up_help() {
  cat <<'HELP'
Usage: ./dev up [--port N] [--reset]

Builds GlassBox and runs it on this machine with a demo project. Needs Rust and Node.js; fetches a
private Postgres into .dev unless DATABASE_URL names one. Ctrl-C stops everything.

Options:
  --port N   listen on 127.0.0.1:N instead of the configured address
  --reset    first delete the private database: all documents of this checkout

Examples:
  ./dev up
  ./dev up --port 9000
  DATABASE_URL=postgres://me@localhost/glassbox ./dev up

Every key of glassbox.default.toml can be set as GLASSBOX_<SECTION>_<KEY>, for example
  GLASSBOX_LOG_LEVEL=debug ./dev up
HELP
}

default_listen() { sed -n 's/^listen *= *"\(.*\)".*/\1/p' glassbox.default.toml | head -n 1; }

require_free_port() { # ADDRESS:PORT
  local reason
  reason=$(node -e '
    const [, host, port] = process.argv[1].match(/^\[?(.*?)\]?:(\d+)$/) ?? []
    if (!port) { console.log("is not of the form ADDRESS:PORT"); process.exit() }
    const server = require("net").createServer()
    server.on("error", (error) => console.log(error.code === "EADDRINUSE" ? "is already in use" : "cannot be used: " + error.message))
    server.listen({ host, port: Number(port), exclusive: true }, () => server.close())
  ' "$1")
  [ -z "$reason" ] || die "The address $1 $reason." \
    "Stop what listens there (perhaps another ./dev up), or choose another port: ./dev up --port 8081"
}

reset_data() { # DIRECTORY
  local pid
  if [ ! -e "$1" ]; then return 0; fi
  pid=$(find "$1" -name postmaster.pid -exec head -n 1 {} \; 2>/dev/null)
  if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then
    die "The database in $1 is running (process $pid)." "Stop that ./dev up first. If none runs, end the process: kill -INT $pid"
  fi
  rm -rf "$1"
  note "Deleted the private database in $1."
}

up() {
  local reset='' data
  while [ $# -gt 0 ]; do
    case $1 in
      --port)
        [[ ${2:-} =~ ^[0-9]+$ && ${2:-} -ge 1 && ${2:-} -le 65535 ]] || die "--port needs a number from 1 to 65535."
        export GLASSBOX_SERVER_LISTEN="127.0.0.1:$2"
        export GLASSBOX_SERVER_PUBLIC_URL="${GLASSBOX_SERVER_PUBLIC_URL:-http://127.0.0.1:$2}"
        shift
        ;;
      --reset) reset=yes ;;
      *) die "./dev up does not know '$1'." "See ./dev up --help" ;;
    esac
    shift
  done

  require_cargo
  require_node
  require_free_port "${GLASSBOX_SERVER_LISTEN:-$(default_listen)}"

  if [ -z "${DATABASE_URL:-}" ]; then
    fetch_postgres
    data=${GLASSBOX_POSTGRES_DATA_DIR:-$(state_dir)/data}
    if [ -n "$reset" ]; then reset_data "$data"; fi
    export GLASSBOX_POSTGRES_DATA_DIR="$data"
    export GLASSBOX_POSTGRES_INSTALL_DIR="${GLASSBOX_POSTGRES_INSTALL_DIR:-$(postgres_install_dir)}"
  elif [ -n "$reset" ]; then
    die "--reset deletes the private database only, and DATABASE_URL names another one." \
      "Unset DATABASE_URL, or empty that database yourself."
  fi

  npm_packages
  build_studio
  if [ ! -d "$(target_dir)/release" ]; then note "The first build takes some minutes."; fi
  step "Building GlassBox" env SQLX_OFFLINE=true cargo build --release --locked -p glassbox
  exec "$(target_dir)/release/glassbox" serve --demo
}
