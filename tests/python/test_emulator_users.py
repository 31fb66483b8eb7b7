"""GET /users and its many options; making and changing users."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from python.emulator_client import Client

from cometpresence.emulator import Emulator

CLASS = [
    {"uid": "alice", "name": "Alice A", "friends": ["bob", "Carol"], "blocked": ["erin"]},
    {"uid": "bob", "name": "Bob B", "role": "teacher", "tags": ["vip", "x"], "online": True},
    {"uid": "carol", "name": "Carol C", "role": "student", "tags": ["y"]},
    {"uid": "dave", "name": "Dave D", "role": "student", "status": "available"},
    {"uid": "erin", "name": "Bobby", "role": "default", "friends": ["alice"], "blocked": ["alice"]},
]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(users=CLASS) as emulator:
        yield emulator


@pytest.fixture
def alice(emulator: Emulator) -> Iterator[Client]:
    with Client(emulator, "alice") as client:
        yield client


@pytest.mark.parametrize(
    ("options", "uids"),
    [
        ({}, ["bob", "dave", "alice", "erin", "carol"]),  # status, name, uid
        ({"sortBy": "name"}, ["alice", "bob", "erin", "carol", "dave"]),
        ({"sortBy": "name", "sortOrder": "desc"}, ["dave", "carol", "erin", "bob", "alice"]),
        ({"sortBy": "status", "sortOrder": "desc"}, ["carol", "erin", "alice", "dave", "bob"]),
        ({"status": "available"}, ["bob", "dave"]),
        ({"status": "offline", "sortBy": "name"}, ["alice", "erin", "carol"]),
        ({"roles": "teacher"}, ["bob"]),
        ({"roles": "teacher,student"}, ["bob", "dave", "carol"]),
        ({"roles": "nobodys"}, []),
        ({"tags": "vip"}, ["bob"]),
        ({"tags": "x,y"}, ["bob", "carol"]),
        ({"uids": "CAROL,bob,nobody"}, ["bob", "carol"]),
        ({"friendsOnly": 1}, ["bob", "erin", "carol"]),  # erin declared it, both have it
        ({"friendsOnly": 0, "roles": "teacher"}, ["bob"]),
        ({"hideBlockedUsers": 1}, ["bob", "dave", "alice", "carol"]),
        ({"searchKey": "BOB"}, ["bob", "erin"]),  # uid or name
        ({"searchKey": "bob", "searchIn": "uid"}, ["bob"]),
        ({"searchKey": "bob", "searchIn": "name"}, ["bob", "erin"]),
        ({"searchKey": "erin", "searchIn": "name"}, []),
        ({"status": "available", "roles": "student", "searchKey": "d"}, ["dave"]),
    ],
    ids=str,
)
def test_every_option_filters_or_sorts(
    alice: Client, options: dict[str, object], uids: list[str]
) -> None:
    answer = alice.users(**options)
    assert answer.uids == uids
    assert answer.body["meta"]["pagination"]["total"] == len(uids)


def test_pages_follow_one_another_and_end_empty(alice: Client) -> None:
    pages = [alice.users(per_page=2, page=page, sortBy="name") for page in (1, 2, 3, 4)]
    assert [page.uids for page in pages] == [["alice", "bob"], ["erin", "carol"], ["dave"], []]
    expected = {"total": 5, "per_page": 2, "total_pages": 3}
    for number, page in enumerate(pages, 1):
        pagination = page.body["meta"]["pagination"]
        assert pagination == {**expected, "count": len(page.uids), "current_page": number}


@pytest.mark.parametrize(
    "options",
    [
        {"per_page": 0},
        {"per_page": 101},
        {"per_page": "many"},
        {"page": 0},
        {"page": -1},
        {"status": "online"},  # the SDK's word, not the wire's
        {"sortBy": "age"},
        {"sortOrder": "up"},
        {"uids": ",".join(f"u{n}" for n in range(26))},
    ],
    ids=str,
)
def test_options_beyond_the_limits_are_refused(alice: Client, options: dict[str, object]) -> None:
    answer = alice.users(**options)
    assert (answer.status, answer.code) == (400, "ERR_BAD_REQUEST")


def test_an_option_nobody_knows_is_not_ignored(alice: Client) -> None:
    assert alice.users(minAge=18).code == "ERR_NOT_EMULATED"
    # What the v3 SDK makes of the search keyword "bob&c", which it does not encode:
    assert alice.call("GET", "/users?searchKey=bob&c&page=1").uids == ["bob", "erin"]


def test_a_lenient_emulator_makes_the_best_of_it() -> None:
    with Emulator(users=CLASS, strict=False) as emulator, Client(emulator, "alice") as alice:
        page = alice.users(per_page=1000, minAge=18)
        assert page.body["meta"]["pagination"]["per_page"] == 100
        assert len(page.uids) == 5


def test_a_listed_user_has_the_documented_members(alice: Client) -> None:
    [bob] = alice.users(uids="bob").data
    assert bob["name"] == "Bob B"
    assert bob["role"] == "teacher"
    assert bob["status"] == "available"
    assert bob["lastActiveAt"] > 1_700_000_000
    assert bob["conversationId"] == "alice_user_bob"
    assert "tags" not in bob
    [bob] = alice.users(uids="bob", withTags=1).data
    assert bob["tags"] == ["vip", "x"]
    assert "lastActiveAt" not in alice.call("GET", "/users/carol").data  # never seen


def test_block_flags_are_the_viewers(emulator: Emulator, alice: Client) -> None:
    erin = alice.call("GET", "/users/erin").data
    assert (erin["blockedByMe"], erin["hasBlockedMe"]) == (True, True)
    bob = alice.call("GET", "/users/bob").data
    assert (bob["blockedByMe"], bob["hasBlockedMe"]) == (False, False)


def test_users_may_move_between_pages(emulator: Emulator, alice: Client) -> None:
    def move(page: int) -> None:
        if page == 2:
            emulator.set_offline("dave")

    emulator.before_page = move
    assert alice.users(status="available", per_page=1, page=1).uids == ["bob"]
    assert alice.users(status="available", per_page=1, page=2).uids == []
    emulator.before_page = None
    emulator.set_online("dave")
    assert alice.users(status="available", per_page=1, page=2).uids == ["dave"]


# ---- making and changing


def test_users_are_made_and_changed_with_the_key(emulator: Emulator, alice: Client) -> None:
    key = {"apiKey": emulator.auth_key}
    made = alice.call("POST", "/users", headers=key, json={"uid": "Frank", "name": "Frank F"})
    assert (made.data["uid"], made.data["role"]) == ("frank", "default")
    change = {"role": "teacher", "tags": ["new"], "metadata": {"seat": 4}, "link": "x:y"}
    changed = alice.call("PUT", "/users/frank", headers=key, json=change).data
    assert {name: changed[name] for name in change} == change
    assert alice.users(roles="teacher", tags="new").uids == ["frank"]
    again = alice.call("POST", "/users", headers=key, json={"uid": "frank", "name": "F"})
    assert (again.status, again.code) == (409, "ERR_UID_ALREADY_EXISTS")
    missing = alice.call("PUT", "/users/nobody", headers=key, json={"name": "N"})
    assert missing.code == "ERR_UID_NOT_FOUND"


def test_a_user_may_be_made_with_a_token(emulator: Emulator, alice: Client) -> None:
    key = {"apiKey": emulator.auth_key}
    body = {"uid": "gina", "name": "G", "withAuthToken": True}
    token = alice.call("POST", "/users", headers=key, json=body).data["authToken"]
    assert alice.call("GET", "/me", headers={"authToken": token}).data["uid"] == "gina"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"uid": ""},
        {"uid": "white space"},
        {"uid": "a" * 101},
        {"uid": "ok", "name": 5},
        {"uid": "ok", "tags": "vip"},
        {"uid": "ok", "tags": [1]},
        {"uid": "ok", "metadata": []},
    ],
    ids=str,
)
def test_a_user_that_makes_no_sense_is_refused(
    emulator: Emulator, alice: Client, body: dict[str, Any]
) -> None:
    key = {"apiKey": emulator.auth_key}
    answer = alice.call("POST", "/users", headers=key, json=body)
    assert (answer.status, answer.code) == (400, "ERR_BAD_REQUEST")


def test_a_misspelt_field_in_the_cast_is_an_error() -> None:
    with pytest.raises(Exception, match="statusMesage"):
        Emulator(users=[{"uid": "a", "statusMesage": "hi"}])
    with pytest.raises(Exception, match="uid"):
        Emulator(users=[{"name": "A"}])


def test_there_is_a_default_cast() -> None:
    with Emulator() as emulator, Client(emulator) as client:
        assert sorted(client.users().uids) == [f"superhero{n}" for n in range(1, 6)]


@pytest.mark.parametrize("text", ['[{"uid": "a"}]', '{"users": [{"uid": "a"}]}'])
def test_users_come_from_a_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "users.json"
    path.write_text(text)
    with Emulator(users=path) as emulator, Client(emulator, "a") as client:
        assert client.users().uids == ["a"]


def test_an_export_can_be_started_from(tmp_path: Path, emulator: Emulator) -> None:
    path = tmp_path / "state.json"
    emulator.add_user("Zoe", name="Zoë", avatar="https://x/z.png", online=True)
    emulator.set_offline("bob", at=1_700_000_123)
    emulator.export(path)
    assert emulator.auth_key not in path.read_text()
    with Emulator.from_file(path) as twin, Client(twin, "alice") as alice:
        assert twin.app_id == emulator.app_id
        assert twin.online == {"dave", "zoe"}
        zoe = alice.call("GET", "/users/zoe").data
        assert (zoe["name"], zoe["avatar"]) == ("Zoë", "https://x/z.png")
        assert alice.call("GET", "/users/bob").data["lastActiveAt"] == 1_700_000_123
        assert alice.users(friendsOnly=1, sortBy="name").uids == ["bob", "erin", "carol"]


# ---- what a user may be


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"status": "busy"}, "status must be one of online, available, offline, not 'busy'"),
        ({"status": 7}, "status must be one of"),
        ({"online": "no"}, "online must be true or false"),
        ({"online": True, "deactivatedAt": 5}, "who is deactivated cannot be online"),
        ({"role": "A b"}, "the role 'A b' has other characters than a-z 0-9 - _"),
        ({"role": 5}, "role must be text"),
        ({"metadata": {"a": float("nan")}}, "metadata must be such as JSON can say"),
        ({"metadata": {"a": object()}}, "metadata must be such as JSON can say"),
        ({"metadata": []}, "metadata must be an object"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_of_any_user(
    emulator: Emulator, fields: dict[str, Any], complaint: str
) -> None:
    odd = {"uid": "odd", **fields}
    with pytest.raises(ValueError, match=complaint):
        Emulator(users=[odd])
    with pytest.raises(ValueError, match=complaint):
        emulator.import_state({"users": [odd]})
    with pytest.raises(ValueError, match=complaint):
        emulator.add_user(**odd)
    assert "odd" not in emulator.uids


@pytest.mark.parametrize("role", ["", None])
def test_no_role_is_the_default_one(role: str | None) -> None:
    with Emulator(users=[{"uid": "ann", "role": role}]) as emulator, Client(emulator, "ann") as ann:
        assert ann.call("GET", "/users/ann").data["role"] == "default"
        key = {"apiKey": emulator.rest_api_key}
        assert [each["role"] for each in ann.call("GET", "/roles", headers=key).data] == ["default"]


def test_roles_are_lower_case_however_they_were_typed() -> None:
    roles = {"users": [{"uid": "ann", "role": "Teacher"}], "roles": [{"role": "TEACHER"}]}
    with Emulator() as emulator:
        emulator.import_state(roles)
        emulator.add_user("bob", role="Pupil")
        with Client(emulator, "ann") as ann:
            key = {"apiKey": emulator.rest_api_key}
            assert ann.call("GET", "/roles/Teacher", headers=key).data["role"] == "teacher"
            assert ann.call("GET", "/roles/pupil", headers=key).data["role"] == "pupil"
            assert ann.users(roles="TEACHER").uids == ["ann"]
            assert ann.call("GET", "/users?role=Pupil", headers=key).uids == ["bob"]
            socket = ann.connect("ROLES", roles=["PUPIL"])
            emulator.set_online("bob")
            assert socket.moves() == [("bob", "online")]


def test_nobody_is_their_own_friend() -> None:
    ann = {"uid": "ann", "friends": ["Ann"]}
    with Emulator(users=[ann]) as emulator, Client(emulator, "ann") as client:
        assert client.users(friendsOnly=1).uids == []
        key = {"apiKey": emulator.rest_api_key}
        assert client.call("GET", "/users/ann/friends", headers=key).uids == []


def test_who_is_deactivated_does_not_come_online(emulator: Emulator, alice: Client) -> None:
    key = {"apiKey": emulator.rest_api_key}
    everybody = {"uidsToDeactivate": [uid for uid in emulator.uids if uid != "alice"]}
    assert alice.call("DELETE", "/users", headers=key, json=everybody).status == 200
    with pytest.raises(ValueError, match="bob is deactivated"):
        emulator.set_online("bob")
    status = alice.admin("POST", "/users/bob/status", json={"status": "online"})
    assert (status.status, status.code) == (400, "ERR_BAD_REQUEST")
    emulator.moving_pages(users=5)
    alice.users()
    assert emulator.online <= {"alice"}
    emulator.set_offline("bob")
