"""How long a look at one of many tracked users lasts, from Python.

looks.py [--users 1000000]
"""

import argparse
import sys

from stage import HERE, Process, Sender

PATIENCE = 300.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=1_000_000)
    users = parser.parse_args().users
    peer = [sys.executable, HERE / "peers" / "looks.py"]
    with (
        Sender("--users", users) as sender,
        Process([*peer, sender.port, "--users", users]) as process,
    ):
        process.hear("ready", PATIENCE)
        sender.hear("open", PATIENCE)
        sender.go(users)
        facts = process.hear("users", PATIENCE)
        process.end(PATIENCE)
    print(
        f"{users:,} users: presence.get() takes {facts['get_ns']:.0f} ns, "
        f"is_online() {facts['is_online_ns']:.0f} ns; "
        f"get() of a dict of as many {facts['dict_ns']:.0f} ns"
    )


if __name__ == "__main__":
    main()
