"""`python -m tui.picture [FILE]`: draws the board of the README as SVG, from made-up values."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from pathlib import Path

from tui import demo
from tui.app import Dashboard
from tui.screens.board import BoardScreen

_DEFAULT = Path("docs") / "board.svg"
_SIZE = (110, 13)
# The picture is to look the same wherever it is made and shown, without fetching anything.
_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_UNIQUE = re.compile(r"terminal-\d+")


async def draw() -> str:
    """The SVG."""
    dashboard = Dashboard(
        demo.DemoConnection(),
        project="shop",
        now=lambda: demo.NOW,
        prober=demo.DemoProber(),
    )
    async with dashboard.run_test(size=_SIZE) as pilot:
        while not (isinstance(dashboard.screen, BoardScreen) and dashboard.screen.row):
            await pilot.pause()
        await pilot.press("right")
        while "200 in" not in dashboard.screen.strip_text or dashboard.desk.state.status is None:
            await pilot.pause()
        await pilot.pause()
        return _plain(dashboard.export_screenshot(title="choreo"))


def _plain(svg: str) -> str:
    svg = _UNIQUE.sub("terminal", _FONT_FACE.sub("", svg))
    return svg.replace("Fira Code", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono")


def main(arguments: list[str] | None = None) -> int:
    """Write the picture; the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    path = Path(given[0]) if given else _DEFAULT
    os.environ["TZ"] = "UTC"
    os.environ.pop("NO_COLOR", None)
    time.tzset()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(asyncio.run(draw()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
