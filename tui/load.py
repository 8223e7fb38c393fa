"""`python -m tui.load COMPONENTS`: the dashboard over made-up values that never rest."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace

# What is loaded before the first picture counts, so it is loaded as the real command does it.
gc.disable()

from choreo_local.apiclient import wire  # noqa: E402 - see above
from choreo_local.apiclient.transport import Call  # noqa: E402
from choreo_local.apiclient.types import LogLine, RowsChanged  # noqa: E402
from tui import demo, workers  # noqa: E402
from tui.__main__ import collect_garbage_again  # noqa: E402
from tui.app import Dashboard  # noqa: E402

_CHANGES_A_SECOND = 10
_CHANGED_ROWS = 50
_LINES_A_SECOND = 5_000
_LINES_AT_ONCE = 50


class RestlessTransport(demo.DemoTransport):
    """Rows change ten times a second; each log writes thousands of lines a second."""

    async def keep_changing(self) -> None:
        """The last rows go from one to two pods and back."""
        rows = self.board.rows[-_CHANGED_ROWS:]
        pods = 1
        while True:
            await asyncio.sleep(1 / _CHANGES_A_SECOND)
            pods = 3 - pods
            changed = tuple(
                replace(
                    row, cells=(replace(row.cells[0], ready=pods, desired=pods), *row.cells[1:])
                )
                for row in rows
            )
            self.events.put_nowait(RowsChanged(changed))

    def stream(self, call: Call) -> AsyncIterator[bytes]:
        """The board as usual; of logs a flood."""
        return self._flood() if "/logs?" in call.target else super().stream(call)

    async def _flood(self) -> AsyncIterator[bytes]:
        number = 0
        while True:
            lines = []
            for _ in range(_LINES_AT_ONCE):
                number += 1
                text = f"GET /greeter status=200 request={number} took=3ms agent=load"
                written = LogLine("2026-03-01T14:02:11.000Z", "greeter-0", "main", text)
                lines.append(demo.line(wire.to_json(written)))
            yield b"".join(lines)
            await asyncio.sleep(_LINES_AT_ONCE / _LINES_A_SECOND)


class RestlessDashboard(Dashboard):
    """The dashboard over a restless platform."""

    def __init__(self, transport: RestlessTransport) -> None:
        super().__init__(
            demo.DemoConnection(transport),
            prober=demo.DemoProber(),
            painted=collect_garbage_again,
        )
        self._transport = transport

    def on_mount(self) -> None:
        """Begin to change."""
        super().on_mount()
        workers.start(self, self._transport.keep_changing, group="load")


def main() -> int:
    """Run until the terminal goes."""
    with suppress(KeyboardInterrupt):
        RestlessDashboard(RestlessTransport(demo.large_board(int(sys.argv[1])))).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
