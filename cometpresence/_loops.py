"""Event loops, seen from code that has none."""

import sys

__all__ = ["loop_runs_here"]


def loop_runs_here() -> bool:
    """Whether this thread is inside an event loop, which stands still while anything blocks it."""
    asyncio = sys.modules.get("asyncio")  # whoever runs a loop has imported it
    return asyncio is not None and asyncio._get_running_loop() is not None
