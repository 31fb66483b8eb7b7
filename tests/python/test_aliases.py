"""CometChat's documented names: all there, and each the same function as ours."""

import ast
import inspect
from pathlib import Path

import pytest

import cometpresence
from cometpresence import User
from cometpresence._aliases import ALIASES

# As CometChat's documentation spells them.
DOCUMENTED = {
    "AppSettingsBuilder": """subscribePresenceForAllUsers subscribePresenceForRoles
        subscribePresenceForFriends setRegion autoEstablishSocketConnection overrideAdminHost
        overrideClientHost""",
    "CometChat": """getLoggedinUser getLoggedInUser getUser getOnlineUserCount getConnectionStatus
        addUserListener removeUserListener addConnectionListener removeConnectionListener
        addLoginListener removeLoginListener""",
    "UserListener": "onUserOnline onUserOffline",
    "ConnectionListener": "onConnected inConnecting onDisconnected onFeatureThrottled",
    "LoginListener": "loginSuccess loginFailure logoutSuccess logoutFailure",
    "UsersRequestBuilder": """setLimit setStatus setRole setRoles friendsOnly setSearchKeyword
        searchIn hideBlockedUsers setTags withTags setUIDs sortBy sortByOrder setPage""",
    "UsersRequest": "fetchNext",
    "User": """getUid getName getAvatar getLink getRole getStatus statusMessage getStatusMessage
        lastActiveAt getLastActiveAt getTags getMetadata blockedByMe getBlockedByMe hasBlockedMe
        getHasBlockedMe deactivatedAt getDeactivatedAt""",
}
# Documented, and the same in both spellings.
SAME = {
    "AppSettingsBuilder": "build",
    "UsersRequestBuilder": "build",
    "CometChat": "init login logout connect disconnect USER_STATUS CONNECTION_STATUS",
    "User": "uid name avatar link role status tags metadata",
}
CLASSES = """AppSettings AppSettingsBuilder CometChatException ConnectionListener LoginListener User
    UserListener UsersRequest UsersRequestBuilder"""
PYTHON_CLASSES = [name for name in ALIASES if name != "User"]


def test_the_table_has_exactly_the_documented_names() -> None:
    assert {name: set(words.split()) for name, words in DOCUMENTED.items()} == {
        name: set(aliases) for name, aliases in ALIASES.items()
    }


@pytest.mark.parametrize("name", SAME)
def test_documented_names_that_need_no_alias_are_there(name: str) -> None:
    for member in SAME[name].split():
        assert hasattr(getattr(cometpresence, name), member), member


@pytest.mark.parametrize("name", PYTHON_CLASSES)
def test_both_spellings_are_one_function(name: str) -> None:
    cls = getattr(cometpresence, name)
    for documented, ours in ALIASES[name].items():
        assert getattr(cls, documented) is getattr(cls, ours), documented


@pytest.mark.parametrize("name", PYTHON_CLASSES)
def test_type_checkers_are_told_the_same_as_the_table(name: str) -> None:
    cls = getattr(cometpresence, name)
    module = ast.parse(Path(inspect.getfile(cls)).read_text(encoding="utf-8"))
    [body] = [node.body for node in module.body if getattr(node, "name", None) == name]
    [told] = [node.body for node in body if isinstance(node, ast.If)]
    assert [ast.unparse(line) for line in told] == [
        f"{documented} = {ours}" for documented, ours in ALIASES[name].items()
    ]


def test_a_user_answers_in_both_spellings() -> None:
    user = User.from_dict(
        {
            "uid": "bob",
            "name": "Bob",
            "avatar": "a",
            "link": "l",
            "role": "r",
            "status": "available",
            "statusMessage": "s",
            "lastActiveAt": 7,
            "tags": ["t"],
            "metadata": {"k": 1},
            "blockedByMe": True,
            "hasBlockedMe": True,
            "deactivatedAt": 9,
        }
    )
    for documented, ours in ALIASES["User"].items():
        if documented.startswith("get"):
            assert getattr(User, documented) is getattr(User, ours), documented
            value = getattr(user, documented)()
        else:
            value = getattr(user, documented)
        assert value == getattr(user, ours.removeprefix("get_")), documented
        assert value is not None, documented


def test_all_public_names_exist_and_are_sorted() -> None:
    assert sorted(cometpresence.__all__) == list(cometpresence.__all__)
    for name in cometpresence.__all__:
        assert hasattr(cometpresence, name)


def test_classes_are_found_where_the_documentation_has_them() -> None:
    """CometChat.User, new CometChat.UserListener(...)."""
    for name in CLASSES.split():
        assert getattr(cometpresence.CometChat, name) is getattr(cometpresence, name), name


def test_a_mapping_of_callbacks_is_typed_by_what_the_listener_can_hear() -> None:
    for kind in ("User", "Connection", "Login"):
        aliases = ALIASES[f"{kind}Listener"]
        typed = getattr(cometpresence, f"{kind}Callbacks")
        assert set(typed.__annotations__) == {*aliases, *aliases.values()}
