"""The emulator posts webhooks; a server of somebody else's gets them, parse_webhook() reads them."""

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner
from python.emulator_client import Client
from python.webhook_receiver import Posted, Receiver

from cometpresence import AuthError, PresenceEvent, UserStatus, parse_webhook
from cometpresence.emulator import Emulator, Webhook, webhooks
from cometpresence.emulator.command import emulator as command


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def hooked(url: str, **kw: Any) -> Emulator:
    return Emulator(clock="manual", webhooks=[Webhook(url=url, **kw)])


def parsed(posts: list[Posted]) -> list[PresenceEvent]:
    return [parse_webhook(post.body, dict(post.headers)) for post in posts]


def is_event(name: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda entry: entry.get("event") == name


# ---- what is posted


@pytest.mark.parametrize("form", ["current", "legacy"])
def test_who_comes_and_goes_is_posted_in_order_and_can_be_parsed(
    receiver: Receiver, form: Any
) -> None:
    with hooked(receiver.url, form=form) as emulator:
        for number in range(1, 6):
            emulator.set_online(f"superhero{number}", at=1_700_000_000 + number)
        emulator.set_offline("superhero3", at=1_700_000_100)
        events = parsed(receiver.get(6))
    assert [(event.user.uid, event.online) for event in events] == [
        *((f"superhero{number}", True) for number in range(1, 6)),
        ("superhero3", False),
    ]
    assert events[5].at == datetime(2023, 11, 14, 22, 15, tzinfo=UTC)
    assert events[5].user.last_active_at == 1_700_000_100
    assert events[5].user.name == "Spiderman"
    told = UserStatus.ONLINE if form == "current" else UserStatus.UNKNOWN
    assert events[5].previous is told


def test_the_current_form_is_as_documented(receiver: Receiver) -> None:
    with hooked(receiver.url, id="mine") as emulator:
        emulator.set_online("superhero2", at=1_700_000_009)
        [post] = receiver.get(1)
    assert (post.path, post.headers["Content-Type"]) == ("/hook", "application/json")
    document = json.loads(post.body)
    user = document["data"].pop("user")
    assert document == {
        "trigger": "user_connection_status_changed",
        "data": {
            "timestamp": 1_700_000_009_000,
            "status": "online",
            "currentConnection": {"action": "connected"},
            "userPresenceChanged": True,
        },
        "appId": emulator.app_id,
        "region": "us",
        "webhook": "mine",
    }
    assert (user["uid"], user["status"], user["lastActiveAt"]) == (
        *("superhero2", "available", 1_700_000_009),
    )


def test_each_post_has_a_connection_of_its_own(receiver: Receiver) -> None:
    """One that is kept may be ended by the receiver while the next post is on its way."""
    with hooked(receiver.url) as emulator:
        emulator.set_online("superhero2")
        [post] = receiver.get(1)
    assert post.headers["Connection"] == "close"


def test_the_legacy_form_has_its_own_trigger_and_places(receiver: Receiver) -> None:
    with hooked(receiver.url, form="legacy") as emulator:
        emulator.set_online("superhero2", at=1_700_000_009)
        [post] = receiver.get(1)
    document = json.loads(post.body)
    assert document["trigger"] == "after_connection_status_changed"
    assert document["data"]["event"] == {"type": "connected", "timestamp": 1_700_000_009_000}
    assert document["data"]["user"]["status"] == "online"


def test_every_device_is_posted_and_whether_it_changed_anything(receiver: Receiver) -> None:
    with hooked(receiver.url) as emulator, Client(emulator, "superhero2") as client:
        first = client.connect(params={"platform": "javascript", "secret": "x", "userAgent": "t/1"})
        second = client.connect()
        first.close()
        receiver.get(3)
        second.close()
        posts = receiver.get(4)
    data = [json.loads(post.body)["data"] for post in posts]
    assert [
        (each["currentConnection"]["action"], each["status"], each["userPresenceChanged"])
        for each in data
    ] == [
        ("connected", "online", True),
        ("connected", "online", False),
        ("disconnected", "online", False),
        ("disconnected", "offline", True),
    ]
    connection = data[0]["currentConnection"]
    assert (connection["platform"], connection["userAgent"]) == ("javascript", "t/1")
    assert connection["connectedAt"] == 1_700_000_000_000
    assert "secret" not in connection
    assert [event.previous for event in parsed(posts)] == [
        *(UserStatus.OFFLINE, UserStatus.ONLINE, UserStatus.ONLINE, UserStatus.ONLINE),
    ]


def test_all_devices_at_once_are_one_change(receiver: Receiver) -> None:
    with hooked(receiver.url) as emulator, Client(emulator, "superhero2") as client:
        for _ in range(3):
            client.connect()
        emulator.close_all()
        posts = receiver.get(6)
    changed = [json.loads(post.body)["data"]["userPresenceChanged"] for post in posts]
    assert changed == [True, False, False, False, False, True]


def test_what_happens_while_it_stops_is_still_posted(receiver: Receiver) -> None:
    with hooked(receiver.url) as emulator, Client(emulator, "superhero2") as client:
        client.connect()
        emulator.stop()
        assert [event.online for event in parsed(receiver.posted)] == [True, False]


def test_a_restarted_emulator_posts_again(receiver: Receiver) -> None:
    emulator = hooked(receiver.url)
    emulator.set_online("superhero1")  # nobody hears of this
    for uid in ("superhero2", "superhero3"):
        with emulator:
            emulator.set_online(uid)
    assert [event.user.uid for event in parsed(receiver.get(2))] == ["superhero2", "superhero3"]


def test_several_webhooks_are_posted_each_in_its_form() -> None:
    with Receiver() as one, Receiver() as other:
        hooks = [Webhook(url=one.url, id="a"), Webhook(url=other.url, id="b", form="legacy")]
        with Emulator(webhooks=hooks) as emulator:
            emulator.set_online("superhero2")
            bodies = [json.loads(receiver.get(1)[0].body) for receiver in (one, other)]
    assert [body["webhook"] for body in bodies] == ["a", "b"]
    assert bodies[0]["trigger"] != bodies[1]["trigger"]


# ---- credentials


def test_basic_authentication_is_sent_and_checked(receiver: Receiver) -> None:
    hook = Webhook(url=receiver.url + "?key=hidden", username="näme", password="pass:wörd")
    assert "pass:wörd" not in repr(hook)
    with Emulator(webhooks=[hook]) as emulator:
        emulator.set_online("superhero2")
        [post] = receiver.get(1)
        emulator.wait_for(is_event("webhook_delivered"))
        journal = repr(emulator.journal)
    headers = dict(post.headers)
    event = parse_webhook(post.body, headers, basic_auth=("näme", "pass:wörd"))
    assert event.user.uid == "superhero2"
    with pytest.raises(AuthError):
        parse_webhook(post.body, headers, basic_auth=("näme", "other"))
    assert post.path == "/hook?key=hidden"
    for secret in ("pass:wörd", headers["Authorization"].split()[1], "hidden"):
        assert secret not in journal


def test_secrets_in_what_is_posted_are_in_no_journal(receiver: Receiver) -> None:
    with hooked(receiver.url) as emulator:
        emulator.add_user("zoe", metadata={"token": "hush", "seat": 7})
        emulator.set_online("zoe")
        assert "hush" in receiver.get(1)[0].body.decode()
        journaled = emulator.wait_for(is_event("webhook_delivered"))["body"]
    assert journaled["trigger"] == "user_connection_status_changed"
    assert journaled["data"]["user"]["metadata"] == {"token": "[redacted]", "seat": 7}


def test_without_a_username_nothing_is_sent(receiver: Receiver) -> None:
    with hooked(receiver.url) as emulator:
        emulator.set_online("superhero2")
        assert "Authorization" not in receiver.get(1)[0].headers


# ---- failures


def test_a_failed_post_is_tried_again_after_each_delay() -> None:
    with (
        Receiver(500, 404) as receiver,
        hooked(receiver.url, retry_after=(0.05, 0.2)) as emulator,
    ):
        emulator.set_online("superhero2")
        posts = receiver.get(3)
        done = emulator.wait_for(is_event("webhook_delivered"))
        failed = [entry for entry in emulator.journal if entry.get("event") == "webhook_failed"]
    assert len({post.body for post in posts}) == 1
    assert posts[1].at - posts[0].at >= 0.04
    assert posts[2].at - posts[1].at >= 0.19
    facts = [(entry["attempt"], entry["outcome"], entry["retry_in"]) for entry in failed]
    assert facts == [(1, 500, 0.05), (2, 404, 0.2)]
    assert (done["attempt"], done["outcome"]) == (3, 200)


def test_after_the_last_attempt_it_is_given_up() -> None:
    with Receiver(503, 503) as receiver, hooked(receiver.url, retry_after=(0.01,)) as emulator:
        emulator.set_online("superhero2")
        last = emulator.wait_for(
            lambda entry: entry.get("event") == "webhook_failed" and entry["attempt"] == 2
        )
        assert last["retry_in"] is None
        emulator.set_offline("superhero2")
        assert [event.online for event in parsed(receiver.get(3))] == [True, True, False]


def test_one_failure_does_not_hold_up_the_next_change() -> None:
    with Receiver(500) as receiver, hooked(receiver.url) as emulator:  # again after 10 s
        emulator.set_online("superhero2")
        emulator.set_offline("superhero2")
        assert [event.online for event in parsed(receiver.get(2))] == [True, False]


def test_as_documented_it_is_tried_again_after_10_and_30_seconds() -> None:
    assert Webhook(url="http://127.0.0.1:1/").retry_after == (10.0, 30.0)


def test_a_receiver_that_is_gone_has_only_so_many_retries_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhooks, "_MOST_WAITING", 5)
    with Receiver(*[500] * 8) as receiver, hooked(receiver.url, retry_after=(60.0,)) as emulator:
        for number in range(8):
            emulator.move(["superhero2"])
            receiver.get(number + 1)
        emulator.set_offline("superhero2")
        emulator.set_online("superhero2")
        emulator.wait_for(is_event("webhook_delivered"))
        lost = [entry for entry in emulator.journal if entry.get("event") == "webhook_lost"]
    assert [entry["uid"] for entry in lost] == ["superhero2"] * 3


