# Sourced by the scripts here: one .venv in the root, made once, from locks with hashes.
# shellcheck shell=bash

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

# Print the first Python on PATH that is new enough.
find_python() {
  local candidate
  for candidate in python3.11 python3.12 python3.13 python3.14 python3 python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      command -v "$candidate"
      return
    fi
  done
  fail "no Python 3.11 or newer is on PATH; install one (Debian: apt-get install python3 python3-venv)"
}

# Make .venv; a Debian without its venv package gets it when we are root.
make_venv() {
  local python
  python="$(find_python)"
  say "making .venv with $python"
  if ! "$python" -m venv .venv >/dev/null 2>&1; then
    [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null ||
      fail "$python cannot make a virtual environment; install its venv package (Debian: python3-venv)"
    say "installing python3-venv, which $python lacks"
    install_package python3-venv || fail "python3-venv could not be installed"
    "$python" -m venv --clear .venv
  fi
}

install_package() {
  # An update that fails in part does not mean that the package cannot be had.
  apt-get update -qq >/dev/null || say "apt-get update failed; trying to install nevertheless"
  DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends "$@" >/dev/null
}

# Install one lock. uv is fast but knows nothing of pip's own settings, hence the second try.
install_lock() {
  if .venv/bin/python -m uv pip install --quiet --python .venv/bin/python \
    --require-hashes --requirement "$1"; then
    return
  fi
  say "uv could not install $1; trying pip"
  pip_install "$1"
}

pip_install() {
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
    --require-hashes --requirement "$1"
}

# prepare run|dev: install that lock and this distribution, unless that has been done.
prepare() {
  local lock="requirements/$1.txt" stamp=".venv/installed-$1" wanted
  # Two scripts started together take turns.
  exec 9<.
  if command -v flock >/dev/null; then flock 9; fi
  wanted="$(cat "$lock" requirements/build.txt pyproject.toml | sha256sum)"
  if [[ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]]; then
    [[ -x .venv/bin/python ]] || make_venv
    say "installing what requirements/build.txt and $lock list (once)"
    pip_install requirements/build.txt
    install_lock "$lock"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps \
      --no-build-isolation --editable .
    # The development lock holds all of the run-time lock.
    if [[ $1 == dev ]]; then
      cat requirements/run.txt requirements/build.txt pyproject.toml |
        sha256sum >.venv/installed-run
    fi
    printf '%s\n' "$wanted" >"$stamp"
  fi
  exec 9<&-
}
