"""The board as the dashboard knows it: rows by name, brought up to date by events; pure."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass, field

from choreo_local.apiclient.types import (
    BoardEvent,
    BoardReplaced,
    Cell,
    Column,
    Row,
    RowsChanged,
)
from tui import rows
from tui.filters import Filter


@dataclass(frozen=True, slots=True)
class Difference:
    """What events changed.

    Attributes:
        components: whose rows look different now.
        is_reshaped: rows came or went, or the columns changed.
    """

    components: frozenset[str] = frozenset()
    is_reshaped: bool = False


@dataclass(slots=True)
class BoardModel:
    """All rows of the board, and which of them a filter shows.

    Attributes:
        is_known: has the API told the board yet?
        shown: names of the rows that are shown, in order.
    """

    environments: tuple[Column, ...] = ()
    is_known: bool = False
    shown: list[str] = field(default_factory=list)
    filter: Filter | None = None
    _rows: dict[str, Row] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, component: str) -> Row | None:
        """The row of a component."""
        return self._rows.get(component)

    def rows(self) -> Iterable[Row]:
        """All rows, whether shown or not."""
        return self._rows.values()

    def cell(self, component: str, environment: str) -> Cell | None:
        """A component in an environment."""
        row = self._rows.get(component)
        cells = row.cells if row else ()
        return next((cell for cell in cells if cell.environment == environment), None)

    def column(self, environment: str) -> Column | None:
        """An environment by its name."""
        return next((entry for entry in self.environments if entry.name == environment), None)

    def environment_index(self, wanted: str) -> int | None:
        """The environment with this number (from one), name or start of a name."""
        if wanted.isdigit():
            index = int(wanted) - 1
            return index if 0 <= index < len(self.environments) else None
        names = [column.name for column in self.environments]
        if wanted in names:
            return names.index(wanted)
        found = [index for index, name in enumerate(names) if wanted and name.startswith(wanted)]
        return found[0] if len(found) == 1 else None

    def apply(self, events: Iterable[BoardEvent]) -> Difference:
        """Take events over."""
        changed: set[str] = set()
        is_reshaped = False
        for event in events:
            if isinstance(event, BoardReplaced):
                self._replace(event)
                is_reshaped = True
            elif isinstance(event, RowsChanged):
                is_reshaped |= self._change(event, changed)
        return Difference(frozenset(changed), is_reshaped)

    def show_only(self, wanted: Filter | None) -> None:
        """Filter the rows."""
        self.filter = wanted
        self._show()

    def forget(self) -> None:
        """Start over, for another namespace or project."""
        self._rows, self.environments, self.is_known = {}, (), False
        self._show()

    def _replace(self, event: BoardReplaced) -> None:
        self.environments = event.board.environments
        self._rows = {row.component: row for row in event.board.rows}
        self.is_known = True
        self._show()

    def _change(self, event: RowsChanged, changed: set[str]) -> bool:
        is_reshaped = False
        for row in event.rows:
            was_shown = row.component in self._rows and self._is_shown(self._rows[row.component])
            self._rows[row.component] = row
            changed.add(row.component)
            if was_shown != self._is_shown(row):
                is_reshaped = True
                if was_shown:
                    self.shown.remove(row.component)
                else:
                    insort(self.shown, row.component)
        for component in event.removed:
            row_gone = self._rows.pop(component, None)
            if row_gone is not None and component in self.shown:
                self.shown.remove(component)
                is_reshaped = True
        return is_reshaped

    def _show(self) -> None:
        self.shown = sorted(row.component for row in self._rows.values() if self._is_shown(row))

    def _is_shown(self, row: Row) -> bool:
        return self.filter is None or self.filter.matches(rows.searchable(row))
