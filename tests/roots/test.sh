#!/bin/sh
# test.sh SUITE FOLDER SDIST: builds the sdist in that Debian, made if need be, and runs all
# its tests there.
set -eu
here=$(dirname "$0")
suite=$1 folder=$2 sdist=$3

"$here/root.sh" make "$suite" "$folder" ca-certificates,make
rm -rf "$folder/root/source"
mkdir "$folder/root/source"
tar -xzf "$sdist" -C "$folder/root/source" --strip-components=1 --no-same-owner
"$here/root.sh" enter "$folder" make -C source test "PYTEST_ARGS=${PYTEST_ARGS-}"
"$here/root.sh" enter "$folder" source/.venv/bin/python -c '
import platform
from cometpresence import _core
print("passed on", platform.freedesktop_os_release()["PRETTY_NAME"], "with Python",
      platform.python_version(), "and libwebsockets", _core.LIBRARIES["libwebsockets"])'
