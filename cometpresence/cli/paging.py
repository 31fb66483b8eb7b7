"""Pages of users, with a bar while that takes long."""

import sys
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from .. import User, UsersRequest

__all__ = ["PAGE", "walk"]

PAGE = 100  # the most that CometChat sends at once


def walk(requests: Iterable[UsersRequest], most_pages: int = sys.maxsize) -> Iterator[User]:
    """Page by page; the bar is on stderr, and out of the way when the output is no terminal."""
    bar = Progress(
        TextColumn("users"),
        BarColumn(),
        TextColumn("{task.fields[count]:,}"),
        TextColumn("page {task.completed:,} of {task.total:,}", style="dim"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    for request in requests:
        yield from _walk(request, bar, most_pages)


def _walk(request: UsersRequest, bar: Progress, most_pages: int) -> Iterator[User]:
    """The bar appears when the first page says that there are many."""
    count = done = 0
    task = None
    try:
        while page := request.fetch_next():
            count, done = count + len(page), done + 1
            pages = min(request.pages, most_pages)
            if task is None and pages > 2:
                task = bar.add_task("", completed=done, total=pages, count=count)
                bar.start()
            if task is not None:
                bar.update(task, completed=done, total=pages, count=count)
            yield from page
            if 0 < pages <= done:
                return
    finally:
        if task is not None:  # else rich might end a bar that never was with an empty line
            bar.stop()
