# Sourced by every script: where downloaded and built tools live, and how to talk to the person at the terminal.
# shellcheck shell=bash

set -euo pipefail

FIRNLINE_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
FIRNLINE_BUILD_CACHE=${FIRNLINE_BUILD_CACHE:-$FIRNLINE_ROOT/.build}
mkdir -p "$FIRNLINE_BUILD_CACHE/bin" "$FIRNLINE_BUILD_CACHE/stamps"
export FIRNLINE_ROOT FIRNLINE_BUILD_CACHE
export PATH="$FIRNLINE_BUILD_CACHE/bin:$PATH"

# shellcheck source=scripts/pins.sh
. "$FIRNLINE_ROOT/scripts/pins.sh"

say() { printf '%s\n' "$*" >&2; }

die() {
  say "error: $*"
  exit 3
}

need() { # need COMMAND WHAT-TO-DO: ends the script when a tool that we do not install ourselves is missing
  command -v "$1" >/dev/null 2>&1 || die "$1 is not on the PATH: $2"
}

# once NAME KEY COMMAND...: runs COMMAND unless it has succeeded before for the same KEY.
once() {
  local name=$1 key=$2 stamp="$FIRNLINE_BUILD_CACHE/stamps/$1" began
  shift 2
  if [ "$(cat "$stamp" 2>/dev/null)" = "$key" ]; then
    return 0
  fi
  say "installing $name ($key)"
  began=$SECONDS
  "$@"
  printf '%s\n' "$key" >"$stamp"
  say "installed $name in $((SECONDS - began)) s"
}
