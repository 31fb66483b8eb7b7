"""What takes a minute."""

from ast import literal_eval
from subprocess import Popen

import pytest


@pytest.mark.beside("sleep_a_minute")
@pytest.mark.timeout(120)
def test_a_handler_that_sleeps_a_minute_costs_neither_the_connection_nor_an_event(
    beside: "Popen[str]",
) -> None:
    out, err = beside.communicate()
    assert beside.returncode == 0, err
    [warning] = err.splitlines()
    assert warning.startswith("on_user_online handler 'sleep-1' has run for "), warning
    seen = literal_eval(out)
    assert seen["told"] == ["superhero2", "superhero3", "superhero4"]
    [pongs] = seen["pongs"]  # all on one socket
    assert pongs >= 3
    assert seen["slow"] == 1
