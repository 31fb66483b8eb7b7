"""The management API: what scripts on a server do with an apiKey, as CometChat documents it."""

from collections.abc import Iterator
from typing import Any

import pytest
from python.emulator_client import Answer, Client, clients

from cometpresence.emulator import Emulator

USERS = [
    {"uid": "alice", "name": "Alice A", "role": "teacher", "friends": ["bob"]},
    {"uid": "bob", "name": "Bob B", "role": "student", "tags": ["vip"], "avatar": "https://x/b"},
    {"uid": "carol", "name": "Carol C", "role": "student", "tags": ["vip", "new"]},
    {"uid": "dave", "name": "Albert D", "online": True},
    {"uid": "erin", "name": "Erin E", "blocked": ["alice"]},
]


@pytest.fixture(scope="module")
def one_emulator() -> Iterator[Emulator]:
    with Emulator(users=USERS) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def one_client(one_emulator: Emulator) -> Iterator[Client]:
    with Client(one_emulator, "alice", login=False) as client:
        yield client


@pytest.fixture
def emulator(one_emulator: Emulator) -> Emulator:
    one_emulator.reset()
    return one_emulator


@pytest.fixture
def client(emulator: Emulator, one_client: Client) -> Client:
    return one_client  # never logged in: a script needs no user


class Script:
    """A script as in the documentation: a key, and nothing else."""

    def __init__(self, emulator: Emulator, client: Client) -> None:
        self.emulator = emulator
        self.client = client
        self.key = emulator.rest_api_key

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        headers = {"appId": "", "authToken": "", "apiKey": self.key, **headers}
        kw = {} if body is None else {"json": body}
        return self.client.call(method, "/v3" + path, headers=headers, **kw)

    def uids(self, query: str = "", **headers: str) -> list[str]:
        return self("GET", f"/users{query}", **headers).uids


@pytest.fixture
def script(emulator: Emulator, client: Client) -> Script:
    return Script(emulator, client)


# ---- keys

READS = [
    *(("GET", path) for path in ("/users", "/users/bob", "/users/bob/friends", "/roles")),
    *(("GET", path) for path in ("/users/bob/auth_tokens", "/roles/default")),
]
WRITES = [
    *[("POST", "/users"), ("PUT", "/users/bob"), ("POST", "/users/bob/auth_tokens")],
]
FULL_WRITES = [
    *[("DELETE", "/users/bob"), ("PUT", "/users"), ("DELETE", "/users"), ("POST", "/roles")],
    *[("PUT", "/roles/student"), ("DELETE", "/roles/student"), ("POST", "/users/bob/friends")],
    *[("DELETE", "/users/bob/friends"), ("DELETE", "/users/bob/auth_tokens")],
    *[(method, "/users/bob/auth_tokens/t") for method in ("GET", "PUT", "DELETE")],
]


WRONG = [
    ({"apiKey": "wrong"}, "AUTH_ERR_APIKEY_NOT_FOUND"),
    ({"apiKey": "wr\u00f6ng"}, "AUTH_ERR_APIKEY_NOT_FOUND"),
    ({"appId": "other"}, "AUTH_ERR_INVALID_APPID"),
]


@pytest.mark.parametrize("call", READS + WRITES + FULL_WRITES, ids=" ".join)
def test_wrong_keys_and_apps_are_refused(script: Script, call: tuple[str, str]) -> None:
    for headers, code in WRONG:
        assert script(*call, body={}, **headers).code == code
    assert script.uids() == ["dave", "alice", "bob", "carol", "erin"]


@pytest.mark.parametrize("call", WRITES + FULL_WRITES, ids=" ".join)
def test_what_writes_needs_a_key_at_all(script: Script, call: tuple[str, str]) -> None:
    answer = script.client.call(*call, json={})
    assert (answer.status, answer.code) == (401, "AUTH_ERR_EMPTY_APIKEY")


@pytest.mark.parametrize("call", READS + FULL_WRITES, ids=" ".join)
def test_the_auth_key_has_no_access(script: Script, call: tuple[str, str]) -> None:
    answer = script(*call, body={}, apiKey=script.emulator.auth_key)
    assert (answer.status, answer.code) == (403, "AUTH_ERR_NO_ACCESS")


def test_the_keys_are_in_no_journal_and_no_repr(emulator: Emulator, script: Script) -> None:
    token = script("POST", "/users/bob/auth_tokens", {}).data["authToken"]
    script("DELETE", f"/users/bob/auth_tokens/{token}")
    script("GET", f"/users/bob/auth_tokens/{token}")
    seen = repr(emulator.journal) + repr(emulator)
    assert emulator.rest_api_key not in seen
    assert token not in seen


