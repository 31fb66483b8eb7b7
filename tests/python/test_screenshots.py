"""The README's pictures can be drawn again, and show what they are there for."""

from html import unescape
from pathlib import Path

import pytest
from matplotlib.image import imread
from python import screenshots
from python.screenshots import FOLDER, PICTURES, draw, draw_timeline

ROOT = Path(__file__).parents[2]
SHOWN = {
    "watch": ["Grace Hopper", "Hedy Lamarr", " changes", "connected, in sync"],
    "doctor": ["versions", "TLSv1.3", "All is well."],
    "doctor-failing": [
        "the certificate is refused",
        "--ca-file",
        "not tried",
        "2 of 9 steps failed.",
    ],
    "report": ["93.8% of it known", "Ada Lovelace", "20 h 47 min", "not known"],
}


def text_of(picture: Path) -> str:
    return unescape(picture.read_text(encoding="utf-8")).replace("\xa0", " ")


@pytest.mark.parametrize("name", ["watch", "doctor", "report"])
def test_a_picture_drawn_anew_shows_the_same_things(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screenshots, "PAUSE", 0.0)
    text = text_of(draw(name, tmp_path))
    assert not [words for words in SHOWN[name] if words not in text]


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_in_the_readme_shows_them_small_and_fetches_nothing(name: str) -> None:
    picture = FOLDER / f"{name}.svg"
    text = text_of(picture)
    assert not [words for words in SHOWN[name] if words not in text]
    assert picture.stat().st_size < 64 * 1024
    assert "url(http" not in text
    assert "/tmp" not in text
    assert f"cometpresence/docs/{name}.svg" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_timeline_in_the_readme_is_what_report_draws_today(tmp_path: Path) -> None:
    ours, drawn = imread(FOLDER / "timeline.png"), imread(draw_timeline(tmp_path))
    assert ours.shape == drawn.shape
    assert abs(ours - drawn).mean() < 0.01  # but for another version's smoothing of edges
    assert "cometpresence/docs/timeline.png" in (ROOT / "README.md").read_text(encoding="utf-8")
