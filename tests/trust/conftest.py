"""What the tests of trust share with those of the client."""

from python.conftest import make_client

__all__ = ["make_client"]
