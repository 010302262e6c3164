# A stand-in for AWS for the tests of what talks to it: moto, from PyPI. Nothing is installed into the system.

moto_requirements="$root/scripts/moto.txt"
moto_server=''

moto_dir() { echo "$root/.dev/tools/moto/$(sha256 <"$moto_requirements" | cut -c 1-12)"; }

install_moto() {
  local unpacked
  unpacked="$(moto_dir).$$"
  rm -rf "$unpacked"
  mkdir -p "$unpacked" || return
  if ! PIP_USER=0 PIP_ROOT_USER_ACTION=ignore retry python3 -m pip install --quiet --disable-pip-version-check \
    --no-warn-conflicts --requirement "$moto_requirements" --target "$unpacked"; then
    rm -rf "$unpacked"
    return 1
  fi
  rm -rf "$(moto_dir)"
  mv "$unpacked" "$(moto_dir)"
}

require_moto() {
  if [ -n "${GLASSBOX_TEST_AWS_URL:-}" ] || [ -d "$(moto_dir)" ]; then return 0; fi
  if ! { has python3 && python3 -m pip --version >/dev/null 2>&1; }; then
    die "The tests of what talks to AWS need Python 3 with pip, to run moto." \
      "Install them (on Debian: sudo apt-get install python3-pip), or name a server that answers as AWS does:" \
      "GLASSBOX_TEST_AWS_URL=http://127.0.0.1:4566 ./dev test"
  fi
  step "Installing moto, which answers as AWS does" install_moto || die "moto could not be installed (see above)."
}

# Sets GLASSBOX_TEST_AWS_URL, unless the caller has set it.
start_moto() {
  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_EC2_METADATA_DISABLED=true
  if [ -n "${GLASSBOX_TEST_AWS_URL:-}" ]; then return 0; fi
  local port log="$root/.dev/logs/moto.log" look
  port=$(free_port)
  PYTHONPATH="$(moto_dir)" python3 -m moto.server -H 127.0.0.1 -p "$port" >"$log" 2>&1 &
  moto_server=$!
  for look in $(seq 300); do
    if grep -q "Running on" "$log"; then
      export GLASSBOX_TEST_AWS_URL="http://127.0.0.1:$port"
      return 0
    fi
    kill -0 "$moto_server" 2>/dev/null || break
    sleep 0.1
  done
  cat "$log" >&2
  die "moto did not start (see above; looked $look times)."
}

stop_moto() {
  if [ -n "$moto_server" ]; then kill "$moto_server" 2>/dev/null || true; fi
  moto_server=''
}
