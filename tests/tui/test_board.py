from __future__ import annotations

from dataclasses import replace

import pytest

from choreo_local.apiclient.types import Board, BoardReplaced, Ping, RowsChanged
from tui import filters
from tui.board import BoardModel, Difference
from tui.demo import BOARD, GREETER, WEB, WORKER


@pytest.fixture
def model() -> BoardModel:
    known = BoardModel()
    known.apply([BoardReplaced(BOARD)])
    return known


def test_first_event_shapes_the_board() -> None:
    model = BoardModel()
    assert model.apply([BoardReplaced(BOARD)]) == Difference(is_reshaped=True)
    assert model.is_known
    assert model.shown == ["greeter", "web", "worker"]


def test_changed_row_keeps_the_shape(model: BoardModel) -> None:
    newer = replace(WEB, behind=7)
    assert model.apply([RowsChanged((newer,))]) == Difference(frozenset({"web"}))
    assert model.row("web") == newer


def test_new_row_takes_its_place_by_name(model: BoardModel) -> None:
    difference = model.apply([RowsChanged((replace(WEB, component="inventory"),))])
    assert difference == Difference(frozenset({"inventory"}), is_reshaped=True)
    assert model.shown == ["greeter", "inventory", "web", "worker"]


def test_removed_row_goes(model: BoardModel) -> None:
    assert model.apply([RowsChanged(removed=("web", "unknown"))]).is_reshaped
    assert model.shown == ["greeter", "worker"]
    assert model.row("web") is None


def test_ping_changes_nothing(model: BoardModel) -> None:
    assert model.apply([Ping()]) == Difference()


def test_filter_shows_what_matches(model: BoardModel) -> None:
    model.show_only(filters.parse("w"))
    assert model.shown == ["web", "worker"]
    model.show_only(None)
    assert model.shown == ["greeter", "web", "worker"]


def test_row_that_begins_to_match_appears(model: BoardModel) -> None:
    model.show_only(filters.parse("failed"))
    assert model.shown == ["worker"]
    broken = replace(WEB, cells=(replace(WEB.cells[0], state="failed"), *WEB.cells[1:]))
    assert model.apply([RowsChanged((broken,))]).is_reshaped
    assert model.shown == ["web", "worker"]
    assert model.apply([RowsChanged((WEB,))]).is_reshaped
    assert model.shown == ["worker"]


def test_forgotten_board_is_not_known(model: BoardModel) -> None:
    model.forget()
    assert not model.is_known
    assert (model.shown, len(model)) == ([], 0)


@pytest.mark.parametrize(
    ("wanted", "index"),
    [("1", 0), ("3", 2), ("4", None), ("0", None), ("production", 2), ("prod", 2), ("", None)],
)
def test_environments_go_by_number_and_name(
    model: BoardModel, wanted: str, index: int | None
) -> None:
    assert model.environment_index(wanted) == index


def test_ambiguous_start_of_a_name_finds_none() -> None:
    model = BoardModel()
    columns = tuple(replace(column, name=f"eu-{column.name}") for column in BOARD.environments)
    model.apply([BoardReplaced(Board("default", environments=columns))])
    assert model.environment_index("eu") is None
    assert model.environment_index("eu-p") == 2


def test_cells_and_columns_are_found_by_name(model: BoardModel) -> None:
    assert model.cell("greeter", "staging") == GREETER.cells[1]
    assert model.cell("nobody", "staging") is None
    assert model.column("production") == BOARD.environments[2]
    assert list(model.rows()) == [GREETER, WEB, WORKER]
