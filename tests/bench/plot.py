"""The picture of a run: what an event costs, and how late it comes, one bar for each client."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from report import Measured

# Legible on white and on black alike.
INK, OURS, THEIRS, FLOOR = "#848d97", "#2f81f7", "#a8b1ba", "#d0a050"
PANELS = [
    ("cpu", "cpu_us_per_event", "CPU an event, µs", ".2f"),
    ("latency", "p50_us", "lateness at 5,000 events/s, p50, µs", ".0f"),
]


def colour(peer: str) -> str:
    if peer.startswith("ours"):
        return OURS
    return FLOOR if peer.startswith("floor") else THEIRS


def label(peer: str) -> str:
    names = {
        "ours": "cometpresence",
        "ours-batch": "cometpresence, lists",
        "node-ws": "Node ws + JSON.parse",
        "official-sdk": "official SDK, Node",
        "floor-recv": "recv() in C, counting",
        "floor-lws": "libwebsockets, counting",
        "websocketclient-json": "websocket-client + json",
    }
    return names.get(peer) or peer.replace("-", " + ")


def draw(measured: "Measured", path: Path) -> None:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    settings = {"svg.hashsalt": "speed", "font.size": 9, "text.color": INK}
    with mpl.rc_context(settings):
        figure = Figure(figsize=(9, 4.2), layout="constrained")
        axes = figure.subplots(1, len(PANELS))
        for panel, (part, column, title, form) in zip(axes, PANELS, strict=True):
            known = {
                peer: value
                for peer in measured.peers_of(part)
                if (value := measured.best(part, peer, column)) is not None
            }
            peers = sorted(known, key=known.__getitem__, reverse=True)
            bars = panel.barh(
                [label(peer) for peer in peers],
                [known[peer] for peer in peers],
                color=[colour(peer) for peer in peers],
                height=0.7,
            )
            panel.bar_label(bars, fmt=f"{{:,{form}}}", padding=3, color=INK)
            panel.set_xscale("log")
            panel.set_title(title, loc="left", color=INK, fontsize=10)
            panel.margins(x=0.12)
            panel.tick_params(colors=INK, length=0)
            panel.xaxis.set_visible(False)
            for tick, peer in zip(panel.get_yticklabels(), peers, strict=True):
                if peer.startswith("ours"):
                    tick.set_color(OURS)
                    tick.set_fontweight("bold")
            for side in panel.spines.values():
                side.set_visible(False)
        figure.text(1, 0, "best of all rounds; logarithmic", ha="right", va="bottom", fontsize=7)
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})
    # matplotlib ends some lines of a path with a blank, which linters of text refuse.
    path.write_text(re.sub(r" +$", "", path.read_text(), flags=re.MULTILINE))
