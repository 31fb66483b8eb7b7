"""Whom a wheel trusts that brought its OpenSSL, on a system made for another: run by wheel.sh, which
empties /usr/lib/ssl, where that OpenSSL looks, and /etc/ssl/certs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import certifi

from cometpresence import _core
from cometpresence.emulator import Emulator

LOGIN = """
from cometpresence import PresenceClient, TLSError
client = PresenceClient("app", uid="superhero1", auth_key={key!r}, endpoint={url!r})
try:
    print(client.login().uid)
except TLSError as error:
    print(error)
client.close()
"""


def verdict(emulator: Emulator, **variables: str) -> str:
    arguments = emulator.client_args("superhero1")
    program = LOGIN.format(key=arguments["auth_key"], url=arguments["endpoint"])
    program = program.replace('"app"', repr(arguments["app_id"]))
    command = [sys.executable, "-W", "error", "-c", program]
    return subprocess.check_output(command, env=os.environ | variables, text=True).strip()


print("its OpenSSL looks in", _core.CERTIFICATES["file"], "and", _core.CERTIFICATES["folder"])
with Emulator(tls=True) as emulator:
    authority = Path(str(emulator.ca_file))
    debian = Path("/etc/ssl/certs/ca-certificates.crt")
    assert "unable to get local issuer" in verdict(emulator)  # of certifi, who does not know it
    shutil.copy(authority, debian)
    assert verdict(emulator) == "superhero1"
    print("trusted: what the distribution does, in", debian)
    debian.unlink()
    assert verdict(emulator, SSL_CERT_FILE=str(authority)) == "superhero1"
    print("trusted: what SSL_CERT_FILE names")
    with open(certifi.where(), "ab") as bundle:
        bundle.write(authority.read_bytes())
    assert verdict(emulator) == "superhero1"
    print("trusted: what certifi has, where there is nothing else")