# ---- users


def test_a_user_is_created_as_documented(script: Script) -> None:
    body = {
        "uid": "Barry-Allen",
        "name": "Barry Allen",
        "avatar": "https://example.invalid/b.png",
        "link": "https://example.invalid/b",
        "role": "student",
        "statusMessage": "running",
        "metadata": {"@private": {"email": "b@example.invalid"}},
        "tags": ["fast", "red"],
        "withAuthToken": True,
    }
    data = script("POST", "/users", body).data
    token = data.pop("authToken")
    created_at = data.pop("createdAt")
    assert data.pop("updatedAt") == created_at
    del body["withAuthToken"]
    assert data == {**body, "uid": "barry-allen", "status": "offline"}
    assert script.client.call("PUT", "/me", headers={"authToken": token}).data["uid"] == data["uid"]
    again = script("POST", "/users", body)
    assert (again.status, again.code) == (409, "ERR_UID_ALREADY_EXISTS")


@pytest.mark.parametrize(
    ("member", "value"),
    [
        *[("uid", ""), ("uid", None), ("uid", 5), ("uid", "a b"), ("uid", "x" * 101)],
        *[("name", ""), ("name", None), ("name", ["A"]), ("name", "x" * 101)],
        *[("avatar", "not a url"), ("avatar", "https://x/" + "y" * 3000), ("link", 7)],
        *[("tags", "vip"), ("tags", ["x"] * 26), ("tags", ["x" * 101]), ("tags", [1])],
        *[("metadata", []), ("metadata", {"x": "y" * 5200}), ("withAuthToken", "yes")],
    ],
    ids=repr,
)
def test_a_member_that_breaks_the_rules_is_named(script: Script, member: str, value: Any) -> None:
    answer = script("POST", "/users", {"uid": "new", "name": "New", member: value})
    assert (answer.status, answer.code) == (400, "ERR_BAD_REQUEST")
    if value != "a b":  # what a uid may look like the directory says
        assert list(answer.body["error"]["details"]) == [member]
        assert answer.body["error"]["details"][member][0].startswith(member)
    assert script("GET", "/users/new").code == "ERR_UID_NOT_FOUND"


def test_all_that_is_wrong_is_said_at_once(script: Script) -> None:
    details = script("POST", "/users", {"tags": 1}).body["error"]["details"]
    assert set(details) == {"uid", "name", "tags"}


def test_a_role_must_exist(script: Script) -> None:
    body = {"uid": "new", "name": "New", "role": "manager"}
    assert script("POST", "/users", body).code == "ERR_ROLE_NOT_FOUND"
    assert script("PUT", "/users/bob", {"role": "manager"}).code == "ERR_ROLE_NOT_FOUND"
    script("POST", "/roles", {"role": "Manager", "name": "The managers"})
    assert script("POST", "/users", body).data["role"] == "manager"


def test_a_user_is_changed_and_can_lose_what_they_had(script: Script) -> None:
    change = {"name": "Bobby", "metadata": {"a": 1}, "link": None}
    changed = script("PUT", "/users/BOB", change).data
    assert (changed["name"], changed["metadata"]) == ("Bobby", {"a": 1})
    assert changed["avatar"] == "https://x/b"
    bare = script("PUT", "/users/bob", {"unset": ["avatar", "metadata"]}).data
    assert "avatar" not in bare
    assert "metadata" not in bare
    assert script("PUT", "/users/bob", {"unset": ["name"]}).code == "ERR_BAD_REQUEST"
    assert script("PUT", "/users/nobody", {"name": "N"}).code == "ERR_UID_NOT_FOUND"


def test_what_else_a_body_has_is_noted(emulator: Emulator, script: Script) -> None:
    script("PUT", "/users/bob", {"name": "B", "mood": "good"})
    notices = [entry for entry in emulator.journal if entry.get("event") == "not_emulated"]
    assert [(entry["what"], entry["name"]) for entry in notices] == [("member of a body", "mood")]


@pytest.mark.parametrize(
    ("query", "uids"),
    [
        ("", ["dave", "alice", "bob", "carol", "erin"]),
        ("?perPage=2", ["dave", "alice"]),
        ("?perPage=2&page=3", ["erin"]),
        ("?perPage=1000&page=2", []),
        ("?searchKey=al", ["dave", "alice"]),  # from the start of the uid or the name
        ("?searchKey=ert", []),
        ("?searchKey=al&searchIn=uid", ["alice"]),
        ("?searchKey=AL&searchIn=name", ["dave", "alice"]),
        ("?status=available", ["dave"]),
        ("?status=offline&role=student", ["bob", "carol"]),
        ("?roles=teacher,student", ["alice", "bob", "carol"]),
        ("?tags=new", ["carol"]),
        ("?sortBy=name&sortOrder=desc", ["erin", "carol", "bob", "alice", "dave"]),
    ],
)
def test_users_are_listed_by_page_and_filter(script: Script, query: str, uids: list[str]) -> None:
    assert script.uids(query) == uids


