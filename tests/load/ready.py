"""How long an emulator takes from being made until it accepts connections, in this process."""

import time
from statistics import median

from cometpresence.emulator import Emulator


def start_times(number: int, *, tls: bool = False) -> list[float]:
    """In seconds, of as many emulators, one after the other."""
    return [start_time(tls=tls) for _ in range(number)]


def start_time(*, tls: bool) -> float:
    began = time.perf_counter()
    with Emulator(tls=tls):
        return time.perf_counter() - began


if __name__ == "__main__":
    for tls in (False, True):
        times = start_times(50, tls=tls)
        print(
            f"{'TLS' if tls else 'plain'}: ready after {1000 * median(times):.1f} ms, "
            f"at most {1000 * max(times):.1f} ms"
        )
