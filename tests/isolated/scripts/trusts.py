"""Logs in with the ca_file that is the second argument, empty for none, and says as whom, or why not."""

import sys
from ast import literal_eval

from cometpresence import PresenceClient, TLSError

arguments = literal_eval(sys.argv[1]) | {"ca_file": sys.argv[2] or None}
client = PresenceClient(**arguments)
try:
    print(client.login().uid)
except TLSError as error:
    print(error)
client.close()