@pytest.mark.parametrize(
    ("query", "code"),
    [
        *[("?perPage=1001", "ERR_BAD_REQUEST"), ("?perPage=0", "ERR_BAD_REQUEST")],
        *[("?page=-1", "ERR_BAD_REQUEST"), ("?page=x", "ERR_BAD_REQUEST")],
        *[("?status=online", "ERR_BAD_REQUEST"), ("?sortBy=age", "ERR_BAD_REQUEST")],
        *[("?onlyDeactivated=TRUE", "ERR_BAD_REQUEST"), ("?count=yes", "ERR_BAD_REQUEST")],
        *[("?withTags=yes", "ERR_BAD_REQUEST"), ("?withDeactivated=2", "ERR_BAD_REQUEST")],
        *[("?searchIn=email", "ERR_BAD_REQUEST"), ("?searchIn=uid,email", "ERR_BAD_REQUEST")],
        *[("?minAge=18", "ERR_NOT_EMULATED"), ("?per_page=5", "ERR_NOT_EMULATED")],
    ],
)
def test_options_that_make_no_sense_are_refused(script: Script, query: str, code: str) -> None:
    assert script("GET", f"/users{query}").code == code


@pytest.mark.parametrize("path", ["/roles", "/users/alice/friends", "/users/alice/auth_tokens"])
def test_options_that_no_list_has_are_refused_by_every_list(script: Script, path: str) -> None:
    answer = script("GET", f"{path}?perPage=5&sortBy=name")
    assert (answer.status, answer.code) == (501, "ERR_NOT_EMULATED")
    assert "sortBy" in answer.body["error"]["message"]


def test_a_name_cannot_become_empty(script: Script) -> None:
    for path in ("/users/alice", "/roles/teacher"):
        answer = script("PUT", path, {"name": ""})
        assert (answer.status, answer.code) == (400, "ERR_BAD_REQUEST")
        assert script("GET", path).data["name"]


def test_a_page_says_where_it_is(script: Script) -> None:
    meta = script("GET", "/users?perPage=2&page=2").body["meta"]
    counts = {"total": 5, "count": 2, "per_page": 2, "current_page": 2, "total_pages": 3}
    assert meta == {"pagination": counts}
    assert script("GET", "/users").body["meta"]["pagination"]["per_page"] == 100
    assert script("GET", "/users?count=true&role=student").data == {"count": 2}


@pytest.mark.parametrize(
    "path", ["/users", "/users/bob/friends", "/users/bob/auth_tokens", "/roles"]
)
def test_a_page_that_is_too_large_is_the_largest_where_strictness_is_off(
    script: Script, path: str
) -> None:
    assert script("GET", f"{path}?perPage=1001").code == "ERR_BAD_REQUEST"
    with Emulator(users=USERS, strict=False) as lenient, Client(lenient, login=False) as client:
        answer = Script(lenient, client)("GET", f"{path}?perPage=1001")
    assert answer.body["meta"]["pagination"]["per_page"] == 1000


def test_tags_are_shown_when_asked_for(script: Script) -> None:
    assert "tags" not in script("GET", "/users?tags=new").data[0]
    assert script("GET", "/users?tags=new&withTags=true").data[0]["tags"] == ["vip", "new"]


def test_users_are_seen_on_somebodys_behalf(script: Script) -> None:
    assert "hasBlockedMe" not in script("GET", "/users/erin").data
    assert script("GET", "/users/erin", onBehalfOf="alice").data["hasBlockedMe"] is True
    [erin] = script("GET", "/users?searchKey=erin", onBehalfOf="Alice").data
    assert erin["conversationId"] == "alice_user_erin"
    assert script("GET", "/users", onBehalfOf="nobody").code == "ERR_UID_NOT_FOUND"


# ---- going


