"""A stranger's bot: it greets the support team, and nobody else."""

from collections.abc import Callable

from cometpresence import PresenceClient, User


def greet_support(client: PresenceClient, say: Callable[[str], object]) -> None:
    @client.on_user_online(roles={"support"})
    def greet(user: User) -> None:
        say(f"hello {user.name}")

    @client.on_user_offline(roles={"support"})
    def part(user: User) -> None:
        say(f"bye {user.name}, last seen {user.last_active}")


if __name__ == "__main__":
    with PresenceClient.from_env() as client:
        greet_support(client, lambda text: print(text, flush=True))
        print("watching", flush=True)
        client.run_forever()
