#!/bin/sh
# wheel.sh FOLDER WHEEL: on a Debian 12 without libwebsockets and cJSON, made in the folder if
# need be, the wheel is installed into a new environment and its demo is run; and over TLS, where
# its OpenSSL finds no certificates, it finds the system's.
set -eu
here=$(dirname "$0")
folder=$1 wheel=$2

"$here/root.sh" make bookworm "$folder" python3,python3-venv,ca-certificates
rm -rf "$folder/root/wheel"
mkdir "$folder/root/wheel"
cp "$wheel" "$here/certificates.py" "$folder/root/wheel"
"$here/root.sh" enter "$folder" sh -eu -c '
    for library in libwebsockets libcjson; do
        if ldconfig -p | grep "$library"; then
            echo "error: $library is here, so nothing would be shown" >&2
            exit 1
        fi
    done
    python3 -m venv --clear wheel/venv
    wheel/venv/bin/pip install --quiet "$(ls "$PWD"/wheel/*.whl)[all]"
    wheel/venv/bin/cometpresence demo
    wheel/venv/bin/python -c "
from cometpresence import _core
print(\"the wheel brought\", dict(_core.LIBRARIES))"
    mount -t tmpfs tmpfs /usr/lib/ssl  # for this command alone
    mount -t tmpfs tmpfs /etc/ssl/certs
    wheel/venv/bin/python wheel/certificates.py'