@pytest.mark.parametrize("status", [301, 307])
def test_a_redirect_is_followed_nowhere(status: int) -> None:
    with Receiver(status) as receiver, hooked(receiver.url, retry_after=()) as emulator:
        emulator.set_online("superhero2")
        failed = emulator.wait_for(is_event("webhook_failed"))
        assert (failed["outcome"], failed["retry_in"]) == (status, None)
        assert [post.path for post in receiver.posted] == ["/hook"]


def test_nobody_there_is_a_failure_like_any_other() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
        with hooked(url, retry_after=()) as emulator:
            emulator.set_online("superhero2")
            failed = emulator.wait_for(is_event("webhook_failed"))
    assert failed["outcome"] == "ClientConnectorError"


def test_a_receiver_that_never_answers_holds_up_neither_clients_nor_the_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with hooked(url, timeout=0.1, retry_after=()) as emulator, Client(emulator) as client:
            watching = client.connect()
            emulator.set_online("superhero2")
            assert watching.moves() == [("superhero2", "online")]
            failed = emulator.wait_for(is_event("webhook_failed"))
            assert failed["outcome"] == "TimeoutError"


# ---- making one


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"url": "ftp://127.0.0.1/"}, "http"),
        ({"url": "127.0.0.1:80"}, "http"),
        ({"url": "http://"}, "host"),
        ({"url": "http://127.0.0.1:99999/"}, "[Pp]ort"),
        ({"url": "http://127.0.0.1:0/"}, "port"),
        ({"url": "http://name:word@127.0.0.1/"}, "no credentials"),
        ({"url": "http://a..example/", "anywhere": True}, "no host is called"),
        ({"url": f"http://{'a' * 64}.example/", "anywhere": True}, "no host is called"),
        ({"url": "https://example.com/hook"}, "another machine"),
        ({"url": "http://10.0.0.1/"}, "another machine"),
        ({"url": "http://localhost.example.com/"}, "another machine"),
        ({"url": "http://127.0.0.1/", "form": "future"}, "form"),
        ({"url": "http://127.0.0.1/", "username": "a:b"}, "colon"),
        ({"url": "http://127.0.0.1/", "password": "alone"}, "password needs"),
        ({"url": "http://127.0.0.1/", "timeout": 0}, "seconds"),
        ({"url": "http://127.0.0.1/", "retry_after": (-1.0,)}, "seconds"),
        ({"url": "http://127.0.0.1/", "timeout": float("nan")}, "seconds"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_at_once(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Webhook(**arguments)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "[::1]"])
def test_loopback_needs_no_permission(host: str) -> None:
    Webhook(url=f"http://{host}:8000/hook")


def test_another_machine_needs_one() -> None:
    assert Webhook(url="https://example.com/hook", anywhere=True).anywhere


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--webhook", "https://example.com/"], "another machine"),
        (["--webhook-user", "name"], "need --webhook"),
        (["--webhook", "http://127.0.0.1/", "--webhook-form", "future"], "future"),
    ],
    ids=str,
)
def test_the_command_refuses_what_the_class_refuses(options: list[str], words: str) -> None:
    outcome = CliRunner().invoke(command, options)
    assert outcome.exit_code == 2
    assert words in outcome.output
