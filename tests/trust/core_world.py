"""A server, a network and a clock that exist in this file only, around the C core."""

import heapq
import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from trust.core import (
    CONNECTION_LOST,
    LIVE_ORIGIN,
    NEVER,
    OFFLINE,
    ONLINE,
    SECOND,
    TIMED_OUT,
    Core,
    Kind,
    Options,
    State,
)
from trust.guests import Guests

PATIENCE = 400 * SECOND  # backoff, quotas and a refused login together take less
PASSES = 3
TOKEN_LOST = '{"error":{"code":"AUTH_ERR_AUTH_TOKEN_NOT_FOUND","message":"gone"}}'
LIMITED = '{"error":{"code":"ERR_TOO_MANY_REQUESTS","message":"slow down"}}'


class Socket:
    """One connection, from the wish for it to its end."""

    def __init__(self) -> None:
        self.is_live = False  # authenticated
        self.is_mute = False  # nothing gets through any more, and nobody says so
        self.is_over = False
        self.latest = 0  # when the last frame arrives: bytes keep their order
        self.held: list[str] = []  # to come in the wrong order
        self.is_honest = True  # nothing was lost, or came in the wrong order


class CoreWorld:
    """Users who move, and a client of theirs that is checked after every fact it is told."""

    def __init__(self, seed: int, *, users: int = 40, guests: int = 0, **options: Any) -> None:
        defaults = {
            "subscription": 1,
            "page_size": 5,
            "queue_size": 32,
            "whole": 0,
            "has_token_provider": 1,
            "audit_after": 30 * SECOND,
            "sync_every": -1,
            "seed": seed,
        }
        self.random = random.Random(seed)
        self.guests = Guests(guests, self.random)
        self.options = Options(**(defaults | self.guests.options("u000") | options))
        self.core = Core(self.options)
        self.now = 0
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._planned = 0
        self.online = {f"u{n:03}": self.random.random() < 0.5 for n in range(users)}
        self.socket: Socket | None = None
        self.left: Counter[str] = Counter()  # strikes left, by fault
        self.struck: Counter[str] = Counter()
        self.latency = SECOND // 50
        self._tokens = 0
        self._tokens_lost = 0  # those up to this number
        self._jwts_lost = 0
        self._requests: set[int] = set()  # tickets that somebody waits for
        self.calls: dict[int, tuple[Kind, int]] = {}
        self._calls_made = 0
        self.is_asleep = False  # nobody takes the changes
        self._has_slept = False
        self.told: dict[str, int] = {}
        self._seq = 0
        self._excuses: dict[str, bool] = {}  # who may be found offline by the fact being told
        self._pass_stood_still = True  # nobody moved since its first page
        self._first_total = 0  # of users, as the pass's first page said
        self._totals_differ = False  # those of its pages
        self._torn_passes = 0  # in a row
        self._ends_pass = False  # the page being made
        self._is_exact = False  # the list of the latest complete pass is, or should be
        self.pictures_checked = 0
        self.refusals = 0
        self.coalesced = 0
        self.is_open = True
        self.call(Kind.AWAIT_DEMAND)
        self._log_in()

    # ---- time

    def plan(self, wait: int, action: Callable[[], None]) -> None:
        self._planned += 1
        heapq.heappush(self._agenda, (self.now + max(0, wait), self._planned, action))

    def run(self, usec: int) -> None:
        """Let so much time pass."""
        end = self.now + usec
        while (next_ := min(self._next_planned(), self.core.deadline)) <= end:
            before = self.now
            self.now = max(self.now, next_)
            self.core.set_now(self.now)
            if self.core.deadline <= self.now:
                self.tell(self.core.elapsed)
                assert self.core.deadline > self.now or before < self.now, "the core spins"
            else:
                heapq.heappop(self._agenda)[2]()
        self.now = end
        self.core.set_now(self.now)

    def run_until(self, fact: Callable[[], bool]) -> None:
        waited = 0
        while not fact():
            assert waited < PATIENCE, f"still {self.core.state.name}"
            self.run(SECOND)
            waited += SECOND

    def _next_planned(self) -> int:
        return self._agenda[0][0] if self._agenda else NEVER

    def strikes(self, fault: str) -> bool:
        if self.left[fault] == 0:
            return False
        self.left[fault] -= 1
        self.struck[fault] += 1
        self.guests.disturb(self.now)
        return True

    # ---- the client, told and looked at

    def tell(self, fact: Callable[..., None], *arguments: Any, **named: Any) -> None:
        self.core.set_now(self.now)
        fact(*arguments, **named)
        for words in self.core.pull():
            getattr(self, f"_on_{words[0]}")(*words[1:])
        if not self.is_asleep:
            self.listen()
        self._excuses = {}

    def listen(self, most: int = 1_000_000) -> None:
        for uid, status, previous, origin, seq, _ in self.core.changes(most):
            self._seq += 1
            assert int(seq) == self._seq, "a gap in the numbers"
            assert int(status) in (ONLINE, OFFLINE)
            if uid in self.told:
                assert int(previous) == self.told[uid], "not what was told last"
            assert uid in self.told or int(previous) != ONLINE, "never told to be online"
            assert int(status) != int(previous), f"{uid}: told {status} twice"
            if int(status) == OFFLINE and int(origin) != LIVE_ORIGIN and not self._has_slept:
                assert self._excuses.get(uid), f"{uid}: offline, inferred from half a snapshot"
            self.told[uid] = int(status)
        if not self.is_asleep:
            self._has_slept = False
        assert self.core.high_water <= self.options.queue_size

    def sleep(self) -> None:
        self.is_asleep = self._has_slept = True

    def wake_up(self) -> None:
        self.is_asleep = False
        self.listen()

    def call(self, kind: Kind, timeout: int = -1, **texts: str) -> None:
        self._calls_made += 1
        number = self._calls_made
        self.core.set_now(self.now)
        self.calls[number] = (kind, self.core.called(kind, number, timeout, **texts))
        self.tell(lambda: None)

    def cancel(self) -> None:
        kinds = (Kind.GET_USER, Kind.COUNT, Kind.AWAIT_SYNC, Kind.RESYNC)
        open_calls = [call for kind, call in self.calls.values() if kind in kinds]
        if open_calls:
            self.tell(self.core.cancelled, self.random.choice(open_calls))

    def _log_in(self) -> None:
        if self.is_open and not any(kind is Kind.LOGIN for kind, _ in self.calls.values()):
            self.call(Kind.LOGIN, uid="bot", auth_key="key")

    def check_picture(self) -> None:
        """While all that was pushed has come, and the list was not torn, it is the server's."""
        socket = self.socket
        if socket is None or not socket.is_honest or socket.is_mute or not self._is_exact:
            return
        if self.core.is_synced and socket.is_live and socket.latest < self.now:
            self.pictures_checked += 1
            assert self.picture() == self.online

    def check_guests(self) -> None:
        socket = self.socket
        if socket is None or socket.is_mute or not socket.is_live or not self.core.is_synced:
            return
        self.struck["guests known"] += self.guests.check_soon_known(self.core, self.now)

    @property
    def everybody(self) -> dict[str, bool]:
        return self.online | self.guests.online

    def picture(self) -> dict[str, bool]:
        return {uid: self.core.is_online(uid) for uid in self.online}

    # ---- what the client says

    def _on_done(self, number: str, failure: str, code: str) -> None:
        kind, _ = self.calls.pop(int(number))  # a KeyError: done twice
        if kind is Kind.AWAIT_DEMAND and failure == "0":
            self.plan(SECOND // 5, self._give_token)
            self.plan(0, lambda: self.call(Kind.AWAIT_DEMAND))
        elif kind is Kind.LOGIN and failure != "0":
            self.plan(SECOND, self._log_in)

    def _give_token(self) -> None:
        self._tokens += 1
        self.call(Kind.TOKEN, auth_token=f"t{self._tokens}")

    def _on_notice(self, kind: str, code: str, reason: str = "") -> None:
        if reason == "connection" and self.core.state is State.REFUSED:
            assert self.struck["refuse_jwt"] + self.struck["expire_tokens"] > 0
            self.refusals += 1
            self.plan(SECOND, self._log_in)

    def _on_connect(self) -> None:
        assert self.socket is None, "two sockets"
        self.socket = socket = Socket()
        if self.strikes("refuse_connections"):
            self.plan(self.latency, lambda: self._end(socket, 1006, CONNECTION_LOST))
        elif self.strikes("slow_upgrade"):
            self.plan(self.random.randrange(12 * SECOND), lambda: self._open(socket))
        else:
            self.plan(2 * self.latency, lambda: self._open(socket))

    def _open(self, socket: Socket) -> None:
        self.guests.disturb(self.now)
        if not socket.is_over:
            self.tell(self.core.opened)

    def _on_close(self) -> None:
        socket = self.socket
        assert socket is not None
        socket.is_live = False
        self.plan(self.latency, lambda: self._end(socket, 1000))

    def _on_abort(self) -> None:
        socket = self.socket
        assert socket is not None
        socket.is_live = False
        self.plan(0, lambda: self._end(socket, 1006, CONNECTION_LOST))

    def _end(self, socket: Socket, code: int, failure: int = 0) -> None:
        if socket.is_over:
            return
        socket.is_over, socket.is_live, self.socket = True, False, None
        self.tell(self.core.closed, code, failure=failure)

    def _on_frame(self, text: str) -> None:
        socket, frame = self.socket, json.loads(text)
        assert socket is not None
        if frame.get("action") == "ping":
            self._send(socket, '{"action":"pong"}')
            return
        assert frame["type"] == "auth"
        self.plan(self.latency, lambda: self._authenticate(socket, frame["body"]["auth"]))

    def _authenticate(self, socket: Socket, jwt: str) -> None:
        if socket.is_over or socket.is_mute:
            return
        number = int(jwt.removeprefix("j"))
        if number <= self._jwts_lost or self.strikes("refuse_jwt"):
            self._send(socket, '{"type":"auth","body":{"code":"401","status":"Unauthorized"}}')
            return
        socket.is_live = True
        self._send(socket, '{"type":"auth","body":{"code":"200","status":"OK"}}')

    # ---- the socket

    def _send(self, socket: Socket, text: str, wait: int = 0) -> None:
        arrival = self.now + self.latency + self.random.randrange(self.latency) + wait
        socket.latest = max(arrival, socket.latest)
        self.plan(socket.latest - self.now, lambda: self._arrive(socket, text))

    def _arrive(self, socket: Socket, text: str) -> None:
        if not socket.is_over and not socket.is_mute:
            self.tell(self.core.received, text)

    def move(self, uid: str | None = None) -> None:
        uid = uid or self.random.choice(list(self.online))
        self.online[uid] = not self.online[uid]
        self._pass_stood_still = False
        socket = self.socket
        if socket is None or not socket.is_live:
            return
        action = "online" if self.online[uid] else "offline"
        body = {"action": action, "timestamp": 1_700_000_000, "user": {"uid": uid, "name": uid}}
        text = json.dumps({"type": "presence", "body": body})
        if self.strikes("lose"):
            socket.is_honest = False
            return
        for _ in range(2 if self.strikes("duplicate") else 1):
            if self.strikes("reorder"):
                socket.is_honest = False
                socket.held.append(text)
            else:
                self._send(socket, text, 2 * SECOND if self.strikes("delay") else 0)
        if self.left["reorder"] == 0:
            self._release(socket)

    def _release(self, socket: Socket) -> None:
        held, socket.held = socket.held, []
        for text in reversed(held):
            self._send(socket, text)

    def drop(self, code: int) -> None:
        if self.socket is not None:
            self.struck[f"close {code}"] += 1
            self._end(self.socket, code)

    def mute(self) -> None:
        """As if a cable was pulled out."""
        if self.socket is not None:
            self.struck["blackhole"] += 1
            self.socket.is_mute = True

    def expire_tokens(self) -> None:
        self.struck["expire_tokens"] += 1
        self.guests.disturb(self.now)
        self._tokens_lost = self._jwts_lost = self._tokens

    # ---- REST

    def _on_request(self, ticket: str, method: str, path: str, token: str, deadline: str) -> None:
        number = int(ticket)
        self._requests.add(number)
        self.plan(int(deadline) - self.now, lambda: self._answer(number, 0, "", failure=TIMED_OUT))
        if self.strikes("lost_request"):
            return
        slow = self.random.randrange(8 * SECOND) if self.strikes("slow_answer") else 0
        self.plan(self.latency + slow, lambda: self._serve(number, method, path, token))

    def _on_drop(self, ticket: str) -> None:
        self._requests.discard(int(ticket))

    def _answer(
        self,
        ticket: int,
        status: int,
        body: str,
        *,
        excuses: dict[str, bool] | None = None,
        failure: int = 0,
        retry_after: str | None = None,
    ) -> None:
        if ticket not in self._requests:
            return
        self._requests.discard(ticket)
        self._excuses = excuses or {}
        self.tell(
            self.core.answered, ticket, status, body, failure=failure, retry_after=retry_after
        )

    def _serve(self, ticket: int, method: str, path: str, token: str) -> None:
        """What the server answers is decided now; it arrives later."""
        wait = 2 * self.latency + self.random.randrange(2 * self.latency)
        if self.strikes("rate_limit"):
            again = str(self.random.randrange(4))
            self.plan(wait, lambda: self._answer(ticket, 429, LIMITED, retry_after=again))
        elif self.strikes("server_error"):
            self.plan(wait, lambda: self._answer(ticket, 503, "busy"))
        elif self.strikes("half_page"):
            self.plan(wait, lambda: self._answer(ticket, 0, "", failure=CONNECTION_LOST))
        elif token and int(token.removeprefix("t")) <= self._tokens_lost:
            self.plan(wait, lambda: self._answer(ticket, 401, TOKEN_LOST))
        else:
            self._ends_pass = False
            body, excuses = self._body_for(method, path, token)
            if self._ends_pass:
                how = self._pass_stood_still, self._totals_differ
                self.plan(wait, lambda: self._end_pass(*how))
            self.plan(wait, lambda: self._answer(ticket, 200, body, excuses=excuses))

    def _body_for(self, method: str, path: str, token: str) -> tuple[str, dict[str, bool]]:
        url = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path.endswith("/auth_tokens"):
            self._tokens += 1
            return json.dumps({"data": {"uid": "bot", "authToken": f"t{self._tokens}"}}), {}
        if url.path.endswith("/me"):
            return self._me(token), {}
        if url.path.endswith("/online-members"):
            return json.dumps({"data": {"onlineUsersCount": sum(self.online.values())}}), {}
        if url.path.endswith("/users"):
            return self._page(query)
        return json.dumps({"data": self._user(url.path.rsplit("/", 1)[1])}), {}

    def _me(self, token: str) -> str:
        self._tokens += 1  # numbers tokens and jwts alike, so that the lost ones are the older
        settings = {"CHAT_HOST": "chat.example", "CHAT_WSS_PORT": "443"}
        settings |= {"CLIENT_API_HOST": "api.example", "CHAT_API_VERSION": "v3.0"}
        me = {"uid": "bot", "authToken": token, "jwt": f"j{self._tokens}", "settings": settings}
        return json.dumps({"data": me})

    def _user(self, uid: str) -> dict[str, str]:
        status = "available" if self.everybody.get(uid) else "offline"
        return {"uid": uid, "name": uid, "status": status, "role": self.guests.role_of(uid)}

    def _page(self, query: dict[str, str]) -> tuple[str, dict[str, bool]]:
        """A page as the list stands now, and whom it may show to be offline."""
        if self.strikes("moving_pages"):
            for _ in range(self.random.randrange(1, 4)):
                self.move()
        if "uids" in query:
            asked = query["uids"].split(",")
            known = [uid for uid in asked if uid in self.everybody]
            gone = {uid: not self.everybody.get(uid) for uid in asked}
            return self._list(known, 1, 1, len(known)), gone
        wanted = [uid for uid, on in self.online.items() if on or "status" not in query]
        size, page = int(query["per_page"]), int(query["page"])
        pages = max(1, -(-len(wanted) // size))
        self._pass_stood_still |= page == 1
        self._is_exact = False
        self._ends_pass = page >= pages
        may_go = self._ends_pass and "status" not in query
        excuses = dict.fromkeys(self.online, True) if may_go else {}
        if page == 1:
            self._first_total, self._totals_differ = len(wanted), False
        self._totals_differ |= len(wanted) != self._first_total
        return self._list(
            wanted[size * (page - 1) : size * page], page, pages, len(wanted)
        ), excuses

    def _list(self, uids: list[str], page: int, pages: int, total: int) -> str:
        pagination = {"total": total, "count": len(uids)}
        pagination |= {"current_page": page, "total_pages": pages}
        users = [self._user(uid) for uid in uids]
        return json.dumps({"data": users, "meta": {"pagination": pagination}})

    def _end_pass(self, stood_still: bool, totals_differ: bool) -> None:
        """A list that was torn is made again, three times at most, if that can be known: by what
        was pushed until now, or by the totals of its pages."""
        self.struck["pass" if stood_still else "torn pass"] += 1
        self._torn_passes = 0 if stood_still else self._torn_passes + 1
        all_seen = self.socket is not None and self.socket.latest <= self.now
        can_be_known = all_seen or totals_differ
        self._is_exact = stood_still or (can_be_known and self._torn_passes < PASSES)

    # ---- the end

    def come_to_rest(self) -> None:
        """Quiet, then one comparison; afterwards everything must be as it is on the server."""
        self.left.clear()
        if self.socket is not None:
            self._release(self.socket)
        if self.core.state is State.OFFLINE:
            self._log_in()
            self.call(Kind.CONNECT)
        self.run(20 * SECOND)  # longer than a pong is waited for
        self.run_until(lambda: self.core.state is State.LIVE and self.core.is_synced)
        self.call(Kind.RESYNC)
        number = self._calls_made
        self.run_until(lambda: number not in self.calls)
        self.wake_up()
        assert self.picture() == self.online
        self.guests.check_known(self.core)
        assert {uid for uid, status in self.told.items() if status == ONLINE} == {
            uid for uid, on in self.everybody.items() if on
        }

    def close(self) -> None:
        self.is_open = False
        self.call(Kind.CLOSE)
        self.run(10 * SECOND)
        assert not self.calls, "a call was never done"
        assert self.core.state is State.CLOSED
        assert self.core.deadline == NEVER
        self.coalesced = self.core.coalesced
        self.core.free()
