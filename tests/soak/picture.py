"""A soak's looks as a picture: memory, what is held, and what was lived through."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from soak.record import Look, settled, slope

INK, FAINT, ACCENT, SECOND = "#222222", "#888888", "#1f6feb", "#b35900"


def draw(looks: Sequence[Look], path: Path) -> None:
    """A PNG of a few ten kilobytes."""
    figure = Figure(figsize=(8, 5.2), dpi=100, layout="constrained")
    memory, held, lived = figure.subplots(3, 1, sharex=True, height_ratios=[3, 2, 2])
    minutes = [60 * look.hours for look in looks]
    _memory(memory, looks, minutes)
    for what, colour in (("descriptors", ACCENT), ("threads", SECOND)):
        numbers = [getattr(look, what) for look in looks]
        held.step(minutes, numbers, where="mid", color=colour)
        held.annotate(
            f"{numbers[-1]} {what}", (minutes[-1], numbers[-1]), color=colour, ha="right",
            xytext=(0, 4), textcoords="offset points",
        )  # fmt: skip
    held.set_ylim(0, 1.4 * max(look.descriptors for look in looks))
    held.set_ylabel("held")
    lived.plot(minutes, [look.reconnects for look in looks], color=ACCENT)
    lived.plot(minutes, [sum(look.strikes.values()) for look in looks], color=SECOND)
    lived.annotate("strikes of the proxy", (0.02, 0.8), xycoords="axes fraction", color=SECOND)
    lived.annotate("reconnects", (0.02, 0.55), xycoords="axes fraction", color=ACCENT)
    lived.set_ylabel("so far")
    lived.set_xlabel("minutes")
    for axes in (memory, held, lived):
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0.01)
    figure.savefig(path)


def _memory(axes: Axes, looks: Sequence[Look], minutes: Sequence[float]) -> None:
    late = settled(looks)
    growth = slope(late)
    middle = sum(look.hours for look in late) / len(late)
    mean = sum(look.rss_mb for look in late) / len(late)
    axes.plot(minutes, [look.rss_mb for look in looks], ".", color=INK, markersize=3)
    ends = (late[0].hours, late[-1].hours)
    axes.plot([60 * t for t in ends], [mean + growth * (t - middle) for t in ends], color=ACCENT)
    axes.set_ylim(0, 1.25 * max(look.rss_mb for look in looks))
    axes.set_ylabel("memory, MB")
    wrong = sum(look.wrong for look in looks)
    axes.set_title(
        f"{looks[-1].events:,} events through a network in trouble: "
        f"{growth:+.2f} MB/h after warm-up, {wrong} wrong final states",
        loc="left", fontsize=10, color=INK,
    )  # fmt: skip