def test_a_deleted_user_is_gone_for_everybody(emulator: Emulator, script: Script) -> None:
    with clients(emulator, "alice", "bob") as (alice, bob):
        watching, leaving = alice.connect(), bob.connect()
        assert watching.moves() == [("bob", "online")]
        assert script("DELETE", "/users/bob", {"permanent": True}).data["success"] is True
        assert watching.moves() == [("bob", "offline")]
        assert leaving.close_code() == 1008
        assert bob.call("GET", "/me").code == "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"
        assert alice.call("GET", "/users/bob").code == "ERR_UID_NOT_FOUND"
        assert alice.users(friendsOnly=1).uids == []
    assert script("DELETE", "/users/bob").code == "ERR_UID_NOT_FOUND"
    script("POST", "/users", {"uid": "bob", "name": "Another Bob"})
    assert script("GET", "/users/alice/friends").uids == []


def test_deactivated_users_are_out_until_they_are_reactivated(
    emulator: Emulator, script: Script
) -> None:
    with clients(emulator, "alice", "bob") as (alice, bob):
        watching, leaving = alice.connect(), bob.connect()
        watching.moves()
        answer = script("DELETE", "/users", {"uidsToDeactivate": ["Bob", "dave"]})
        assert answer.data == {"deactivatedUids": ["bob", "dave"]}
        assert watching.moves() == [("bob", "offline"), ("dave", "offline")]
        assert leaving.close_code() == 1008
        assert bob.call("GET", "/me").code == "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"
        assert alice.users().uids == ["alice", "carol", "erin"]
    assert script.uids() == ["alice", "carol", "erin"]
    assert script.uids("?onlyDeactivated=true") == ["dave", "bob"]
    assert script.uids("?withDeactivated=true") == ["dave", "alice", "bob", "carol", "erin"]
    assert script("GET", "/users/bob").data["deactivatedAt"] > 0
    assert script("POST", "/users/bob/auth_tokens", {}).code == "ERR_UID_NOT_FOUND"

    answer = script("PUT", "/users", {"uidsToActivate": ["bob"]})
    assert answer.data == {"nonDeactivatedUids": ["bob"]}
    assert script.uids("?onlyDeactivated=1") == ["dave"]
    assert script("POST", "/users/bob/auth_tokens", {}).data["uid"] == "bob"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"uidsToDeactivate": ["bob", "nobody"]}, "ERR_UID_NOT_FOUND"),
        ({"uidsToDeactivate": []}, "ERR_BAD_REQUEST"),
        ({"uidsToDeactivate": "bob"}, "ERR_BAD_REQUEST"),
        ({"uidsToDeactivate": ["bob"] * 26}, "ERR_BAD_REQUEST"),
        ({}, "ERR_BAD_REQUEST"),
    ],
    ids=str,
)
def test_a_bad_list_deactivates_nobody(script: Script, body: dict[str, Any], code: str) -> None:
    assert script("DELETE", "/users", body).code == code
    assert script.uids("?onlyDeactivated=1") == []


# ---- friends


def test_friends_are_made_from_either_side_and_lost_on_both(script: Script) -> None:
    outcome = script("POST", "/users/carol/friends", {"accepted": ["dave", "Alice"]}).data
    assert {uid: told["success"] for uid, told in outcome["accepted"].items()} == {
        "dave": True,
        "alice": True,
    }
    assert script("GET", "/users/alice/friends").uids == ["bob", "carol"]
    assert script("GET", "/users/dave/friends").uids == ["carol"]
    page = script("GET", "/users/alice/friends?perPage=1&page=2")
    assert (page.uids, page.body["meta"]["pagination"]["total_pages"]) == (["carol"], 2)
    assert page.data[0]["conversationId"] == "alice_user_carol"

    assert script("DELETE", "/users/alice/friends", {"friends": ["bob", "carol"]}).data["success"]
    assert script("GET", "/users/alice/friends").uids == []
    assert script("GET", "/users/bob/friends").uids == []


def test_who_cannot_be_a_friend_is_told_why(script: Script) -> None:
    uids = ["alice", "bob", "nobody", "erin"]
    outcome = script("POST", "/users/alice/friends", {"accepted": uids}).data["accepted"]
    codes = {uid: told.get("error", {}).get("code") for uid, told in outcome.items()}
    assert codes == {
        "alice": "ERR_CANNOT_FORM_SELF_RELATION",
        "bob": "ERR_ALREADY_FRIEND",
        "nobody": "ERR_UID_NOT_FOUND",
        "erin": None,
    }
    answer = script("DELETE", "/users/alice/friends", {"friends": ["bob", "carol"]})
    assert answer.code == "ERR_NOT_A_FRIEND"
    assert script("GET", "/users/alice/friends").uids == ["bob", "erin"]


def test_a_subscription_to_friends_follows_new_friends(emulator: Emulator, script: Script) -> None:
    with Client(emulator, "alice") as alice:
        socket = alice.connect("FRIENDS")
        emulator.set_online("carol")
        script("POST", "/users/carol/friends", {"accepted": ["alice"]})
        emulator.set_offline("carol")
        assert socket.moves() == [("carol", "offline")]


