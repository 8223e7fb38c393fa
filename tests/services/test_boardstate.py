"""Objects filed by component, and what viewers are told."""

from __future__ import annotations

from typing import Any

from choreo_local.apiclient.types import BoardReplaced, RowsChanged
from choreo_local.services.boardstate import BoardState, View
from tests.builders import component, obj, project
from tests.services.objects import STAGES, binding, crash, pod, release, rendered


def _state(*names: str) -> BoardState:
    state = BoardState()
    shop = project("shop")
    shop["spec"]["deploymentPipelineRef"] = {"kind": "DeploymentPipeline", "name": "default"}
    state.store("Project", None, shop)
    state.store("DeploymentPipeline", None, STAGES)
    for name in names:
        state.store("Component", None, component(name))
    return state


def _view(state: BoardState, name: str | None = None) -> View:
    view = View("default", name)
    view.fill(state, {})
    state.take_changes()
    return view


def _refresh(view: View, state: BoardState, **words: Any) -> Any:
    dirty, namespaces = state.take_changes()
    return view.refresh(state, words.get("words", {}), dirty=dirty, namespaces=namespaces)


def test_a_board_has_the_columns_of_the_pipeline_and_the_rows_by_name() -> None:
    board = _view(_state("web", "greeter")).board
    assert [column.name for column in board.environments] == [
        "development",
        "staging",
        "production",
    ]
    assert [row.component for row in board.rows] == ["greeter", "web"]


def test_only_rows_that_look_different_are_told() -> None:
    state = _state("greeter", "web")
    view = _view(state)
    state.store("ReleaseBinding", None, binding())
    event = _refresh(view, state)
    assert isinstance(event, RowsChanged)
    assert [row.component for row in event.rows] == ["greeter"]
    again = binding(resourceVersion="2", labels={"of": "no interest"})
    state.store("ReleaseBinding", binding(), again)
    assert _refresh(view, state) is None


def test_every_kind_of_object_finds_its_row() -> None:
    state = _state("greeter")
    view = _view(state)
    for kind, new in (
        ("ComponentRelease", release("greeter-1")),
        ("ReleaseBinding", binding(ready="False", reason="ResourcesProgressing")),
        ("RenderedRelease", rendered(ready=0)),
        ("Pod", pod(container=crash())),
    ):
        state.store(kind, None, new)
        assert isinstance(_refresh(view, state), RowsChanged), kind
    cell = view.rows["greeter"].cells[0]
    assert (cell.state, cell.desired, cell.message) == ("failed", 1, "CrashLoopBackOff: exit 1")


def test_last_words_are_added_when_they_are_heard() -> None:
    state = _state("greeter")
    crashed = pod(container=crash())
    state.store("ReleaseBinding", None, binding(ready="False", reason="ResourcesProgressing"))
    state.store("Pod", None, crashed)
    view = _view(state)
    state.touch(crashed)
    words = {("uid-greeter-abc", "main", 3): "no DATABASE_URL"}
    event = _refresh(view, state, words=words)
    assert event.rows[0].cells[0].message == 'CrashLoopBackOff: exit 1, "no DATABASE_URL"'


def test_what_is_gone_is_removed_from_the_board() -> None:
    state = _state("greeter", "web")
    view = _view(state)
    state.store("Component", component("greeter"), None)
    assert _refresh(view, state) == RowsChanged((), ("greeter",))
    assert _refresh(view, state) is None


def test_objects_that_go_leave_nothing_behind() -> None:
    state = _state("greeter")
    for kind, new in (
        ("ComponentRelease", release("greeter-1")),
        ("ReleaseBinding", binding()),
        ("RenderedRelease", rendered()),
        ("Pod", pod()),
    ):
        state.store(kind, None, new)
        state.store(kind, new, None)
    row = _view(state).board.rows[0]
    assert (row.latest_release, [cell.state for cell in row.cells]) == ("", ["empty"] * 3)


def test_a_new_environment_replaces_the_board() -> None:
    state = _state("greeter")
    view = _view(state)
    state.store("ReleaseBinding", None, binding("sandbox"))
    event = _refresh(view, state)
    assert isinstance(event, BoardReplaced)
    assert event.board.environments[-1].name == "sandbox"


def test_a_change_of_an_environment_tells_the_columns() -> None:
    state = _state("greeter")
    view = _view(state)
    state.store("Environment", None, obj("Environment", "production", {"isProduction": True}))
    event = _refresh(view, state)
    assert isinstance(event, BoardReplaced)
    assert event.board.environments[-1].is_production is True


def test_other_namespaces_and_projects_are_none_of_a_viewers_business() -> None:
    state = _state("greeter")
    view, other = _view(state), _view(state, "other")
    elsewhere = component("greeter")
    elsewhere["metadata"]["namespace"] = "elsewhere"
    state.store("Component", None, elsewhere)
    assert _refresh(view, state) is None
    assert other.board.rows == ()


def test_a_component_that_moves_to_another_project_leaves_the_board() -> None:
    state = _state("greeter")
    view = _view(state, "shop")
    moved = component("greeter")
    moved["spec"]["owner"]["projectName"] = "other"
    state.store("Component", component("greeter"), moved)
    assert _refresh(view, state) == RowsChanged((), ("greeter",))


def test_of_two_bindings_for_one_environment_the_usual_one_is_shown() -> None:
    state = _state("greeter")
    odd = binding(release_name="odd")
    odd["metadata"]["name"] = "zzz"
    state.store("ReleaseBinding", None, odd)
    state.store("ReleaseBinding", None, binding(release_name="usual"))
    assert _view(state).board.rows[0].cells[0].release == "usual"


def test_a_column_that_nobody_needs_any_more_goes() -> None:
    state = _state("greeter", "web")
    sandbox = binding("sandbox")
    state.store("ReleaseBinding", None, sandbox)
    view = _view(state)
    assert view.columns[-1].name == "sandbox"
    state.store("ReleaseBinding", sandbox, None)
    event = _refresh(view, state)
    assert isinstance(event, BoardReplaced)
    assert "sandbox" not in [column.name for column in event.board.environments]


def test_objects_that_say_nothing_are_not_shown() -> None:
    state = _state("greeter")
    empty = {"kind": "Component", "metadata": {"name": "empty", "namespace": "default"}}
    state.store("Component", None, empty)
    state.store("Component", component("greeter"), {**component("greeter"), "spec": None})
    state.store("ReleaseBinding", None, {"metadata": {"name": "b", "namespace": "default"}})
    assert _view(state).board.rows == ()
