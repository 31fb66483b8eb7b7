"""A web page of who is online, which renews itself.

python dashboard.py 8000        (then open http://127.0.0.1:8000)
"""

import sys
from contextlib import suppress
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cometpresence import PresenceClient

if len(sys.argv) != 2 or not sys.argv[1].isdecimal() or int(sys.argv[1]) > 65535:
    sys.exit(__doc__)

PAGE = """<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<title>{online} online</title><style>body {{ font: 16px sans-serif }} .online {{ color: green }}</style>
<h1>{online} of {known} online</h1><p>{state}</p><table>{rows}</table>"""
ROW = '<tr><td class="{status}">●</td><td>{name}</td><td>{role}</td><td>{since}</td></tr>'


def page():
    users = sorted(client.presence.values(), key=lambda user: (not user.is_online, user.name))
    rows = [
        ROW.format(
            status=user.status,
            name=escape(user.name),
            role=escape(user.role or ""),
            since=f"{user.last_active:%Y-%m-%d %H:%M} UTC" if user.last_active else "",
        )
        for user in users
    ]
    return PAGE.format(
        online=len(client.presence.online),
        known=len(users),
        state=client.presence.state.name,
        rows="".join(rows),
    )


class Dashboard(BaseHTTPRequestHandler):
    def do_GET(self):
        body = page().encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


with (
    PresenceClient.from_env() as client,
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Dashboard) as server,
):
    print(f"open http://127.0.0.1:{server.server_port}")
    with suppress(KeyboardInterrupt):
        server.serve_forever()
