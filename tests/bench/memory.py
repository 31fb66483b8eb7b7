"""What a tracked user takes, and how long a look at one lasts.

    memory.py [--users 1000000]
"""

import argparse
import sys

from stage import HERE, Process, Sender

PATIENCE = 300.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=1_000_000)
    users = parser.parse_args().users
    peer = [sys.executable, HERE / "peers" / "roster.py"]
    with (
        Sender("--users", users) as sender,
        Process([*peer, sender.port, "--users", users]) as process,
    ):
        process.hear("ready", PATIENCE)
        sender.hear("open", PATIENCE)
        sender.go(users)
        facts = process.hear("users", PATIENCE)
        process.end(PATIENCE)
    print(f"{users:,} users, each of whom takes")
    print(f"    {facts['rss_per_user']:.0f} B of the process's memory")
    print(f"    {facts['malloc_per_user']:.0f} B as malloc counts")
    print(f"presence.get() takes {facts['get_ns']:.0f} ns, is_online() {facts['is_online_ns']:.0f} ns")


if __name__ == "__main__":
    main()
