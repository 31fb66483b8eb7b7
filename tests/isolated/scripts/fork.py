"""Forks while two clients are connected: what the child may do, and that the parent lives on."""

import os
import sys
import threading
import warnings
from ast import literal_eval
from typing import Any

from cometpresence import (
    AppSettingsBuilder,
    ClientClosed,
    CometChat,
    CometChatException,
    PresenceClient,
    User,
)

arguments = literal_eval(sys.argv[1])


def listen(client: PresenceClient, uid: str) -> threading.Event:
    came = threading.Event()

    @client.on_user_online(uids={uid})
    def arrived(user: User) -> None:
        came.set()

    return came


def child(old: PresenceClient) -> None:
    calls: dict[str, Any] = {
        "login": old.login,
        "connect": old.connect,
        "wait": lambda: old.wait(0),
        "drain": old.drain,
        "get_user": lambda: old.get_user("superhero2"),
        "stats": old.stats,
        "presence": lambda: len(old.presence),
        "on_user_online": lambda: old.on_user_online(print),
        "wait_synced": old.wait_synced,
    }
    refused = []
    for name, call in calls.items():
        try:
            call()
        except ClientClosed:
            refused.append(name)
    print("ClientClosed from", *refused, flush=True)
    repr(old)
    old.close()
    print("closed the old one without a word", flush=True)
    try:
        CometChat.getLoggedinUser()
    except CometChatException as error:
        print(error.code, flush=True)
    with PresenceClient(**(arguments | {"uid": "superhero5"})) as client:
        came = listen(client, "superhero2")
        print("listening", flush=True)
        assert came.wait(10)
        print("child saw superhero2", flush=True)


os.environ["COMETPRESENCE_EMULATOR"] = arguments["endpoint"]
if arguments["ca_file"]:
    os.environ["COMETPRESENCE_CA_FILE"] = arguments["ca_file"]
CometChat.init(arguments["app_id"], AppSettingsBuilder().setRegion("us").build())
CometChat.login("superhero4", arguments["auth_key"])
client = PresenceClient(**arguments)
with client:
    came = listen(client, "superhero3")
    warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 on: forking with threads
    pid = os.fork()
    if pid == 0:
        child(client)
        sys.exit(0)
    print("child ended with", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    assert came.wait(10)
    print("parent saw superhero3", flush=True)
CometChat.logout()
