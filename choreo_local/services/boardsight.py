"""What one caller may see of a board: rows they may know, cells whose bindings they may view."""

from __future__ import annotations

from dataclasses import replace

from choreo_local.apiclient.types import Cell, Row
from choreo_local.authz.types import Hierarchy
from choreo_local.services import guards
from choreo_local.services.access import Access

_BINDING = "releasebinding:view"


class Sight:
    """Asked anew for every row: what was taken away leaves boards that are watched, too."""

    def __init__(self, access: Access, namespace: str) -> None:
        self._access = access
        self._namespace = namespace

    def row(self, row: Row) -> Row | None:
        """The row as it may be seen."""
        where = Hierarchy(self._namespace, row.project, row.component)
        if not self._access.allows("component:view", where):
            return None
        if not self._access.covers(_BINDING, where):
            row = self._without_hidden_cells(row, where)
        if not self._access.allows("componentrelease:view", where):
            row = replace(row, latest_release="", behind=0)
        return row

    def sees_columns(self) -> bool:
        """Whether the environments may be seen, even without any row."""
        return self._access.allows("environment:view", Hierarchy(self._namespace))

    def _without_hidden_cells(self, row: Row, where: Hierarchy) -> Row:
        hidden = {
            cell.environment
            for cell in row.cells
            if not self._access.allows(
                _BINDING, where, guards.environment(cell.environment, self._namespace)
            )
        }
        cells = (
            Cell(cell.environment) if cell.environment in hidden else cell for cell in row.cells
        )
        moves = (move for move in row.promotable if hidden.isdisjoint({move.source, move.target}))
        return replace(row, cells=tuple(cells), promotable=tuple(moves))
