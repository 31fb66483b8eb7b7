"""An emulator with a small school in it, and one SDK on it."""

from collections.abc import Iterator

import pytest
from interop.official_sdk import SCHOOL, OfficialSDK

from cometpresence.emulator import Emulator


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(tls=True, users=SCHOOL) as emulator:
        yield emulator


@pytest.fixture
def sdk(emulator: Emulator) -> Iterator[OfficialSDK]:
    with OfficialSDK(emulator) as sdk:
        yield sdk
        broken = sdk.events("uncaughtException", "unhandledRejection")
        assert not broken, broken
