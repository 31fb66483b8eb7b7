"""What a wrong argument must lead to."""

from collections.abc import Callable

import pytest

from cometpresence import CometChatException, ConfigError


def code_of(make: Callable[[], object]) -> str:
    """The code of the ConfigError that `make` must raise."""
    with pytest.raises(ConfigError) as caught:
        make()
    assert isinstance(caught.value, CometChatException)
    assert isinstance(caught.value, ValueError)
    return caught.value.code
