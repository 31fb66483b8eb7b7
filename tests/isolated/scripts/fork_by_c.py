"""Forks as a C library would, past Python and its hooks."""

import ctypes
import os
import sys
from ast import literal_eval

from cometpresence import ClientClosed, PresenceClient

arguments = literal_eval(sys.argv[1])

with PresenceClient(**arguments) as client:
    child = ctypes.PyDLL(None).fork()  # with the GIL, which the child then has
    if child == 0:
        try:
            len(client.presence)
        except ClientClosed:
            os._exit(7)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    print("child ended with", os.waitstatus_to_exitcode(status), flush=True)
    print("parent knows", len(client.presence) > 0, flush=True)
