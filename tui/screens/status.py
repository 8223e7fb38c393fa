"""The platform itself: planes, what it cannot do on this machine and why, addresses, memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.widget import Widget

from tui import actions, platformpage, tables
from tui.screens.frame import PageFrame
from tui.text import Line
from tui.widgets.page import Page


class StatusScreen(PageFrame[None]):
    """What `choreo status` prints, kept up to date."""

    CONTEXT = actions.STATUS
    BINDINGS = actions.bindings(actions.STATUS)

    def body(self) -> Iterable[Widget]:
        """The page."""
        yield Page(id="page")

    def on_mount(self) -> None:
        """Show what is known."""
        super().on_mount()
        self.page.show(self._draw)

    def tick(self) -> None:
        """The status may be another one."""
        self.page.show(self._draw)

    def _draw(self, columns: int) -> Sequence[Line]:
        found = self.desk.state.status
        if found is None:
            return tables.note("the platform has not answered yet")(columns)
        return platformpage.platform(found, columns)

    def twin(self) -> str:
        """`choreo status` prints the same."""
        return "status"
