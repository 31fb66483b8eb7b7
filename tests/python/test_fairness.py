"""One network thread serves all clients of a process: none may keep it to itself."""

import itertools
import time
from urllib.parse import parse_qs, urlsplit

from python.hostile import PONG_ANSWER, Hostile, Peer, answer
from python.hostile_client import watching

PAGES, ON_EACH = 200, 1000


def many_users(page: int) -> bytes:
    users = [{"uid": f"u{page}-{n}", "status": "online"} for n in range(ON_EACH)]
    meta = {"pagination": {"total_pages": PAGES, "current_page": page}}
    return answer(users, meta=meta)


def test_a_client_with_a_long_list_does_not_hold_up_the_pings_of_another() -> None:
    pages = {page: many_users(page) for page in range(1, PAGES + 1)}
    pings: list[float] = []

    def send_page(peer: Peer) -> None:
        query = parse_qs(urlsplit(peer.request.target).query)
        peer.send(pages[int(query["page"][0])])

    def note_pings(peer: Peer) -> None:
        peer.welcome()
        while True:
            peer.read_frame()
            pings.append(time.monotonic())
            peer.send(PONG_ANSWER)

    with (
        Hostile(note_pings) as calm,
        Hostile(answers={"GET /users": send_page}) as busy,
        watching(calm, ping_interval=0.01, ping_timeout=5.0),
        watching(busy) as (client, _),
    ):
        began = time.monotonic()
        report = client.wait_synced(timeout=60.0)
        took = time.monotonic() - began
        assert report.online >= PAGES * ON_EACH
        heard = calm.sockets[0].frames
        so_far = len(heard)
        calm.wait_until(lambda: len(heard) >= so_far + 2)
    gaps = [after - before for before, after in itertools.pairwise(pings)]
    # Alone it is some 20 ms.  On a crowded machine all takes longer, the list as well.
    assert max(gaps) < max(0.15, took / 4)