# ---- auth tokens


def test_tokens_are_made_listed_and_taken_back(script: Script) -> None:
    first, second = (script("POST", "/users/bob/auth_tokens", {"force": True}).data for _ in "12")
    assert set(first) == {"uid", "authToken", "createdAt"}
    listed = script("GET", "/users/bob/auth_tokens")
    assert listed.data == [first, second]
    assert listed.body["meta"]["pagination"]["total"] == 2
    path = f"/users/bob/auth_tokens/{first['authToken']}"
    assert script("GET", path).data == first
    device = {"platform": "web", "userAgent": "test/1", "appInfo": {"version": "1"}}
    assert script("PUT", path, device).data == first | device

    assert script("DELETE", path).data["success"] is True
    for call in (("GET", path), ("DELETE", path), ("PUT", path, {})):
        assert script(*call).code == "ERR_AUTH_TOKEN_NOT_FOUND"
    me = script.client.call("GET", "/me", headers={"authToken": second["authToken"]})
    assert me.data["uid"] == "bob"
    assert script("DELETE", "/users/bob/auth_tokens").data["success"] is True
    assert script("GET", "/users/bob/auth_tokens").data == []
    me = script.client.call("GET", "/me", headers={"authToken": second["authToken"]})
    assert me.code == "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"


def test_a_token_is_only_its_owners(script: Script) -> None:
    token = script("POST", "/users/bob/auth_tokens", {}).data["authToken"]
    assert script("GET", f"/users/carol/auth_tokens/{token}").code == "ERR_AUTH_TOKEN_NOT_FOUND"
    assert script("GET", f"/users/nobody/auth_tokens/{token}").code == "ERR_UID_NOT_FOUND"


def test_the_101st_token_ends_the_first(script: Script) -> None:
    tokens = [script("POST", "/users/bob/auth_tokens", {}).data["authToken"] for _ in range(101)]
    listed = script("GET", "/users/bob/auth_tokens?perPage=1000").data
    assert [token["authToken"] for token in listed] == tokens[1:]
    assert script("GET", "/users/bob/auth_tokens?perPage=40&page=3").data == listed[80:]


# ---- roles


def test_roles_are_made_changed_and_deleted(script: Script) -> None:
    body = {
        "role": "Manager",
        "name": "Managers",
        "description": "who manage",
        "metadata": {"floor": 3},
        "settings": {"listUsers": "all", "sendMessagesTo": "friendsOnly"},
    }
    made = script("POST", "/roles", body).data
    assert made.pop("createdAt") > 0
    assert made == body | {"role": "manager"}
    assert script("POST", "/roles", body).code == "ERR_ROLE_ALREADY_EXISTS"
    changed = script("PUT", "/roles/manager", {"name": "M", "unset": ["settings", "metadata"]}).data
    assert (changed["name"], changed["description"]) == ("M", "who manage")
    assert not {"settings", "metadata"} & set(changed)
    listed = script("GET", "/roles")
    assert {role["role"] for role in listed.data} == {"default", "manager", "student", "teacher"}
    assert listed.body["meta"]["pagination"]["total"] == 4

    script("PUT", "/users/bob", {"role": "manager"})
    assert script("DELETE", "/roles/MANAGER").data["success"] is True
    assert script("GET", "/users/bob").data["role"] == "default"
    for method in ("GET", "PUT", "DELETE"):
        assert script(method, "/roles/manager", {}).code == "ERR_ROLE_NOT_FOUND"
    assert script("DELETE", "/roles/default").code == "ERR_ROLE_DELETE_DENIED"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        *[("role", ""), ("role", "a b"), ("name", None), ("name", 5), ("description", "x" * 256)],
        *[("settings", {"listUsers": "some"}), ("settings", {"other": "all"}), ("settings", "all")],
    ],
    ids=repr,
)
def test_a_role_that_breaks_the_rules_is_refused(script: Script, member: str, value: Any) -> None:
    answer = script("POST", "/roles", {"role": "new", "name": "New", member: value})
    assert answer.code == "ERR_BAD_REQUEST"
    assert list(answer.body["error"]["details"]) == [member]


def test_an_app_has_25_roles(script: Script) -> None:
    for number in range(22):  # besides the default one and those of the users
        assert script("POST", "/roles", {"role": f"r{number}", "name": "R"}).status == 200
    answer = script("POST", "/roles", {"role": "one-more", "name": "R"})
    assert answer.code == "ERR_PLAN_QUOTA_RESTRICTION"
    assert len(script("GET", "/roles").data) == 25
