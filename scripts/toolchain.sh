# Rust, Node.js and what is built with them.

# version_at_least 1.95.0 1.95
version_at_least() {
  awk -v have="$1" -v want="$2" 'BEGIN {
    split(have, h, "."); split(want, w, ".")
    for (i = 1; i <= 3; i++) if (h[i] + 0 != w[i] + 0) exit !(h[i] + 0 > w[i] + 0)
  }'
}

require_cargo() {
  local want have
  want=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  has cargo || die "Rust is not installed (cargo is not on the PATH)." \
    "Install Rust $want or newer from https://rustup.rs, open a new terminal and try again."
  have=$(cargo --version | cut -d ' ' -f 2)
  version_at_least "${have%%-*}" "$want" || die "Rust $have is too old: GlassBox needs $want or newer." \
    "Run: rustup update stable"
}

require_node() {
  local want have
  want=$(sed -n 's/.*"node": ">=\([0-9.]*\)".*/\1/p' package.json)
  has node || die "Node.js is not installed (node is not on the PATH)." \
    "Install Node.js $want or newer from https://nodejs.org or with your package manager."
  have=$(node --version)
  version_at_least "${have#v}" "$want" || die "Node.js $have is too old: GlassBox needs $want or newer." \
    "Install a newer one from https://nodejs.org, or with nvm: nvm install 22"
  has npm || die "npm is not installed, though node is." \
    "Install npm with your package manager (on Debian and Ubuntu: apt-get install npm)."
}

target_dir() {
  cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/'
}

# fingerprint PATH...: a hash of the content of all files below the paths that are there.
fingerprint() {
  local path
  for path in "$@"; do
    if [ -e "$path" ]; then
      find "$path" \( -name node_modules -o -name dist \) -prune -o -type f -print
    fi
  done | LC_ALL=C sort | while IFS= read -r path; do
    printf '%s %s\n' "$path" "$(sha256 <"$path")"
  done | sha256
}

# unless_unchanged STAMP FINGERPRINT TITLE COMMAND...: a step that is left out when its stamp
# says that it ended well for the same fingerprint. The stamp lies in what the step makes, so that
# deleting that deletes the stamp.
unless_unchanged() {
  local stamp=$1 current=$2
  shift 2
  if [ "$(cat "$stamp" 2>/dev/null)" = "$current" ]; then return 0; fi
  step "$@" || return
  printf '%s\n' "$current" >"$stamp"
}

npm_packages() {
  local current
  current=$(printf '%s %s' "$(fingerprint package-lock.json)" "$(node --version)" | sha256)
  unless_unchanged node_modules/.glassbox-stamp "$current" "Installing the npm packages" \
    retry npm ci --no-audit --no-fund || die "The npm packages could not be installed (see above)." \
    "Check the network connection and npm's registry setting, then try again."
}

build_sdk() {
  unless_unchanged web-protocol/client/dist/.glassbox-stamp \
    "$(fingerprint package-lock.json web-protocol/client)" \
    "Building the TypeScript SDK" npm run --silent build -w @glassbox/client
}

build_studio() {
  build_sdk && unless_unchanged web/dist/.glassbox-stamp \
    "$(fingerprint package-lock.json web-protocol/client web)" \
    "Building the studio" npm run --silent build -w @glassbox/studio
}
