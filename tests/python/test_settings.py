"""AppSettings and what else a client is made with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from python.refusals import code_of

from cometpresence import (
    AppSettings,
    AppSettingsBuilder,
    AsyncPresenceClient,
    ConfigError,
    PresenceClient,
    PresenceScope,
    Reconnect,
    Resync,
)

# ---- the builder


def test_without_a_subscription_there_is_none() -> None:
    assert AppSettingsBuilder().build().presence == PresenceScope.none()


@pytest.mark.parametrize("spelling", ["documented", "ours"])
def test_each_subscription(spelling: str) -> None:
    documented = spelling == "documented"
    make = AppSettingsBuilder
    everybody = (
        make().subscribePresenceForAllUsers()
        if documented
        else (make().subscribe_presence_for_all_users())
    )
    roles = (
        make().subscribePresenceForRoles(["teacher", "support"])
        if documented
        else (make().subscribe_presence_for_roles(["teacher", "support"]))
    )
    friends = (
        make().subscribePresenceForFriends()
        if documented
        else (make().subscribe_presence_for_friends())
    )
    assert everybody.build().presence == PresenceScope.all_users()
    assert roles.build().presence == PresenceScope.roles("teacher", "support")
    assert friends.build().presence == PresenceScope.friends()


def test_everything_else_is_kept_and_every_setter_returns_the_builder() -> None:
    builder = AppSettingsBuilder()
    assert builder.setRegion("US") is builder
    assert builder.overrideAdminHost("admin.example") is builder
    assert builder.overrideClientHost("client.example:8443") is builder
    assert builder.autoEstablishSocketConnection(False) is builder
    assert builder.build() == AppSettings(
        region="us",
        presence=PresenceScope.none(),
        auto_connect=False,
        admin_host="admin.example",
        client_host="client.example:8443",
    )


def test_a_second_subscription_wins_and_is_warned_about_at_the_line_that_made_it() -> None:
    builder = AppSettingsBuilder().subscribePresenceForAllUsers()
    with pytest.warns(UserWarning, match=r"friends\(\) replaces .*all_users\(\)") as caught:
        builder.subscribePresenceForFriends()
    assert caught[0].filename == __file__
    assert builder.build().presence == PresenceScope.friends()


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda b: b.setRegion(""), "MISSING_PARAMETERS"),
        (lambda b: b.setRegion(None), "MISSING_PARAMETERS"),
        (lambda b: b.setRegion(7), "INVALID_PARAMETER"),
        (lambda b: b.overrideAdminHost(""), "MISSING_PARAMETERS"),
        (lambda b: b.overrideClientHost(None), "MISSING_PARAMETERS"),
        (lambda b: b.autoEstablishSocketConnection("no"), "INVALID_PARAMETER"),
        (lambda b: b.subscribePresenceForRoles([]), "MISSING_PARAMETERS"),
        (lambda b: b.subscribePresenceForRoles("teacher"), "INVALID_PARAMETER"),
        (lambda b: b.subscribePresenceForRoles(["teacher", 7]), "INVALID_PARAMETER"),
        (lambda b: b.subscribePresenceForRoles([""]), "INVALID_PARAMETER"),
        (lambda b: b.subscribePresenceForRoles(None), "INVALID_PARAMETER"),
    ],
)
def test_wrong_values_are_refused_at_once(make: Callable[[Any], object], code: str) -> None:
    assert code_of(lambda: make(AppSettingsBuilder())) == code


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(AttributeError):
        AppSettingsBuilder().build().region = "eu"  # type: ignore[misc]


# ---- making a client


def make(**kw: Any) -> PresenceClient:
    return PresenceClient(**({"app_id": "app", "region": "us"} | kw))


@pytest.mark.parametrize(
    ("kw", "code"),
    [
        ({"app_id": None}, "MISSING_PARAMETERS"),
        ({"app_id": ""}, "MISSING_PARAMETERS"),
        ({"app_id": 7}, "INVALID_PARAMETER"),
        ({"app_id": "a b"}, "AUTH_ERR_INVALID_APPID"),
        ({"region": None}, "MISSING_PARAMETERS"),
        ({"region": "mars"}, "INVALID_REGION"),
        ({"uid": ""}, "MISSING_PARAMETERS"),
        ({"auth_key": ""}, "MISSING_PARAMETERS"),
        ({"auth_token": ""}, "MISSING_PARAMETERS"),
        ({"token_provider": "not callable"}, "INVALID_PARAMETER"),
        ({"settings": AppSettingsBuilder()}, "INVALID_PARAMETER"),
        ({"dispatch": "process"}, "INVALID_PARAMETER"),
        ({"ca_file": "/nowhere/ca.pem"}, "INVALID_PARAMETER"),
        ({"endpoint": "http://example.com"}, "PLAIN_HTTP_REFUSED"),
        ({"endpoint": "gopher://127.0.0.1"}, "INVALID_HOST"),
        ({"resync": Resync(page_size=101)}, None),
        ({"resync": Resync(audit_after=-1)}, None),
        ({"reconnect": Reconnect(base=-1)}, None),
        ({"reconnect": Reconnect(floor=9, cap=1)}, None),
        ({"queue_size": 0}, None),
        ({"max_users": 0}, None),
        ({"connect_timeout": 0}, None),
        ({"connect_timeout": "soon"}, None),
        ({"ping_interval": -1}, None),
    ],
)
def test_a_client_that_cannot_work_is_not_made(kw: dict[str, Any], code: str | None) -> None:
    refused = code_of(lambda: make(**kw))
    assert code is None or refused == code


def test_an_unknown_region_is_fine_where_both_hosts_are_overridden() -> None:
    settings = (
        AppSettingsBuilder()
        .setRegion("mars")
        .overrideAdminHost("admin.example")
        .overrideClientHost("client.example")
        .build()
    )
    PresenceClient("app", settings).close()


def test_coroutine_functions_are_no_token_providers() -> None:
    async def provider() -> str:
        return "token"

    assert code_of(lambda: make(token_provider=provider)) == "INVALID_PARAMETER"


def test_credentials_are_in_no_repr() -> None:
    client = make(uid="bob", auth_key="s3cret-key", auth_token="s3cret-token")
    assert "s3cret" not in repr(client)
    assert repr(client) == "<PresenceClient app_id='app' uid='bob' disconnected>"
    client.close()
    assert repr(client) == "<PresenceClient app_id='app' uid='bob' closed>"


def test_arguments_go_before_settings() -> None:
    settings = AppSettingsBuilder().subscribePresenceForFriends().setRegion("mars").build()
    client = PresenceClient("app", settings, region="us", presence=PresenceScope.all_users())
    assert client._scope == PresenceScope.all_users()
    client.close()


# ---- the environment


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080",
        "https://127.0.0.1:1",
        "http://localhost",
        "http://LOCALHOST:80/",
        "http://[::1]:8443/prefix",
        "http://127.1.2.3:80",
    ],
)
def test_an_emulator_on_this_machine_is_taken_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("COMETPRESENCE_EMULATOR", url)
    PresenceClient("app").close()  # no region is needed: the URL is all hosts


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "https://example.com:8443",
        "http://127.0.0.1@example.com",
        "http://127.0.0.1:80@example.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://example.com/#127.0.0.1",
        "http://127.0.0.1\\@example.com",
        "http://127.0.0.1\n.example.com",
        "http://localhost\n",
        "ftp://127.0.0.1",
        "127.0.0.1:8080",
        "http://0.0.0.0:80",
        "http://",
    ],
)
def test_the_environment_sends_credentials_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("COMETPRESENCE_EMULATOR", url)
    assert code_of(lambda: make()) == "INVALID_HOST"


def test_an_endpoint_given_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMETPRESENCE_EMULATOR", "http://example.com")
    make(endpoint="http://127.0.0.1:9").close()


def test_certificates_are_taken_from_the_environment_unless_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COMETPRESENCE_CA_FILE", str(tmp_path / "missing.pem"))
    assert code_of(lambda: make()) == "INVALID_PARAMETER"
    given = tmp_path / "ca.pem"
    given.touch()
    make(ca_file=given).close()


def test_from_env_takes_what_is_set_and_arguments_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMETCHAT_APP_ID", "from-env")
    monkeypatch.setenv("COMETCHAT_REGION", "eu")
    monkeypatch.setenv("COMETCHAT_UID", "bob")
    monkeypatch.setenv("COMETCHAT_AUTH_KEY", "")
    client = PresenceClient.from_env(uid="alice")
    assert (client.app_id, client.uid) == ("from-env", "alice")
    client.close()


async def enter(make_client: Callable[[], PresenceClient | AsyncPresenceClient]) -> None:
    client = make_client()
    if isinstance(client, PresenceClient):
        client.__enter__()
    else:
        await client.__aenter__()


@pytest.mark.parametrize("name", ["app_id", "region", "uid", "auth_key"])
@pytest.mark.parametrize("kind", [PresenceClient, AsyncPresenceClient])
async def test_what_is_missing_is_named_as_variable_and_as_argument(
    monkeypatch: pytest.MonkeyPatch, kind: type[Any], name: str
) -> None:
    for given in {"app_id", "region", "uid", "auth_key"} - {name}:
        monkeypatch.setenv(f"COMETCHAT_{given.upper()}", "us")
    with pytest.raises(ConfigError) as caught:
        await enter(kind.from_env)
    assert caught.value.code == "MISSING_PARAMETERS"
    assert f"COMETCHAT_{name.upper()} " in caught.value.message
    assert f"{name}=" in caught.value.message


def test_only_from_env_reads_the_credentials_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COMETCHAT_APP_ID", "from-env")
    assert code_of(lambda: PresenceClient(region="us")) == "MISSING_PARAMETERS"
