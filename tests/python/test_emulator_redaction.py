"""No secret is in the journal, wherever it stood and however it was spelled; and the journal's file."""

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python.emulator_client import Client

from cometpresence.emulator import Emulator, Webhook
from cometpresence.emulator.redaction import REDACTED, Redactor

CHOSEN = 'My-Own/Key+"42"'  # has characters that JSON, URLs and base64 spell otherwise
MINTED = "superhero1_0123456789abcdef0123456789abcdef01234567"
JWT = "jwt.superhero1.89abcdef0123456789abcdef0123456789abcdef"
REAL_JWT = "eyJhbGciOiJIUzI1NiJ9.eyJ1aWQiOiJhIn0.c2lnbmF0dXJl"
SECRETS = (CHOSEN, MINTED, JWT)

REDACTOR = Redactor([CHOSEN])


def percent_encoded(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in text)


def in_base64(before: str, text: str) -> str:
    return base64.b64encode(f"{before}{text}".encode()).decode()


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "quoted": quote,
    "every character percent-encoded": percent_encoded,
    "percent-encoded twice": lambda text: quote(percent_encoded(text)),
    "in JSON": json.dumps,
    "in JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "in escapes": escaped,
    "in escapes in JSON": lambda text: json.dumps(escaped(text)),
    "in base64": lambda text: in_base64("", text),
    "in base64 after one byte": lambda text: in_base64("a", text),
    "in base64 after two bytes": lambda text: in_base64("ab", text),
    "in base64 for URLs": lambda text: base64.urlsafe_b64encode(f"?>{text}?>".encode()).decode(),
    "in base64, percent-encoded": lambda text: percent_encoded(in_base64("xyz", text)),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_found_in_every_spelling(secret: str, spelling: str) -> None:
    spelled = SPELLINGS[spelling](secret)
    for text in (spelled, f"x {spelled} y", f"/a?b={spelled}&c=%20"):
        shown = REDACTOR.text(text)
        assert REDACTED in shown
        assert spelled not in shown
        assert secret not in shown


@pytest.mark.parametrize(
    ("secret", "head"),  # so much of it is public
    [(CHOSEN, 0), (MINTED, len("superhero1_")), (JWT, len("jwt.superhero1.")), (REAL_JWT, 0)],
)
def test_a_secret_that_was_cut_is_found_too(secret: str, head: int) -> None:
    for end in range(head + 16, len(secret)):
        assert secret[: head + 16] not in REDACTOR.text(f"not JSON: {secret[:end]}")
    for start in range(len(CHOSEN) - 6):
        assert CHOSEN[start:] not in REDACTOR.text(f"{CHOSEN[start:]} was cut")
    for before in range(950, 1000):
        assert secret[head : head + 4] not in REDACTOR.excerpt("x" * before + secret, 1000)


@given(st.sampled_from(SECRETS), st.text(), st.text())
def test_no_neighbours_hide_a_secret(secret: str, before: str, after: str) -> None:
    assert secret not in REDACTOR.text(before + secret + after)
    json.dumps(REDACTOR.value({before: [after]})).encode()


@pytest.mark.parametrize(
    "text",
    [
        "password=hunter2",
        "authToken: hunter2, and more",
        '{"authToken": "hunter2',
        '{\\"x-api-key\\": \\"hunter2\\"}',
        "Authorization: Bearer hunter2",
        "Cookie: hunter2; a=b",
        "a=b&jwt=hunter2&c=d",
        "a=b%26password%3Dhunter2%26c",
    ],
)
def test_what_a_text_calls_a_secret_is_one(text: str) -> None:
    shown = REDACTOR.text(text)
    assert "hunter2" not in shown
    assert REDACTED in shown


@pytest.mark.parametrize(
    "name",
    [
        *("apiKey", "apikey", "rest_api_key", "X-API-Key", "authToken", "auth_token", "Auth-Key"),
        *("auth", "token", "fcm_token", "jwt", "password", "webhook_password", "Authorization"),
        *("Proxy-Authorization", "Cookie", "Set-Cookie", "client_secret", "accessToken"),
    ],
)
@pytest.mark.parametrize("value", ["hunter2", 12345, ["hunter2"], {"is": "hunter2"}], ids=str)
def test_what_is_named_a_secret_is_one(name: str, value: Any) -> None:
    assert REDACTOR.value({"deep": [{name: value}]}) == {"deep": [{name: REDACTED}]}


