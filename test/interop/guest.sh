#!/bin/bash
# guest.sh NAME SCRIPT.mjs: runs a check beside Linux' own Bluetooth stack in a guest under QEMU, on another controller of the same air. The guest is
# built into build/guest on first use, or taken from the folder that GUEST names. Needs the tools of SHARED/tools/bluez-peer (SHARED: the
# folder "shared" beside the project; exit code 77 without), their Debian packages, and what has been built of the project.
set -euo pipefail
cd "$(dirname "$0")/../.."
name=$1
script=$2
tools=${SHARED:-../shared}/tools/bluez-peer
export GUEST=${GUEST:-build/guest}
if [ ! -x "$tools/build-guest.sh" ] || [ ! -x "$tools/run-guest.sh" ]; then
  echo "skip $name: $tools is not there" >&2
  exit 77
fi
if [ ! -e "$GUEST/vmlinuz" ] || [ ! -e "$GUEST/base.cpio.gz" ]; then
  # Elsewhere first: what was broken off is not taken for a guest.
  rm -rf "$GUEST.part"
  "$tools/build-guest.sh" "$GUEST.part" || { echo "FAIL $name: the guest cannot be built" >&2; exit 1; }
  rm -rf "$GUEST.part/krn" "$GUEST"
  mv "$GUEST.part" "$GUEST"
fi
exec node "test/interop/$script"
