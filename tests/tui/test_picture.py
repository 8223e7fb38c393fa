from __future__ import annotations

import html
import re
from pathlib import Path

from tui import picture

COMMITTED = Path(__file__).parents[2] / "docs" / "board.svg"


async def test_picture_shows_the_board_and_fetches_nothing() -> None:
    svg = await picture.draw()
    assert shown(svg) >= {"choreo", "greeter", "CrashLoopBackOff:", "▲", "PROD", "promote"}
    assert "@font-face" not in svg
    assert set(re.findall(r"https?://[^\s\"'<]+", html.unescape(svg))) <= {
        "http://www.w3.org/2000/svg",
        "https://www.textualize.io",
        "http://staging-default.openchoreoapis.localhost:19080/greeter",
    }


async def test_committed_picture_is_what_the_dashboard_paints() -> None:
    clock = re.compile(r"\d\d:\d\d:\d\d")
    fresh = await picture.draw()
    committed = COMMITTED.read_text(encoding="utf-8")
    assert shown(clock.sub("", committed)) == shown(clock.sub("", fresh))


def shown(svg: str) -> set[str]:
    """The words that are painted."""
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    return set(" ".join(html.unescape(text).replace("\xa0", " ") for text in texts).split())