@pytest.mark.parametrize(
    "value",
    [
        *("superhero1", "https://example.invalid/me.png?size=40&v=%20", "author: me", "token"),
        *("WEB-4_2_0-123e4567-e89b-12d3-a456-426614174000-1700000000000", "C:\\temp\\u", "100 %"),
        *("the apiKey header is missing or empty", "d41d8cd98f00b204e9800998ecf8427e"),
        *({"withAuthToken": True, "authToken": "", "jwt": None, "author": "me"}, [1, 2.5, None]),
    ],
    ids=str,
)
def test_what_is_no_secret_stays_as_it_is(value: Any) -> None:
    assert REDACTOR.value(value) == value


def test_what_json_has_no_word_for_is_text() -> None:
    odd = {"a": [1e999, -1e999, float("nan")], "b": "\ud800 \u2028", "\udfff": 1}
    shown = REDACTOR.value(odd)
    assert shown["a"] == ["inf", "-inf", "nan"]
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown
    deep: Any = []
    for _ in range(500):
        deep = [deep]
    assert json.dumps(REDACTOR.value(deep)).count("[") < 110


# ---- in the whole emulator


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def entries_of(journal: Path) -> list[dict[str, Any]]:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    lines = journal.read_text(encoding="ascii").splitlines()
    return [json.loads(line, parse_constant=refuse) for line in lines]


@pytest.fixture
def emulator(journal: Path) -> Iterator[Emulator]:
    hook = Webhook(url="http://127.0.0.1:9/", username="me", password="hook-password")
    with Emulator(auth_key=CHOSEN, journal_file=journal, webhooks=[hook]) as emulator:
        yield emulator


def test_no_secret_is_in_the_journals_file(emulator: Emulator, journal: Path) -> None:
    with Client(emulator) as client:
        token, jwt = client.headers["authToken"], client.jwt
        secrets = [CHOSEN, token, jwt, emulator.rest_api_key, "hook-password"]
        ws = client.connect()
        for secret in secrets:
            for spell in SPELLINGS.values():
                spelled = spell(secret)
                client.call("GET", f"/nowhere/{quote(spelled)}?x={quote(spelled)}&{quote(spelled)}")
                client.call("GET", "/me", headers={"X-Odd": quote(spelled), "Referer": secret})
                client.call("PUT", "/me", data=f"no JSON {spelled}")
                ws.send({"type": spelled, "note": {"of": [spelled]}, spelled: 1})
                ws.send_text(f"no JSON {spelled}")
            ws.send_text("x" * 990 + secret)
            client.call("PUT", "/me", data="x" * 980 + secret)
        ws.send_text('{"type": "odd", "far": 1e999, "half": "\\ud800 \\u2028"}')
        ws.until_pong()
        for secret in secrets:
            emulator.send_raw(secret.encode())
    emulator.stop()
    shown = entries_of(journal)
    assert shown == emulator.journal
    text = journal.read_text()
    for secret in secrets:
        assert json.dumps(secret)[1:-1] not in text
        for spelling, spell in SPELLINGS.items():
            assert json.dumps(spell(secret))[1:-1] not in text, spelling
        assert secret[:20] not in text or secret == token  # whose uid is no secret
    [odd] = [entry for entry in shown if entry.get("type") == "odd"]
    assert odd["frame"] == {"type": "odd", "far": "inf", "half": "\\ud800 \u2028"}


def test_every_run_adds_to_the_file_which_only_its_owner_reads(journal: Path) -> None:
    for _ in range(2):
        with Emulator(journal_file=journal) as emulator:
            emulator.set_online("superhero2")
            emulator.reset()
    events = [entry["event"] for entry in entries_of(journal)]
    assert events == ["started", "user_online", "stopped"] * 2
    assert journal.stat().st_mode & 0o777 == 0o600


def test_half_a_line_of_a_killed_run_spoils_no_other(journal: Path) -> None:
    journal.write_text('{"n": 0}\n{"n": 1, "half')
    with Emulator(journal_file=journal):
        pass
    lines = journal.read_text().splitlines()
    assert lines[:2] == ['{"n": 0}', '{"n": 1, "half']
    assert [json.loads(line)["event"] for line in lines[2:]] == ["started", "stopped"]


def test_a_lost_disk_ends_the_file_and_not_the_emulator(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder := tmp_path / "disk").mkdir()
    with Emulator(journal_file=folder / "journal") as emulator, Client(emulator) as client:
        shutil.rmtree(folder)
        assert client.users().status == 200
        emulator.set_online("superhero2")
    [record] = caplog.records
    assert f"the journal {folder / 'journal'} ends here" in record.getMessage()


def test_a_file_that_cannot_be_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Emulator(journal_file=tmp_path / "no" / "folder")


def test_the_command_writes_it_and_kill_9_takes_nothing_away(journal: Path) -> None:
    command = [sys.executable, "-m", "cometpresence", "emulator", "--journal", str(journal)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    assert [entry["event"] for entry in entries_of(journal)] == ["started"]
