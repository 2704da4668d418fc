#!/bin/sh
# Installs Restunnel for Linux or macOS: fetches the one file for this machine, checks it against the release's signed checksums, and puts it
# where programs are. Run again, it updates.
#
#   RESTUNNEL_TO=DIRECTORY         instead of /usr/local/bin (as root) or ~/.local/bin
#   RESTUNNEL_RELEASES=ADDRESS     instead of the release address: a mirror
set -eu

releases=${RESTUNNEL_RELEASES:-@RELEASES@}
public_key='@PUBLIC_KEY@'

fail() {
  echo "restunnel is not installed: $1" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# fetch NAME: from the release into $work
fetch() {
  if has curl; then
    curl --fail --silent --show-error --location --retry 2 --output "$work/$1" "$releases/$1" 2>"$work/why"
  elif wget --version >/dev/null 2>&1; then
    wget --no-verbose --tries=3 --output-document="$work/$1" "$releases/$1" 2>"$work/why"
  else
    # BusyBox
    wget -q -O "$work/$1" "$releases/$1" 2>"$work/why"
  fi || fail "cannot fetch $releases/$1 ($(tail -n 1 "$work/why"))"
}

# "System-processor". A shell under Rosetta calls Apple's processor x86_64.
machine() {
  if [ "$(sysctl -n hw.optional.arm64 2>/dev/null)" = 1 ]; then echo "$(uname -s)-arm64"; else echo "$(uname -s)-$(uname -m)"; fi
}

sum_of() {
  if has sha256sum; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

# Everything is in a function: half a script, from a download that broke off, does nothing.
main() {
  case "$(machine)" in
    Linux-x86_64 | Linux-amd64) name=restunnel-linux-x64 ;;
    Linux-aarch64 | Linux-arm64) name=restunnel-linux-arm64 ;;
    Darwin-arm64) name=restunnel-darwin-arm64 ;;
    *) fail "there is no file for $(uname -s) on $(uname -m); with Node 24 or newer, it runs there from a checkout" ;;
  esac
  has curl || has wget || fail 'it needs curl or wget to download; install one of them'
  has openssl || fail 'it needs openssl to check the signature of the release; install it'
  has sha256sum || has shasum || fail 'it needs sha256sum or shasum to check the download; install one of them'

  if [ -n "${RESTUNNEL_TO:-}" ]; then
    to=$RESTUNNEL_TO
  elif [ "$(id -u)" = 0 ]; then
    to=/usr/local/bin
  else
    [ -n "${HOME:-}" ] || fail 'HOME is not set; set RESTUNNEL_TO to the folder that it goes into'
    to=$HOME/.local/bin
  fi

  work=$(mktemp -d) || fail 'there is no temporary folder to download into'
  trap 'rm -rf "$work" ${fresh:+"$fresh"}' EXIT
  trap 'exit 1' HUP INT TERM

  fetch SHA256SUMS
  fetch SHA256SUMS.sig
  printf '%s\n' "$public_key" >"$work/key.pem"
  openssl dgst -sha256 -verify "$work/key.pem" -signature "$work/SHA256SUMS.sig" "$work/SHA256SUMS" >/dev/null 2>&1 ||
    fail "the checksums at $releases are not signed by Restunnel's key; do not trust what is there"
  expected=$(sed -n "s/^\([0-9a-f]\{64\}\)  $name\$/\1/p" "$work/SHA256SUMS")
  [ -n "$expected" ] || fail "the release at $releases has no $name"
  fetch "$name"
  [ "$(sum_of "$work/$name")" = "$expected" ] ||
    fail "$releases/$name is not the file that was released; it may be damaged: try again"

  if [ "$name" = restunnel-darwin-arm64 ]; then
    # Apple silicon runs nothing without a signature. The file has one; should macOS not like it, the machine makes its own.
    codesign --verify "$work/$name" 2>/dev/null || codesign --sign - --force "$work/$name" 2>"$work/why" ||
      fail "codesign cannot sign it ($(tail -n 1 "$work/why"))"
  fi
  mkdir -p "$to" 2>"$work/why" || fail "cannot make $to ($(tail -n 1 "$work/why"))"
  # In one step: a running one keeps its file.
  fresh=$to/.restunnel.$$
  { cp "$work/$name" "$fresh" && chmod 755 "$fresh"; } 2>"$work/why" ||
    fail "cannot write into $to ($(tail -n 1 "$work/why")); set RESTUNNEL_TO to another folder"
  version=$("$fresh" --version 2>"$work/why") || fail "it does not run on this machine ($(tail -n 1 "$work/why"))"
  mv -f "$fresh" "$to/restunnel" 2>"$work/why" || fail "cannot replace $to/restunnel ($(tail -n 1 "$work/why"))"

  echo "restunnel $version is in $to/restunnel"
  case ":${PATH:-}:" in
    *":$to:"*) ;;
    *) echo "$to is not in your PATH; add it: export PATH=\"$to:\$PATH\"" ;;
  esac
}

main
